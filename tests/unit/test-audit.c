/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log as its callers see it: order, bytes, queries, counted denials, and whom it refuses to open. */
#include "audit-fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void test_commit_makes_visible(void **state)
{
	struct audit *audit = fixture_open(*state);

	assert_int_equal(audit_head(audit), 0);
	assert_int_equal(fixture_append(audit, 1000, "tcp.state"), 1);
	assert_int_equal(fixture_append(audit, 1000, "tcp.state"), 2);
	assert_true(audit_pending(audit));
	assert_int_equal(audit_head(audit), 0);
	assert_int_equal(audit_get(audit, 1, NULL, NULL, NULL), -ENOENT);
	fixture_commit(audit);
	assert_false(audit_pending(audit));
	assert_int_equal(fixture_check_log(audit), 2);
	assert_int_equal(audit_get(audit, 3, NULL, NULL, NULL), -ENOENT);
	audit = audit_close(audit);

	audit = fixture_open(*state);
	assert_int_equal(audit_head(audit), 2);
	assert_int_equal(fixture_append(audit, 0, "tcp.state"), 3);
	audit = audit_close(audit); /* commits */
	audit = fixture_open(*state);
	assert_int_equal(fixture_check_log(audit), 3);
	audit_close(audit);
}

static void test_staging_is_bounded(void **state)
{
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_READ);
	struct audit *audit = fixture_open(*state);
	struct refusal refusal;

	for (int i = 0; i < AUDIT_STAGED_MAX; i++)
		assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	assert_int_equal(audit_append(audit, &record, NULL, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
	assert_string_equal(refusal.subject, "stage");
	fixture_commit(audit);
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	assert_int_equal(fixture_check_log(audit), AUDIT_STAGED_MAX + 1);
	audit_close(audit);
}

static void test_append_only(void **state)
{
	static const struct {
		const char *sql, *message;
	} cases[] = {
		{ "UPDATE record SET bytes = x'00'", "the log is append-only" },
		{ "DELETE FROM record WHERE seq = 2", "the log is append-only" },
		{ "DELETE FROM record", "the log is append-only" },
		{ "UPDATE text SET text = x'00'", "the log is append-only" },
		{ "DELETE FROM text", "the log is append-only" },
		{ "UPDATE node SET hash = zeroblob(32)", "the log is append-only" },
		{ "DELETE FROM node", "the log is append-only" },
		{ "INSERT OR REPLACE INTO node SELECT level, position, zeroblob(32) FROM node",
		  "the log is append-only" },
		{ "UPDATE checkpoint SET note = ''", "the log is append-only" },
		{ "DELETE FROM checkpoint", "the log is append-only" },
		{ "INSERT OR REPLACE INTO checkpoint VALUES (1, '')", "the log is append-only" },
		{ "UPDATE meta SET value = 'x' WHERE name = 'origin'", "the log is append-only" },
		{ "INSERT OR REPLACE INTO record SELECT 1, 0, 'read', NULL, NULL, NULL, NULL, NULL, leaf, "
		  "bytes "
		  "FROM record WHERE seq = 2",
		  "the sequence has no gaps" },
		{ "INSERT INTO record SELECT 4, 0, 'read', NULL, NULL, NULL, NULL, NULL, leaf, bytes FROM "
		  "record "
		  "WHERE seq = 2",
		  "the sequence has no gaps" },
		{ "INSERT INTO record SELECT NULL, 0, 'read', NULL, NULL, NULL, NULL, NULL, leaf, bytes FROM "
		  "record "
		  "WHERE seq = 2",
		  "the sequence has no gaps" },
	};
	struct audit *audit = fixture_open(*state);
	uint8_t digest[DIGEST_SIZE];

	fixture_append(audit, 0, "a");
	fixture_append(audit, 0, "b");
	assert_int_equal(audit_put_text(audit, "text", 4, digest, NULL), 0);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *message = fixture_sql(*state, cases[i].sql);

		assert_non_null(message);
		assert_string_equal(message, cases[i].message);
	}
	assert_null(fixture_sql(*state, "INSERT OR REPLACE INTO text SELECT digest, x'00' FROM text"));
	assert_int_equal(fixture_check_log(audit), 2);
	audit_close(audit);
}

