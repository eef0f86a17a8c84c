/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/fd.h"
#include "policy/glob.h"
#include "policy/policy.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The name service of these tests. */
struct name {
	const char *name;
	uint32_t id;
};
static const struct name users[] = { { "root", 0 }, { "alice", 1000 }, { "bob", 1001 }, { "lost", 65534 } };
static const struct name groups[] = { { "dev", 2000 },
				      { "ops", 2001 },
				      { "audit", 2002 },
				      { "bpfwarden-admin", 3000 },
				      { "bpfwarden-audit", 3001 },
				      { "bpfwarden-users", 3002 } };

static int resolve(const struct name *names, size_t n, const char *name, uint32_t *ret_id)
{
	if (!strcmp(name, "unreachable"))
		return -ETIMEDOUT;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		*ret_id = names[i].id;
		return 0;
	}
	return 1;
}

static int resolve_user(void *userdata, const char *name, uid_t *ret_uid)
{
	(void)userdata;
	return resolve(users, COUNT(users), name, ret_uid);
}

static int resolve_group(void *userdata, const char *name, gid_t *ret_gid)
{
	(void)userdata;
	return resolve(groups, COUNT(groups), name, ret_gid);
}

static const struct policy_resolver resolver = { .user = resolve_user, .group = resolve_group };

static struct policy *load(const char *text)
{
	struct policy *policy = NULL;
	struct refusal refusal = {};
	int r = policy_new_from_text("f", text, strlen(text), &resolver, &refusal, &policy);

	if (r)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return policy;
}

/* A probe as most are: it has events and counts, and can only look on. */
static const struct spec probe = {
	.version = "1.2.3",
	.event_size = 24,
	.targets = (1U << _TARGET_KIND_MAX) - 1,
	.n_variants = 1,
	.variants = { { .n_programs = 1,
			.programs = { { .hook = "tp_btf/inet_sock_set_state",
					.type = BPF_PROG_TYPE_TRACING,
					.attach_type = BPF_TRACE_RAW_TP,
					.n_helpers = 2,
					.helpers = { BPF_FUNC_map_lookup_elem, BPF_FUNC_ktime_get_ns } } },
			.n_maps = 1,
			.maps = { { .kind = SPEC_MAP_COUNTS } } } },
	.n_fields = 2,
	.fields = { { .name = "state" }, { .name = "address", .privacy = SPEC_PRIVACY_PII } },
	.n_labels = 1,
	.labels = { { .name = "port", .privacy = SPEC_PRIVACY_BOUND } },
};

/* What a row asks: alice, in groups 2000 and 5, on the host, wants aggregates of her own tcp.state. */
static const gid_t gids[] = { 5, 2000 };
#define ASK(...)                                                                            \
	{                                                                                   \
		.uid = 1000, .gids = gids, .n_gids = 2, .namespace = POLICY_NAMESPACE_HOST, \
		.probe = "tcp.state", .spec = &probe, .data = POLICY_DATA_AGGREGATES,       \
		##__VA_ARGS__                                                               \
	}
#define EVENTS    .data = POLICY_DATA_EVENTS
#define BOTH      .data = POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS
#define USER(u)   .target_kind = TARGET_USER, .target_uid = (u)
#define UNIT(u)   .target_kind = TARGET_UNIT, .target_name = (u)
#define CGROUP(c) .target_kind = TARGET_CGROUP, .target_name = (c)
#define HOST      .target_kind = TARGET_HOST

#define ALL_OF_DEV                                                                                 \
	"[allow dev]\ngroup = dev\ntarget = host\ndata = aggregates events\nchannel = production " \
	"experimental\n"                                                                           \
	"action = attach detach-any enroll promote revoke audit-read policy-reload\n"

