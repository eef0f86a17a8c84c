/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/cases.h"

#include "tests/policy/specs.h"

/* Alice, in groups 5 and 2000, on the host and from shop.service, on Tuesday 09:30, wants aggregates of her
 * own tcp.state. Macros say how a case differs. */
static const gid_t gids[] = { 5, 2000 };
#define ASK(...)                                                                                             \
	{                                                                                                    \
		.uid = 1000, .gids = gids, .n_gids = 2, .namespace = POLICY_NAMESPACE_HOST,                  \
		.cgroup = "/system.slice/shop.service/worker", .probe = "tcp.state", .spec = &spec_looks_on, \
		.roles = "release", .signers = spec_signers, .n_signers = 1, .data = POLICY_DATA_AGGREGATES, \
		.minute = AT(1, 9, 30), ##__VA_ARGS__                                                        \
	}
#define AT(day, hour, minute) ((day)*24 * 60 + (hour)*60 + (minute))
#define EVENTS                .data = POLICY_DATA_EVENTS
#define BOTH                  .data = POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS
#define SHAPES                .probe = "net.shape", .spec = &spec_shapes
#define MIXED                 .probe = "proc.mixed", .spec = &spec_mixed
#define LSM                   MIXED, .variant = 1
#define NO_VARIANT            .variant = 1
#define USER(u)               .target_kind = TARGET_USER, .target_uid = (u)
#define UNIT(u)               .target_kind = TARGET_UNIT, .target_name = (u)
#define CGROUP(c)             .target_kind = TARGET_CGROUP, .target_name = (c)
#define HOST                  .target_kind = TARGET_HOST
#define PARAMETERS(...)                                 \
	.parameters = (const uint64_t[SPEC_PARAMS_MAX]) \
	{                                               \
		__VA_ARGS__                             \
	}
#define GIVEN(n) .given = 1U << (n)
#define KEY_A    "key:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B    "key:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Everything that an allow can give. */
#define ALL                                                                                              \
	"[allow all]\naction = attach detach-any enroll promote revoke audit-read policy-reload\n"       \
	"channel = production experimental\ndata = aggregates events\nprivacy = pii\npersist = yes no\n" \
	"may-modify = yes no\ntarget = host\n"

/* An allow with these lines, and only the row keeps it from matching; or it does match. */
#define KEPT(row, lines, ...)                                                                 \
	{                                                                                     \
		"[allow a]\n" lines, ASK(__VA_ARGS__), "deny default", RULE_##row, RULE_ALLOW \
	}
#define GIVEN_BY(lines, ...)                                                                \
	{                                                                                   \
		"[allow a]\n" lines, ASK(__VA_ARGS__), "allow a", _RULE_KEY_MAX, RULE_ALLOW \
	}
