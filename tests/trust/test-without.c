/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked with the row WITHOUT of the table of checks left out: at least one vector that breaks this rule is
 * then accepted, and none that breaks another. So the row is needed, the vectors would notice if it went
 * missing, and no other row does its work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "signing/checks.h"
#include "tests/trust/judge.h"

static bool has_row(void)
{
	const struct check *c = checks;

	while (c->rule && strcmp(c->rule, WITHOUT) != 0)
		c++;
	return c->rule;
}

static void test_without(void **state)
{
	unsigned int passed = 0;

	(void)state;
	assert_true(has_row());
	judge_begin();
	for (const struct vector *v = vectors; v->name; v++) {
		struct refusal refusal = {};
		int r;

		/* Two rules have a part in these, so they tell nothing of one. */
		if (v->other_rule && (!strcmp(v->rule, WITHOUT) || !strcmp(v->other_rule, WITHOUT)))
			continue;
		r = judge(v, &refusal);
		assert_true(r >= 0);
		if (!v->rule && r)
			fail_msg("%s is refused: %s: %s", v->name, refusal.subject, refusal.reason);
		if (!v->rule || r)
			continue;
		if (strcmp(v->rule, WITHOUT) != 0)
			fail_msg("%s, which breaks %s, is accepted", v->name, v->rule);
		passed++;
		printf("# without " WITHOUT ": %s\n", v->name);
	}
	judge_end();
	assert_true(passed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