static const struct {
	const char *policy;
	struct policy_request request;
	bool allowed;
	const char *rule;
} decisions[] = {
	{ "", ASK(), false, "default" },
	/* Who. */
	{ "[allow a]\nuser = alice\n", ASK(), true, "a" },
	{ "[allow a]\nuser = 1000\n", ASK(), true, "a" },
	{ "[allow a]\nuser = bob 1000\n", ASK(), true, "a" },
	{ "[allow a]\nuser = bob\n", ASK(), false, "default" },
	{ "[allow a]\ngroup = dev\n", ASK(), true, "a" },
	{ "[allow a]\ngroup = ops 5\n", ASK(), true, "a" },
	{ "[allow a]\ngroup = ops\n", ASK(), false, "default" },
	{ "[allow a]\ngroup = dev\n", ASK(.n_gids = 0), false, "default" },
	{ "[allow a]\ngroup = dev\nuser = bob\n", ASK(), false, "default" },
	{ "[allow a]\ngroup = 1000\n", ASK(), false, "default" },
	{ "[allow a]\nuser = ghost\n", ASK(), false, "default" },
	{ "[allow a]\nuser = ghost alice\n", ASK(), true, "a" },
	{ "[allow a]\ngroup = ghosts\n", ASK(), false, "default" },
	{ "[allow a]\nuser = alice\n", ASK(.uid = 0), false, "default" },
	{ "[allow a]\nprobe = *\n", ASK(.uid = 65534), false, "overflow-uid" },
	{ "[allow a]\nprobe = *\n[deny b]\n", ASK(.uid = 65534), false, "overflow-uid" },
	/* Which probe: patterns take '.' for a character like any other. */
	{ "[allow a]\nprobe = tcp.*\n", ASK(), true, "a" },
	{ "[allow a]\nprobe = dns.latency tcp.sta?e\n", ASK(), true, "a" },
	{ "[allow a]\nprobe = t*e\n", ASK(), true, "a" },
	{ "[allow a]\nprobe = tcp\n", ASK(), false, "default" },
	{ "[allow a]\nprobe = tcp.stat?\n", ASK(.probe = "tcp.states"), false, "default" },
	/* What an allow does not name it does not give. */
	{ "[allow a]\nprobe = *\n", ASK(EVENTS), false, "default" },
	{ "[allow a]\nprobe = *\ndata = events\n", ASK(EVENTS), true, "a" },
	{ "[allow a]\nprobe = *\ndata = events\n", ASK(), false, "default" },
	{ "[allow a]\nprobe = *\ndata = events\n", ASK(BOTH), false, "default" },
	{ "[allow a]\nprobe = *\ndata = events aggregates\n", ASK(BOTH), true, "a" },
	{ "[allow a]\ndata = events\n[allow b]\ndata = aggregates\n", ASK(BOTH), false, "default" },
	{ "[allow a]\nprobe = *\n", ASK(.channel = POLICY_CHANNEL_EXPERIMENTAL), false, "default" },
	{ "[allow a]\nchannel = experimental\n", ASK(.channel = POLICY_CHANNEL_EXPERIMENTAL), true, "a" },
	{ "[allow a]\nchannel = experimental\n", ASK(), false, "default" },
	{ "[allow a]\nprobe = *\n", ASK(.action = POLICY_ENROLL), false, "default" },
	{ "[allow a]\naction = enroll promote\n", ASK(.action = POLICY_ENROLL), true, "a" },
	{ "[allow a]\naction = enroll promote\n", ASK(), false, "default" },
	{ "[allow a]\nprobe = *\n", ASK(HOST), false, "default" },
	/* Whose events. */
	{ "[allow a]\ntarget = self\n", ASK(USER(1000)), true, "a" },
	{ "[allow a]\ntarget = self\n", ASK(USER(1001)), false, "default" },
	{ "[allow a]\ntarget = user:alice\n", ASK(), true, "a" },
	{ "[allow a]\ntarget = user:bob\n", ASK(), false, "default" },
	{ "[allow a]\ntarget = user:bob\n", ASK(USER(1001)), true, "a" },
	{ "[allow a]\ntarget = user:1001\n", ASK(USER(1001)), true, "a" },
	{ "[allow a]\ntarget = user:ghost\n", ASK(), false, "default" },
	{ "[allow a]\ntarget = unit:shop*.service\n", ASK(UNIT("shop-web.service")), true, "a" },
	{ "[allow a]\ntarget = unit:shop*.service\n", ASK(UNIT("shop.socket")), false, "default" },
	{ "[allow a]\ntarget = unit:a\\x2db.service\n", ASK(UNIT("a\\x2db.service")), true, "a" },
	{ "[allow a]\ntarget = unit:shop.service\n", ASK(CGROUP("/user.slice/shop.service")), false,
	  "default" },
	{ "[allow a]\ntarget = unit:*\n", ASK(), false, "default" },
	{ "[allow a]\ntarget = cgroup:/shop.slice\n", ASK(CGROUP("/shop.slice")), true, "a" },
	{ "[allow a]\ntarget = cgroup:/shop.slice\n", ASK(CGROUP("/shop.slice/a/b")), true, "a" },
	{ "[allow a]\ntarget = cgroup:/shop.slice\n", ASK(CGROUP("/shop.slice2")), false, "default" },
	{ "[allow a]\ntarget = cgroup:/shop.slice\n", ASK(CGROUP("/")), false, "default" },
	{ "[allow a]\ntarget = cgroup:/\n", ASK(CGROUP("/shop.slice/a")), true, "a" },
	{ "[allow a]\ntarget = cgroup:/a/*/c\n", ASK(CGROUP("/a/b/b/c/d")), true, "a" },
	{ "[allow a]\ntarget = cgroup:/\n", ASK(UNIT("shop.service")), false, "default" },
	{ "[allow a]\ntarget = host\n", ASK(), true, "a" },
	{ "[allow a]\ntarget = host\n", ASK(USER(1001)), true, "a" },
	{ "[allow a]\ntarget = host\n", ASK(UNIT("shop.service")), true, "a" },
	{ "[allow a]\ntarget = host\n", ASK(CGROUP("/")), true, "a" },
	{ "[allow a]\ntarget = host\n", ASK(HOST), true, "a" },
	{ "[allow a]\ntarget = self unit:* cgroup:* user:bob\n", ASK(HOST), false, "default" },
	/* Denies match on any part of a request, and without conditions on every request. */
	{ ALL_OF_DEV "[deny b]\n", ASK(), false, "b" },
	{ ALL_OF_DEV "[deny b]\n", ASK(.action = POLICY_AUDIT_READ), false, "b" },
	{ "[deny b]\nuser = bob\n" ALL_OF_DEV, ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\ndata = events\n", ASK(BOTH), false, "b" },
	{ ALL_OF_DEV "[deny b]\ndata = events\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\nprobe = tcp.*\ngroup = ops\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\nprobe = tcp.*\n", ASK(.action = POLICY_REVOKE), false, "b" },
	{ ALL_OF_DEV "[deny b]\nprobe = *\n", ASK(.action = POLICY_AUDIT_READ), true, "dev" },
	{ ALL_OF_DEV "[deny b]\naction = enroll\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\nchannel = experimental\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\ntarget = host\n", ASK(HOST), false, "b" },
	{ ALL_OF_DEV "[deny b]\ntarget = host\n", ASK(CGROUP("/")), true, "dev" },
	{ ALL_OF_DEV "[deny b]\ntarget = self\n", ASK(USER(1000)), false, "b" },
	{ ALL_OF_DEV "[deny b]\ntarget = user:alice\n", ASK(), false, "b" },
	{ ALL_OF_DEV "[deny b]\ntarget = user:bob\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny b]\ntarget = unit:pay.service\n", ASK(UNIT("pay.service")), false, "b" },
	{ ALL_OF_DEV "[deny b]\ntarget = unit:pay.service\n", ASK(CGROUP("/system.slice/pay.service/x")),
	  false, "b" },
	{ ALL_OF_DEV "[deny b]\ntarget = unit:pay.service\n", ASK(CGROUP("/system.slice/repay.service")),
	  true, "dev" },
	{ ALL_OF_DEV "[deny b]\ntarget = cgroup:/pay\n", ASK(CGROUP("/pay/x")), false, "b" },
	/* Of several, the first by name. */
	{ "[allow z]\nprobe = *\n[allow b]\nprobe = *\n[allow y]\nprobe = *\n", ASK(), true, "b" },
	{ "[deny z]\n[deny b]\n[allow a]\nprobe = *\n[deny y]\n", ASK(), false, "b" },
	/* What is unknown never helps the caller. */
	{ ALL_OF_DEV "[deny c]\nnamespace = container\n", ASK(.namespace = POLICY_NAMESPACE_UNKNOWN), false,
	  "c" },
	{ ALL_OF_DEV "[deny c]\nnamespace = container\n", ASK(.namespace = POLICY_NAMESPACE_CONTAINER), false,
	  "c" },
	{ ALL_OF_DEV "[deny c]\nnamespace = container\n", ASK(), true, "dev" },
	{ ALL_OF_DEV "[deny c]\nnamespace = host\n", ASK(.namespace = POLICY_NAMESPACE_UNKNOWN), false, "c" },
	{ ALL_OF_DEV "[deny c]\nnamespace = container\nuser = bob\n",
	  ASK(.namespace = POLICY_NAMESPACE_UNKNOWN), true, "dev" },
	{ "[allow a]\nnamespace = host\n", ASK(), true, "a" },
	{ "[allow a]\nnamespace = host\n", ASK(.namespace = POLICY_NAMESPACE_CONTAINER), false, "default" },
	{ "[allow a]\nnamespace = host container\n", ASK(.namespace = POLICY_NAMESPACE_UNKNOWN), false,
	  "default" },
	/* Actions look only at what they have. */
	{ "[allow a]\naction = audit-read\n", ASK(.action = POLICY_AUDIT_READ, .probe = "", .data = 0), true,
	  "a" },
	{ "[allow a]\naction = audit-read\nprobe = x\ntarget = self\n", ASK(.action = POLICY_AUDIT_READ),
	  true, "a" },
	{ "[allow a]\naction = detach-any\ntarget = self\n", ASK(.action = POLICY_DETACH_ANY, USER(1001)),
	  false, "default" },
	{ "[allow a]\naction = enroll\nprobe = dns.*\n", ASK(.action = POLICY_ENROLL), false, "default" },
	{ "[allow a]\naction = promote\n",
	  ASK(.action = POLICY_PROMOTE, .channel = POLICY_CHANNEL_EXPERIMENTAL), false, "default" },
	/* What no honest warden asks. */
	{ ALL_OF_DEV, ASK(.action = _POLICY_ACTION_MAX), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.uid = (uid_t)-1), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.gids = NULL), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.namespace = _POLICY_NAMESPACE_MAX), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.channel = _POLICY_CHANNEL_MAX), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.data = 0), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.data = 5), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.probe = ""), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.target_kind = _TARGET_KIND_MAX), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(USER((uid_t)-1)), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(UNIT("")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(UNIT("a/b.service")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("a")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("/a/")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("//a")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("/a/../b")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("/./b")), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(CGROUP("/..b/.c")), true, "dev" },
};