static void test_text_stored_once(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint8_t digest[DIGEST_SIZE], again[DIGEST_SIZE];
	char *text = NULL;
	size_t size = 0;

	/* sha256sum of "abc", FIPS 180-2, B.1 */
	static const uint8_t expected[4] = { 0xba, 0x78, 0x16, 0xbf };

	assert_int_equal(audit_put_text(audit, "abc", 3, digest, NULL), 0);
	assert_memory_equal(digest, expected, 4);
	assert_int_equal(audit_get_text(audit, digest, &text, &size, NULL), -ENOENT);
	fixture_commit(audit);
	assert_int_equal(audit_put_text(audit, "abc", 3, again, NULL), 0);
	assert_int_equal(audit_put_text(audit, "", 0, again, NULL), 0);
	fixture_commit(audit);
	assert_int_equal(audit_get_text(audit, digest, &text, &size, NULL), 0);
	assert_int_equal(size, 3);
	assert_string_equal(text, "abc");
	free(text);
	assert_int_equal(audit_get_text(audit, again, &text, &size, NULL), 0);
	assert_int_equal(size, 0);
	free(text);
	audit_close(audit);
}

static int collect(const struct audit_row *row, void *userdata)
{
	char *list = userdata;

	snprintf(list + strlen(list), 64 - strlen(list), "%llu ", (unsigned long long)row->seq);
	return 0;
}

static int stop_at_two(const struct audit_row *row, void *userdata)
{
	collect(row, userdata);
	return row->seq == 2 ? 1 : 0;
}

static int give_up(const struct audit_row *row, void *userdata)
{
	(void)row, (void)userdata;
	return -ECANCELED;
}

static void test_query(void **state)
{
	static const struct {
		struct audit_filter filter;
		const char *expected;
	} cases[] = {
		{ { 0 }, "1 2 3 4 5 " },
		{ { .reverse = true }, "5 4 3 2 1 " },
		{ { .reverse = true, .limit = 2 }, "5 4 " },
		{ { .reverse = true, .from_seq = 3 }, "3 2 1 " },
		{ { .from_seq = 4 }, "4 5 " },
		{ { .from_seq = UINT64_MAX }, "" },
		{ { .to_seq = 3 }, "1 2 3 " },
		{ { .from_seq = 2, .to_seq = 3 }, "2 3 " },
		{ { .from_seq = 4, .to_seq = 3 }, "" },
		{ { .reverse = true, .to_seq = 4 }, "5 4 " },
		{ { .reverse = true, .from_seq = 3, .to_seq = 2 }, "3 2 " },
		{ { .since = 1, .from_seq = 2, .to_seq = 3 }, "2 3 " },
		{ { .since = 1, .until = 2, .to_seq = 5 }, "" },
		{ { .kind = "outcome" }, "4 " },
		{ { .kind = "decision", .to_seq = 2 }, "1 2 " },
		{ { .kind = "crash" }, "" },
		{ { .by_uid = true, .uid = 1000 }, "1 3 " },
		{ { .by_uid = true, .uid = 1 }, "" },
		{ { .probe = "dns.latency" }, "2 3 " },
		{ { .probe = "dns.latency' OR 1" }, "" },
		{ { .by_uid = true, .uid = 1000, .probe = "dns.latency" }, "3 " },
		{ { .verdict = AUDIT_ALLOW }, "1 2 3 " },
		{ { .verdict = AUDIT_OK }, "4 " },
		{ { .action = "detach" }, "4 " },
		{ { .attachment = "a1" }, "4 " },
		{ { .since = 1, .until = 2 }, "" },
		{ { .since = 1 }, "1 2 3 4 5 " },
		{ { .since = INT64_MAX }, "" },
	};
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_OUTCOME);
	struct audit_record stop = AUDIT_RECORD_INIT(AUDIT_STOP);
	struct audit *audit = fixture_open(*state);
	char list[64] = "";

	fixture_append(audit, 1000, "tcp.state");
	fixture_append(audit, 0, "dns.latency");
	fixture_append(audit, 1000, "dns.latency");
	record.verdict = AUDIT_OK;
	record.action = "detach";
	record.attachment = "a1";
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	assert_int_equal(audit_append(audit, &stop, NULL, NULL), 0);
	fixture_commit(audit);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list[0] = '\0';
		assert_int_equal(audit_query(audit, &cases[i].filter, collect, list, NULL), 0);
		assert_string_equal(list, cases[i].expected);
	}
	list[0] = '\0';
	assert_int_equal(audit_query(audit, NULL, stop_at_two, list, NULL), 0);
	assert_string_equal(list, "1 2 ");
	assert_int_equal(audit_query(audit, NULL, give_up, NULL, NULL), -ECANCELED);
	audit_close(audit);
}