/* The same for a deny and for a limit, beside an allow of everything. */
#define MISSED(row, lines, ...) \
	MISSED_BY_DENY(row, lines, ##__VA_ARGS__), MISSED_BY_LIMIT(row, lines, ##__VA_ARGS__)
#define MISSED_BY_DENY(row, lines, ...)                                                      \
	{                                                                                    \
		ALL "[deny d]\n" lines, ASK(__VA_ARGS__), "allow all", RULE_##row, RULE_DENY \
	}
#define MISSED_BY_LIMIT(row, lines, ...)                                                               \
	{                                                                                              \
		ALL "[limit l]\n" lines "max-memory = 1\n", ASK(__VA_ARGS__), "allow all", RULE_##row, \
			RULE_LIMIT                                                                     \
	}
#define TAKEN(lines, ...) TAKEN_BY_DENY(lines, ##__VA_ARGS__), TAKEN_BY_LIMIT(lines, ##__VA_ARGS__)
#define TAKEN_BY_DENY(lines, ...)                                                            \
	{                                                                                    \
		ALL "[deny d]\n" lines, ASK(__VA_ARGS__), "deny d", _RULE_KEY_MAX, RULE_DENY \
	}
#define TAKEN_BY_LIMIT(lines, ...)                                                \
	{                                                                         \
		ALL "[limit l]\n" lines "max-memory = 1\n", ASK(__VA_ARGS__),     \
			"allow all; max-memory 1 by l", _RULE_KEY_MAX, RULE_LIMIT \
	}
/* Any policy, where no row alone decides. */
#define CASE(policy, expected, ...)                                           \
	{                                                                     \
		policy, ASK(__VA_ARGS__), expected, _RULE_KEY_MAX, RULE_ALLOW \
	}

#define CASE_OF(row, kind, policy, expected, ...)                           \
	{                                                                   \
		policy, ASK(__VA_ARGS__), expected, RULE_##row, RULE_##kind \
	}

/* clang-format off */
const struct policy_case policy_cases[] = {
	CASE("", "deny default"),
	CASE(ALL, "allow all"),
	CASE(ALL, "deny overflow-uid", .uid = 65534),

	/* What no honest warden asks: no section is looked at. */
	CASE(ALL, "deny invalid-request", .action = _POLICY_ACTION_MAX),
	CASE(ALL, "deny invalid-request", .uid = (uid_t)-1),
	CASE(ALL, "deny invalid-request", .gids = NULL),
	CASE(ALL, "deny invalid-request", .namespace = _POLICY_NAMESPACE_MAX),
	CASE(ALL, "deny invalid-request", .cgroup = ""),
	CASE(ALL, "deny invalid-request", .cgroup = "a"),
	CASE(ALL, "deny invalid-request", .cgroup = "/a/"),
	CASE(ALL, "deny invalid-request", .cgroup = "/../a"),
	CASE(ALL, "deny invalid-request", .action = POLICY_AUDIT_READ, .cgroup = "/a/./b"),
	CASE(ALL, "deny invalid-request", .probe = ""),
	CASE(ALL, "deny invalid-request", .channel = _POLICY_CHANNEL_MAX),
	CASE(ALL, "deny invalid-request", .data = 0),
	CASE(ALL, "deny invalid-request", .data = 5),
	CASE(ALL, "deny invalid-request", .privacy = _SPEC_PRIVACY_MAX),
	CASE(ALL, "deny invalid-request", .minute = POLICY_WEEK),
	CASE(ALL, "deny invalid-request", .action = POLICY_AUDIT_READ, .minute = POLICY_WEEK),
	CASE(ALL, "deny invalid-request", .target_kind = _TARGET_KIND_MAX),
	CASE(ALL, "deny invalid-request", USER((uid_t)-1)),
	CASE(ALL, "deny invalid-request", UNIT("")),
	CASE(ALL, "deny invalid-request", UNIT("a/b.service")),
	CASE(ALL, "deny invalid-request", CGROUP("a")),
	CASE(ALL, "deny invalid-request", CGROUP("/a/../b")),
	CASE(ALL, "deny invalid-request", CGROUP("//a")),
	CASE(ALL, "deny invalid-request", PARAMETERS(0, 0, 1)),
	CASE(ALL, "deny invalid-request", PARAMETERS(5000, 0, 65)),
	CASE(ALL, "deny invalid-request", PARAMETERS(5000, 3, 1)),
	CASE(ALL, "deny invalid-request", GIVEN(3)),
	CASE(ALL, "deny invalid-request", .spec = NULL, GIVEN(0)),
	CASE(ALL, "deny invalid-request", .spec = NULL, PARAMETERS(0)),
	CASE(ALL, "allow all", CGROUP("/..b/.c")),
	CASE(ALL, "allow all", .action = POLICY_AUDIT_READ, .probe = "", .data = 0, .privacy = 9, .channel = 9),

	/* Actions: an allow without one gives attach, and each gives itself only. */
	GIVEN_BY("probe = *\n"),
	KEPT(ACTION, "user = alice\n", .action = POLICY_DETACH_ANY),
	KEPT(ACTION, "user = alice\n", .action = POLICY_ENROLL),
	KEPT(ACTION, "user = alice\n", .action = POLICY_PROMOTE),
	KEPT(ACTION, "user = alice\n", .action = POLICY_REVOKE),
	KEPT(ACTION, "user = alice\n", .action = POLICY_AUDIT_READ),
	KEPT(ACTION, "user = alice\n", .action = POLICY_POLICY_RELOAD),
	GIVEN_BY("action = attach\n"),
	GIVEN_BY("action = detach-any\n", .action = POLICY_DETACH_ANY),
	GIVEN_BY("action = enroll\n", .action = POLICY_ENROLL),
	GIVEN_BY("action = promote\n", .action = POLICY_PROMOTE),
	GIVEN_BY("action = revoke\n", .action = POLICY_REVOKE),
	GIVEN_BY("action = audit-read\n", .action = POLICY_AUDIT_READ),
	GIVEN_BY("action = policy-reload\n", .action = POLICY_POLICY_RELOAD),
	KEPT(ACTION, "action = detach-any enroll promote revoke audit-read policy-reload\n"),
	KEPT(ACTION, "action = enroll\n", .action = POLICY_PROMOTE),
	KEPT(ACTION, "action = audit-read\n", .action = POLICY_POLICY_RELOAD),
	MISSED_BY_DENY(ACTION, "action = detach-any enroll promote revoke audit-read policy-reload\n"),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_DETACH_ANY),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_ENROLL),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_PROMOTE),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_REVOKE),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_AUDIT_READ),
	MISSED_BY_DENY(ACTION, "action = attach\n", .action = POLICY_POLICY_RELOAD),
	MISSED_BY_LIMIT(ACTION, "action = attach\n", .action = POLICY_DETACH_ANY),
	TAKEN_BY_LIMIT("action = attach\n"),
	TAKEN_BY_DENY("action = attach\n"),
	TAKEN_BY_DENY("action = detach-any\n", .action = POLICY_DETACH_ANY),
	TAKEN_BY_DENY("action = enroll\n", .action = POLICY_ENROLL),
	TAKEN_BY_DENY("action = promote\n", .action = POLICY_PROMOTE),
	TAKEN_BY_DENY("action = revoke\n", .action = POLICY_REVOKE),
	TAKEN_BY_DENY("action = audit-read\n", .action = POLICY_AUDIT_READ),
	TAKEN_BY_DENY("action = policy-reload\n", .action = POLICY_POLICY_RELOAD),
	TAKEN_BY_DENY("", .action = POLICY_AUDIT_READ),

	/* Channel. */
	KEPT(CHANNEL, "probe = *\n", .channel = POLICY_CHANNEL_EXPERIMENTAL),
	KEPT(CHANNEL, "action = enroll\n", .action = POLICY_ENROLL, .channel = POLICY_CHANNEL_EXPERIMENTAL),
	KEPT(CHANNEL, "channel = experimental\n"),
	GIVEN_BY("channel = experimental production\n", .channel = POLICY_CHANNEL_EXPERIMENTAL),
	MISSED(CHANNEL, "channel = experimental\n"),
	MISSED_BY_DENY(CHANNEL, "channel = production\n", .action = POLICY_REVOKE),
	TAKEN("channel = experimental\n", .channel = POLICY_CHANNEL_EXPERIMENTAL),

	/* Data: all of it must be covered, any part is taken. */
	KEPT(DATA, "probe = *\n", EVENTS),
	KEPT(DATA, "data = events\n"),
	KEPT(DATA, "data = events\n", BOTH),
	GIVEN_BY("data = events aggregates\n", BOTH),
	CASE_OF(DATA, ALLOW, "[allow a]\ndata = events\n[allow b]\ndata = aggregates\n", "deny default", BOTH),
	MISSED(DATA, "data = events\n"),
	MISSED_BY_DENY(DATA, "data = aggregates\n", .action = POLICY_DETACH_ANY),
	TAKEN("data = events\n", BOTH),

	/* Privacy: a request shows all classes up to its own. */
	GIVEN_BY("probe = *\n", .privacy = SPEC_PRIVACY_BOUND),
	KEPT(PRIVACY, "probe = *\n", .privacy = SPEC_PRIVACY_PII),
	KEPT(PRIVACY, "privacy = safe\n", .privacy = SPEC_PRIVACY_BOUND),
	KEPT(PRIVACY, "privacy = bound\n", .privacy = SPEC_PRIVACY_PII),
	GIVEN_BY("privacy = safe\n"),
	GIVEN_BY("privacy = pii\n"),
	GIVEN_BY("privacy = pii\n", .privacy = SPEC_PRIVACY_BOUND),
	GIVEN_BY("privacy = pii safe\n", .privacy = SPEC_PRIVACY_PII),
	MISSED(PRIVACY, "privacy = bound pii\n"),
	MISSED(PRIVACY, "privacy = pii\n", .privacy = SPEC_PRIVACY_BOUND),
	MISSED_BY_DENY(PRIVACY, "privacy = safe\n", .action = POLICY_ENROLL),
	TAKEN("privacy = pii\n", .privacy = SPEC_PRIVACY_PII),
	TAKEN("privacy = bound\n", .privacy = SPEC_PRIVACY_PII),
	TAKEN("privacy = safe\n"),

	/* Persistence. */
	KEPT(PERSIST, "probe = *\n", .persist = true),
	KEPT(PERSIST, "persist = yes\n"),
	GIVEN_BY("persist = yes\n", .persist = true),
	GIVEN_BY("persist = no yes\n", .persist = true),
	MISSED(PERSIST, "persist = yes\n"),
	MISSED_BY_DENY(PERSIST, "persist = no\n", .action = POLICY_DETACH_ANY),
	TAKEN("persist = yes\n", .persist = true),
	TAKEN("persist = no\n"),

	/* Verified by the kernel: a condition in allows and denies, the limit itself in limits. */
	GIVEN_BY("probe = *\n", .kernel_verified = true),
	KEPT(KERNEL_VERIFIED, "kernel-verified = yes\n"),
	KEPT(KERNEL_VERIFIED, "kernel-verified = no\n", .kernel_verified = true),
	GIVEN_BY("kernel-verified = yes\n", .kernel_verified = true),
	GIVEN_BY("kernel-verified = yes no\n"),
	MISSED_BY_DENY(KERNEL_VERIFIED, "kernel-verified = no\n", .kernel_verified = true),
	MISSED_BY_DENY(KERNEL_VERIFIED, "kernel-verified = no\n", .action = POLICY_AUDIT_READ),
	TAKEN_BY_DENY("kernel-verified = no\n"),
	CASE(ALL "[limit l]\nkernel-verified = required\n", "allow all; kernel-verified 0 by l"),
	CASE(ALL "[limit l]\nkernel-verified = required\n", "allow all; kernel-verified 0 by l", .kernel_verified = true),

	/* Namespace, which may be unknown. */
	KEPT(NAMESPACE, "namespace = container\n"),
	KEPT(NAMESPACE, "namespace = host\n", .namespace = POLICY_NAMESPACE_CONTAINER),
	KEPT(NAMESPACE, "namespace = host container\n", .namespace = POLICY_NAMESPACE_UNKNOWN),
	GIVEN_BY("namespace = host\n"),
	GIVEN_BY("probe = *\n", .namespace = POLICY_NAMESPACE_UNKNOWN),
	MISSED(NAMESPACE, "namespace = container\n"),
	TAKEN("namespace = container\n", .namespace = POLICY_NAMESPACE_CONTAINER),
	TAKEN("namespace = container\n", .namespace = POLICY_NAMESPACE_UNKNOWN),
	TAKEN("namespace = host\n", .namespace = POLICY_NAMESPACE_UNKNOWN),

	/* Time: the end is exclusive, ranges of days wrap, a window over midnight belongs to the day it begins on. */
	GIVEN_BY("time = mon-fri/08:00-18:00\n"),
	KEPT(TIME, "time = mon-fri/10:00-18:00\n"),
	KEPT(TIME, "time = sat-mon\n"),
	KEPT(TIME, "time = mon-fri/08:00-18:00\n", .minute = AT(5, 9, 30)),
	GIVEN_BY("time = 09:30-09:31\n"),
	KEPT(TIME, "time = 09:00-09:30\n"),
	GIVEN_BY("time = sat-mon\n", .minute = AT(6, 0, 0)),
	GIVEN_BY("time = sat-mon\n", .minute = AT(0, 23, 59)),
	GIVEN_BY("time = sun\n", .minute = AT(6, 23, 59)),
	KEPT(TIME, "time = sun\n", .minute = AT(0, 0, 0)),
	GIVEN_BY("time = 22:00-06:00\n", .minute = AT(3, 5, 59)),
	KEPT(TIME, "time = 22:00-06:00\n", .minute = AT(3, 6, 0)),
	KEPT(TIME, "time = 22:00-06:00\n", .minute = AT(3, 21, 59)),
	GIVEN_BY("time = fri/22:00-06:00\n", .minute = AT(5, 1, 0)),
	KEPT(TIME, "time = fri/22:00-06:00\n", .minute = AT(4, 1, 0)),
	GIVEN_BY("time = sun/22:00-06:00\n", .minute = AT(0, 1, 0)),
	KEPT(TIME, "time = sun/22:00-06:00\n", .minute = AT(6, 1, 0)),
	GIVEN_BY("time = sat/10:00-24:00\n", .minute = AT(5, 23, 59)),
	KEPT(TIME, "time = sat/10:00-24:00\n", .minute = AT(6, 0, 0)),
	GIVEN_BY("time = wed tue/09:00-10:00\n"),
	KEPT(TIME, "action = audit-read\ntime = wed\n", .action = POLICY_AUDIT_READ),
	MISSED(TIME, "time = wed-mon\n"),
	MISSED(TIME, "time = tue/18:00-08:00\n"),
	TAKEN("time = tue\n"),
	TAKEN("time = 18:00-08:00\n", .minute = AT(0, 0, 0)),
	TAKEN_BY_DENY("time = tue\n", .action = POLICY_POLICY_RELOAD),

	/* Who. */
	KEPT(USER, "user = bob\n"),
	KEPT(USER, "user = ghost\n"),
	GIVEN_BY("user = ghost bob 1000\n"),
	MISSED(USER, "user = bob\n"),
	TAKEN("user = alice\n"),
	KEPT(UID, "uid = 1001-1999\n"),
	KEPT(UID, "uid = 0-999 1001\n"),
	GIVEN_BY("uid = 0 1000-1000\n"),
	GIVEN_BY("uid = 999-1001\n"),
	MISSED(UID, "uid = 1001-65534\n"),
	TAKEN("uid = 65000 1000-1999\n"),
	KEPT(GROUP, "group = ops\n"),
	KEPT(GROUP, "group = ghosts\n"),
	KEPT(GROUP, "group = dev\n", .n_gids = 0),
	KEPT(GROUP, "group = alice 1000\n"),
	GIVEN_BY("group = ops 5\n"),
	MISSED(GROUP, "group = ops\n"),
	TAKEN("group = ops dev\n"),
	KEPT(USER, "user = bob\ngroup = dev\n"),
	KEPT(GROUP, "user = alice\ngroup = ops\n"),

	/* From where: the unit is what the service manager made, deeper components are the user's. */
	KEPT(FROM_UNIT, "from-unit = pay.service\n"),
	KEPT(FROM_UNIT, "from-unit = *worker *.slice\n"),
	KEPT(FROM_UNIT, "from-unit = shop.service\n",
	     .cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"),
	KEPT(FROM_UNIT, "from-unit = *\n", .cgroup = "/"),
	KEPT(FROM_UNIT, "from-unit = *\n", .cgroup = "/user.slice/user-1000.slice"),
	KEPT(FROM_UNIT, "from-unit = *\n", .cgroup = NULL),
	GIVEN_BY("from-unit = pay.service shop*.service\n"),
	GIVEN_BY("from-unit = user@*.service\n",
		 .cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"),
	GIVEN_BY("from-unit = session-?.scope\n", .cgroup = "/user.slice/user-1000.slice/session-3.scope"),
	/* systemd puts '_' before names that the kernel would take for its own files. */
	GIVEN_BY("from-unit = cpu.service\n", .cgroup = "/system.slice/_cpu.service"),
	KEPT(FROM_UNIT, "from-unit = _cpu.service\n", .cgroup = "/system.slice/_cpu.service"),
	MISSED(FROM_UNIT, "from-unit = pay.service\n"),
	MISSED(FROM_UNIT, "from-unit = *\n", .cgroup = "/"),
	MISSED(FROM_UNIT, "from-unit = *\n", .cgroup = "/user.slice"),
	TAKEN("from-unit = shop.service\n"),
	TAKEN("from-unit = pay.service\n", .cgroup = NULL),
	KEPT(FROM_CGROUP, "from-cgroup = /user.slice\n"),
	KEPT(FROM_CGROUP, "from-cgroup = /system.slice/shop\n"),
	KEPT(FROM_CGROUP, "from-cgroup = /system.slice/shop.service/worker/x\n"),
	KEPT(FROM_CGROUP, "from-cgroup = /system.slice\n", .cgroup = "/"),
	KEPT(FROM_CGROUP, "from-cgroup = /\n", .cgroup = NULL),
	GIVEN_BY("from-cgroup = /user.slice /system.slice\n"),
	GIVEN_BY("from-cgroup = /*/shop.service\n"),
	GIVEN_BY("from-cgroup = /\n"),
	MISSED(FROM_CGROUP, "from-cgroup = /user.slice\n"),
	TAKEN("from-cgroup = /system.slice/shop.service\n"),
	TAKEN("from-cgroup = /user.slice\n", .cgroup = NULL),

	/* Which probe. */
	KEPT(PROBE, "probe = tcp\n"),
	KEPT(PROBE, "probe = net.* *.stat?\n", .probe = "tcp.states"),
	KEPT(PROBE, "action = revoke\nprobe = net.*\n", .action = POLICY_REVOKE),
	GIVEN_BY("probe = net.* t?p.*\n"),
	MISSED(PROBE, "probe = net.*\n"),
	MISSED_BY_DENY(PROBE, "probe = *\n", .action = POLICY_AUDIT_READ),
	TAKEN("probe = tcp.*\n"),
	TAKEN_BY_DENY("probe = tcp.*\n", .action = POLICY_REVOKE),

	/* The bundle. Without its spec nothing of it is known; to enroll, such a question is asked before it is. */
	KEPT(VERSION, "version = 2.* 1.4.1\n"),
	GIVEN_BY("version = 1.*\n"),
	MISSED(VERSION, "version = 1.4\n"),
	MISSED_BY_DENY(VERSION, "version = *\n", .action = POLICY_ENROLL, .spec = NULL),
	MISSED_BY_DENY(VERSION, "version = *\n", .action = POLICY_DETACH_ANY),
	TAKEN("version = ?.4.*\n"),
	TAKEN_BY_DENY("version = 9\n", .spec = NULL),
	TAKEN_BY_DENY("action = enroll\nversion = 1.*\n", .action = POLICY_ENROLL),
	CASE("[allow a]\nversion = *\nmay-modify = yes no\n", "deny default", .spec = NULL),
	GIVEN_BY("action = enroll\nversion = 9\nrole = lab\nsigner = CN=X\nhook = x\nhelper = bpf_loop\nmay-modify = yes\n",
		 .action = POLICY_ENROLL, .spec = NULL, .roles = NULL, .signers = NULL, .n_signers = 0),
	KEPT(VERSION, "action = promote\nversion = 9\n", .action = POLICY_PROMOTE),
	KEPT(ROLE, "role = lab sec*\n"),
	KEPT(ROLE, "role = rel\n"),
	KEPT(ROLE, "role = *\n", .roles = ""),
	KEPT(ROLE, "role = *\n", .roles = NULL),
	KEPT(ROLE, "role = *\n", .roles = MESSAGE_MORE_ROLES),
	KEPT(ROLE, "role = lab\n", .roles = "release " MESSAGE_MORE_ROLES),
	KEPT(ROLE, "role = *lease?s*\n", .roles = "release security"),
	GIVEN_BY("role = sec*\n", .roles = "release security"),
	GIVEN_BY("role = lab release\n"),
	GIVEN_BY("role = release\n", .roles = "release " MESSAGE_MORE_ROLES),
	MISSED(ROLE, "role = lab\n"),
	MISSED(ROLE, "role = *\n", .roles = ""),
	MISSED_BY_DENY(ROLE, "role = *\n", .action = POLICY_PROMOTE, .spec = NULL),
	TAKEN("role = release\n", .roles = "lab release"),
	TAKEN("role = lab\n", .roles = NULL),
	TAKEN("role = lab\n", .roles = "release " MESSAGE_MORE_ROLES),
	KEPT(SIGNER, "signer = " KEY_B " CN=Bob\n"),
	KEPT(SIGNER, "signer = CN=Alice\n"),
	KEPT(SIGNER, "signer = *\n", .n_signers = 0),
	KEPT(SIGNER, "signer = *\n", .signers = NULL, .n_signers = 0),
	GIVEN_BY("signer = " KEY_A "\n"),
	GIVEN_BY("signer = CN=Alice?A,O=*\n", .n_signers = 2),
	GIVEN_BY("signer = CN=Bob\n", .n_signers = 2),
	MISSED(SIGNER, "signer = " KEY_B " CN=Bob\n"),
	MISSED(SIGNER, "signer = *\n", .n_signers = 0),
	TAKEN("signer = " KEY_A "\n"),
	TAKEN("signer = *Bob\n", .n_signers = 2),
	TAKEN("signer = CN=Bob\n", .signers = NULL, .n_signers = 0),

	/* What it does: an allow must cover every program of the variant that runs here. */
	KEPT(PROGRAM_TYPE, "program-type = kprobe lsm\n"),
	KEPT(PROGRAM_TYPE, "program-type = tracing\n", MIXED),
	KEPT(PROGRAM_TYPE, "program-type = tracing raw_tracepoint\nmay-modify = yes\n", LSM),
	GIVEN_BY("program-type = raw_tracepoint tracing\n", MIXED),
	MISSED(PROGRAM_TYPE, "program-type = raw_tracepoint\n"),
	MISSED(PROGRAM_TYPE, "program-type = lsm\n", MIXED),
	TAKEN("program-type = raw_tracepoint\n", MIXED),
	TAKEN_BY_DENY("program-type = lsm\n", NO_VARIANT),
	TAKEN_BY_DENY("program-type = lsm\n", .spec = NULL),
	KEPT(MAY_MODIFY, "probe = *\n", SHAPES),
	KEPT(MAY_MODIFY, "probe = *\n", LSM),
	KEPT(MAY_MODIFY, "may-modify = yes\n"),
	KEPT(MAY_MODIFY, "may-modify = yes no\n", NO_VARIANT),
	KEPT(MAY_MODIFY, "may-modify = yes no\n", .spec = NULL),
	KEPT(MAY_MODIFY, "probe = *\n", .spec = NULL),
	KEPT(MAY_MODIFY, "action = enroll\n", .action = POLICY_ENROLL, SHAPES),
	GIVEN_BY("action = enroll\n", .action = POLICY_ENROLL, SHAPES, .spec = NULL),
	GIVEN_BY("action = detach-any\n", .action = POLICY_DETACH_ANY, SHAPES),
	GIVEN_BY("may-modify = yes\n", SHAPES),
	GIVEN_BY("may-modify = no yes\n"),
	MISSED(MAY_MODIFY, "may-modify = yes\n"),
	MISSED_BY_DENY(MAY_MODIFY, "may-modify = yes\n", .action = POLICY_REVOKE, SHAPES),
	TAKEN("may-modify = yes\n", LSM),
	TAKEN_BY_DENY("may-modify = yes\n", NO_VARIANT),
	TAKEN_BY_DENY("may-modify = no\n", .spec = NULL),
	KEPT(HOOK, "hook = fentry/*\n"),
	KEPT(HOOK, "hook = tp_btf/*\n", MIXED),
	GIVEN_BY("hook = raw_tp/* tp_btf/sched_*\n", MIXED),
	GIVEN_BY("hook = *\n"),
	MISSED(HOOK, "hook = raw_tp/* tp_btf/sched_*\n"),
	MISSED(HOOK, "hook = lsm/*\n", MIXED),
	TAKEN("hook = raw_tp/*\n", MIXED),
	TAKEN_BY_DENY("hook = lsm/*\n", NO_VARIANT),
	KEPT(HELPER, "helper = bpf_map_*\n"),
	KEPT(HELPER, "helper = bpf_*\nmay-modify = yes\n", SHAPES),
	GIVEN_BY("helper = bpf_map_lookup_elem bpf_ktime_*\n"),
	GIVEN_BY("helper = bpf_* 4000\nmay-modify = yes\n", SHAPES),
	MISSED(HELPER, "helper = bpf_probe_read_* bpf_ringbuf_*\n"),
	MISSED(HELPER, "helper = 4000\n"),
	TAKEN("helper = bpf_probe_read_*\n", MIXED),
	TAKEN("helper = 4*\n", SHAPES),
	TAKEN_BY_DENY("helper = bpf_override_return\n", NO_VARIANT),

	/* Parameters: what the probe has not got is no condition of an allow, a value that it has not got is. */
	KEPT(PARAMETER, "parameter = threshold:1-4999\n"),
	KEPT(PARAMETER, "parameter = threshold:5001-9000 every:1\n"),
	KEPT(PARAMETER, "parameter = names:none\n"),
	KEPT(PARAMETER, "parameter = names:some\n"),
	KEPT(PARAMETER, "parameter = threshold:5000 names:none\n"),
	KEPT(PARAMETER, "parameter = threshold:5000\n", PARAMETERS(5001, 0, 1), GIVEN(0)),
	GIVEN_BY("parameter = threshold:5000 names:all absent:7\n"),
	GIVEN_BY("parameter = threshold:1-10 threshold:5000-5000\n"),
	GIVEN_BY("parameter = absent:7\n"),
	GIVEN_BY("parameter = names:none names:folded\n", PARAMETERS(5000, 2, 1), GIVEN(1)),
	GIVEN_BY("parameter = names:2\n", PARAMETERS(5000, 2, 1), GIVEN(1)),
	GIVEN_BY("parameter = threshold:1\nmay-modify = yes\n", SHAPES),
	MISSED(PARAMETER, "parameter = threshold:1-4999 names:none absent:7\n"),
	MISSED(PARAMETER, "parameter = threshold:5000\n", PARAMETERS(4999, 0, 1), GIVEN(0)),
	MISSED_BY_DENY(PARAMETER, "parameter = threshold:5000\n", .action = POLICY_DETACH_ANY),
	TAKEN("parameter = absent:7 threshold:5000-6000\n"),
	TAKEN("parameter = names:all\n"),
	TAKEN("parameter = names:some\n"),
	TAKEN("parameter = threshold:many\n"),
	TAKEN_BY_DENY("parameter = absent:7\n", .spec = NULL),

	/* Whose events. */
	KEPT(TARGET, "probe = *\n", USER(1001)),
	KEPT(TARGET, "probe = *\n", UNIT("shop.service")),
	KEPT(TARGET, "probe = *\n", CGROUP("/shop")),
	KEPT(TARGET, "probe = *\n", HOST),
	KEPT(TARGET, "target = user:bob\n"),
	KEPT(TARGET, "target = self user:bob unit:* cgroup:/\n", HOST),
	KEPT(TARGET, "target = unit:shop.service\n", CGROUP("/system.slice/shop.service")),
	KEPT(TARGET, "target = cgroup:/\n", UNIT("shop.service")),
	KEPT(TARGET, "target = cgroup:/shop\n", CGROUP("/shop2")),
	KEPT(TARGET, "target = cgroup:/shop\n", CGROUP("/")),
	KEPT(TARGET, "action = detach-any\ntarget = self\n", .action = POLICY_DETACH_ANY, USER(1001)),
	GIVEN_BY("target = self\n", USER(1000)),
	GIVEN_BY("target = user:alice\n"),
	GIVEN_BY("target = self user:bob\n", USER(1001)),
	GIVEN_BY("target = unit:shop*.service\n", UNIT("shop-web.service")),
	GIVEN_BY("target = cgroup:/shop\n", CGROUP("/shop/a/b")),
	GIVEN_BY("target = host\n", UNIT("shop.service")),
	GIVEN_BY("target = host\n", CGROUP("/")),
	GIVEN_BY("target = host\n", HOST),
	MISSED(TARGET, "target = user:bob unit:* cgroup:/ host\n"),
	MISSED(TARGET, "target = host self\n", CGROUP("/")),
	MISSED(TARGET, "target = unit:pay.service\n", CGROUP("/system.slice/repay.service")),
	MISSED_BY_DENY(TARGET, "target = self\n", .action = POLICY_ENROLL),
	TAKEN("target = self\n"),
	TAKEN("target = self\n", USER(1000)),
	TAKEN("target = user:bob\n", USER(1001)),
	TAKEN("target = unit:pay.service\n", UNIT("pay.service")),
	TAKEN("target = unit:pay.service\n", CGROUP("/system.slice/pay.service/x")),
	TAKEN("target = unit:cpu.service\n", CGROUP("/system.slice/_cpu.service")),
	TAKEN("target = cgroup:/pay\n", CGROUP("/pay/x")),
	TAKEN("target = host\n", HOST),

	/* Of several sections: any deny, the first by name, and of limits the smallest of each. */
	CASE("[allow z]\nprobe = *\n[allow b]\nprobe = *\n[allow y]\nprobe = *\n", "allow b"),
	CASE("[deny z]\n[deny b]\n" ALL "[deny y]\n", "deny b"),
	CASE_OF(USER, ALLOW, "[allow a]\nuser = bob\n[allow b]\nuser = alice\n", "allow b"),
	CASE(ALL "[limit z]\nmax-memory = 4K\nmax-duration = 2h\n[limit b]\nmax-memory = 1M\nmax-duration = 90m\n"
	     "max-attachments = 3\nmax-loads-per-minute = 5\nmax-programs-per-hook = 6\nmax-events-per-second = 7\n"
	     "max-cpu = 0.5%\n[limit y]\nmax-cpu = 2%\n",
	     "allow all; max-attachments 3 by b; max-memory 4096 by z; max-events-per-second 7 by b; "
	     "max-duration 5400000 by b; max-loads-per-minute 5 by b; max-programs-per-hook 6 by b; max-cpu 5000 by b"),

	/* Forced and bounded parameters. */
	CASE(ALL "[limit l]\nset = threshold:1000\n", "allow all; threshold = 1000"),
	CASE(ALL "[limit l]\nset = threshold:6000-9000 names:none\n", "allow all; threshold = 6000; names = 2"),
	CASE(ALL "[limit l]\nset = threshold:1000-9000 names:all absent:3\n", "allow all"),
	CASE(ALL "[limit l]\nset = threshold:1000-9000\n[limit m]\nset = threshold:7000-50000\n",
	     "allow all; threshold = 7000"),
	CASE(ALL "[limit l]\nset = threshold:1000\n", "allow all; threshold = 1000", PARAMETERS(5000, 0, 1)),
	CASE(ALL "[limit l]\nset = threshold:1000\n", "allow all", PARAMETERS(1000, 0, 1), GIVEN(0)),
	CASE(ALL "[limit l]\nset = threshold:1000\n", "deny l for threshold", PARAMETERS(5000, 0, 1), GIVEN(0)),
	CASE(ALL "[limit l]\nset = threshold:1000\nmax-memory = 1\n", "deny l for threshold; max-memory 1 by l",
	     PARAMETERS(1001, 0, 1), GIVEN(0)),
	CASE(ALL "[limit l]\nset = threshold:1000\n", "allow all; threshold = 1000", PARAMETERS(5000, 2, 1), GIVEN(1)),
	CASE(ALL "[limit l]\nset = threshold:1-9\n[limit m]\nset = threshold:10-20\n", "deny m for threshold"),
	CASE("[limit l]\nset = threshold:1000\n", "deny default", PARAMETERS(5000, 0, 1), GIVEN(0)),
	CASE(ALL "[deny d]\n[limit l]\nset = threshold:1000\n", "deny d", PARAMETERS(5000, 0, 1), GIVEN(0)),
	CASE(ALL "[limit l]\nset = names:some\n", "deny l for names"),
	CASE(ALL "[limit l]\nset = threshold:many\n", "deny l for threshold"),
	CASE(ALL "[limit l]\nset = names:some\n", "allow all", SHAPES),
	CASE(ALL "[limit l]\nset = threshold:200000\n", "deny l for threshold"),
	CASE_OF(USER, LIMIT, ALL "[limit l]\nuser = bob\nset = threshold:1000\n", "allow all"),
	CASE(ALL "[limit l]\nset = threshold:1000\n", "allow all", .action = POLICY_ENROLL),
	/* It must be allowed as it came, as it becomes, and all the way, or one more limit could allow more. */
	CASE_OF(PARAMETER, ALLOW, "[allow a]\nparameter = threshold:1000\n[limit l]\nset = threshold:1000\n", "deny default"),
	CASE_OF(PARAMETER, ALLOW, "[allow a]\nparameter = threshold:5000\n[limit l]\nset = threshold:1000\n", "deny default"),
	CASE("[allow a]\nparameter = threshold:1-9000\n[limit l]\nset = threshold:1000\n", "allow a; threshold = 1000"),
	CASE(ALL "[deny d]\nparameter = threshold:5000\n[limit l]\nset = threshold:1000\n", "deny d"),
	CASE(ALL "[deny d]\nparameter = threshold:1000\n[limit l]\nset = threshold:1000\n", "deny d"),
	CASE(ALL "[deny d]\nparameter = threshold:1000\n[limit l]\nset = threshold:1000-4000\n[limit m]\nset = threshold:500-1000\n",
	     "deny d"),
	CASE(ALL "[deny d]\nparameter = threshold:2000\n[limit l]\nset = threshold:1000-2000\n[limit m]\nset = threshold:1000\n",
	     "deny d"),
	CASE(ALL "[limit p]\nparameter = threshold:2000\nmax-memory = 1\n[limit l]\nset = threshold:2000\n",
	     "allow all; max-memory 1 by p; threshold = 2000"),
	CASE(ALL "[limit p]\nparameter = threshold:2000\nmax-memory = 1\n[limit l]\nset = threshold:1-2000\n"
	     "[limit m]\nset = threshold:1000\n",
	     "allow all; max-memory 1 by p; threshold = 1000"),
	CASE(ALL "[limit p]\nparameter = threshold:5000\nmax-memory = 1\n[limit l]\nset = threshold:2000\n",
	     "allow all; max-memory 1 by p; threshold = 2000"),
	{},
};
/* clang-format on */
