/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the reader refuses, with place and reason to the letter. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"
#include "policy/cover.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define SHARE "a percentage of one CPU is expected, with up to four decimals: 0.5%"
static const struct {
	const char *text, *place, *reason;
} refusals[] = {
	{ "[alow a]\n", "f:1:2", "unknown section kind 'alow', did you mean 'allow'?" },
	{ "[role a]\n", "f:1:2", "unknown section kind 'role': it is one of allow, deny, limit" },
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
	{ "[deny a]\naction = revoke *\n", "f:2:17",
	  "unknown action '*': it is one of attach, detach-any, enroll, promote, revoke, audit-read, "
	  "policy-reload" },
	{ "[deny a]\ntarget = shop.service\n", "f:2:10",
	  "unknown target 'shop.service': it is one of self, user:, unit:, cgroup:, host" },
	{ "[deny a]\nchannel = prod\n", "f:2:11",
	  "unknown channel 'prod': it is one of production, experimental" },
	{ "[deny a]\ndata = event\n", "f:2:8", "unknown data 'event', did you mean 'events'?" },
	{ "[deny a]\nnamespace = containers\n", "f:2:13",
	  "unknown namespace 'containers', did you mean 'container'?" },
	{ "[deny a]\nnamespace = unknown\n", "f:2:13",
	  "unknown namespace 'unknown': it is one of host, container" },
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
	/* Each key has its own words. */
	{ "[allow a]\nprivacy = public\n", "f:2:11",
	  "unknown privacy 'public': it is one of safe, bound, pii" },
	{ "[allow a]\nprivacy = saef\n", "f:2:11", "unknown privacy 'saef', did you mean 'safe'?" },
	{ "[allow a]\npersist = true\n", "f:2:11", "unknown persist 'true': it is one of no, yes" },
	{ "[allow a]\nmay-modify = yes ye\n", "f:2:18", "unknown may-modify 'ye': it is one of no, yes" },
	{ "[allow a]\nmay-modifiy = yes\n", "f:2:1",
	  "unknown key 'may-modifiy', did you mean 'may-modify'?" },
	{ "[allow a]\nkernel-verified = maybe\n", "f:2:19",
	  "unknown kernel-verified 'maybe': it is one of no, yes" },
	{ "[limit a]\nkernel-verified = no\n", "f:2:19", "'required' is expected" },
	{ "[deny a]\nprogram-type = tracepiont\n", "f:2:16",
	  "unknown program type 'tracepiont', did you mean 'tracepoint'?" },
	{ "[deny a]\nprogram-type = trac*\n", "f:2:16", "unknown program type 'trac*'" },
	{ "[deny a]\nhelper = bpf_probe_read_kernal\n", "f:2:10",
	  "unknown helper 'bpf_probe_read_kernal', did you mean 'bpf_probe_read_kernel'?" },
	{ "[deny a]\nhelper = 1\n", "f:2:10", "helper 1 has a name: bpf_map_lookup_elem" },
	{ "[deny a]\nhelper = bpf_* bpf_ktime_get_ns,\n", "f:2:16",
	  "values are separated by blanks, without ','" },
	{ "[deny a]\nversion = 123456789012345678901234567890.*\n", "f:2:11",
	  "longer than any version, 31 bytes" },
	{ "[deny a]\nrole = 1234567890123456789012345678901234567890123456789012345678901234\n", "f:2:8",
	  "longer than the name of any role, 63 bytes" },
	{ "[deny a]\nhook = 1234567890123456789012345678901234567890123456789012345678901234\n", "f:2:8",
	  "longer than the name of any hook, 63 bytes" },
	{ "[deny a]\nfrom-unit = shop\n", "f:2:13",
	  "a unit's full name or a pattern is expected, such as shop.service" },
	{ "[deny a]\nfrom-unit = shop.slice/a.service\n", "f:2:13",
	  "a unit's full name or a pattern is expected, such as shop.service" },
	{ "[deny a]\nfrom-cgroup = system.slice\n", "f:2:15",
	  "a cgroup is a path from the root, such as /system.slice" },
	{ "[allow a]\nfrom-groups = dev\n", "f:2:1",
	  "unknown key 'from-groups', did you mean 'from-cgroup'?" },
	{ "[deny a]\nsigner = key:12ab\n", "f:2:10",
	  "a key is the SHA-256 of its SubjectPublicKeyInfo: 'key:' and 64 hexadecimal digits" },
	{ "[deny a]\nsigner = Build\n", "f:2:10",
	  "a subject is expected, such as CN=Build?Team,O=Shop, or key:…" },
	{ "[deny a]\nsigner = CN=Build, CN=Test\n", "f:2:10", "values are separated by blanks, without ','" },
	{ "[deny a]\nsigner = CN=\"Build\n", "f:2:10",
	  "'\"' has no meaning: patterns know '*' and '?' only" },
	/* What could never match anything. */
	{ "[deny a]\nprobe = dns.* TCP.*\n", "f:2:15", "names of probes are of a-z, 0-9, '.', '_' and '-'" },
	{ "[deny a]\nprobe = tcp/state\n", "f:2:9", "names of probes are of a-z, 0-9, '.', '_' and '-'" },
	{ "[deny a]\nhelper = BPF_*\n", "f:2:10", "names of helpers are of a-z, 0-9 and '_'" },
	{ "[deny a]\nfrom-unit = user-*.slice\n", "f:2:13",
	  "no caller's unit is a slice, so this deny would vanish: see from-cgroup" },
	/* Ranges of users. */
	{ "[deny a]\nuid = alice\n", "f:2:7",
	  "'alice' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = 1-2-3\n", "f:2:7",
	  "'1-2-3' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = -5\n", "f:2:7",
	  "'-5' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = 5-\n", "f:2:7",
	  "'5-' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = 01\n", "f:2:7",
	  "'01' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = 0-4294967295\n", "f:2:7",
	  "'0-4294967295' is neither a number nor a range of numbers, such as 1000-1999" },
	{ "[deny a]\nuid = 0 9-3\n", "f:2:9", "no number is in '9-3'" },
	{ "[allow a]\nuid = 1000-100000\n", "f:2:7",
	  "id 65534 stands for whom the kernel cannot name: it cannot be allowed" },
	{ "[allow a]\nuid = 65534\n", "f:2:7",
	  "id 65534 stands for whom the kernel cannot name: it cannot be allowed" },
	/* Windows of time. */
	{ "[deny a]\ntime = mno\n", "f:2:8", "unknown day 'mno', did you mean 'mon'?" },
	{ "[deny a]\ntime = mon-fry/08:00-18:00\n", "f:2:12", "unknown day 'fry', did you mean 'fri'?" },
	{ "[deny a]\ntime = mon/8:00-18:00\n", "f:2:8",
	  "'mon/8:00-18:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = 08:00\n", "f:2:8",
	  "'08:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = 08:60-09:00\n", "f:2:8",
	  "'08:60-09:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = 24:00-09:00\n", "f:2:8",
	  "'24:00-09:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = 08:00-24:01\n", "f:2:8",
	  "'08:00-24:01' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = 08:00-09:00-10:00\n", "f:2:8",
	  "'08:00-09:00-10:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = mon/\n", "f:2:8",
	  "'mon/' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = /08:00-09:00\n", "f:2:8",
	  "'/08:00-09:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = mon-/08:00-09:00\n", "f:2:8",
	  "'mon-/08:00-09:00' is no window of time, such as mon-fri/08:00-18:00 (UTC)" },
	{ "[deny a]\ntime = sun mon/08:00-08:00\n", "f:2:12",
	  "no minute is in '08:00-08:00': a whole day is 00:00-24:00" },
	/* Parameters. */
	{ "[deny a]\nparameter = names\n", "f:2:13",
	  "'names' is no parameter with its values, such as names:none or threshold:1000-50000" },
	{ "[deny a]\nparameter = names:\n", "f:2:13",
	  "'names:' is no parameter with its values, such as names:none or threshold:1000-50000" },
	{ "[deny a]\nparameter = :none\n", "f:2:13",
	  "':none' is no parameter with its values, such as names:none or threshold:1000-50000" },
	{ "[deny a]\nparameter = names:n*\n", "f:2:13",
	  "neither parameters nor their values can be patterns" },
	{ "[deny a]\nparameter = names:None\n", "f:2:13",
	  "a number, a range or the name of a value is expected behind 'names:'" },
	{ "[deny a]\nparameter = a:5-\n", "f:2:13",
	  "a number, a range or the name of a value is expected behind 'a:'" },
	{ "[deny a]\nparameter = a:-5\n", "f:2:13",
	  "a number, a range or the name of a value is expected behind 'a:'" },
	{ "[deny a]\nparameter = a:1ms\n", "f:2:13",
	  "a number, a range or the name of a value is expected behind 'a:'" },
	{ "[deny a]\nparameter = a:18446744073709551616\n", "f:2:13",
	  "a number, a range or the name of a value is expected behind 'a:'" },
	{ "[deny a]\nparameter = b:1 a:9-3\n", "f:2:17", "no number is in '9-3'" },
	{ "[deny a]\nparameter = names:a123456789012345\n", "f:2:13",
	  "longer than the name of any value, 15 bytes" },
	{ "[deny a]\nparameter = 1234567890123456789012345678901234567890123456789012345678901234:1\n",
	  "f:2:13", "longer than the name of any parameter, 63 bytes" },
	{ "[limit a]\nset = names:none threshold:1 names:all\n", "f:2:30", "parameter 'names' is set twice" },
	{ "[limit a]\nset = names:none,threshold:1\n", "f:2:7",
	  "values are separated by blanks, without ','" },
	{ "[allow a]\nset = names:none\n", "f:2:1", "key 'set' belongs into a [limit] section" },
	{ "[limit a]\nparameter = names:all\nset = threshold:1\n", "f:2:1",
	  "a limit with set cannot depend on parameters" },
	{ "[limit a]\nmax-loads-per-minute = ten\n", "f:2:24", "a whole number is expected" },
	{ "[limit a]\nmax-cpu = 1\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = %\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = .5%\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = 1.%\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = 1.00001%\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = 1.5\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = 1x%\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = -1%\n", "f:2:11", SHARE },
	{ "[limit a]\nmax-cpu = 1844674407370956%\n", "f:2:11", "the number is too large" },
	{ "[limit a]\nmax-memory = 1.5M\n", "f:2:14",
	  "a number of bytes is expected, or with K, M or G behind it: 16M" },
	{ "[limit a]\nmax-programs-per-hok = 8\n", "f:2:1",
	  "unknown key 'max-programs-per-hok', did you mean 'max-programs-per-hook'?" },
	{ "[deny a]\naction = revoke\nsigner = *\n", "f:3:1",
	  "action 'revoke' has no signer: this deny could never match it" },
	{ "[deny a]\naction = detach-any\npersist = yes\n", "f:3:1",
	  "action 'detach-any' has no persist: this deny could never match it" },
	{ "[deny a]\naction = enroll\nparameter = names:all\n", "f:3:1",
	  "action 'enroll' has no parameter: this deny could never match it" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct policy *policy = NULL;
		struct refusal refusal = {};

		assert_int_equal(policy_new_from_text("f", refusals[i].text, strlen(refusals[i].text),
						      &policy_fixture_resolver, &refusal, &policy),
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
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(text);
	_cleanup_(policy_free_p) struct policy *slice =
		policy_fixture_load("[allow a]\nfrom-unit = * user-*.slice\n");
	struct policy *none = NULL;
	struct refusal refusal = {};
	uint32_t action;

	(void)state;
	assert_int_equal(policy_n_warnings(policy), 1);
	assert_string_equal(policy_warning(policy, 0),
			    "f:2:13: there is no group 'ghosts': it matches nobody");
	assert_int_equal(policy_n_warnings(slice), 1);
	assert_string_equal(policy_warning(slice, 0),
			    "f:2:15: no caller's unit is a slice: it matches nobody");
	/* A name service that cannot answer is not the same as a name that does not exist. */
	assert_int_equal(policy_new_from_text("f", unreachable, strlen(unreachable), &policy_fixture_resolver,
					      &refusal, &none),
			 -ETIMEDOUT);
	for (uint32_t i = 0; i < _POLICY_ACTION_MAX; i++) {
		assert_true(policy_action_from_name(policy_action_name(i), &action));
		assert_int_equal(action, i);
	}
	assert_false(policy_action_from_name("", &action));
	assert_null(policy_action_name(_POLICY_ACTION_MAX));
	assert_null(policy_limit_name(_POLICY_LIMIT_MAX));
}

static void test_minutes(void **state)
{
	static const char *const wrong[] = { "",          "mon",        "mon/",      "09:30",
					     "mon/24:00", "mon/09:60",  "mon/9:30",  "mon/+9:30",
					     "mon/ 9:30", "mon/09:30x", "mo/09:30",  "mond/09:30",
					     "/09:30",    "Mon/09:30",  "mon/09-30", "mon//9:30",
					     "mon/09:30/" };
	uint32_t minute = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (policy_minute_from_text(wrong[i], &minute))
			fail_msg("%s is taken for minute %u", wrong[i], minute);
	assert_int_equal(minute, 7);
	assert_true(policy_minute_from_text("mon/00:00", &minute));
	assert_int_equal(minute, 0);
	assert_true(policy_minute_from_text("tue/09:30", &minute));
	assert_int_equal(minute, (24 + 9) * 60 + 30);
	assert_true(policy_minute_from_text("sun/23:59", &minute));
	assert_int_equal(minute, POLICY_WEEK - 1);
}

/* An allow that writes a default says what one says that does not. */
static void test_defaults(void **state)
{
	(void)state;
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++) {
		const char *value = policy_default_of(rule_key_name(key));
		_cleanup_(policy_free_p) struct policy *policy = NULL;
		const struct rule *rules;
		char text[256];
		size_t n;

		if (key == RULE_USER)
			continue;
		snprintf(text, sizeof(text), "[allow a]\nuser = 0\n[allow b]\nuser = 0\n%s%s%s\n",
			 value ? rule_key_name(key) : "", value ? " = " : "", value ? value : "");
		policy = policy_fixture_load(text);
		rules = policy_rules(policy, &n);
		assert_int_equal(n, 2);
		assert_int_equal(!!(rules[0].keys & 1U << key), value != NULL);
		assert_true(rule_covers(&rules[0], &rules[1]) && rule_covers(&rules[1], &rules[0]));
	}
	assert_string_equal(policy_default_of("action"), "attach");
	assert_null(policy_default_of("no-such-key"));
}

/* All of this is good syntax. */
static void test_accepted(void **state)
{
	static const char text[] =
		"[allow a]\nuid = 1000-1999 65535 0\nfrom-unit = shop*.service user@1000.service\n"
		"from-cgroup = /system.slice */shop\nversion = 1.* 2.0\nrole = release*\n"
		"signer = CN=Build?Team,O=Shop * "
		"key:00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"
		"program-type = tracing cgroup_skb\nmay-modify = yes no\nhook = tp_btf/* perf_event\n"
		"helper = bpf_ktime_get_ns bpf_probe_read_* 999\nkernel-verified = yes\nprivacy = pii\n"
		"persist = yes no\nparameter = names:none threshold:5 threshold:10-1000 "
		"x:0-18446744073709551615\n"
		"time = mon-fri/08:00-18:00 sat sun/00:00-24:00 22:00-06:00 sat-mon fri/22:00-00:00\n"
		"[limit b]\nmax-loads-per-minute = 6\nmax-programs-per-hook = 8\nmax-cpu = 0.0001%\n"
		"[limit c]\nset = names:none threshold:1000-50000\n"
		"[deny d]\naction = enroll promote\nrole = lab\nhelper = bpf_override_return\n";
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(text);

	(void)state;
	assert_int_equal(policy_n_warnings(policy), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_names),
		cmocka_unit_test(test_minutes),  cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_accepted),
	};

	return cmocka_run_group_tests_name("policy-syntax", tests, NULL, NULL);
}
