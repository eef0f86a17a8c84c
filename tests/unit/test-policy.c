/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/fd.h"
#include "policy/glob.h"
#include "policy-fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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
	{ "[allow a]\ngroup = 2064\n", ASK(), false, "default" },
	{ "[allow a]\ngroup = 9 8 2064 7 6 4 3 2 1 2002\n", ASK(), false, "default" },
	{ "[allow a]\ngroup = 9 8 2064 7 6 4 3 2 1 2002 dev\n", ASK(), true, "a" },
	{ "[allow a]\ngroup = 9 8 2064 7 6 5 4 3 2 1\n", ASK(), true, "a" },
	{ "[allow a]\nuser = 1 2 4 1000 70000 8\n", ASK(), true, "a" },
	{ "[allow a]\nuid = 70000 5 900-999 1001-2000 3\n", ASK(), false, "default" },
	{ "[allow a]\nuid = 70000 5 900-999 1000-1000 3\n", ASK(), true, "a" },
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
	/* systemd puts '_' before names that the kernel would take for a controller's file. */
	{ ALL_OF_DEV "[deny b]\ntarget = unit:cpu.service\n", ASK(CGROUP("/system.slice/_cpu.service")),
	  false, "b" },
	{ ALL_OF_DEV "[deny b]\nfrom-unit = cpu.service\n", ASK(.cgroup = "/system.slice/_cpu.service"),
	  false, "b" },
	{ "[allow a]\nfrom-unit = cpu.service\n", ASK(.cgroup = "/system.slice/_cpu.service/x"), true, "a" },
	{ "[allow a]\nfrom-unit = _cpu.service\n", ASK(.cgroup = "/system.slice/_cpu.service/x"), false,
	  "default" },
	/* A user's own service manager can call what it makes what it likes. */
	{ "[allow a]\nfrom-unit = shop.service\n",
	  ASK(.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"), false,
	  "default" },
	{ "[allow a]\nfrom-unit = user@*.service\n",
	  ASK(.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service"), true, "a" },
	{ "[allow a]\nfrom-unit = *\n", ASK(.cgroup = "/user.slice/user-1000.slice"), false, "default" },
	{ "[allow a]\nfrom-unit = *\n", ASK(.cgroup = "/"), false, "default" },
	{ "[allow a]\nfrom-unit = *\nfrom-cgroup = *\n", ASK(), false, "default" },
	{ ALL_OF_DEV "[deny b]\nfrom-unit = *\n", ASK(.cgroup = "/"), true, "dev" },
	{ ALL_OF_DEV "[deny b]\nfrom-unit = x.service\n", ASK(), false, "b" },
	{ ALL_OF_DEV "[deny b]\nfrom-cgroup = /x\n", ASK(), false, "b" },
	{ ALL_OF_DEV "[deny b]\nfrom-cgroup = /x\n", ASK(.cgroup = "/x/y"), false, "b" },
	{ ALL_OF_DEV "[deny b]\nfrom-cgroup = /x\n", ASK(.cgroup = "/xy"), true, "dev" },
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
	{ ALL_OF_DEV, ASK(.cgroup = ""), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.cgroup = "a"), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.cgroup = "/../a"), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.action = POLICY_AUDIT_READ, .cgroup = "/a/"), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.privacy = _SPEC_PRIVACY_MAX), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.privacy = POLICY_PRIVACY_MOST), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.action = POLICY_REVOKE, .privacy = POLICY_PRIVACY_MOST), true, "dev" },
	{ ALL_OF_DEV, ASK(.minute = POLICY_WEEK), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.action = POLICY_AUDIT_READ, .minute = POLICY_WEEK), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.spec = NULL, .given = 1), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.spec = NULL, .parameters = (const uint64_t[]){ 1, 1 }), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.given = 4), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.parameters = (const uint64_t[]){ 3, 1 }), false, "invalid-request" },
	{ ALL_OF_DEV, ASK(.parameters = (const uint64_t[]){ 2, 1000 }, .given = 3), true, "dev" },
};

