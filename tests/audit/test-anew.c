/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log that cannot be continued is moved aside as it is, nothing from it is executed, and another one begins
 * whose first record says why, with numbers that no record before it had.
 */
#include "../unit/audit-fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS 600 /* and so two checkpoints by number */

static void append(struct audit *audit, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fixture_append(audit, i, "p");
	fixture_commit(audit);
}

/* --- files ------------------------------------------------------------------------------------------------
 */

static char *read_file(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static void copy(const char *directory, const char *from, const char *to)
{
	size_t size;
	char *bytes = read_file(fixture_path(directory, from), &size);

	write_file(fixture_path(directory, to), bytes, size);
	free(bytes);
}

static void move(const char *directory, const char *from, const char *to)
{
	copy(directory, from, to);
	assert_int_equal(unlink(fixture_path(directory, from)), 0);
}

static void remove_matching(const char *directory, const char *prefix)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !strncmp(entry->d_name, prefix, strlen(prefix)))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/* The name of the file that was moved aside and ends like this, in a static buffer; NULL: none. */
static const char *aside(const char *directory, const char *suffix)
{
	static char name[256];
	DIR *dir = opendir(directory);
	struct dirent *entry;
	bool found = false;

	while (!found && (entry = readdir(dir))) {
		size_t size = strlen(entry->d_name);

		found = !strncmp(entry->d_name, "damaged-", 8) && size > strlen(suffix) &&
			!strcmp(entry->d_name + size - strlen(suffix), suffix);
		if (found)
			snprintf(name, sizeof(name), "%s", entry->d_name);
	}
	closedir(dir);
	return found ? name : NULL;
}

/* --- what is expected -------------------------------------------------------------------------------------
 */

static int check_row(const struct audit_row *row, void *userdata)
{
	uint64_t *last = userdata;
	uint8_t leaf[DIGEST_SIZE];

	assert_int_equal(row->seq, *last + 1);
	assert_int_equal(tree_hash_leaf(row->bytes, row->size, leaf), 0);
	assert_memory_equal(row->leaf, leaf, DIGEST_SIZE);
	*last = row->seq;
	return 0;
}

/* A log of its own, whose first record says this, and which goes on. */
static void check_anew(struct audit *audit, uint64_t above, const char *why)
{
	struct audit_state state;
	const char *first;
	uint64_t last;

	audit_describe(audit, &state);
	assert_int_equal(state.base % AUDIT_ANEW_GAP, 0);
	assert_true(state.base > above);
	assert_int_equal(state.first, state.base + 1);
	assert_int_equal(state.last, state.base + 1);
	first = fixture_record(audit, state.first);
	assert_non_null(strstr(first, "\"kind\":\"change\""));
	assert_non_null(strstr(first, "\"verdict\":\"failed\""));
	assert_non_null(strstr(first, "\"action\":\"audit\""));
	if (!strstr(first, why))
		fail_msg("wanted: %s; got: %s", why, first);
	append(audit, 3);
	last = state.base;
	assert_int_equal(audit_query(audit, NULL, check_row, &last, NULL), 0);
	assert_int_equal(last, state.base + 4);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	assert_non_null(strstr(audit_last_checkpoint(audit), "\n4\n"));
}

static void expect_anew(const char *directory, uint64_t above, const char *why)
{
	struct audit *audit = fixture_open(directory);
	struct audit_state state, again;

	if (!audit_begun_anew(audit))
		fail_msg("not begun anew: %s", why);
	assert_non_null(aside(directory, ".sqlite"));
	check_anew(audit, above, why);
	audit_describe(audit, &state);
	audit = audit_close(audit);
	/* Once. */
	audit = fixture_open(directory);
	assert_null(audit_begun_anew(audit));
	audit_describe(audit, &again);
	assert_string_equal(again.origin, state.origin);
	assert_int_equal(again.base, state.base);
	assert_int_equal(audit_head(audit), state.base + 4);
	audit_close(audit);
}

/* --- hostile databases ------------------------------------------------------------------------------------
 */

