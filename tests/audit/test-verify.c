/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever somebody does to a log is found and named at the right records, by what is in the log itself, by
 * the memory of an auditor, by a checkpoint that was kept elsewhere, or by the journal; and what none of
 * these can find is not claimed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"

#include "verify-scene.h"

static struct scene scene;

#define EDIT                                                                                \
	"UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), '\"comm\":\"curl\"', " \
	"'\"comm\":\"w3mm\"') AS BLOB) WHERE seq = 41"
#define EDIT_LEAF EDIT "; UPDATE record SET leaf = leaf(bytes) WHERE seq = 41"

static void edit(void)
{
	scene_sql(&scene, SCENE_FILE, EDIT);
}

static void edit_leaf(void)
{
	scene_sql(&scene, SCENE_FILE, EDIT_LEAF);
}

static void edit_tree(void)
{
	edit_leaf();
	scene_rebuild(&scene, SCENE_FILE);
}

static void edit_late_tree(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 290; UPDATE record SET leaf = leaf(bytes) WHERE seq = 290");
	scene_rebuild(&scene, SCENE_FILE);
}

static void rewrite_stolen(void)
{
	edit_tree();
	scene_sign(&scene, SCENE_FILE, true);
}

static void rewrite_late_stolen(void)
{
	edit_late_tree();
	scene_sign(&scene, SCENE_FILE, true);
}

/* Somebody without the key: signs with another, and leaves the key's name, or names that one. */
static void rewrite_foreign(void)
{
	edit_tree();
	scene_sign(&scene, SCENE_FILE, false);
}

static void rewrite_renamed(void)
{
	char sql[NOTE_VKEY_MAX + 64];

	rewrite_foreign();
	snprintf(sql, sizeof(sql), "UPDATE meta SET value = '%s' WHERE name = 'key'", scene.foreign);
	scene_sql(&scene, SCENE_FILE, sql);
}

static void delete_one(void)
{
	scene_sql(&scene, SCENE_FILE, "DELETE FROM record WHERE seq = 41");
}

static void delete_some(void)
{
	scene_sql(&scene, SCENE_FILE, "DELETE FROM record WHERE seq BETWEEN 41 AND 59");
}

static void delete_and_close_up(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "DELETE FROM record WHERE seq = 41;"
		  "UPDATE record SET seq = -seq WHERE seq > 41; UPDATE record SET seq = -seq - 1 WHERE seq < "
		  "0");
	scene_rebuild(&scene, SCENE_FILE);
}

static void reorder(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET seq = 0 WHERE seq = 41; UPDATE record SET seq = 41 WHERE seq = 52;"
		  "UPDATE record SET seq = 52 WHERE seq = 0");
}

static void cut(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "DELETE FROM record WHERE seq > 650; DELETE FROM checkpoint WHERE size > 650;"
		  "DELETE FROM node WHERE (position + 1) << level > 650");
}

static void cut_all(void)
{
	cut();
	scene_write(&scene, "checkpoint", NULL);
}

static void older(void)
{
	scene_copy(&scene, scene.old);
}

static void older_but_checkpoint(void)
{
	scene_copy(&scene, scene.old);
	scene_write(&scene, "checkpoint", scene.note_end);
}

static void checkpoint_unsigned(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE checkpoint SET note = substr(note, 1, instr(note, x'0a0a') + 1) WHERE size = 300");
}

static void checkpoint_bent(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE checkpoint SET note = replace(note, x'0a' || '300' || x'0a', x'0a' || '299' || "
		  "x'0a') "
		  "WHERE size = 300");
}

static void checkpoint_foreign(void)
{
	scene_sign(&scene, SCENE_FILE, false);
}

/* The right key, over another tree. */
static void checkpoint_wrong(void)
{
	scene_copy(&scene, scene.log);
	edit_leaf();
	scene_sign(&scene, SCENE_FILE, true);
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'w3mm', 'curl') AS BLOB) "
		  "WHERE seq = "
		  "41; UPDATE record SET leaf = leaf(bytes) WHERE seq = 41");
}

static void node_gone(void)
{
	scene_sql(&scene, SCENE_FILE, "DELETE FROM node WHERE level = 3 AND position = 5");
}

static void node_changed(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE node SET hash = zeroblob(32) WHERE level = 3 AND position = 5");
}

static void block_changed(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE node SET hash = zeroblob(32) WHERE level = 8 AND position = 1");
}

static void text_gone(void)
{
	scene_sql(&scene, SCENE_FILE, "DELETE FROM text");
}

