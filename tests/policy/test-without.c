/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked with the row WITHOUT of the matcher left out: each case that names this row then has another
 * outcome, and none besides. So the row is needed, the cases would notice if it went missing, and no other
 * row does its work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/policy/cases.h"
#include "tests/policy/specs.h"

static enum rule_key without(void)
{
	enum rule_key key = 0;

	while (key < _RULE_KEY_MAX && strcmp(rule_rows[key].name, WITHOUT) != 0)
		key++;
	assert_true(key < _RULE_KEY_MAX);
	return key;
}

static void test_without(void **state)
{
	enum rule_key row = without();
	unsigned int failed = 0, wrong = 0;

	(void)state;
	for (const struct policy_case *c = policy_cases; c->policy; c++) {
		char outcome[CASE_OUTCOME_MAX];
		bool fails;

		case_run(c, outcome);
		fails = strcmp(outcome, c->expected) != 0;
		failed += fails;
		if (fails == (c->row == row))
			continue;
		printf("# case %zu names %s and %s without " WITHOUT ": %s, expected %s of\n%s",
		       (size_t)(c - policy_cases), c->row == _RULE_KEY_MAX ? "no row" : rule_key_name(c->row),
		       fails ? "fails" : "passes", outcome, c->expected, c->policy);
		wrong++;
	}
	printf("# without " WITHOUT ": %u cases fail\n", failed);
	assert_int_equal(wrong, 0);
	assert_true(failed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without),
	};

	specs_fill();
	return cmocka_run_group_tests_name("policy-without-" WITHOUT, tests, NULL, NULL);
}