static void test_decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		_cleanup_(policy_free_p) struct policy *policy = load(decisions[i].policy);
		struct policy_decision decision;

		policy_decide(policy, &decisions[i].request, &decision);
		if (decision.allowed != decisions[i].allowed || strcmp(decision.rule, decisions[i].rule) != 0)
			fail_msg("row %zu: %s by '%s', expected '%s' of policy:\n%s", i,
				 decision.allowed ? "allowed" : "denied", decision.rule, decisions[i].rule,
				 decisions[i].policy);
	}
}

static void test_unterminated(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = load(ALL_OF_DEV);
	struct policy_request request = ASK(UNIT("x.service"));
	struct policy_decision decision;

	(void)state;
	memset(request.target_name, 'x', sizeof(request.target_name));
	policy_decide(policy, &request, &decision);
	assert_string_equal(decision.rule, "invalid-request");
	request = (struct policy_request)ASK();
	memset(request.probe, 'x', sizeof(request.probe));
	policy_decide(policy, &request, &decision);
	assert_string_equal(decision.rule, "invalid-request");
}

static void test_limits(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy =
		load(ALL_OF_DEV
		     "[limit z]\ngroup = dev\nmax-attachments = 4\nmax-memory = 16M\nmax-duration = 8h\n"
		     "[limit b]\ndata = events\nmax-attachments = 4\nmax-memory = 1G\nmax-duration = 45s\n"
		     "[limit c]\nnamespace = container\nmax-events-per-second = 100\n"
		     "[limit d]\nuser = bob\nmax-attachments = 0\n");
	struct policy_request request = ASK();
	struct policy_decision decision;

	(void)state;
	policy_decide(policy, &request, &decision);
	assert_true(decision.allowed);
	assert_int_equal(decision.limits.value[POLICY_MAX_ATTACHMENTS], 4);
	assert_string_equal(decision.limits.section[POLICY_MAX_ATTACHMENTS], "z");
	assert_int_equal(decision.limits.value[POLICY_MAX_MEMORY], 16 << 20);
	assert_int_equal(decision.limits.value[POLICY_MAX_DURATION], 8 * 3600 * 1000);
	assert_true(decision.limits.value[POLICY_MAX_EVENTS_PER_SECOND] == POLICY_UNLIMITED);
	assert_string_equal(decision.limits.section[POLICY_MAX_EVENTS_PER_SECOND], "");
	request = (struct policy_request)ASK(BOTH, .namespace = POLICY_NAMESPACE_UNKNOWN);
	policy_decide(policy, &request, &decision);
	assert_string_equal(decision.limits.section[POLICY_MAX_ATTACHMENTS], "b");
	assert_string_equal(decision.limits.section[POLICY_MAX_MEMORY], "z");
	assert_int_equal(decision.limits.value[POLICY_MAX_DURATION], 45000);
	assert_int_equal(decision.limits.value[POLICY_MAX_EVENTS_PER_SECOND], 100);
	/* A denial leaves nothing to be used by mistake. */
	request.uid = 65534;
	policy_decide(policy, &request, &decision);
	assert_int_equal(decision.limits.value[POLICY_MAX_MEMORY], 0);
}

