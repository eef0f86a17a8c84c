/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One log in several files: where one ends and the next begins, and that nobody who asks can tell. */
#include "../unit/audit-fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#include "common/digest.h"

/* Seconds by which the real time is ahead, for the log and this test alike. */
static time_t clock_ahead;
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);

	if (clock == CLOCK_REALTIME)
		ret->tv_sec += clock_ahead;
	return r;
}

static struct audit *open_small(const char *directory, uint64_t segment_size)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;

	options.directory = directory;
	options.segment_size = segment_size;
	if (audit_open(&options, &audit, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return audit;
}

/* "1 4 9 ": the first record of each file, in order. */
static const char *segments(const char *directory)
{
	static char list[256];
	struct dirent **entries;
	int n = scandir(directory, &entries, NULL, alphasort);
	unsigned long long first;
	char rest[64];

	list[0] = '\0';
	for (int i = 0; i < n; i++) {
		if (sscanf(entries[i]->d_name, "log-%12llu%63s", &first, rest) == 2 &&
		    !strcmp(rest, ".sqlite"))
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%llu ", first);
		free(entries[i]);
	}
	free(entries);
	return list;
}

static void append(struct audit *audit, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fixture_append(audit, i, "p");
	fixture_commit(audit);
}

static int collect(const struct audit_row *row, void *userdata)
{
	char *list = userdata;

	snprintf(list + strlen(list), 64 - strlen(list), "%llu ", (unsigned long long)row->seq);
	return 0;
}

static int stop_at_four(const struct audit_row *row, void *userdata)
{
	collect(row, userdata);
	return row->seq == 4;
}

static void test_rotate(void **state)
{
	struct audit *audit = fixture_open(*state);

	assert_int_equal(audit_rotate(audit, NULL), 0); /* an empty one has no end */
	assert_string_equal(segments(*state), "1 ");
	append(audit, 3);
	fixture_append(audit, 0, "staged");
	assert_int_equal(audit_rotate(audit, NULL), 0);
	assert_string_equal(segments(*state), "1 5 ");
	assert_int_equal(audit_rotate(audit, NULL), 0);
	assert_string_equal(segments(*state), "1 5 ");
	assert_int_equal(fixture_append(audit, 0, "p"), 5);
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), 5);
	/* The old one is a single file. */
	assert_int_equal(access(fixture_path(*state, FIXTURE_LOG "-wal"), F_OK), -1);
	assert_int_equal(access(fixture_path(*state, FIXTURE_LOG "-shm"), F_OK), -1);
	audit = audit_close(audit);
	audit = fixture_open(*state);
	assert_int_equal(fixture_check_log(audit), 5);
	assert_int_equal(fixture_append(audit, 0, "p"), 6);
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), 6);
	audit_close(audit);
}

static void test_rotates_by_size(void **state)
{
	struct audit *audit = open_small(*state, 256 << 10);
	uint64_t last;

	for (int i = 0; i < 40; i++)
		append(audit, 50);
	last = audit_head(audit);
	assert_int_equal(last, 2000);
	assert_true(strlen(segments(*state)) > strlen("1 "));
	assert_int_equal(fixture_check_log(audit), last);
	audit = audit_close(audit);
	audit = open_small(*state, 256 << 10);
	assert_int_equal(fixture_check_log(audit), last);
	audit_close(audit);
}

static void test_query(void **state)
{
	static const struct {
		struct audit_filter filter;
		const char *expected;
	} cases[] = {
		{ { 0 }, "1 2 3 4 5 6 7 8 9 " },
		{ { .reverse = true }, "9 8 7 6 5 4 3 2 1 " },
		{ { .from_seq = 3, .limit = 3 }, "3 4 5 " },
		{ { .from_seq = 5, .reverse = true, .limit = 3 }, "5 4 3 " },
		{ { .from_seq = 2, .to_seq = 6 }, "2 3 4 5 6 " },
		{ { .from_seq = 7, .to_seq = 3, .reverse = true }, "7 6 5 4 3 " },
		{ { .by_uid = true, .uid = 1 }, "2 5 8 " },
		{ { .by_uid = true, .uid = 1, .reverse = true, .limit = 2 }, "8 5 " },
		{ { .since = 1 }, "1 2 3 4 5 6 7 8 9 " },
		{ { .from_seq = UINT64_MAX }, "" },
	};
	struct audit *audit = fixture_open(*state);
	char list[64];

	for (int i = 0; i < 3; i++) {
		append(audit, 3);
		if (i < 2)
			assert_int_equal(audit_rotate(audit, NULL), 0);
	}
	assert_string_equal(segments(*state), "1 4 7 ");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list[0] = '\0';
		assert_int_equal(audit_query(audit, &cases[i].filter, collect, list, NULL), 0);
		assert_string_equal(list, cases[i].expected);
	}
	list[0] = '\0';
	assert_int_equal(audit_query(audit, NULL, stop_at_four, list, NULL), 0);
	assert_string_equal(list, "1 2 3 4 ");
	audit_close(audit);
}

