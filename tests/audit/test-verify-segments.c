/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log in several files: each is held to the others, and to its name, and one that cannot be read or is of
 * another log does not hide what is in the rest.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify-scene.h"

static struct scene scene, other;

static void nothing(void)
{
}

static void rename_file(const char *from, const char *to)
{
	char source[SCENE_PATH_MAX + 256];

	snprintf(source, sizeof(source), "%s", scene_path(&scene, from));
	assert_int_equal(rename(source, scene_path(&scene, to)), 0);
}

static void of_another_log(void)
{
	scene_take(&scene, SCENE_FILE_SECOND, &other, SCENE_FILE_SECOND);
}

static void newest_of_another_log(void)
{
	scene_take(&scene, SCENE_FILE_THIRD, &other, SCENE_FILE_THIRD);
}

static void oldest_of_another_log(void)
{
	scene_take(&scene, SCENE_FILE, &other, SCENE_FILE);
}

static void exchanged(void)
{
	rename_file(SCENE_FILE, "x");
	rename_file(SCENE_FILE_SECOND, SCENE_FILE);
	rename_file("x", SCENE_FILE_SECOND);
}

static void twice(void)
{
	scene_take(&scene, "log-000000000999.sqlite", &scene, SCENE_FILE_SECOND);
}

static void first_gone(void)
{
	scene_write(&scene, SCENE_FILE, NULL);
}

static void second_gone(void)
{
	scene_write(&scene, SCENE_FILE_SECOND, NULL);
}

static void third_gone(void)
{
	scene_write(&scene, SCENE_FILE_THIRD, NULL);
}

static void third_gone_without_a_trace(void)
{
	third_gone();
	scene_write(&scene, "checkpoint", NULL);
}

static void second_cut(void)
{
	assert_int_equal(truncate(scene_path(&scene, SCENE_FILE_SECOND), 8192), 0);
}

static void second_junk(void)
{
	scene_write(&scene, SCENE_FILE_SECOND, "no database");
}

static void second_link(void)
{
	scene_write(&scene, SCENE_FILE_SECOND, NULL);
	assert_int_equal(symlink("/etc/passwd", scene_path(&scene, SCENE_FILE_SECOND)), 0);
}

static void second_pipe(void)
{
	scene_write(&scene, SCENE_FILE_SECOND, NULL);
	assert_int_equal(mkfifo(scene_path(&scene, SCENE_FILE_SECOND), 0600), 0);
}

static void second_hostile(void)
{
	scene_sql(&scene, SCENE_FILE_SECOND,
		  "CREATE VIEW evil AS SELECT load_extension('/tmp/evil') FROM record");
}

/* Record 300 and those behind it in one leaf page of the table, which becomes junk. */
static void second_damaged_within(void)
{
	const char *path = scene_path(&scene, SCENE_FILE_SECOND);
	sqlite3_stmt *stmt;
	sqlite3 *db;
	char junk[4096];
	sqlite3_int64 page;
	int fd;

	/* Without dbstat, the page is the one that holds the bytes. */
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA page_size", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(stmt, 0), sizeof(junk));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (page = 1;; page++) {
		assert_int_equal(pread(fd, junk, sizeof(junk), page * (off_t)sizeof(junk)), sizeof(junk));
		if (*junk == 13 && memmem(junk, sizeof(junk), "{\"v\":1,\"seq\":300,", 17))
			break;
	}
	memset(junk, 0xff, sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), page * (off_t)sizeof(junk)), sizeof(junk));
	close(fd);
}

/* With the key, and without touching the files that follow. */
static void second_rewritten(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 41; UPDATE record SET leaf = leaf(bytes) WHERE seq = 41");
	scene_rebuild(&scene, SCENE_FILE);
	scene_sign(&scene, SCENE_FILE, true);
	scene_write(&scene, "checkpoint", scene.note_end);
}

static void other_base(void)
{
	scene_sql(&scene, SCENE_FILE_SECOND, "UPDATE meta SET value = 100 WHERE name = 'base'");
}

static void other_key(void)
{
	char sql[NOTE_VKEY_MAX + 64];

	snprintf(sql, sizeof(sql), "UPDATE meta SET value = '%s' WHERE name = 'key'", scene.foreign);
	scene_sql(&scene, SCENE_FILE_SECOND, sql);
}

static void no_meta(void)
{
	scene_sql(&scene, SCENE_FILE_SECOND, "DELETE FROM meta");
}