static void test_kernel_verified(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = load(
		ALL_OF_DEV "[limit a]\nmax-attachments = 4\n"
			   "[limit b]\ngroup = dev\nprobe = dns.*\nkernel-verified = required\n"
			   "[limit c]\nnamespace = container\nkernel-verified = required\nmax-memory = 1M\n");
	struct policy_request request = ASK();
	struct policy_decision decision;

	(void)state;
	strcpy(request.probe, "tcp.rtt");
	policy_decide(policy, &request, &decision);
	assert_true(decision.allowed);
	assert_true(decision.limits.value[POLICY_KERNEL_VERIFIED] == POLICY_UNLIMITED);
	strcpy(request.probe, "dns.latency");
	policy_decide(policy, &request, &decision);
	assert_true(decision.allowed);
	assert_int_equal(decision.limits.value[POLICY_KERNEL_VERIFIED], POLICY_REQUIRED);
	assert_string_equal(decision.limits.section[POLICY_KERNEL_VERIFIED], "b");
	/* What cannot be known matches a limit that asks, this one as any other. */
	strcpy(request.probe, "tcp.rtt");
	request.namespace = POLICY_NAMESPACE_UNKNOWN;
	policy_decide(policy, &request, &decision);
	assert_int_equal(decision.limits.value[POLICY_KERNEL_VERIFIED], POLICY_REQUIRED);
	assert_string_equal(decision.limits.section[POLICY_KERNEL_VERIFIED], "c");
}

