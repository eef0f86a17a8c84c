/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `bpfwarden trust` finds out by itself: whether two globs can match one name, and a list of revocations
 * that comes back as it was written. */
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/trust-view.h"
#include "common/cleanup.h"

static void test_globs(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} cases[] = {
		{ "tcp.state", "tcp.state", true },
		{ "tcp.state", "tcp.stat", false },
		{ "tcp.*", "tcp.state", true },
		{ "tcp.*", "*.state", true },
		{ "tcp.*", "udp.*", false },
		{ "*", "x", true },
		{ "*", "*", true },
		{ "a*", "*b", true },
		{ "a*b", "b*a", false },
		{ "a?", "?b", true },
		{ "a?", "a", false },
		{ "a*", "a", true },
		{ "*a*", "b*b", true },
		{ "a*c", "a?b?c", true },
		{ "abc*def", "abd*", false },
		{ "**", "?", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (globs_overlap(cases[i].a, cases[i].b) != cases[i].overlap ||
		    globs_overlap(cases[i].b, cases[i].a) != cases[i].overlap)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
}

/* The nth text of length size over an alphabet. */
static void nth(char *text, size_t size, unsigned n, const char *alphabet)
{
	for (size_t i = 0; i < size; i++, n /= (unsigned)strlen(alphabet))
		text[i] = alphabet[n % strlen(alphabet)];
	text[size] = '\0';
}

/* Of all short globs: they overlap exactly if some name, of no more letters than both have together, is
 * matched by both (fnmatch(3), which is what trust asks). */
static void test_globs_exhaustively(void **state)
{
	enum { GLOB = 3, NAME = 2 * GLOB };
	char a[GLOB + 1], b[GLOB + 1], name[NAME + 1];

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		for (unsigned j = 0; j < 64; j++) {
			bool overlap = false;

			nth(a, GLOB, i, "ab?*");
			nth(b, GLOB, j, "ab?*");
			for (size_t size = 0; size <= NAME && !overlap; size++)
				for (unsigned n = 0; n < 1U << size && !overlap; n++) {
					nth(name, size, n, "ab");
					overlap = !fnmatch(a, name, 0) && !fnmatch(b, name, 0);
				}
			if (globs_overlap(a, b) != overlap)
				fail_msg("%s and %s", a, b);
		}
}

static void test_revocations(void **state)
{
	static const struct revocation entries[] = {
		{ .kind = REVOKED_BUNDLE, .name = "tcp.state", .serial = 3, .reason = "it \"leaks\" \\" },
		{ .kind = REVOKED_BELOW, .name = "tcp.state", .serial = INT64_MAX },
		{ .kind = REVOKED_FILE, .digest = { 1, 2, 0xff } },
		{ .kind = REVOKED_KEY, .digest = { 0xab }, .reason = "laptop lost, \xc3\xa4\xc3\xb6" },
		{ .kind = REVOKED_CERTIFICATE },
	};
	enum { N = sizeof(entries) / sizeof(entries[0]) };
	_cleanup_free_ struct revocation *parsed = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0, n = 0;

	(void)state;
	assert_int_equal(revocations_write(1764072000, entries, N, &text, &size, NULL), 0);
	assert_memory_equal(text, REVOCATIONS_PREFIX "\"issued\":1764072000,",
			    strlen(REVOCATIONS_PREFIX) + 20);
	assert_int_equal(revocations_parse(text, size, &parsed, &n, NULL), 0);
	assert_int_equal(n, N);
	assert_memory_equal(parsed, entries, sizeof(entries));
}

static void test_revocations_too_many(void **state)
{
	struct revocation *entries = calloc(REVOCATIONS_MAX + 1, sizeof(*entries));
	struct refusal refusal;
	char *text = NULL;
	size_t size;

	(void)state;
	assert_int_equal(revocations_write(1, entries, REVOCATIONS_MAX + 1, &text, &size, &refusal),
			 REFUSAL_TRUST_INVALID);
	assert_null(text);
	free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globs),
		cmocka_unit_test(test_globs_exhaustively),
		cmocka_unit_test(test_revocations),
		cmocka_unit_test(test_revocations_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
