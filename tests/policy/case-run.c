/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/cases.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int resolve(void *userdata, const char *name, uint32_t *ret_id)
{
	static const struct {
		const char *name;
		uint32_t id;
	} names[] = { { "alice", 1000 }, { "bob", 1001 }, { "dev", 2000 }, { "ops", 2001 } };

	(void)userdata;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) != 0)
			continue;
		*ret_id = names[i].id;
		return 0;
	}
	return 1;
}

const struct policy_resolver case_resolver = { .user = resolve, .group = resolve };

__attribute__((format(printf, 2, 3))) static void append(char outcome[static CASE_OUTCOME_MAX],
							 const char *format, ...)
{
	size_t n = strlen(outcome);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(outcome + n, CASE_OUTCOME_MAX - n, format, arguments);
	va_end(arguments);
}

static void append_limits(const struct policy_limits *limits, char outcome[static CASE_OUTCOME_MAX])
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		if (limits->value[i] != POLICY_UNLIMITED)
			append(outcome, "; %s %" PRIu64 " by %s", policy_limit_name(i), limits->value[i],
			       limits->section[i]);
}

static void append_parameters(const struct policy_request *q, const struct policy_decision *decision,
			      char outcome[static CASE_OUTCOME_MAX])
{
	for (uint32_t i = 0; q->spec && q->action == POLICY_ATTACH && i < q->spec->n_params; i++)
		if (decision->parameters[i] !=
		    (q->parameters ? q->parameters[i] : q->spec->params[i].initial))
			append(outcome, "; %s = %" PRIu64, q->spec->params[i].name, decision->parameters[i]);
}

void case_run(const struct policy_case *c, char outcome[static CASE_OUTCOME_MAX])
{
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct policy_decision decision;
	struct refusal refusal = {};
	int r = policy_new_from_text("f", c->policy, strlen(c->policy), &case_resolver, &refusal, &policy);

	if (r)
		fail_msg("%s: %s\n%s", refusal.subject, refusal.reason, c->policy);
	policy_decide(policy, &c->request, &decision);
	*outcome = '\0';
	append(outcome, "%s %s", decision.allowed ? "allow" : "deny", decision.rule);
	if (!decision.allowed && decision.parameter != POLICY_NO_PARAMETER)
		append(outcome, " for %s", c->request.spec->params[decision.parameter].name);
	if (decision.allowed || decision.parameter != POLICY_NO_PARAMETER)
		append_limits(&decision.limits, outcome);
	if (decision.allowed)
		append_parameters(&c->request, &decision, outcome);
}