/* Ten records a second apart, except that the clock went back by five seconds after the fourth:
 * times 100 101 102 103 98 99 100 101 102 103. */
static void test_query_time_window(void **state)
{
	static const struct {
		uint64_t since, until;
		bool reverse;
		const char *expected;
	} cases[] = {
		{ 103, 0, false, "4 10 " },
		{ 0, 99, false, "5 6 " },
		{ 100, 101, false, "1 2 7 8 " },
		{ 100, 101, true, "8 7 2 1 " },
		{ 98, 98, false, "5 " },
		{ 104, 0, false, "" },
		{ 0, 97, true, "" },
		{ 102, 103, false, "3 4 9 10 " },
	};
	struct audit *audit = fixture_open(*state);
	char list[64];

	for (int i = 1; i <= 10; i++)
		fixture_append(audit, 0, "p");
	audit_close(audit);
	/* What is signed stays as it is: the time in the column is derived. */
	assert_null(fixture_sql(*state,
				"DROP TRIGGER record_update; "
				"UPDATE record SET time_ns = seq + CASE WHEN seq <= 4 THEN 99 ELSE 93 END; "
				"CREATE TRIGGER record_update BEFORE UPDATE ON record "
				"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"));
	audit = fixture_open(*state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit_filter filter = { .since = cases[i].since,
					       .until = cases[i].until,
					       .reverse = cases[i].reverse,
					       .from_seq = cases[i].reverse ? 10 : 0 };

		if (!filter.until)
			filter.until = 499;
		/* A walk that is bounded finds the same. */
		for (int bounded = 0; bounded < 2; bounded++) {
			filter.to_seq = !bounded ? 0 : filter.reverse ? 1 : 10;
			list[0] = '\0';
			assert_int_equal(audit_query(audit, &filter, collect, list, NULL), 0);
			assert_string_equal(list, cases[i].expected);
		}
	}
	audit_close(audit);
}

static uint64_t deny_action(struct audit *audit, uid_t uid, const char *rule, const char *action)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	uint64_t seq = 99;

	requester.uid = uid;
	requester.user = "bob";
	record.requester = &requester;
	record.verdict = AUDIT_DENY;
	record.rule = rule;
	record.action = action;
	assert_int_equal(audit_append_denial(audit, &record, &seq, NULL), 0);
	return seq;
}

static uint64_t deny(struct audit *audit, uid_t uid, const char *rule)
{
	return deny_action(audit, uid, rule, "attach");
}