static void text_changed(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE text SET text = CAST('[allow all]' AS BLOB)");
}

static void stub_foreign(void)
{
	scene_write(&scene, "removed", scene.note_earlier);
}

static void stub_junk(void)
{
	scene_write(&scene, "removed", "removed\n");
}

static void head_gone(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "DELETE FROM record WHERE seq <= 100; UPDATE meta SET value = 101 WHERE name = 'first'");
	assert_int_equal(rename(scene_path(&scene, SCENE_FILE), "/tmp/test-verify-moved"), 0);
	assert_int_equal(rename("/tmp/test-verify-moved", scene_path(&scene, "log-000000000101.sqlite")), 0);
}

static void misnamed(void)
{
	assert_int_equal(rename(scene_path(&scene, SCENE_FILE), "/tmp/test-verify-moved"), 0);
	assert_int_equal(rename("/tmp/test-verify-moved", scene_path(&scene, "log-000000000101.sqlite")), 0);
}

static void column_changed(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE record SET verdict = 'deny' WHERE seq = 41");
}

static void column_emptied(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE record SET uid = NULL WHERE seq BETWEEN 41 AND 44");
}

static void column_filled(void)
{
	scene_sql(&scene, SCENE_FILE, "UPDATE record SET attachment = '00000000000000aa' WHERE seq = 41");
}

static void row_before(void)
{
	scene_sql(
		&scene, SCENE_FILE,
		"INSERT INTO record SELECT -5, time_ns, kind, verdict, uid, probe, action, attachment, leaf, "
		"bytes FROM record WHERE seq = 41");
}

/* Without the key: the tree of other records, and of checkpoints what is still right, or none. */
static void checkpoints_gone(void)
{
	edit_tree();
	scene_sql(&scene, SCENE_FILE, "DELETE FROM checkpoint");
	scene_write(&scene, "checkpoint", NULL);
}

static void late_checkpoints_gone(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 390; UPDATE record SET leaf = leaf(bytes) WHERE seq = 390;"
		  "DELETE FROM checkpoint WHERE size > 300");
	scene_rebuild(&scene, SCENE_FILE);
	scene_write(&scene, "checkpoint", NULL);
}

/* With the stolen key: what remains counts from another number, a hundred too few for the last checkpoint. */
static void renumbered(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "DELETE FROM record WHERE seq <= 100;"
		  "UPDATE meta SET value = 101 WHERE name = 'first'; UPDATE meta SET value = 100 WHERE name "
		  "= 'base'");
	scene_rebuild(&scene, SCENE_FILE);
	scene_sign(&scene, SCENE_FILE, true);
	assert_int_equal(rename(scene_path(&scene, SCENE_FILE), "/tmp/test-verify-moved"), 0);
	assert_int_equal(rename("/tmp/test-verify-moved", scene_path(&scene, "log-000000000101.sqlite")), 0);
}

static void hostile(void)
{
	scene_sql(&scene, SCENE_FILE, "CREATE TRIGGER evil AFTER INSERT ON text BEGIN SELECT 1; END");
}

static void cut_file(void)
{
	assert_int_equal(truncate(scene_path(&scene, SCENE_FILE), 100000), 0);
}

static void no_file(void)
{
	assert_int_equal(unlink(scene_path(&scene, SCENE_FILE)), 0);
}

static void nothing(void)
{
}

enum { EARLIER = 1, END = 2, ANCHOR = 4, ANCHOR_END = 8, KEY = 16, JOURNAL = 32 };