static void test_hostile_databases(void **state)
{
	static const struct {
		const char *sql, *why;
	} cases[] = {
		{ "CREATE TABLE extra (a)", "\"detail\":\"schema: " },
		{ "CREATE TABLE extra (a, b AS (upper(a)))", "\"detail\":\"schema: " },
		{ "CREATE VIEW extra AS SELECT 1", "\"detail\":\"schema: " },
		{ "CREATE TRIGGER extra AFTER INSERT ON record BEGIN DELETE FROM meta; END",
		  "\"detail\":\"schema: " },
		{ "CREATE TRIGGER extra AFTER INSERT ON checkpoint BEGIN "
		  "SELECT writefile('/tmp/executed', 'x'); END",
		  "\"detail\":\"schema: " },
		{ "CREATE INDEX extra ON record (bytes)", "\"detail\":\"schema: " },
		{ "CREATE INDEX extra ON record (abs(seq))", "\"detail\":\"schema: " },
		{ "DROP TRIGGER record_delete", "\"detail\":\"schema: " },
		{ "DROP TRIGGER record_update; CREATE TRIGGER record_update BEFORE UPDATE ON record BEGIN "
		  "SELECT 1; END",
		  "\"detail\":\"schema: " },
		{ "DROP INDEX record_uid", "\"detail\":\"schema: " },
		{ "DROP TABLE record; CREATE VIEW record AS SELECT 1 AS seq", "\"detail\":\"schema: " },
		{ "PRAGMA application_id = 1", "\"detail\":\"application_id: " },
		{ "PRAGMA user_version = 1", "\"detail\":\"user_version: " },
		{ "INSERT INTO meta VALUES ('more', 1)", "\"detail\":\"meta: " },
		{ "DELETE FROM meta WHERE name = 'base'", "\"detail\":\"meta: " },
		{ "PRAGMA journal_mode = DELETE; CREATE TABLE extra (a)", "\"detail\":\"schema: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit *audit = fixture_open(*state);
		char *before, *after;
		size_t size;

		append(audit, 3);
		audit_close(audit);
		assert_null(fixture_sql(*state, cases[i].sql));
		before = read_file(fixture_path(*state, FIXTURE_LOG), &size);
		expect_anew(*state, 3, cases[i].why);
		after = read_file(fixture_path(*state, aside(*state, ".sqlite")), &size);
		assert_memory_equal(before, after, size);
		free(before);
		free(after);
		remove_matching(*state, "");
	}
}

static void test_touched_tail(void **state)
{
	static const struct {
		const char *table, *sql, *why;
	} cases[] = {
		{ "record", "UPDATE record SET bytes = CAST(replace(bytes, 'attach', 'detach') AS BLOB)",
		  "\"detail\":\"tail: record " },
		{ "record", "UPDATE record SET leaf = zeroblob(32) WHERE seq = 600",
		  "\"detail\":\"tail: record 600 does not match its hash" },
		{ "record", "DELETE FROM record WHERE seq = 600", "\"detail\":\"tail: the log ends with " },
		{ "node", "UPDATE node SET hash = zeroblob(32) WHERE level = 9", "\"detail\":\"tree: " },
		{ "node", "DELETE FROM node WHERE level = 9", "\"detail\":\"tree: " },
		{ "checkpoint", "UPDATE checkpoint SET note = replace(note, 'bpfwarden', 'bpfworden')",
		  "\"detail\":\"checkpoint: " },
		{ "checkpoint", "DELETE FROM checkpoint", "\"detail\":\"checkpoint: " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit *audit = fixture_open(*state);
		char sql[2048];

		append(audit, RECORDS);
		audit_close(audit);
		snprintf(sql, sizeof(sql),
			 "DROP TRIGGER %s_update; DROP TRIGGER %s_delete; %s; "
			 "CREATE TRIGGER %s_update BEFORE UPDATE ON %s "
			 "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END; "
			 "CREATE TRIGGER %s_delete BEFORE DELETE ON %s "
			 "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
			 cases[i].table, cases[i].table, cases[i].sql, cases[i].table, cases[i].table,
			 cases[i].table, cases[i].table);
		assert_null(fixture_sql(*state, sql));
		/* What the file says of itself is enough, but for the checkpoints that are gone. */
		if (i < 6)
			unlink(fixture_path(*state, "checkpoint"));
		if (strcmp(cases[i].sql, "DELETE FROM checkpoint"))
			expect_anew(*state, RECORDS, cases[i].why);
		remove_matching(*state, "");
	}
}

static void test_no_database(void **state)
{
	static const char text[] =
		"this is not a database, and it is longer than a header of one hundred bytes, "
		"so that SQLite has to look at it";

	write_file(fixture_path(*state, FIXTURE_LOG), text, sizeof(text) - 1);
	expect_anew(*state, 1, "\"detail\":\"schema: the audit log cannot be used: file is not a database");
	remove_matching(*state, "");
	write_file(fixture_path(*state, FIXTURE_LOG), "", 0);
	expect_anew(*state, 1, "\"detail\":\"application_id: ");
}

/* --- damaged files ----------------------------------------------------------------------------------------
 */

/* Whatever was done to the files: the daemon starts, and either goes on with the log as it was, or begins
 * another one. */
static bool survive(const char *directory, uint64_t head)
{
	struct audit *audit = fixture_open(directory);
	bool anew = audit_begun_anew(audit);

	if (anew) {
		check_anew(audit, head, "\"detail\":\"");
	} else {
		assert_int_equal(audit_head(audit), head);
		assert_int_equal(fixture_append(audit, 0, "p"), head + 1);
		/* What only a commit finds is refused, and then it is the same. */
		if (audit_commit(audit, NULL) == 0) {
			assert_null(audit_begun_anew(audit));
			assert_int_equal(audit_head(audit), head + 1);
		} else {
			anew = true;
			assert_non_null(audit_begun_anew(audit));
			check_anew(audit, head, "\"detail\":\"commit: ");
		}
	}
	audit_close(audit);
	return anew;
}

/* The log, its memory and its key, to be put back again. */
struct saved {
	char *log, *checkpoint, *key;
	size_t log_size, checkpoint_size, key_size;
};

static void save(const char *directory, struct saved *ret)
{
	ret->log = read_file(fixture_path(directory, FIXTURE_LOG), &ret->log_size);
	ret->checkpoint = read_file(fixture_path(directory, "checkpoint"), &ret->checkpoint_size);
	ret->key = read_file(fixture_path(directory, "key"), &ret->key_size);
}

static void put_back(const char *directory, const struct saved *saved)
{
	remove_matching(directory, "");
	write_file(fixture_path(directory, FIXTURE_LOG), saved->log, saved->log_size);
	write_file(fixture_path(directory, "checkpoint"), saved->checkpoint, saved->checkpoint_size);
	write_file(fixture_path(directory, "key"), saved->key, saved->key_size);
}

static void free_saved(struct saved *saved)
{
	free(saved->log);
	free(saved->checkpoint);
	free(saved->key);
}

static void make_log(const char *directory, struct saved *ret)
{
	struct audit *audit = fixture_open(directory);

	append(audit, RECORDS);
	audit_close(audit);
	save(directory, ret);
}

/* Many bits of the header, and some of every page: schema, interior and leaf pages, tables and indices. */
static void test_flipped_bits(void **state)
{
	struct saved saved;
	unsigned seed = 7, anew = 0, flips = 0;

	make_log(*state, &saved);
	for (size_t bit = 0; bit < saved.log_size * 8;
	     bit += bit < 800 ? 1 + (unsigned)rand_r(&seed) % 5 : 1 + (unsigned)rand_r(&seed) % 16384) {
		put_back(*state, &saved);
		saved.log[bit / 8] ^= (char)(1 << bit % 8);
		write_file(fixture_path(*state, FIXTURE_LOG), saved.log, saved.log_size);
		saved.log[bit / 8] ^= (char)(1 << bit % 8);
		flips++;
		anew += survive(*state, RECORDS);
	}
	print_message("%u bits flipped, %u times begun anew\n", flips, anew);
	assert_true(anew > 50);
	free_saved(&saved);
}

static void test_truncated(void **state)
{
	struct saved saved;

	make_log(*state, &saved);
	for (size_t size = 0; size < saved.log_size; size += size % 4096 ? 4096 - size % 4096 + 4096 : 777) {
		put_back(*state, &saved);
		write_file(fixture_path(*state, FIXTURE_LOG), saved.log, size);
		assert_true(survive(*state, RECORDS));
	}
	free_saved(&saved);
}

/* --- write-ahead logs -------------------------------------------------------------------------------------
 */

/* The files of a log whose process was killed, its write-ahead log among them. */
static void make_killed(const char *directory, unsigned n)
{
	struct audit *audit = fixture_open(directory);

	append(audit, n);
	copy(directory, FIXTURE_LOG, "saved");
	copy(directory, FIXTURE_LOG "-wal", "saved-wal");
	copy(directory, "checkpoint", "saved-checkpoint");
	audit_close(audit);
	copy(directory, "saved", FIXTURE_LOG);
	copy(directory, "saved-wal", FIXTURE_LOG "-wal");
	copy(directory, "saved-checkpoint", "checkpoint");
}

static void test_write_ahead_log(void **state)
{
	struct audit *audit;
	size_t size;
	char *bytes;

	make_killed(*state, RECORDS);
	audit = fixture_open(*state);
	assert_null(audit_begun_anew(audit));
	assert_int_equal(fixture_check_log(audit), RECORDS);
	audit_close(audit);
	remove_matching(*state, "");

	make_killed(*state, RECORDS);
	assert_int_equal(unlink(fixture_path(*state, FIXTURE_LOG "-wal")), 0);
	expect_anew(*state, RECORDS,
		    "\"detail\":\"checkpoint: the log has 0 records, its last checkpoint 600");
	remove_matching(*state, "");

	/* Of another log: SQLite takes its frames for this one's. */
	make_killed(*state, 300);
	copy(*state, "saved-wal", "foreign");
	remove_matching(*state, "log-");
	remove_matching(*state, "key");
	remove_matching(*state, "saved");
	remove_matching(*state, "checkpoint");
	make_killed(*state, RECORDS);
	copy(*state, "foreign", FIXTURE_LOG "-wal");
	unlink(fixture_path(*state, "foreign"));
	expect_anew(*state, RECORDS, "\"detail\":\"");
	remove_matching(*state, "");

	make_killed(*state, RECORDS);
	bytes = read_file(fixture_path(*state, "saved-wal"), &size);
	write_file(fixture_path(*state, FIXTURE_LOG "-wal"), bytes, size / 2);
	free(bytes);
	expect_anew(*state, RECORDS, "\"detail\":\"checkpoint: ");
}

/* --- other times ------------------------------------------------------------------------------------------
 */

static void test_older_backup(void **state)
{
	struct saved backup;
	struct audit *audit;
	uint64_t base;

	make_log(*state, &backup);
	audit = fixture_open(*state);
	append(audit, 10);
	audit_close(audit);
	write_file(fixture_path(*state, FIXTURE_LOG), backup.log, backup.log_size);
	expect_anew(*state, RECORDS + 10,
		    "\"detail\":\"checkpoint: the log has 600 records, its last checkpoint 610; the last "
		    "checkpoint before: bpfwarden/");

	/* And back again, with the first life's database: the last checkpoint is of another log now. */
	audit = fixture_open(*state);
	base = audit_head(audit);
	audit_close(audit);
	remove_matching(*state, "log-");
	remove_matching(*state, "damaged-");
	write_file(fixture_path(*state, FIXTURE_LOG), backup.log, backup.log_size);
	audit = fixture_open(*state);
	assert_non_null(audit_begun_anew(audit));
	assert_non_null(strstr(audit_begun_anew(audit), "the last checkpoint is of the log bpfwarden/"));
	(void)base;
	audit_close(audit);
	free_saved(&backup);
}

/* The whole directory is older, but not what everybody can read. */
static void test_older_directory(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	char *published = strdup(fixture_path(*state, "published"));
	struct audit *audit = NULL;
	struct saved backup;
	char *note;
	size_t size;

	options.directory = *state;
	options.published = published;
	make_log(*state, &backup);
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	append(audit, 1);
	audit = audit_close(audit);
	note = read_file(published, &size);
	put_back(*state, &backup);
	write_file(published, note, size);
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_non_null(audit_begun_anew(audit));
	check_anew(audit, RECORDS + 1, "checkpoint: the log has 600 records, its last checkpoint 601");
	audit_close(audit);
	free(note);
	free(published);
	free_saved(&backup);
}

static void test_log_is_gone(void **state)
{
	struct audit *audit = fixture_open(*state);

	append(audit, 10);
	audit_close(audit);
	remove_matching(*state, "log-");
	audit = fixture_open(*state);
	assert_non_null(audit_begun_anew(audit));
	check_anew(audit, 10, "\"detail\":\"open: the log is gone; the last checkpoint before: bpfwarden/");
	audit_close(audit);
	/* With the checkpoint, and what is aside tells. */
	remove_matching(*state, "log-");
	remove_matching(*state, "checkpoint");
	audit = fixture_open(*state);
	assert_non_null(audit_begun_anew(audit));
	audit_close(audit);
}

static void test_key_is_gone(void **state)
{
	struct audit *audit = fixture_open(*state);

	append(audit, 10);
	audit_close(audit);
	unlink(fixture_path(*state, "key"));
	expect_anew(*state, 10, "\"detail\":\"key: the key that signed this log is gone");
}

/* Interrupted when only the newest segment was aside. */
static void test_interrupted(void **state)
{
	struct audit *audit = fixture_open(*state);

	append(audit, 10);
	assert_int_equal(audit_rotate(audit, NULL), 0);
	append(audit, 10);
	audit_close(audit);
	move(*state, "log-000000000011.sqlite", "damaged-000000000011-t.sqlite");
	expect_anew(*state, 20, "\"detail\":\"checkpoint: the log has 10 records, its last checkpoint 20");
}

static void append_many(struct audit *audit, unsigned n)
{
	for (unsigned i = 0; i < n; i += RECORDS)
		append(audit, RECORDS);
}

/* Interrupted when all of it was aside and the other log had not begun: what is aside tells how far it was.
 */
static void test_interrupted_late(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t head;

	append_many(audit, 2 * AUDIT_ANEW_GAP);
	head = audit_head(audit);
	audit_close(audit);
	move(*state, FIXTURE_LOG, "damaged-000000000001-t.sqlite");
	move(*state, "checkpoint", "damaged-000000000001-t.checkpoint");
	expect_anew(*state, head, "\"detail\":\"open: the log is gone");
	/* The log after it is gone, all but a checkpoint, which says how many records it had, and no number.
	 */
	audit = fixture_open(*state);
	append_many(audit, 2 * AUDIT_ANEW_GAP);
	head = audit_head(audit);
	audit_close(audit);
	remove_matching(*state, "log-");
	audit = fixture_open(*state);
	check_anew(audit, head, "\"detail\":\"open: the log is gone");
	audit_close(audit);
}

/* A commit finds that the database is damaged: it is refused, the next one goes to another log. */
static void test_while_running(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct refusal refusal = { 0 };
	int fd;

	append(audit, RECORDS);
	/* Everything is in the database, none of it in the write-ahead log, nor in memory. */
	audit = audit_close(audit);
	audit = fixture_open(*state);
	fd = open(fixture_path(*state, FIXTURE_LOG), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int page = 1; page < 40; page++)
		assert_int_equal(pwrite(fd, "garbage, garbage, garbage", 25, page * 4096), 25);
	close(fd);
	/* SQLite may have the pages that it needs in its cache, for now. */
	for (int i = 0; !refusal.code && i < 2000; i++) {
		fixture_append(audit, 0, "p");
		(void)audit_commit(audit, &refusal);
	}
	assert_int_equal(refusal.code, REFUSAL_AUDIT_UNAVAILABLE);
	assert_non_null(strstr(refusal.reason, "malformed"));
	assert_non_null(audit_begun_anew(audit));
	check_anew(audit, RECORDS,
		   "\"detail\":\"commit: the audit log cannot be used: database disk image is malformed");
	audit = audit_close(audit);
	audit = fixture_open(*state);
	assert_null(audit_begun_anew(audit));
	audit_close(audit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hostile_databases), TEST(test_touched_tail),    TEST(test_no_database),
		TEST(test_flipped_bits),      TEST(test_truncated),       TEST(test_write_ahead_log),
		TEST(test_older_backup),      TEST(test_older_directory), TEST(test_log_is_gone),
		TEST(test_key_is_gone),       TEST(test_interrupted),     TEST(test_interrupted_late),
		TEST(test_while_running),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
