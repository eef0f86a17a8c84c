/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every case with its exact outcome; that each row and kind of section has one; what each action has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/policy/cases.h"
#include "tests/policy/specs.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_outcomes(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (const struct policy_case *c = policy_cases; c->policy; c++) {
		char outcome[CASE_OUTCOME_MAX];

		case_run(c, outcome);
		if (!strcmp(outcome, c->expected))
			continue;
		printf("# case %zu: %s, expected %s of\n%s", (size_t)(c - policy_cases), outcome, c->expected,
		       c->policy);
		failed++;
	}
	assert_int_equal(failed, 0);
}

static void test_each_row_has_a_case_of_each_kind(void **state)
{
	(void)state;
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
		for (enum rule_kind kind = 0; kind < _RULE_KIND_MAX; kind++) {
			const struct policy_case *c = policy_cases;

			/* In a limit this key is no condition but the limit itself. */
			if (kind == RULE_LIMIT && key == RULE_KERNEL_VERIFIED)
				continue;
			while (c->policy && (c->row != key || c->kind != kind))
				c++;
			if (!c->policy)
				fail_msg("no case where only '%s' keeps [%s …] from matching",
					 rule_key_name(key), rule_kind_name(kind));
		}
}

/* The build makes a test without each row: by this list. */
static void test_each_row_is_left_out_once(void **state)
{
	char rows[512] = "";

	(void)state;
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
		snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows), "%s%s", key ? " " : "",
			 rule_rows[key].name);
	assert_string_equal(rows, ROWS);
}

/* By action, for each key but action itself a word that fits the request below and one that does not. */
static const struct {
	const char *key, *fits, *fits_not;
	const char
		*actions; /* that have it: "attach", "detach-any", "enroll", "promote", "revoke", "audit-read"
			     as u and "policy-reload" as l; E and P: only with the bundle known */
} had[] = {
	{ "channel", "production", "experimental", "adep" },
	{ "data", "aggregates", "events", "a" },
	{ "persist", "no", "yes", "a" },
	{ "kernel-verified", "no", "yes", "a" },
	{ "namespace", "host", "container", "adeprul" },
	{ "time", "tue", "wed", "adeprul" },
	{ "user", "1000", "1001", "adeprul" },
	{ "uid", "1000-1001", "1001-1002", "adeprul" },
	{ "group", "2000", "2001", "adeprul" },
	{ "probe", "tcp.*", "udp.*", "adepr" },
	{ "version", "1.*", "2.*", "aEP" },
	{ "role", "release", "lab", "aEP" },
	{ "signer", "CN=Alice*", "CN=Bob", "aEP" },
	{ "program-type", "tracing", "lsm", "aEP" },
	{ "may-modify", "no", "yes", "aEP" },
	{ "hook", "tp_btf/*", "lsm/*", "aEP" },
	{ "helper", "bpf_*", "4000", "aEP" },
	{ "from-unit", "shop.service", "pay.service", "adeprul" },
	{ "from-cgroup", "/system.slice", "/user.slice", "adeprul" },
	{ "parameter", "threshold:5000", "threshold:5001", "a" },
	{ "target", "self", "user:1001", "ad" },
};

static void assert_outcome(const char *kind, const char *action, const char *key, const char *word,
			   const struct policy_request *request, const char *expected)
{
	static const char all[] = "[allow all]\naction = attach detach-any enroll promote revoke audit-read "
				  "policy-reload\nuser = 1000\n";
	char policy[512], outcome[CASE_OUTCOME_MAX];
	const struct policy_case c = { .policy = policy, .request = *request };

	if (!strcmp(kind, "allow"))
		snprintf(policy, sizeof(policy), "[allow a]\naction = attach %s\n%s = %s\n", action, key,
			 word);
	else
		snprintf(policy, sizeof(policy), "%s[%s d]\n%s = %s\n", all, kind, key, word);
	if (!strcmp(kind, "limit"))
		strcat(policy, "max-memory = 1\n");
	case_run(&c, outcome);
	if (strcmp(outcome, expected) != 0)
		fail_msg("%s %s by\n%s%s, expected %s", action, request->spec ? "" : "without spec", policy,
			 outcome, expected);
}

static void check_had(size_t i, const struct policy_request *request)
{
	const char *action = policy_action_name(request->action);
	char letter = "adeprul"[request->action], known = "ADEPRUL"[request->action];
	bool has = strchr(had[i].actions, letter) || (request->spec && strchr(had[i].actions, known));

	/* An allow ignores what the action does not have, a deny or limit does not match it. */
	assert_outcome("allow", action, had[i].key, had[i].fits, request, "allow a");
	assert_outcome("allow", action, had[i].key, had[i].fits_not, request,
		       has ? "deny default" : "allow a");
	assert_outcome("deny", action, had[i].key, had[i].fits, request, has ? "deny d" : "allow all");
	assert_outcome("deny", action, had[i].key, had[i].fits_not, request, "allow all");
	if (!strcmp(had[i].key, "kernel-verified"))
		return;
	assert_outcome("limit", action, had[i].key, had[i].fits, request,
		       has ? "allow all; max-memory 1 by d" : "allow all");
	assert_outcome("limit", action, had[i].key, had[i].fits_not, request, "allow all");
}

static void test_what_actions_have(void **state)
{
	static const gid_t gids[] = { 2000 };
	struct policy_request request = {
		.uid = 1000,
		.gids = gids,
		.n_gids = 1,
		.namespace = POLICY_NAMESPACE_HOST,
		.cgroup = "/system.slice/shop.service",
		.probe = "tcp.state",
		.roles = "release",
		.signers = spec_signers,
		.n_signers = 1,
		.data = POLICY_DATA_AGGREGATES,
		.minute = 24 * 60,
	};

	(void)state;
	for (uint32_t action = 0; action < _POLICY_ACTION_MAX; action++)
		for (size_t i = 0; i < COUNT(had); i++) {
			request.action = action;
			request.spec = &spec_looks_on;
			check_had(i, &request);
			/* Before a bundle to be enrolled was looked at; to attach, it must be known. */
			request.spec = NULL;
			if (action != POLICY_ATTACH)
				check_had(i, &request);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_each_row_has_a_case_of_each_kind),
		cmocka_unit_test(test_each_row_is_left_out_once),
		cmocka_unit_test(test_what_actions_have),
	};

	specs_fill();
	return cmocka_run_group_tests_name("policy-cases", tests, NULL, NULL);
}