static const struct {
	const char *name;
	void (*tamper)(void);
	unsigned with;
	const char *findings;
} cases[] = {
	{ "untouched, first visit", nothing, 0, "" },
	{ "untouched, grown", nothing, EARLIER, "" },
	{ "untouched, all that there is", nothing, END | ANCHOR | KEY | JOURNAL, "" },

	{ "bytes edited", edit, 0, "leaf 41-41" },
	{ "bytes edited, memory", edit, EARLIER, "leaf 41-41" },
	{ "bytes edited, journal", edit, JOURNAL, "journal 41-41; leaf 41-41" },
	{ "bytes and leaf edited", edit_leaf, 0, "node 41-42" },
	{ "bytes and leaf edited, journal", edit_leaf, JOURNAL, "journal 41-41; node 41-42" },
	{ "bytes, leaf and nodes edited", edit_tree, 0, "root 1-300 (+2)" },
	{ "bytes, leaf and nodes edited, memory", edit_tree, EARLIER, "rewritten 1-256; root 1-300 (+2)" },
	{ "bytes, leaf and nodes edited late, memory", edit_late_tree, EARLIER,
	  "root 1-300 (+2); rewritten 257-300" },
	{ "bytes, leaf and nodes edited, journal", edit_tree, JOURNAL, "journal 41-41; root 1-300 (+2)" },

	{ "rewritten with the stolen key", rewrite_stolen, 0, "" },
	{ "rewritten with the stolen key, memory", rewrite_stolen, EARLIER, "rewritten 1-256" },
	{ "rewritten with the stolen key late, memory", rewrite_late_stolen, EARLIER, "rewritten 257-300" },
	{ "rewritten with the stolen key, later memory", rewrite_stolen, END, "rewritten 1-256" },
	{ "rewritten with the stolen key, anchor", rewrite_stolen, ANCHOR, "anchor-root 1-300" },
	{ "rewritten with the stolen key, later anchor", rewrite_stolen, ANCHOR_END, "anchor-root 1-700" },
	{ "rewritten with the stolen key, journal", rewrite_stolen, JOURNAL, "journal 41-41" },
	{ "rewritten without the key", rewrite_foreign, 0,
	  "checkpoint 300-300; checkpoint 600-600; checkpoint 700-700" },
	{ "rewritten without the key, memory", rewrite_foreign, EARLIER,
	  "rewritten 1-256; checkpoint 300-300; checkpoint 600-600; checkpoint 700-700" },
	{ "rewritten with another key", rewrite_renamed, 0, "" },
	{ "rewritten with another key, memory", rewrite_renamed, EARLIER, "key; rewritten 1-256" },
	{ "rewritten with another key, the key", rewrite_renamed, KEY,
	  "key; checkpoint 300-300; checkpoint 600-600; checkpoint 700-700" },
	{ "rewritten with another key, anchor", rewrite_renamed, ANCHOR, "anchor" },

	{ "deleted", delete_one, 0, "missing 41-41" },
	{ "deleted, memory", delete_one, EARLIER, "missing 41-41" },
	{ "deleted several", delete_some, 0, "missing 41-59" },
	{ "deleted, and the rest moved up", delete_and_close_up, 0,
	  "record 41-699; root 1-300 (+1); cut 700-700" },
	{ "reordered", reorder, 0, "record 41-41; node 41-42; record 52-52; node 51-52" },

	{ "tail cut", cut, 0, "cut 651-700" },
	{ "tail cut without a trace", cut_all, 0, "" },
	{ "tail cut without a trace, earlier memory", cut_all, EARLIER, "" },
	{ "tail cut without a trace, memory", cut_all, END, "shorter 651-700" },
	{ "tail cut without a trace, anchor", cut_all, ANCHOR_END, "anchor-cut 651-700" },
	{ "tail cut without a trace, journal", cut_all, JOURNAL, "journal-cut 651-700" },
	{ "older backup", older, 0, "" },
	{ "older backup, memory", older, END, "shorter 301-700" },
	{ "older backup, anchor", older, ANCHOR_END, "anchor-cut 301-700" },
	{ "older backup, its own checkpoint", older_but_checkpoint, 0, "cut 301-700" },

	{ "checkpoint without signature", checkpoint_unsigned, 0, "checkpoint 300-300" },
	{ "checkpoint with another size", checkpoint_bent, 0, "checkpoint 299-299" },
	{ "checkpoints by a foreign key", checkpoint_foreign, 0,
	  "checkpoint 300-300; checkpoint 600-600; checkpoint 700-700" },
	{ "checkpoints over other records", checkpoint_wrong, 0, "root 1-300 (+2)" },
	{ "node gone", node_gone, 0, "node 41-48" },
	{ "node changed", node_changed, 0, "node 41-48" },

	{ "node of a remembered block changed", block_changed, EARLIER, "node 257-512" },
	{ "node of a remembered block changed, later memory", block_changed, END, "node 257-512" },

	{ "policy text gone", text_gone, 0, "text-gone 1-700" },
	{ "policy text changed", text_changed, 0, "text 1-700" },
	{ "note about removed records that is a checkpoint", stub_foreign, 0, "stub" },
	{ "note about removed records that is none", stub_junk, 0, "stub" },
	{ "beginning gone", head_gone, 0, "removed 1-100" },
	{ "beginning gone, memory", head_gone, EARLIER, "removed 1-100" },
	{ "column changed", column_changed, 0, "column 41-41" },
	{ "column emptied", column_emptied, 0, "column 41-44" },
	{ "column filled", column_filled, 0, "column 41-41" },
	{ "a row before the first one", row_before, 0, "order" },
	{ "edited, and all checkpoints gone", checkpoints_gone, 0, "checkpoint 1-700" },
	{ "edited, and late checkpoints gone", late_checkpoints_gone, 0, "checkpoint 301-700" },
	{ "edited, and late checkpoints gone, memory", late_checkpoints_gone, EARLIER, "checkpoint 301-700" },
	{ "renumbered", renumbered, KEY, "cut 701-800" },
	{ "renumbered, memory", renumbered, EARLIER, "rewritten 1-300; cut 701-800" },
	{ "renumbered, memory and key", renumbered, END | KEY, "rewritten 1-700; cut 701-800" },
	{ "file renamed", misnamed, 0, "segment 1-700" },
	{ "hostile schema", hostile, 0,
	  "refused: no file of this log can be read: the database has an object that is not of the audit "
	  "log: evil" },
	{ "file cut", cut_file, 0,
	  "refused: no file of this log can be read: the audit log cannot be used: database disk image is "
	  "malformed" },
	{ "file gone", no_file, 0,
	  "refused: there is no log in it: neither a copy of the daemon's directory (log-*.sqlite) nor one "
	  "that bpfwarden audit export wrote" },
};