static const struct {
	const char *text, *place, *reason;
} refusals[] = {
	{ "[alow a]\n", "f:1:2", "unknown section kind 'alow', did you mean 'allow'?" },
	{ "[role a]\n", "f:1:2", "unknown section kind 'role'" },
	{ "[allow default]\n", "f:1:8", "this name is reserved for built-in rules" },
	{ "[deny no-policy]\n", "f:1:7", "this name is reserved for built-in rules" },
	{ "[limit overflow-uid]\n", "f:1:8", "this name is reserved for built-in rules" },
	{ "[allow invalid-request]\n", "f:1:8", "this name is reserved for built-in rules" },
	{ "[deny a]\n[allow a]\nuser = 0\n[deny a]\n", "f:4:7", "section [deny a] is already in f:1" },
	{ "[allow a]\ngoup = dev\n", "f:2:1", "unknown key 'goup', did you mean 'group'?" },
	{ "[deny a]\nprobes = *\n", "f:2:1", "unknown key 'probes', did you mean 'probe'?" },
	{ "[deny a]\nwhatever = *\n", "f:2:1", "unknown key 'whatever'" },
	{ "[limit a]\nmax-memry = 1\n", "f:2:1", "unknown key 'max-memry', did you mean 'max-memory'?" },
	{ "[allow a]\nmax-memory = 1M\n", "f:2:1", "key 'max-memory' belongs into a [limit] section" },
	{ "[deny a]\naction = atach\n", "f:2:10", "unknown action 'atach', did you mean 'attach'?" },
	{ "[deny a]\naction = revoke *\n", "f:2:17", "unknown action '*'" },
	{ "[deny a]\nchannel = prod\n", "f:2:11", "unknown channel 'prod'" },
	{ "[deny a]\ndata = event\n", "f:2:8", "unknown data 'event', did you mean 'events'?" },
	{ "[deny a]\nnamespace = containers\n", "f:2:13",
	  "unknown namespace 'containers', did you mean 'container'?" },
	{ "[deny a]\nnamespace = unknown\n", "f:2:13", "unknown namespace 'unknown'" },
	{ "[deny a]\ntarget = slef\n", "f:2:10", "unknown target 'slef', did you mean 'self'?" },
	{ "[deny a]\ntarget = user\n", "f:2:10", "unknown target 'user', did you mean 'user:'?" },
	{ "[deny a]\ntarget = host:x\n", "f:2:10", "unknown target 'host:x', did you mean 'host'?" },
	{ "[deny a]\ntarget = unit:shop\n", "f:2:10",
	  "a unit's full name or a pattern is expected, such as shop.service" },
	{ "[deny a]\ntarget = unit:\n", "f:2:10",
	  "a unit's full name or a pattern is expected, such as shop.service" },
	{ "[deny a]\ntarget = unit:/x.service\n", "f:2:10",
	  "a unit's full name or a pattern is expected, such as shop.service" },
	{ "[deny a]\ntarget = cgroup:shop\n", "f:2:10",
	  "a cgroup is a path from the root, such as /system.slice" },
	{ "[deny a]\ntarget = self user:*\n", "f:2:15", "a user is one name or number, not a pattern" },
	{ "[deny a]\ntarget = user:\n", "f:2:10", "a user is one name or number, not a pattern" },
	{ "[deny a]\ntarget = user:ghost\n", "f:2:10",
	  "there is no user 'ghost', so this deny would vanish" },
	{ "[deny a]\nuser = alice ghost\n", "f:2:14", "there is no user 'ghost', so this deny would vanish" },
	{ "[limit a]\ngroup = ghosts\nmax-memory = 1\n", "f:2:9",
	  "there is no group 'ghosts', so this limit would vanish" },
	{ "[deny a]\ngroup = d*\n", "f:2:9", "a group is one name or number, not a pattern" },
	{ "[deny a]\nuser = 4294967295\n", "f:2:8", "'4294967295' is no valid id" },
	{ "[deny a]\nuser = 99999999999999999999\n", "f:2:8", "'99999999999999999999' is no valid id" },
	{ "[deny a]\nuser = 007\n", "f:2:8", "'007' is no valid id" },
	{ "[allow a]\nuser = 65534\n", "f:2:8",
	  "id 65534 stands for whom the kernel cannot name: it cannot be allowed" },
	{ "[allow a]\nuser = lost\n", "f:2:8",
	  "id 65534 stands for whom the kernel cannot name: it cannot be allowed" },
	{ "[deny a]\nprobe = tcp.*, dns.*\n", "f:2:9", "values are separated by blanks, without ','" },
	{ "[deny a]\nprobe = \"tcp.*\"\n", "f:2:9", "'\"' has no meaning: patterns know '*' and '?' only" },
	{ "[deny a]\nprobe = tcp.[sr]*\n", "f:2:9", "'[' has no meaning: patterns know '*' and '?' only" },
	{ "[allow a]\nprobe = !tcp.*\n", "f:2:9", "'!' has no meaning: write a [deny] section instead" },
	{ "[deny a]\nprobe = 123456789012345678901234567890123456789012345678\n", "f:2:9",
	  "longer than the name of any probe, 47 bytes" },
	{ "[allow a]\n", "f:1:2", "an empty allow would be for everybody: name a group or user" },
	{ "[limit a]\nuser = alice\n", "f:1:2",
	  "this limit has neither a max-… key, set nor kernel-verified, so it limits nothing" },
	{ "[limit a]\naction = enroll\nmax-memory = 1\n", "f:2:1", "only the action attach can be limited" },
	{ "[deny a]\nprobe = tcp.*\naction = attach audit-read\n", "f:2:1",
	  "action 'audit-read' has no probe: this deny could never match it" },
	{ "[deny a]\naction = enroll\ntarget = host\n", "f:3:1",
	  "action 'enroll' has no target: this deny could never match it" },
	{ "[limit a]\nkernel-verified = yes\n", "f:2:19", "'required' is expected" },
	{ "[limit a]\nkernel-verified = 1required\n", "f:2:19", "'required' is expected" },
	{ "[limit a]\nkernel-verified = 0\n", "f:2:19", "'required' is expected" },
	{ "[limit a]\nkernel-verified = required required\n", "f:2:28", "one value is expected" },
	{ "[allow a]\nkernel-verified = required\n", "f:2:19",
	  "'required' belongs into a [limit] section: 'yes' or 'no' is expected here" },
	{ "[limit a]\nmax-attachments = four\n", "f:2:19", "a whole number is expected" },
	{ "[limit a]\nmax-attachments = -1\n", "f:2:19", "a whole number is expected" },
	{ "[limit a]\nmax-attachments = 1K\n", "f:2:19", "a whole number is expected" },
	{ "[limit a]\nmax-attachments = 1 2\n", "f:2:21", "one value is expected" },
	{ "[limit a]\nmax-memory = 16m\n", "f:2:14",
	  "a number of bytes is expected, or with K, M or G behind it: 16M" },
	{ "[limit a]\nmax-memory = M\n", "f:2:14",
	  "a number of bytes is expected, or with K, M or G behind it: 16M" },
	{ "[limit a]\nmax-memory = 17179869184G\n", "f:2:14", "the number is too large" },
	{ "[limit a]\nmax-memory = 18446744073709551615\n", "f:2:14", "the number is too large" },
	{ "[limit a]\nmax-memory = 18446744073709551616\n", "f:2:14", "the number is too large" },
	{ "[limit a]\nmax-duration = 8\n", "f:2:16", "a number with s, m, h or d behind it is expected: 8h" },
	{ "[limit a]\nmax-duration = 1h30m\n", "f:2:16",
	  "a number with s, m, h or d behind it is expected: 8h" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct policy *policy = NULL;
		struct refusal refusal = {};

		assert_int_equal(policy_new_from_text("f", refusals[i].text, strlen(refusals[i].text),
						      &resolver, &refusal, &policy),
				 REFUSAL_POLICY_INVALID);
		assert_null(policy);
		assert_string_equal(refusal.reason, refusals[i].reason);
		assert_string_equal(refusal.subject, refusals[i].place);
	}
}