static uint64_t append_under(struct audit *audit, const uint8_t digest[DIGEST_SIZE])
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	uint64_t seq = 0;

	record.policy_digest = digest;
	assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
	fixture_commit(audit);
	return seq;
}

static bool file_has_text(const char *directory, uint64_t first, const uint8_t digest[DIGEST_SIZE])
{
	char name[64], sql[256], hex[DIGEST_HEX_MAX];
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	bool has;

	snprintf(name, sizeof(name), "log-%012llu.sqlite", (unsigned long long)first);
	snprintf(sql, sizeof(sql), "SELECT 1 FROM text WHERE digest = x'%s'", digest_to_hex(digest, hex));
	assert_int_equal(sqlite3_open_v2(fixture_path(directory, name), &db, SQLITE_OPEN_READWRITE, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	has = sqlite3_step(stmt) == SQLITE_ROW;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return has;
}

/* A text goes along with the first record of each segment that refers to it. */
static void test_texts_are_carried(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint8_t used[DIGEST_SIZE], unused[DIGEST_SIZE];
	char *text = NULL;
	size_t size;

	assert_int_equal(audit_put_text(audit, "policy", 6, used, NULL), 0);
	assert_int_equal(audit_put_text(audit, "old", 3, unused, NULL), 0);
	append_under(audit, used);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	append(audit, 1);
	assert_false(file_has_text(*state, 2, used));
	append_under(audit, used);
	append_under(audit, used);
	assert_true(file_has_text(*state, 2, used));
	assert_false(file_has_text(*state, 2, unused));
	assert_int_equal(audit_rotate(audit, NULL), 0);
	/* From the one before the last, and of a digest that nobody knows. */
	append_under(audit, unused);
	append_under(audit, (const uint8_t *)"a digest of which there is none.");
	assert_true(file_has_text(*state, 5, unused));
	assert_int_equal(audit_get_text(audit, used, &text, &size, NULL), 0);
	assert_string_equal(text, "policy");
	free(text);
	audit_close(audit);
}

/* A segment that cannot be read any more keeps neither records nor texts back that do not need it. */
static void test_unreadable_segment(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint8_t first[DIGEST_SIZE], second[DIGEST_SIZE];
	char *text = NULL;
	size_t size;
	FILE *file;

	assert_int_equal(audit_put_text(audit, "first", 5, first, NULL), 0);
	append_under(audit, first);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	assert_int_equal(audit_put_text(audit, "second", 6, second, NULL), 0);
	append_under(audit, second);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	file = fopen(fixture_path(*state, "log-000000000002.sqlite"), "we");
	assert_non_null(file);
	assert_true(fputs("no database", file) >= 0);
	assert_int_equal(fclose(file), 0);
	append_under(audit, second);
	append_under(audit, first);
	assert_true(file_has_text(*state, 3, first));
	assert_false(file_has_text(*state, 3, second));
	assert_int_equal(audit_get_text(audit, second, &text, &size, NULL), REFUSAL_AUDIT_UNAVAILABLE);
	audit_close(audit);
}

/* Somebody who reads the file keeps it from being ended, and nothing else. */
static void test_reader_in_the_way(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct refusal refusal = { 0 };
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	append(audit, 3);
	assert_int_equal(sqlite3_open_v2(fixture_path(*state, FIXTURE_LOG), &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT seq FROM record", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(audit_rotate(audit, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
	assert_string_equal(refusal.subject, "rotate");
	assert_string_equal(segments(*state), "1 ");
	append(audit, 3);
	assert_int_equal(fixture_check_log(audit), 6);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	assert_string_equal(segments(*state), "1 7 ");
	append(audit, 1);
	assert_int_equal(fixture_check_log(audit), 7);
	audit_close(audit);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The stub, held to the log's key. */
static struct stub stub_of(struct audit *audit)
{
	struct audit_state state;
	struct note_key key;
	struct stub stub = { 0 };

	audit_describe(audit, &state);
	assert_int_equal(note_key_parse(state.key, &key), 0);
	if (*state.removed)
		assert_int_equal(stub_verify(&key, state.removed, strlen(state.removed), &stub), NOTE_GOOD);
	return stub;
}

static void make_three(struct audit *audit, uint64_t *ret_between)
{
	append(audit, 3);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	append(audit, 4);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	*ret_between = now_ns();
	append(audit, 5);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	append(audit, 6);
}

static void test_retain(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct audit_state before, after;
	struct tree_proof proof;
	uint64_t between;
	struct stub stub;

	make_three(audit, &between);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	assert_int_equal(audit_retain(audit, 1, NULL), 0); /* nothing is as old */
	assert_string_equal(segments(*state), "1 4 8 13 ");
	audit_describe(audit, &before);
	assert_string_equal(before.removed, "");
	assert_int_equal(audit_retain(audit, between, NULL), 0);
	assert_string_equal(segments(*state), "8 13 ");
	audit_describe(audit, &after);
	assert_int_equal(after.first, 8);
	assert_int_equal(after.last, 19);
	assert_non_null(strstr(fixture_record(audit, 19), "\"action\":\"audit-retention\""));
	assert_non_null(strstr(fixture_record(audit, 19), "records up to 7 are removed"));
	stub = stub_of(audit);
	assert_int_equal(stub.size, 7);
	assert_true(stub.time >= between && stub.time <= now_ns());
	/* What is left is proved as before, what is gone is said to be. */
	assert_int_equal(audit_prove_inclusion(audit, 8, 18, &proof, NULL), 0);
	assert_int_equal(audit_prove_consistency(audit, 7, 18, &proof, NULL), 0);
	assert_int_equal(audit_prove_inclusion(audit, 7, 18, &proof, NULL), -ENOENT);
	assert_int_equal(audit_prove_consistency(audit, 6, 18, &proof, NULL), -ENOENT);
	assert_int_equal(audit_get(audit, 7, NULL, NULL, NULL), -ENOENT);
	audit = audit_close(audit);
	audit = fixture_open(*state);
	assert_int_equal(stub_of(audit).size, 7);
	assert_int_equal(audit_head(audit), 19);
	/* Never the one that is written. */
	assert_int_equal(audit_retain(audit, UINT64_MAX, NULL), 0);
	assert_string_equal(segments(*state), "13 ");
	assert_int_equal(stub_of(audit).size, 12);
	audit_close(audit);
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC),
	    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(in >= 0 && out >= 0);
	assert_true(sendfile(out, in, NULL, 1 << 30) > 0);
	close(in);
	close(out);
}

/* The stub is there, the files are, too: whatever the daemon died of, they go when it comes back. */
static void test_interrupted_removal(void **state)
{
	char *saved = strdup(fixture_path(*state, "saved"));
	struct audit *audit = fixture_open(*state);
	uint64_t between;

	make_three(audit, &between);
	copy_file(fixture_path(*state, "log-000000000004.sqlite"), saved);
	assert_int_equal(audit_retain(audit, between, NULL), 0);
	audit = audit_close(audit);
	copy_file(saved, fixture_path(*state, "log-000000000004.sqlite"));
	audit = fixture_open(*state);
	assert_string_equal(segments(*state), "8 13 ");
	assert_non_null(strstr(fixture_record(audit, audit_head(audit)), "\"action\":\"audit-retention\""));
	audit_close(audit);
	free(saved);
}

static void test_keep(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = fixture_open(*state);
	uint64_t between, before;

	make_three(audit, &between);
	audit_close(audit);
	options.directory = *state;
	options.keep = 3600;
	before = fixture_now();
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_string_equal(segments(*state), "1 4 8 13 ");
	assert_in_range(audit_next_tick(audit), before + SECONDS(86400), fixture_now() + SECONDS(86400));
	audit_close(audit);
}

/* A log whose last record is from long ago, as if the clock were wrong now: nothing goes, at the start or
 * later. */
static void test_implausible_clock(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = fixture_open(*state);
	uint64_t between;

	make_three(audit, &between);
	audit_close(audit);
	options.directory = *state;
	options.keep = 1;
	clock_ahead = 31 * 86400;
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_string_equal(segments(*state), "1 4 8 13 ");
	assert_int_equal(audit_tick(audit, fixture_now() + SECONDS(2 * 86400), NULL), 0);
	/* Two days have passed, as far as the log can know: the clock is 29 days ahead of it now. */
	assert_string_equal(segments(*state), "13 ");
	audit_close(audit);
	clock_ahead = 0;
}

/* Another value removes nothing before a day is over, whether it is said once or again and again. */
static void test_configure(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t between;

	make_three(audit, &between);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	audit_configure(audit, AUDIT_SEGMENT_SIZE, 1);
	assert_in_range(audit_next_tick(audit), fixture_now() + SECONDS(86000),
			fixture_now() + SECONDS(86400));
	audit_configure(audit, AUDIT_SEGMENT_SIZE, 1);
	assert_int_equal(audit_tick(audit, fixture_now(), NULL), 0);
	assert_string_equal(segments(*state), "1 4 8 13 ");
	/* As many seconds as there can be are not a few. */
	audit_configure(audit, AUDIT_SEGMENT_SIZE, UINT64_MAX);
	assert_int_equal(audit_tick(audit, fixture_now() + SECONDS(86401), NULL), 0);
	assert_string_equal(segments(*state), "1 4 8 13 ");
	/* A segment that is too large already ends with the next commit. */
	audit_configure(audit, 1, 0);
	append(audit, 1);
	assert_string_equal(segments(*state), "1 4 8 13 20 ");
	audit_close(audit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rotate),
		TEST(test_rotates_by_size),
		TEST(test_query),
		TEST(test_texts_are_carried),
		TEST(test_unreadable_segment),
		TEST(test_reader_in_the_way),
		TEST(test_retain),
		TEST(test_interrupted_removal),
		TEST(test_keep),
		TEST(test_implausible_clock),
		TEST(test_configure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