static void test_denials_are_counted(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t before = fixture_now();

	assert_int_equal(audit_next_tick(audit), UINT64_MAX);
	assert_int_equal(deny(audit, 1, "containers"), 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(deny(audit, 1, "containers"), 0);
	assert_int_equal(deny(audit, 1, "other"), 2);
	assert_int_equal(deny(audit, 2, "containers"), 3);
	fixture_commit(audit);
	assert_int_equal(audit_head(audit), 3);
	assert_in_range(audit_next_tick(audit), before + SECONDS(60), fixture_now() + SECONDS(60));
	assert_int_equal(audit_tick(audit, before, NULL), 0);
	assert_int_equal(audit_head(audit), 3);

	assert_int_equal(audit_tick(audit, fixture_now() + SECONDS(61), NULL), 0);
	assert_int_equal(fixture_check_log(audit), 4);
	assert_non_null(strstr(fixture_record(audit, 4), "\"kind\":\"denials\""));
	assert_non_null(
		strstr(fixture_record(audit, 4), "\"verdict\":\"deny\",\"decision\":1,\"count\":1000,"));
	assert_non_null(strstr(fixture_record(audit, 4), "\"rule\":\"containers\""));
	assert_non_null(strstr(fixture_record(audit, 4), "\"user\":\"bob\""));
	assert_int_equal(audit_next_tick(audit), UINT64_MAX);
	assert_int_equal(deny(audit, 1, "containers"), 5);
	deny(audit, 1, "containers");
	audit_close(audit); /* the count goes along */
	audit = fixture_open(*state);
	assert_int_equal(fixture_check_log(audit), 6);
	assert_non_null(strstr(fixture_record(audit, 6), "\"count\":1,"));
	audit_close(audit);
}

/* Most rules deny many actions: one that was denied hides no other. */
static void test_denials_are_counted_by_action(void **state)
{
	struct audit *audit = fixture_open(*state);

	assert_int_equal(deny_action(audit, 1, "default", "attach"), 1);
	assert_int_equal(deny_action(audit, 1, "default", "revoke"), 2);
	assert_int_equal(deny_action(audit, 1, "default", "audit-read"), 3);
	assert_int_equal(deny_action(audit, 1, "default", "revoke"), 0);
	audit_close(audit);
	audit = fixture_open(*state);
	assert_int_equal(fixture_check_log(audit), 4);
	assert_non_null(strstr(fixture_record(audit, 4), "\"decision\":2,\"count\":1,"));
	assert_non_null(strstr(fixture_record(audit, 4), "\"action\":\"revoke\""));
	audit_close(audit);
}

static void test_denials_table_is_bounded(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t seq;

	for (uid_t uid = 0; uid < AUDIT_DENIALS_MAX; uid++) {
		deny(audit, uid, "r");
		assert_int_equal(deny(audit, uid, "r"), 0);
	}
	fixture_commit(audit);
	assert_int_equal(audit_head(audit), AUDIT_DENIALS_MAX);
	/* One more pair pushes the oldest out: its count, then the new denial. */
	seq = deny(audit, 5000, "r");
	assert_int_equal(seq, AUDIT_DENIALS_MAX + 2);
	fixture_commit(audit);
	assert_non_null(strstr(fixture_record(audit, seq - 1), "\"count\":1,"));
	assert_non_null(strstr(fixture_record(audit, seq - 1), "\"uid\":0,"));
	assert_int_equal(deny(audit, 1, "r"), 0);
	audit_close(audit);
	audit = fixture_open(*state);
	assert_int_equal(fixture_check_log(audit), AUDIT_DENIALS_MAX + 2 + AUDIT_DENIALS_MAX - 1);
	audit_close(audit);
}

static void test_tick_commits_outcomes(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t before = fixture_now();

	fixture_append(audit, 0, "p");
	assert_in_range(audit_next_tick(audit), before, fixture_now() + SECONDS(1));
	assert_int_equal(audit_tick(audit, audit_next_tick(audit), NULL), 0);
	assert_int_equal(audit_head(audit), 1);
	fixture_only_checkpoint_is_due(audit, before);
	audit_close(audit);
}

static void refuse_open(const char *directory, const char *subject)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;

	options.directory = directory;
	assert_int_equal(audit_open(&options, &audit, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
	assert_null(audit);
	assert_string_equal(refusal.subject, subject);
	assert_true(refusal.reason[0]);
}

static void test_foreign_files(void **state)
{
	FILE *file = fopen(fixture_path(*state, FIXTURE_LOG), "we");

	fprintf(file, "whatever");
	fclose(file);
	chmod(fixture_path(*state, FIXTURE_LOG), 0640);
	refuse_open(*state, "open"); /* mode */
	unlink(fixture_path(*state, FIXTURE_LOG));
	assert_int_equal(symlink("/tmp/elsewhere", fixture_path(*state, FIXTURE_LOG)), 0);
	refuse_open(*state, "open");
}

static void test_directory(void **state)
{
	struct audit *audit;

	refuse_open(fixture_path(*state, "missing"), "directory");
	chmod(*state, 0750);
	refuse_open(*state, "directory");
	chmod(*state, 0700);
	audit = fixture_open(*state);
	refuse_open(*state, "lock");
	audit_close(audit);
	audit_close(fixture_open(*state));
}

static void test_private_files(void **state)
{
	static const char *const names[] = { FIXTURE_LOG, FIXTURE_LOG "-wal", FIXTURE_LOG "-shm", "key" };
	mode_t mask = umask(0);
	struct audit *audit = fixture_open(*state);
	struct stat st;

	fixture_append(audit, 0, "p");
	fixture_commit(audit);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(stat(fixture_path(*state, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	umask(mask);
	audit_close(audit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commit_makes_visible),
		TEST(test_staging_is_bounded),
		TEST(test_append_only),
		TEST(test_text_stored_once),
		TEST(test_query),
		TEST(test_query_time_window),
		TEST(test_denials_are_counted),
		TEST(test_denials_are_counted_by_action),
		TEST(test_denials_table_is_bounded),
		TEST(test_tick_commits_outcomes),
		TEST(test_foreign_files),
		TEST(test_directory),
		TEST(test_private_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