static void test_names(void **state)
{
	static const char text[] = "[allow a]\ngroup = dev ghosts\n";
	static const char unreachable[] = "[allow a]\nuser = unreachable\n";
	_cleanup_(policy_free_p) struct policy *policy = load(text);
	struct policy *none = NULL;
	struct refusal refusal = {};
	uint32_t action;

	(void)state;
	assert_int_equal(policy_n_warnings(policy), 1);
	assert_string_equal(policy_warning(policy, 0),
			    "f:2:13: there is no group 'ghosts': it matches nobody");
	/* A name service that cannot answer is not the same as a name that does not exist. */
	assert_int_equal(
		policy_new_from_text("f", unreachable, strlen(unreachable), &resolver, &refusal, &none),
		-ETIMEDOUT);
	for (uint32_t i = 0; i < _POLICY_ACTION_MAX; i++) {
		assert_true(policy_action_from_name(policy_action_name(i), &action));
		assert_int_equal(action, i);
	}
	assert_false(policy_action_from_name("", &action));
	assert_null(policy_action_name(_POLICY_ACTION_MAX));
	assert_null(policy_limit_name(_POLICY_LIMIT_MAX));
}

static void test_deny_all(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct policy_request request = ASK(.uid = 0);
	struct policy_decision decision;
	size_t size;

	(void)state;
	assert_int_equal(policy_deny_all(&policy), 0);
	for (request.action = 0; request.action < _POLICY_ACTION_MAX; request.action++) {
		policy_decide(policy, &request, &decision);
		assert_false(decision.allowed);
		assert_string_equal(decision.rule, "no-policy");
	}
	assert_string_equal(policy_text(policy, &size), "# deny-all\n");
}