static void edited_in_second(void)
{
	scene_sql(&scene, SCENE_FILE_SECOND,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 290");
}

static void removed(void)
{
	scene_remove_first(&scene, SCENE_SECOND - 1, true);
}

/* Without the edge at which the second begins, no root can be told. */
static void removed_and_edge_gone(void)
{
	removed();
	scene_sql(&scene, "log-000000000201.sqlite",
		  "DELETE FROM node WHERE (level, position) IN (VALUES (7, 0), (6, 2), (3, 24));"
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 450; UPDATE record SET leaf = leaf(bytes) WHERE seq = 450");
}

static void removed_more(void)
{
	scene_remove_first(&scene, 100, true);
}

static void removed_other(void)
{
	scene_remove_first(&scene, SCENE_SECOND - 1, false);
}

enum { EARLIER = 1, END = 2 };

static const struct {
	const char *name;
	void (*tamper)(void);
	unsigned with;
	const char *findings;
} cases[] = {
	{ "untouched", nothing, 0, "" },
	{ "untouched, memory", nothing, EARLIER, "" },
	{ "edited", edited_in_second, 0, "leaf 290-290" },
	{ "the second of another log", of_another_log, 0, "segment 201-450" },
	{ "the second of another log, memory", of_another_log, END, "segment 201-450" },
	{ "the newest of another log", newest_of_another_log, 0,
	  "segment 1-200; segment 201-450; checkpoint 700-700" },
	{ "the newest of another log, memory", newest_of_another_log, EARLIER,
	  "segment 451-700; cut 451-700" },
	{ "the newest of another log, later memory", newest_of_another_log, END,
	  "segment 451-700; shorter 451-700; cut 451-700" },
	{ "the oldest of another log", oldest_of_another_log, 0, "segment 1-200" },
	{ "two exchanged", exchanged, 0, "segment 1-200; segment 201-450" },
	{ "one twice", twice, 0, "segment 201-450" },
	{ "the first gone", first_gone, 0, "removed 1-200" },
	{ "the first gone, memory", first_gone, END, "removed 1-200" },
	{ "the first removed by retention", removed, 0, "" },
	{ "the first removed by retention, memory", removed, EARLIER, "" },
	{ "the first removed by retention, later memory", removed, END, "" },
	{ "the first removed by retention, and the edge after it gone", removed_and_edge_gone, 0,
	  "edge 1-200; node 449-450" },
	{ "more removed than was signed", removed_more, 0, "removed 101-200" },
	{ "another history removed", removed_other, 0, "stub 1-200" },
	{ "the second gone", second_gone, 0, "missing 201-450" },
	{ "the third gone", third_gone, 0, "cut 451-700" },
	{ "the third gone without a trace", third_gone_without_a_trace, 0, "" },
	{ "the third gone without a trace, memory", third_gone_without_a_trace, END, "shorter 451-700" },
	{ "the second cut", second_cut, 0, "segment 201-450" },
	{ "the second no database", second_junk, 0, "segment 201-450" },
	{ "the second a link", second_link, 0, "segment 201-450" },
	{ "the second a pipe", second_pipe, 0, "segment 201-450" },
	{ "the second with a view", second_hostile, 0, "segment 201-450" },
	{ "the second with a damaged page", second_damaged_within, 0, "segment 300-450" },
	{ "the first rewritten with the stolen key", second_rewritten, 0, "root 1-200; edge 1-128" },
	{ "the first rewritten with the stolen key, memory", second_rewritten, END,
	  "root 1-200; edge 1-128" },
	{ "the second counts from elsewhere", other_base, 0, "segment 201-450" },
	{ "the second names another key", other_key, 0, "segment 201-450" },
	{ "the second says nothing of itself", no_meta, 0, "segment 201-450" },
};

static void test_cases(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene_visit visit = {
			.memory = cases[i].with & EARLIER ? &scene.earlier
				  : cases[i].with & END   ? &scene.end
							  : NULL,
		};
		const char *findings;

		scene_copy(&scene, scene.log);
		cases[i].tamper();
		findings = scene_verify(&scene, scene.copy, &visit);
		if (strcmp(findings, cases[i].findings)) {
			print_error("%s: \"%s\", not \"%s\"\n", cases[i].name, findings, cases[i].findings);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* What was removed is said, and what came and went between two visits. */
static void test_removed(void **state)
{
	struct memory memory = scene.earlier;
	const struct scene_visit visit = { .memory = &memory };
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	const struct caveat *caveats;
	char buffer[VERIFY_VERDICT_MAX];

	(void)state;
	scene_copy(&scene, scene.log);
	removed();
	memory.size = 150;
	memory.n_blocks = 0;
	verify = scene_visit(&scene, scene.copy, &visit);
	caveats = verify->findings.caveats;
	assert_string_equal(verify_verdict(verify, buffer),
			    "verified: records 201 to 700 are consistent; that they continue the last "
			    "visit's 150 cannot be proved");
	assert_int_equal(caveats[0].kind, CAVEAT_REMOVED);
	assert_int_equal(caveats[0].first, 1);
	assert_int_equal(caveats[0].last, 200);
	assert_string_equal(caveats[0].text,
			    "retention removed these records, as the log's key has signed: what they "
			    "said cannot be checked any more");
	assert_int_equal(caveats[1].kind, CAVEAT_UNSEEN);
	assert_int_equal(caveats[1].first, 151);
	assert_int_equal(caveats[1].last, 200);
	assert_string_equal(
		caveats[1].text,
		"these records came after the last visit and were removed before this one: that they "
		"continued what you had seen cannot be proved any more; visit more often than retention "
		"removes");
}

static int setup(void **state)
{
	(void)state;
	scene_make(&scene, true);
	scene_make(&other, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_clear(&scene);
	scene_clear(&other);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_removed),
	};

	return cmocka_run_group_tests_name("audit-verify-segments", tests, setup, teardown);
}