static void test_decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decisions); i++) {
		_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(decisions[i].policy);
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
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(ALL_OF_DEV);
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
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(
		ALL_OF_DEV
		"[limit z]\ngroup = dev\nmax-attachments = 4\nmax-memory = 16M\nmax-duration = 8h\n"
		"[limit b]\ndata = events\nmax-attachments = 4\nmax-memory = 1G\nmax-duration = 45s\n"
		"[limit c]\nnamespace = container\nmax-events-per-second = 100\n"
		"[limit e]\nmax-cpu = 1.05%\n[limit f]\nmax-cpu = 150%\n"
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
	assert_int_equal(decision.limits.value[POLICY_MAX_CPU], 10500);
	assert_string_equal(decision.limits.section[POLICY_MAX_CPU], "e");
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
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(
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

static const struct {
	const char *pattern, *path;
	bool match;
} paths[] = {
	{ "/", "/", true },
	{ "/", "/a/b", true },
	{ "/a", "/a", true },
	{ "/a", "/a/b/c", true },
	{ "/a", "/ab", false },
	{ "/a", "/", false },
	{ "/a/", "/a/b", false },
	{ "/a*", "/ab/c", true },
	{ "/?", "/ab/c", false },
	{ "/??", "/ab/c", true },
	{ "/??", "/\xc3\xa9\xc3\xa9/c", true },
	{ "*b", "/a/b/c", true },
	{ "*b", "/a/bc", false },
	{ "*b", "/a/bc/b/c", true },
	{ "/*/c", "/a/b/c/d", true },
	{ "/*/c", "/c", false },
	{ "/*c*e", "/a/cd/e/f", true },
	{ "/*c*e", "/a/cd/ef", false },
	{ "*", "/", true },
};

/* The same as one look for each path above. */
static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		size_t n = strlen(paths[i].path);
		bool some = glob_match(paths[i].pattern, paths[i].path, n) ||
			    glob_match(paths[i].pattern, paths[i].path, 1);

		while (n-- > 1)
			if (paths[i].path[n] == '/')
				some = some || glob_match(paths[i].pattern, paths[i].path, n);
		if (glob_match_path(paths[i].pattern, paths[i].path) != paths[i].match ||
		    some != paths[i].match)
			fail_msg("'%s' and '%s'", paths[i].pattern, paths[i].path);
	}
}

/* A caller decides how deep its cgroup is: 2,000 deep, a thousand rules about cgroups are read in moments. */
static void test_deep_cgroup(void **state)
{
	char path[4001];

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 1; i += 2)
		memcpy(path + i, "/a", 2);
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		assert_false(glob_match_path("*b", path));
		assert_false(glob_match_path("/*a/b", path));
		assert_true(glob_match_path("*a*a*a", path));
	}
}

/* The policy that is shipped, read as the daemon reads it. */
static struct policy *load_shipped(void)
{
	_cleanup_close_ int fd = open(SHIPPED_POLICY, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;

	assert_true(fd >= 0);
	assert_int_equal(fd_read_all(fd, CONFIG_FILE_MAX, &text, &size), 0);
	return policy_fixture_load(text);
}

/* Of a program of type 0 nobody knows what it can do. */
static const struct spec modifies = { .n_variants = 1, .variants = { { .n_programs = 1 } } };

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
	{ ASK(AS(0, 0), HOST, BOTH, .spec = &modifies, .privacy = SPEC_PRIVACY_PII, .persist = true), true,
	  "root" },
	{ ASK(ADMIN, HOST, BOTH, .spec = &modifies, .privacy = SPEC_PRIVACY_PII, .persist = true), true,
	  "admin" },
	{ ASK(ADMIN, .action = POLICY_ENROLL, .spec = &modifies), true, "admin" },
	{ ASK(ADMIN, .spec = NULL), false, "default" },
	{ ASK(ADMIN, .action = POLICY_REVOKE), true, "admin" },
	{ ASK(ADMIN, .action = POLICY_ENROLL, .channel = POLICY_CHANNEL_EXPERIMENTAL), true, "admin" },
	{ ASK(ADMIN, .action = POLICY_DETACH_ANY, USER(1001)), true, "admin" },
	{ ASK(AUDITOR, .action = POLICY_AUDIT_READ), true, "audit" },
	{ ASK(AUDITOR), false, "default" },
	{ ASK(MEMBER), true, "users" },
	{ ASK(MEMBER, BOTH), true, "users" },
	{ ASK(MEMBER, BOTH, .probe = "syscall.hotspots"), true, "users" },
	{ ASK(MEMBER, BOTH, .privacy = SPEC_PRIVACY_PII), true, "users" },
	{ ASK(MEMBER, .persist = true), false, "default" },
	{ ASK(MEMBER, .spec = &modifies), false, "default" },
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
	assert_int_equal(policy_load(directories, 2, getuid(), &policy_fixture_resolver, &refusal, &none), 0);
	policy_decide(none, &request, &decision);
	assert_string_equal(decision.rule, "default");
	snprintf(path, sizeof(path), "%s/a.policy", root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(fd_write_all(fd, "[allow a]\nuser = alice\n", 23), 0);
	assert_int_equal(policy_load(directories, 2, getuid(), &policy_fixture_resolver, &refusal, &policy),
			 0);
	policy_decide(policy, &request, &decision);
	assert_string_equal(decision.rule, "a");
	assert_int_equal(fd_write_all(fd, "goup = dev\n", 11), 0);
	close(fd);
	snprintf(place, sizeof(place), "%s:3:1", path);
	policy = policy_free(policy);
	assert_int_equal(policy_load(directories, 2, getuid(), &policy_fixture_resolver, &refusal, &policy),
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
		cmocka_unit_test(test_deny_all),  cmocka_unit_test(test_globs),
		cmocka_unit_test(test_paths),     cmocka_unit_test(test_deep_cgroup),
		cmocka_unit_test(test_shipped),   cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
