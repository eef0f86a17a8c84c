/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done to an exported log is found as in the daemon's own files, as far as there is a counterpart. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/export/export.h"
#include "common/fd.h"
#include "verify-scene.h"

static struct scene scene;
static char export[SCENE_PATH_MAX + 16];

static const char *path_of(const char *name)
{
	static char path[SCENE_PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", export, name);
	return path;
}

/* scene.copy as it is now, exported by whoever has it. */
static void make_export(void)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct audit_export done;
	struct refusal refusal = { 0 };
	char command[sizeof(export) + 16];

	snprintf(command, sizeof(command), "rm -rf '%s'", export);
	assert_int_equal(system(command), 0);
	assert_int_equal(audit_source_open(scene.copy, &source, &refusal), 0);
	if (audit_export(source, export, &done, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
}

/* Replaces the first `from` behind `after`, by a text of the same length. */
static void replace(const char *name, const char *after, const char *from, const char *to)
{
	_cleanup_close_ int fd = open(path_of(name), O_RDWR | O_CLOEXEC);
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	char *at;

	if (fd < 0)
		fail_msg("%s is not there", name);
	assert_int_equal(fd_read_all(fd, 16U << 20, &bytes, &size), 0);
	at = memmem(bytes, size, after, strlen(after));
	assert_non_null(at);
	at = memmem(at, size - (size_t)(at - bytes), from, strlen(from));
	assert_non_null(at);
	assert_int_equal(pwrite(fd, to, strlen(to), at - bytes), strlen(to));
}

static void overwrite(const char *name, off_t offset, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = open(path_of(name), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fail_msg("%s is not there", name);
	assert_int_equal(pwrite(fd, bytes, size, offset), size);
}

static void write_note(const char *note)
{
	unlink(path_of("checkpoint"));
	int fd = open(path_of("checkpoint"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_int_equal(fd_write_all(fd, note, strlen(note)), 0);
	close(fd);
}

static void nothing(void)
{
}

static void edit_bundle(void)
{
	replace("tile/entries/000", "\"seq\":41,", "curl", "w3mm");
}

static void edit_both(void)
{
	edit_bundle();
	replace("records.jsonl", "\"seq\":41,", "curl", "w3mm");
}

/* The bytes, and the leaf hash in its tile: SHA-256 of what they say now. */
static void edit_leaf(void)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *bytes = NULL;
	uint8_t leaf[DIGEST_SIZE];
	char *line, *end;
	size_t size;

	edit_both();
	fd = open(path_of("records.jsonl"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read_all(fd, 16U << 20, &bytes, &size), 0);
	line = strstr(bytes, "{\"v\":1,\"seq\":41,");
	assert_non_null(line);
	end = strchr(line, '\n');
	assert_int_equal(tree_hash_leaf(line, (size_t)(end - line), leaf), 0);
	overwrite("tile/0/000", (off_t)40 * DIGEST_SIZE, leaf, sizeof(leaf));
}

static void edit_node(void)
{
	static const uint8_t junk[DIGEST_SIZE];

	overwrite("tile/1/000.p/2", 0, junk, sizeof(junk));
}

static void tile_gone(void)
{
	assert_int_equal(unlink(path_of("tile/1/000.p/2")), 0);
}

static void bundle_gone(void)
{
	assert_int_equal(unlink(path_of("tile/entries/001")), 0);
}

static void lines_edited(void)
{
	replace("records.jsonl", "\"seq\":41,", "curl", "w3mm");
}

static void checkpoint_older(void)
{
	write_note(scene.note_earlier);
}

static void checkpoint_foreign(void)
{
	scene_copy(&scene, scene.log);
	scene_sign(&scene, SCENE_FILE, false);
	_cleanup_close_ int fd = open(scene_path(&scene, "checkpoint"), O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *note = NULL;
	size_t size;

	assert_int_equal(fd_read_all(fd, NOTE_SIZE_MAX, &note, &size), 0);
	write_note(note);
}

static void text_gone(void)
{
	char name[96];

	snprintf(name, sizeof(name), "texts/%s", scene.text);
	assert_int_equal(unlink(path_of(name)), 0);
}

static void text_changed(void)
{
	char name[96];

	snprintf(name, sizeof(name), "texts/%s", scene.text);
	overwrite(name, 0, "[deny", 5);
}

/* Exports of what somebody has changed before. */
static void of_older(void)
{
	scene_copy(&scene, scene.old);
	make_export();
}

static void of_rewritten(void)
{
	scene_sql(&scene, SCENE_FILE,
		  "UPDATE record SET bytes = CAST(replace(CAST(bytes AS TEXT), 'curl', 'w3mm') AS BLOB) "
		  "WHERE seq = 41; UPDATE record SET leaf = leaf(bytes) WHERE seq = 41");
	scene_rebuild(&scene, SCENE_FILE);
	scene_sign(&scene, SCENE_FILE, true);
	make_export();
}

enum { EARLIER = 1, END = 2, ANCHOR = 4, JOURNAL = 32 };

static const struct {
	const char *name;
	void (*tamper)(void);
	unsigned with;
	const char *findings;
} cases[] = {
	{ "untouched", nothing, 0, "" },
	{ "untouched, memory of the daemon's log", nothing, EARLIER | JOURNAL, "" },
	{ "untouched, later memory", nothing, END | ANCHOR, "" },
	{ "a bundle edited", edit_bundle, 0, "leaf 41-41; segment" },
	{ "bundle and lines edited", edit_both, 0, "leaf 41-41" },
	{ "bundle, lines and leaf edited", edit_leaf, 0, "node 1-256" },
	{ "bundle, lines and leaf edited, journal", edit_leaf, JOURNAL, "journal 41-41; node 1-256" },
	{ "lines edited alone", lines_edited, 0, "segment" },
	{ "a node edited", edit_node, 0, "node 1-256" },
	{ "a node edited, memory", edit_node, END, "node 1-256" },
	{ "a tile gone", tile_gone, 0, "node 1-256; node 257-512" },
	{ "a bundle gone", bundle_gone, 0, "segment 257-700; cut 257-700" },
	{ "an older checkpoint", checkpoint_older, 0, "node 1-256; segment" },
	{ "an older checkpoint, memory", checkpoint_older, END, "node 1-256; segment; shorter 301-700" },
	{ "a foreign checkpoint", checkpoint_foreign, 0, "checkpoint 700-700" },
	{ "a text gone", text_gone, 0, "text-gone 1-700" },
	{ "a text changed", text_changed, 0, "text 1-700" },
	{ "of an older backup", of_older, 0, "" },
	{ "of an older backup, memory", of_older, END, "shorter 301-700" },
	{ "of a log rewritten with the stolen key", of_rewritten, 0, "" },
	{ "of a log rewritten with the stolen key, memory", of_rewritten, EARLIER, "rewritten 1-256" },
	{ "of a log rewritten with the stolen key, anchor", of_rewritten, ANCHOR, "anchor-root 1-300" },
	{ "of a log rewritten with the stolen key, journal", of_rewritten, JOURNAL, "journal 41-41" },
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
			.anchor = with & ANCHOR ? scene.note_earlier : NULL,
			.copies = with & JOURNAL ? scene.copies : NULL,
			.n_copies = with & JOURNAL ? SCENE_RECORDS : 0,
		};
		const char *findings;

		scene_copy(&scene, scene.log);
		make_export();
		cases[i].tamper();
		findings = scene_verify(&scene, export, &visit);
		if (strcmp(findings, cases[i].findings)) {
			print_error("%s: \"%s\", not \"%s\"\n", cases[i].name, findings, cases[i].findings);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static int setup(void **state)
{
	(void)state;
	scene_make(&scene, false);
	snprintf(export, sizeof(export), "%s/export", scene.root);
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
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests_name("audit-verify-export", tests, setup, teardown);
}