/* Collects explanations as one line each. */
static int print_explanation(void *userdata, const struct policy_explanation *explanation)
{
	char *p = userdata;

	p += strlen(p);
	if (explanation->matched)
		sprintf(p, "%s %s %s:%u matched\n", explanation->kind, explanation->name, explanation->file,
			explanation->line);
	else
		sprintf(p, "%s %s %s:%u %s:%u\n", explanation->kind, explanation->name, explanation->file,
			explanation->line, explanation->key, explanation->key_line);
	return 0;
}

static int stop(void *userdata, const struct policy_explanation *explanation)
{
	(void)explanation;
	return ++*(int *)userdata == 2 ? 7 : 0;
}

static void test_explain(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy =
		load("[limit l]\nmax-memory = 1M\n[deny d]\nprobe = dns.*\nuser = alice\n"
		     "[allow b]\nuser = alice\n[allow c]\nprobe = *\ntarget = self\ndata = events\n");
	struct policy_request request = ASK(USER(1001), EVENTS);
	char text[512] = "";
	int n = 0;

	(void)state;
	assert_int_equal(policy_explain(policy, &request, print_explanation, text), 0);
	assert_string_equal(
		text, "allow b f:6 data:0\nallow c f:8 target:10\ndeny d f:3 probe:4\nlimit l f:1 matched\n");
	assert_int_equal(policy_explain(policy, &request, stop, &n), 7);
	assert_int_equal(n, 2);
	request.data = 0;
	text[0] = '\0';
	assert_int_equal(policy_explain(policy, &request, print_explanation, text), 0);
	assert_string_equal(text, "");
}

static const struct {
	const char *pattern, *text;
	bool match;
} globs[] = {
	{ "", "", true },
	{ "", "a", false },
	{ "*", "", true },
	{ "?", "", false },
	{ "*", "a/b.c", true },
	{ "**", "a", true },
	{ "a*b*c", "axxbxbyc", true },
	{ "a*b*c", "axxbxby", false },
	{ "?", "\xc3\xa9", true },
	{ "??", "\xc3\xa9", false },
	{ "*?", "\xc3\xa9", true },
	{ "a\\*", "a\\b", true },
	{ "a\\*", "a*", false },
	{ "[a]", "a", false },
	{ "[a]", "[a]", true },
	{ "*.service", "a.service.d", false },
	{ "*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
};

static void test_globs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(globs); i++)
		if (glob_match(globs[i].pattern, globs[i].text, strlen(globs[i].text)) != globs[i].match)
			fail_msg("'%s' and '%s'", globs[i].pattern, globs[i].text);
}

/* The policy that is shipped, read as the daemon reads it. */
static struct policy *load_shipped(void)
{
	_cleanup_close_ int fd = open(SHIPPED_POLICY, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_all(fd, CONFIG_FILE_MAX, &text, &size), 0);
	return load(text);
}

#define AS(u, g) .uid = (u), .gids = (const gid_t[]){ (g) }, .n_gids = 1
#define ADMIN    AS(1000, 3000)
#define AUDITOR  AS(1000, 3001)
#define MEMBER   AS(1000, 3002)
#define STRANGER AS(1000, 100)

