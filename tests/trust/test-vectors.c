/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every vector with its exact verdict; what openssl(1) says of the same signatures; and that the table in
 * docs/FORMAT-bundle.md of where we are stricter is this.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/fd.h"
#include "signing/checks.h"
#include "tests/trust/judge.h"
#include "tests/unit/pki.h"

static void assert_verdict(const struct vector *v)
{
	struct refusal refusal = {};
	int r = judge(v, &refusal);

	if (!v->rule) {
		if (r)
			fail_msg("%s: %d, %s: %s", v->name, r, refusal.subject, refusal.reason);
		return;
	}
	if (r <= 0 || (uint32_t)r != refusal.code || !strstr(refusal.reason, v->reason))
		fail_msg("%s: %d, %s: %s", v->name, r, refusal.subject, refusal.reason);
	/* Typed refusals of their own have the bundle as their subject and name the rule at the end. */
	if (r == REFUSAL_SIGNATURE_INVALID
		    ? strcmp(refusal.subject, v->rule) != 0
		    : !strstr(refusal.reason, v->rule) || strcmp(refusal.subject, "tcp.state-3") != 0)
		fail_msg("%s: refused by %s (%s)", v->name, refusal.subject, refusal.reason);
}

static void test_verdicts(void **state)
{
	(void)state;
	judge_begin();
	for (const struct vector *v = vectors; v->name; v++)
		assert_verdict(v);
	judge_end();
}

static void test_each_row_has_a_vector(void **state)
{
	(void)state;
	for (const struct check *c = checks; c->rule; c++) {
		const struct vector *v = vectors;

		while (v->name && (!v->rule || v->other_rule || strcmp(v->rule, c->rule) != 0))
			v++;
		if (!v->name)
			fail_msg("no vector breaks %s alone", c->rule);
	}
}

/* The build makes a test without each row: by this list. */
static void test_each_row_is_left_out_once(void **state)
{
	char rows[512] = "";

	(void)state;
	for (const struct check *c = checks; c->rule; c++)
		snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows), "%s%s", c == checks ? "" : " ",
			 c->rule);
	assert_string_equal(rows, ROWS);
}

static void test_openssl(void **state)
{
	(void)state;
	for (const struct vector *v = vectors; v->name; v++) {
		bool accepts;

		if (v->openssl == OPENSSL_NOT_ASKED) {
			assert_true(!v->rule || v->rule[0] != 'S' || v->later || v->known);
			continue;
		}
		accepts = pki_openssl_accepts(v->signatures[0], v->manifest ? v->manifest : "content.json",
					      v->cafile ? v->cafile : "cafile.pem");
		if (accepts != (v->openssl == OPENSSL_ACCEPTS))
			fail_msg("%s: openssl %s it", v->name, accepts ? "accepts" : "refuses");
		if (!accepts && !v->rule)
			fail_msg("%s: we are laxer than openssl", v->name);
	}
}

static bool is_stricter(const char *rule)
{
	for (const struct vector *v = vectors; v->name; v++)
		if (v->rule && !strcmp(v->rule, rule) && v->openssl == OPENSSL_ACCEPTS)
			return true;
	return false;
}

static void test_the_page_says_where_we_are_stricter(void **state)
{
	_cleanup_close_ int fd = open(PAGE, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *page = NULL;
	char *table, *end;
	size_t size;

	(void)state;
	assert_int_equal(fd_read_all(fd, 1U << 20, &page, &size), 0);
	table = strstr(page, "### Where this is stricter than openssl");
	assert_non_null(table);
	end = strstr(table + 4, "\n#");
	if (end)
		*end = '\0';
	for (const struct check *c = checks; c->rule; c++) {
		char row[16];

		snprintf(row, sizeof(row), "\n| %s |", c->rule);
		if (!strstr(table, row) == is_stricter(c->rule))
			fail_msg("%s is%s in the table", c->rule, is_stricter(c->rule) ? " not" : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_each_row_has_a_vector),
		cmocka_unit_test(test_each_row_is_left_out_once),
		cmocka_unit_test(test_openssl),
		cmocka_unit_test(test_the_page_says_where_we_are_stricter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
