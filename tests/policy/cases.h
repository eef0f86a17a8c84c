/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The decision table: a policy, a request, and what must come of it. Where exactly one condition keeps a
 * section from matching, the case names its row of the matcher: without that row the case fails, and without
 * any other it does not.
 */
#include "policy/rule.h"

struct policy_case {
	const char *policy;
	struct policy_request request;
	const char *expected; /* in the form of case_run() */
	enum rule_key row;    /* _RULE_KEY_MAX: no row alone decides */
	enum rule_kind kind;  /* of the section that it keeps from matching */
};

extern const struct policy_case policy_cases[]; /* without policy at the end */

#define CASE_OUTCOME_MAX 512

/*
 * What policy_decide() says of a case: "allow a", "deny default", "deny l for threshold". Behind it, if
 * allowed or denied for a parameter, the limits that apply, "; max-memory 1 by l", and if allowed the
 * parameters that were moved,
 * "; threshold = 1000". Fails the test if the policy cannot be read.
 */
void case_run(const struct policy_case *c, char outcome[static CASE_OUTCOME_MAX]);

/* The name service of the cases: alice is 1000, bob 1001, group dev 2000, ops 2001; ghost and ghosts do not
 * exist. */
extern const struct policy_resolver case_resolver;
