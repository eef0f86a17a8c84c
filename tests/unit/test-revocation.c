/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of revocations: every rule of L1 to L10 with its exact reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/revocation.h"

#define OF(entries) REVOCATIONS_PREFIX "\"issued\":1,\"revoked\":[" entries "]}"
#define HEX         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DEEP        "[[[[[[[[[[[[[[[["
#define LONG        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int parse(const char *text, size_t size, struct revocation **ret, size_t *n, struct refusal *refusal)
{
	*ret = NULL;
	*n = 0;
	return revocations_parse(text, size, ret, n, refusal);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *rule, *reason;
	} cases[] = {
		{ "", "L1", "0 bytes" },
		{ "{\"type\":\"bpfwarden-bundle/v1\",\"revoked\":[]}", "L2", "does not begin with" },
		{ OF("{\"file\":\"\xff\"}"), "L3", "not UTF-8" },
		{ OF("{\"file\":\"" HEX "\",\"reason\":\"\\u0000\"}"), "L3", "line 1" },
		{ OF(DEEP DEEP DEEP), "L4", "deeper than 32" },
		{ OF("") " x", "L5", "end of file" },
		{ OF("{\"file\":\"" HEX "\",\"file\":\"" HEX "\"}"), "L5", "duplicate" },
		{ OF("{\"bundle\":\"a\",\"serial\":0}"), "L6", "from 1" },
		{ OF("{\"bundle\":\"a\",\"below\":-1}"), "L6", "from 1" },
		{ OF("{\"bundle\":\"a\",\"serial\":1.0}"), "L6", "an integer" },
		{ OF("{\"bundle\":\"a\",\"serial\":9223372036854775808}"), "L6", "too big" },
		{ REVOCATIONS_PREFIX "\"issued\":-1,\"revoked\":[]}", "L6", "issued" },
		{ REVOCATIONS_PREFIX "\"issued\":1.5,\"revoked\":[]}", "L6", "issued" },
		{ REVOCATIONS_PREFIX "\"issued\":1,\"revoked\":[],\"until\":2}", "L7", "\"until\"" },
		{ OF("{\"file\":\"" HEX "\",\"serials\":1}"), "L7", "\"serials\"" },
		{ REVOCATIONS_PREFIX "\"revoked\":[]}", "L8", "issued" },
		{ REVOCATIONS_PREFIX "\"issued\":\"1\",\"revoked\":[]}", "L8", "issued" },
		{ REVOCATIONS_PREFIX "\"issued\":1}", "L8", "revoked is not there" },
		{ OF("1"), "L8", "not an object" },
		{ OF("{\"reason\":\"x\"}"), "L8", "exactly one" },
		{ OF("{\"file\":\"" HEX "\",\"key\":\"" HEX "\"}"), "L8", "exactly one" },
		{ OF("{\"bundle\":\"a\",\"serial\":1,\"key\":\"" HEX "\"}"), "L8", "exactly one" },
		{ OF("{\"bundle\":\"a\"}"), "L8", "neither serial nor below" },
		{ OF("{\"bundle\":\"a\",\"serial\":1,\"below\":1}"), "L8", "or both" },
		{ OF("{\"key\":\"" HEX "\",\"serial\":1}"), "L8", "without a bundle" },
		{ OF("{\"key\":\"" HEX "\",\"reason\":1}"), "L8", "not a string" },
		{ OF("{\"bundle\":\"A\",\"serial\":1}"), "L9", "not the name" },
		{ OF("{\"bundle\":\"" LONG "\",\"serial\":1}"), "L9", "not the name" },
		{ OF("{\"bundle\":1,\"serial\":1}"), "L9", "not the name" },
		{ OF("{\"key\":\"aa\"}"), "L9", "lower-case hexadecimal" },
		{ OF("{\"certificate\":\"A" HEX "\"}"), "L9", "lower-case hexadecimal" },
		{ OF("{\"key\":\"" HEX "\",\"reason\":\"a\\nb\"}"), "L9", "not printable" },
		{ OF("{\"key\":\"" HEX "\",\"reason\":\"" LONG LONG "\"}"), "L9", "longer than 127" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refusal refusal = {};
		struct revocation *list;
		size_t n;
		int r = parse(cases[i].text, strlen(cases[i].text), &list, &n, &refusal);

		if (r != REFUSAL_TRUST_INVALID || strcmp(refusal.subject, cases[i].rule) != 0 ||
		    !strstr(refusal.reason, cases[i].reason))
			fail_msg("case %zu: %d, %s: %s", i, r, refusal.subject, refusal.reason);
		assert_null(list);
	}
}

/* As many entries as there may be, and one more. */
static void test_how_many(void **state)
{
	static const char head[] = REVOCATIONS_PREFIX "\"issued\":1,\"revoked\":[",
			  entry[] = "{\"key\":\"" HEX "\"},";
	char *text = malloc(sizeof(head) + (REVOCATIONS_MAX + 1) * sizeof(entry) + 2);
	struct refusal refusal = {};
	struct revocation *list;
	size_t n;

	(void)state;
	assert_non_null(text);
	for (int more = 0; more < 2; more++) {
		char *end = stpcpy(text, head);

		for (int i = 0; i < REVOCATIONS_MAX + more; i++)
			end = stpcpy(end, entry);
		end = stpcpy(end - 1, "]}");
		assert_int_equal(parse(text, (size_t)(end - text), &list, &n, &refusal),
				 more ? REFUSAL_TRUST_INVALID : 0);
		assert_int_equal(n, more ? 0 : REVOCATIONS_MAX);
		free(list);
	}
	assert_string_equal(refusal.subject, "L10");
	free(text);
}

static void test_accepted(void **state)
{
	static const char text[] =
		OF("{\"bundle\":\"tcp.state\",\"serial\":9223372036854775807,\"reason\":\"a\"},"
		   "{\"below\":5,\"bundle\":\"net.drop\"},"
		   "{\"file\":\"" HEX "\"},{\"key\":\"" HEX "\"},{\"certificate\":\"" HEX "\"}");
	struct refusal refusal = {};
	struct revocation *list;
	size_t n;

	(void)state;
	assert_int_equal(parse(text, strlen(text), &list, &n, &refusal), 0);
	assert_int_equal(n, 5);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(list[i].kind, i);
	assert_string_equal(list[0].name, "tcp.state");
	assert_true(list[0].serial == INT64_MAX && list[1].serial == 5);
	assert_string_equal(list[0].reason, "a");
	assert_int_equal(list[4].digest[DIGEST_SIZE - 1], 0xaa);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_how_many),
		cmocka_unit_test(test_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