static const struct {
	struct policy_request request;
	bool allowed;
	const char *rule;
} shipped[] = {
	{ ASK(AS(0, 0), HOST, BOTH), true, "root" },
	{ ASK(AS(0, 0), .action = POLICY_POLICY_RELOAD), true, "root" },
	{ ASK(AS(0, 0), .namespace = POLICY_NAMESPACE_CONTAINER), false, "containers" },
	{ ASK(AS(0, 0), .namespace = POLICY_NAMESPACE_UNKNOWN, .action = POLICY_AUDIT_READ), false,
	  "containers" },
	{ ASK(ADMIN, HOST, BOTH, .channel = POLICY_CHANNEL_EXPERIMENTAL, .probe = "x"), true, "admin" },
	{ ASK(ADMIN, .action = POLICY_REVOKE), true, "admin" },
	{ ASK(ADMIN, .action = POLICY_ENROLL, .channel = POLICY_CHANNEL_EXPERIMENTAL), true, "admin" },
	{ ASK(ADMIN, .action = POLICY_DETACH_ANY, USER(1001)), true, "admin" },
	{ ASK(AUDITOR, .action = POLICY_AUDIT_READ), true, "audit" },
	{ ASK(AUDITOR), false, "default" },
	{ ASK(MEMBER), true, "users" },
	{ ASK(MEMBER, BOTH), true, "users" },
	{ ASK(MEMBER, BOTH, .probe = "syscall.hotspots"), true, "users" },
	{ ASK(MEMBER, USER(1000)), true, "users" },
	{ ASK(MEMBER, USER(1001)), false, "default" },
	{ ASK(MEMBER, HOST), false, "default" },
	{ ASK(MEMBER, UNIT("shop.service")), false, "default" },
	{ ASK(MEMBER, .probe = "net.flow"), false, "default" },
	{ ASK(MEMBER, .channel = POLICY_CHANNEL_EXPERIMENTAL), false, "default" },
	{ ASK(MEMBER, .namespace = POLICY_NAMESPACE_CONTAINER), false, "containers" },
	{ ASK(MEMBER, .action = POLICY_AUDIT_READ), false, "default" },
	{ ASK(STRANGER), false, "default" },
};

static void test_shipped(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = load_shipped();
	struct policy_request request = ASK(MEMBER);
	struct policy_decision decision;

	(void)state;
	assert_int_equal(policy_n_warnings(policy), 0);
	for (size_t i = 0; i < COUNT(shipped); i++) {
		policy_decide(policy, &shipped[i].request, &decision);
		if (decision.allowed != shipped[i].allowed || strcmp(decision.rule, shipped[i].rule) != 0)
			fail_msg("row %zu: %d by %s", i, decision.allowed, decision.rule);
	}
	policy_decide(policy, &request, &decision);
	assert_int_equal(decision.limits.value[POLICY_MAX_ATTACHMENTS], 8);
	assert_int_equal(decision.limits.value[POLICY_MAX_MEMORY], 32 << 20);
	assert_int_equal(decision.limits.value[POLICY_MAX_EVENTS_PER_SECOND], 50000);
	assert_int_equal(decision.limits.value[POLICY_MAX_DURATION], 8 * 3600 * 1000);
	assert_string_equal(decision.limits.section[POLICY_MAX_DURATION], "users");
}

static void test_load(void **state)
{
	char root[] = "/tmp/bpfwarden-test-policy-XXXXXX", path[64], place[96];
	_cleanup_(policy_free_p) struct policy *policy = NULL, *none = NULL;
	const char *const directories[] = { root, "/nonexistent/policy.d" };
	struct policy_request request = ASK();
	struct policy_decision decision;
	struct refusal refusal = {};
	int fd;

	(void)state;
	umask(022);
	assert_non_null(mkdtemp(root));
	assert_int_equal(policy_load(directories, 2, getuid(), &resolver, &refusal, &none), 0);
	policy_decide(none, &request, &decision);
	assert_string_equal(decision.rule, "default");
	snprintf(path, sizeof(path), "%s/a.policy", root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(fd_write_all(fd, "[allow a]\nuser = alice\n", 23), 0);
	assert_int_equal(policy_load(directories, 2, getuid(), &resolver, &refusal, &policy), 0);
	policy_decide(policy, &request, &decision);
	assert_string_equal(decision.rule, "a");
	assert_int_equal(fd_write_all(fd, "goup = dev\n", 11), 0);
	close(fd);
	snprintf(place, sizeof(place), "%s:3:1", path);
	policy = policy_free(policy);
	assert_int_equal(policy_load(directories, 2, getuid(), &resolver, &refusal, &policy),
			 REFUSAL_POLICY_INVALID);
	assert_string_equal(refusal.subject, place);
	assert_null(policy);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions), cmocka_unit_test(test_unterminated),
		cmocka_unit_test(test_limits),    cmocka_unit_test(test_kernel_verified),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_names),
		cmocka_unit_test(test_deny_all),  cmocka_unit_test(test_explain),
		cmocka_unit_test(test_globs),     cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