static void test_cases(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned with = cases[i].with;
		struct scene_visit visit = {
			.memory = with & EARLIER ? &scene.earlier
				  : with & END   ? &scene.end
						 : NULL,
			.anchor = with & ANCHOR       ? scene.note_earlier
				  : with & ANCHOR_END ? scene.note_end
						      : NULL,
			.key = with & KEY ? scene.vkey : NULL,
			.copies = with & JOURNAL ? scene.copies : NULL,
			.n_copies = with & JOURNAL ? SCENE_RECORDS : 0,
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

/* ---- what is said ---- */

static const char *caveats(const struct verify *verify)
{
	static char text[4096];
	size_t n = 0;

	*text = '\0';
	for (size_t i = 0; i < verify->findings.n_caveats; i++) {
		const struct caveat *caveat = &verify->findings.caveats[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %llu-%llu: %s\n",
				      caveat_name(caveat->kind), (unsigned long long)caveat->first,
				      (unsigned long long)caveat->last, caveat->text);
	}
	return text;
}

#define ALWAYS                                                                                        \
	"key-holder 0-0: whoever has the audit key, such as root on that host, can write again what " \
	"neither "                                                                                    \
	"your memory nor a checkpoint kept elsewhere covers\n"                                        \
	"daemon 0-0: what a daemon did not write, or wrote wrongly from the start, no log can show\n"

#define NEW                                                                                             \
	"until now nobody else vouched for these records: before this visit whoever has the audit key " \
	"could "                                                                                        \
	"have written them again without a trace\n"

static void check_visit(const struct scene_visit *visit, const char *verdict, const char *text)
{
	_cleanup_(verify_free_p) struct verify *verify = scene_visit(&scene, scene.copy, visit);
	char buffer[VERIFY_VERDICT_MAX];

	assert_string_equal(verify_verdict(verify, buffer), verdict);
	assert_string_equal(caveats(verify), text);
}

static void test_first_visit(void **state)
{
	const struct scene_visit visit = { 0 }, pinned = { .key = scene.vkey };
	char text[4096];

	(void)state;
	scene_copy(&scene, scene.log);
	snprintf(text, sizeof(text),
		 "first-visit 1-700: first visit: that these records and this key are the true ones is taken "
		 "on "
		 "trust; compare the key with what the host's administrator reads there with bpfwarden audit "
		 "checkpoint --key: %s\n" ALWAYS,
		 scene.vkey);
	check_visit(&visit, "verified: records 1 to 700 are consistent; first visit", text);
	check_visit(&pinned, "verified: records 1 to 700 are consistent; first visit",
		    "first-visit 1-700: first visit: the key is the one you gave; that these records are the "
		    "true ones is taken on trust\n" ALWAYS);
}

static void test_grown(void **state)
{
	const struct scene_visit visit = { .memory = &scene.earlier }, again = { .memory = &scene.end },
				 anchored = { .memory = &scene.earlier, .anchor = scene.note_end };

	(void)state;
	scene_copy(&scene, scene.log);
	check_visit(&visit, "verified: grew from 300 to 700, consistent", "new 301-700: " NEW ALWAYS);
	check_visit(&again, "verified: unchanged since the last visit at 700", ALWAYS);
	check_visit(&anchored, "verified: grew from 300 to 700, consistent", ALWAYS);
}

/* Cut with all that tells of it, and nobody saw what was there: it cannot be found, and is not claimed. */
static void test_tail(void **state)
{
	const struct scene_visit visit = { .memory = &scene.earlier };

	(void)state;
	scene_copy(&scene, scene.log);
	cut_all();
	check_visit(
		&visit, "verified: grew from 300 to 600, consistent",
		"new 301-600: " NEW
		"unsigned 601-650: no checkpoint covers these records yet: whoever can write the files can "
		"change them, without the key; the daemon signs the next one within a minute, or at once for "
		"bpfwarden audit checkpoint\n" ALWAYS);
}

static void test_journal(void **state)
{
	const struct scene_visit visit = { .memory = &scene.end,
					   .copies = scene.copies + 500,
					   .n_copies = 200 };

	(void)state;
	scene_copy(&scene, scene.log);
	check_visit(
		&visit, "verified: unchanged since the last visit at 700",
		"no-journal 0-0: the journal has 200 of 700 records: the others could not be compared with "
		"it\n" ALWAYS);
}

static void test_bad_verdict(void **state)
{
	const struct scene_visit visit = { .memory = &scene.earlier };
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	struct memory memory = MEMORY_INIT;
	char buffer[VERIFY_VERDICT_MAX];

	(void)state;
	scene_copy(&scene, scene.log);
	edit();
	verify = scene_visit(&scene, scene.copy, &visit);
	assert_string_equal(verify_verdict(verify, buffer),
			    "NOT VERIFIED: 1 finding, the first at record 41");
	assert_string_equal(verify->findings.items[0].text,
			    "the bytes are not those that were written: they do not match their stored hash; "
			    "compare with the journal (journalctl BPFWARDEN_SEQ=41)");
	/* Nothing of it replaces what is known. */
	assert_int_equal(verify_remember(verify, &scene.earlier, &memory), -ENODATA);
}

/* Whatever is wrong, nothing is written beside an auditor's copy. */
static void test_untouched(void **state)
{
	const struct scene_visit visit = { 0 };

	(void)state;
	scene_copy(&scene, scene.log);
	assert_string_equal(scene_verify(&scene, scene.copy, &visit), "");
	assert_int_equal(access(scene_path(&scene, SCENE_FILE "-wal"), F_OK), -1);
	assert_int_equal(access(scene_path(&scene, SCENE_FILE "-shm"), F_OK), -1);
}

/* A copy that was made of a log in use: what is still in the write-ahead log counts, and the copy stays as it
 * is. */
static void test_write_ahead_log(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_START);
	struct scene_visit visit = { .memory = &scene.end };
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	char in_use[SCENE_PATH_MAX], command[5 * SCENE_PATH_MAX];
	struct audit *audit = NULL;
	struct stat before, after;

	(void)state;
	snprintf(in_use, sizeof(in_use), "%s/in-use", scene.root);
	scene_copy(&scene, scene.log);
	assert_int_equal(rename(scene.copy, in_use), 0);
	options.directory = in_use;
	record.verdict = AUDIT_OK;
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	assert_int_equal(audit_commit(audit, NULL), 0);
	snprintf(command, sizeof(command), "mkdir -m 700 %s && cp %s/*.sqlite %s/*-wal %s", scene.copy,
		 in_use, in_use, scene.copy);
	assert_int_equal(system(command), 0);
	audit_close(audit);

	assert_int_equal(stat(scene_path(&scene, SCENE_FILE "-wal"), &before), 0);
	verify = scene_visit(&scene, scene.copy, &visit);
	assert_true(verify_good(verify));
	assert_int_equal(verify->records, SCENE_RECORDS + 1);
	assert_int_equal(stat(scene_path(&scene, SCENE_FILE "-wal"), &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_int_equal(access(scene_path(&scene, SCENE_FILE "-shm"), F_OK), -1);
}

static int setup(void **state)
{
	(void)state;
	scene_make(&scene, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_clear(&scene);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),     cmocka_unit_test(test_first_visit),
		cmocka_unit_test(test_grown),     cmocka_unit_test(test_tail),
		cmocka_unit_test(test_journal),   cmocka_unit_test(test_bad_verdict),
		cmocka_unit_test(test_untouched), cmocka_unit_test(test_write_ahead_log),
	};

	return cmocka_run_group_tests_name("audit-verify", tests, setup, teardown);
}
