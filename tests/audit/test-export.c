/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exports: the files of c2sp.org/tlog-tiles, extended, refused, interrupted, and read again as a source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/export/export.h"
#include "audit/export/files.h"
#include "audit/export/source-export.h"
#include "common/fd.h"
#include "source-fixture.h"

/* A directory of the test's own, below which everything is made. */
struct place {
	char root[64], directory[96];
	int fd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	strcpy(p->root,
	       "/dev/shm/bpfwarden-export-XXXXXX"); /* each export waits for its file system's disk */
	if (!mkdtemp(p->root))
		return -1;
	p->fd = open(p->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(p->directory, sizeof(p->directory), "%s/out", p->root);
	*state = p;
	return p->fd < 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->fd);
	nftw(p->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static struct fixture_log *signed_log(uint64_t n)
{
	struct fixture_log *log = fixture_log_new(n, 0, 7);

	fixture_log_sign(log, n);
	return log;
}

static void export_to(struct fixture_log *log, const char *directory, struct audit_export *ret)
{
	struct refusal refusal = {};
	int r = audit_export(&log->source, directory, ret, &refusal);

	if (r)
		fail_msg("%d: %s: %s", r, refusal.subject, refusal.reason);
}

static void assert_refused(struct fixture_log *log, const char *directory, const char *subject,
			   const char *reason)
{
	struct refusal refusal = {};
	struct audit_export result;

	assert_int_equal(audit_export(&log->source, directory, &result, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
	assert_string_equal(refusal.subject, subject);
	if (!strstr(refusal.reason, reason))
		fail_msg("\"%s\" is not in \"%s\"", reason, refusal.reason);
}

/* Size of a file below out/; -1: there is none. */
static long size_of(const struct place *p, const char *path)
{
	char whole[256];
	struct stat st;

	snprintf(whole, sizeof(whole), "out/%s", path);
	return fstatat(p->fd, whole, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : (long)st.st_size;
}

static char *read_at(const struct place *p, const char *path, size_t *ret_size)
{
	char *bytes;

	assert_int_equal(export_file_read(p->fd, path, 64U << 20, &bytes, ret_size), 0);
	return bytes;
}

static void write_at(const struct place *p, const char *path, const void *bytes, size_t size)
{
	int fd = openat(p->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, size), 0);
	close(fd);
}

static void test_paths(void **state)
{
	static const struct {
		unsigned level;
		uint64_t index;
		unsigned width;
		const char *path;
	} cases[] = {
		{ 0, 0, 256, "tile/0/000" },
		{ 0, 0, 1, "tile/0/000.p/1" },
		{ 1, 999, 255, "tile/1/999.p/255" },
		{ 0, 1000, 256, "tile/0/x001/000" },
		{ 7, 1234067, 0, "tile/7/x001/x234/067" },
		{ TILE_ENTRIES, 1234067, 12, "tile/entries/x001/x234/067.p/12" },
		{ TILE_ENTRIES, UINT64_MAX, 255, "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255" },
	};
	char path[EXPORT_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		export_tile_path(cases[i].level, cases[i].index, cases[i].width, path);
		assert_string_equal(path, cases[i].path);
	}
}

/* The example of the specification: 70 000 leaves. */
static void test_tiles(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(70000);
	_cleanup_free_ char *bytes = NULL, *notes = NULL;
	struct audit_export result;
	char path[EXPORT_PATH_MAX];
	uint8_t leaf[DIGEST_SIZE];
	size_t size;

	export_to(log, p->directory, &result);
	assert_true(result.tiles);
	assert_int_equal(result.size, 70000);
	assert_int_equal(result.grown_from, 0);
	assert_int_equal(result.newer, 0);
	assert_int_equal(result.texts, 1);
	assert_int_equal(result.missing, 0);
	for (unsigned i = 0; i < 273; i++) {
		export_tile_path(0, i, 256, path);
		assert_int_equal(size_of(p, path), 8192);
		export_tile_path(TILE_ENTRIES, i, 256, path);
		assert_true(size_of(p, path) > 0);
	}
	assert_int_equal(size_of(p, "tile/0/273"), -1);
	assert_int_equal(size_of(p, "tile/0/273.p/112"), 112 * 32);
	assert_true(size_of(p, "tile/entries/273.p/112") > 0);
	assert_int_equal(size_of(p, "tile/1/000"), 8192);
	assert_int_equal(size_of(p, "tile/1/001.p/17"), 17 * 32);
	assert_int_equal(size_of(p, "tile/2/000.p/1"), 32);
	assert_int_equal(size_of(p, "tile/3"), -1);

	bytes = read_at(p, "out/tile/0/001", &size);
	assert_int_equal(tree_hash_leaf(log->records[258].bytes, log->records[258].size, leaf), 0);
	assert_memory_equal(bytes + 2 * 32, leaf, DIGEST_SIZE);
	free(bytes);
	bytes = read_at(p, "out/tile/2/000.p/1", &size);
	assert_memory_equal(bytes, log->edges[65536].hash[16], DIGEST_SIZE);
	notes = read_at(p, "out/checkpoint", &size);
	assert_string_equal(notes, log->notes[0]);
}

/* Reads an exported directory and holds it against the log: all that a source says. */
struct compare {
	const struct fixture_log *log;
	uint64_t next;
	bool leaves;
};

static int compare_row(const struct audit_source_row *row, void *userdata)
{
	struct compare *c = userdata;
	const struct fixture_record *record = &c->log->records[c->next - 1 - c->log->log.base];
	uint8_t leaf[DIGEST_SIZE];

	assert_int_equal(row->seq, c->next);
	assert_int_equal(row->size, record->size);
	assert_memory_equal(row->bytes, record->bytes, record->size);
	assert_int_equal(row->leaf != NULL, c->leaves);
	if (row->leaf) {
		assert_int_equal(tree_hash_leaf(record->bytes, record->size, leaf), 0);
		assert_memory_equal(row->leaf, leaf, DIGEST_SIZE);
	}
	c->next++;
	return 0;
}

static int compare_note(const char *note, size_t size, void *userdata)
{
	const struct fixture_log *log = userdata;

	assert_int_equal(size, strlen(log->notes[log->n_notes - 1]));
	assert_memory_equal(note, log->notes[log->n_notes - 1], size);
	return 7;
}

static void assert_reads_back(const struct place *p, struct fixture_log *log, uint64_t size)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct compare c = { log, log->log.first, log->log.first == log->log.base + 1 };
	struct audit_source_log got;
	struct refusal refusal = {};
	uint8_t digest[DIGEST_SIZE];
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (source_export_open(p->directory, &source, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	assert_int_equal(source->calls->describe(source, &got, &refusal), 0);
	assert_string_equal(got.origin, log->log.origin);
	assert_string_equal(got.key, log->log.key);
	assert_string_equal(got.stub, log->log.stub);
	assert_int_equal(got.base, log->log.base);
	assert_int_equal(got.first, log->log.first);
	assert_int_equal(got.last, log->log.base + size);
	if (source->calls->rows(source, 0, compare_row, &c, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	assert_int_equal(c.next, got.last + 1);
	/* From somewhere in between. */
	c.next = got.first + (got.last - got.first) / 2;
	assert_int_equal(source->calls->rows(source, c.next, compare_row, &c, &refusal), 0);
	assert_int_equal(c.next, got.last + 1);
	assert_int_equal(source->calls->rows(source, got.last + 1, compare_row, NULL, &refusal), 0);
	assert_int_equal(source->calls->checkpoints(source, size - 1, compare_note, log, &refusal), 0);
	assert_int_equal(source->calls->checkpoints(source, size, compare_note, NULL, &refusal), 0);
	assert_int_equal(tree_hash_text(FIXTURE_POLICY, strlen(FIXTURE_POLICY), digest), 0);
	assert_int_equal(source->calls->text(source, digest, &text, &n, &refusal), 0);
	assert_string_equal(text, FIXTURE_POLICY);
	digest[0] ^= 1;
	assert_int_equal(source->calls->text(source, digest, &text, &n, &refusal), -ENOENT);
}

static void test_read_back(void **state)
{
	struct place *p = *state;
	static const uint64_t sizes[] = { 1, 2, 255, 256, 257, 512, 700, 65536, 65537 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(sizes[i], 2048, 7);
		struct audit_export result;

		fixture_log_sign(log, sizes[i]);
		snprintf(p->directory, sizeof(p->directory), "%s/%zu", p->root, i);
		export_to(log, p->directory, &result);
		assert_int_equal(result.base, 2048);
		assert_int_equal(result.first, 2049);
		assert_reads_back(p, log, sizes[i]);
	}
}

/* Stored nodes are those of every eighth level. */
static void test_nodes(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(66000);
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct audit_export result;
	struct refusal refusal = {};
	uint8_t hash[DIGEST_SIZE];

	export_to(log, p->directory, &result);
	assert_int_equal(source_export_open(p->directory, &source, &refusal), 0);
	assert_int_equal(source->calls->node(source, 8, 0, hash), 0);
	assert_memory_equal(hash, log->edges[256].hash[8], DIGEST_SIZE);
	assert_int_equal(source->calls->node(source, 8, 256, hash), 0);
	assert_int_equal(source->calls->node(source, 16, 0, hash), 0);
	assert_memory_equal(hash, log->edges[65536].hash[16], DIGEST_SIZE);
	assert_int_equal(source->calls->node(source, 8, 257, hash), -ENODATA);
	assert_int_equal(source->calls->node(source, 16, 1, hash), -ENODATA);
	assert_int_equal(source->calls->node(source, 24, 0, hash), -ENODATA);
	assert_int_equal(source->calls->node(source, 7, 0, hash), -ENODATA);
	assert_int_equal(source->calls->node(source, 64, 0, hash), -ENODATA);
	assert_int_equal(source->calls->edge(source, 65536, &log->edges[0]), -ENOENT);
}

/* All files of `whole` are in `grown`, byte for byte. */
static char compared_from[96], compared_with[96];

static int compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_free_ char *a = NULL, *b = NULL;
	char other[256];
	size_t a_size, b_size;

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	snprintf(other, sizeof(other), "%s%s", compared_with, path + strlen(compared_from));
	assert_int_equal(export_file_read(AT_FDCWD, path + 1, 64U << 20, &a, &a_size), 0);
	assert_int_equal(export_file_read(AT_FDCWD, other + 1, 64U << 20, &b, &b_size), 0);
	assert_int_equal(a_size, b_size);
	assert_memory_equal(a, b, a_size);
	return 0;
}

static void assert_contains(const char *grown, const char *whole)
{
	assert_int_equal(chdir("/"), 0);
	snprintf(compared_from, sizeof(compared_from), "%s", whole);
	snprintf(compared_with, sizeof(compared_with), "%s", grown);
	assert_int_equal(nftw(whole, compare_file, 16, FTW_PHYS), 0);
}

/* An export that grew step by step has all that one made at the end has, and still what it had before. */
static void test_extend(void **state)
{
	const struct place *p = *state;
	static const uint64_t sizes[] = { 1, 3, 255, 256, 256, 258, 511, 513, 2000, 65535, 65536, 65800 };
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(65800, 0, 7);
	char whole[96];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t before = i ? sizes[i - 1] : 0;
		struct audit_export result;

		fixture_log_sign(log, sizes[i]);
		log->rows_given = 0;
		export_to(log, p->directory, &result);
		assert_int_equal(result.grown_from, before);
		assert_int_equal(result.size, sizes[i]);
		assert_int_equal(result.newer, 65800 - sizes[i]);
		assert_int_equal(result.first, 1);
		/* Only what is new is read, and one row that says that it is enough. */
		assert_true(log->rows_given <= sizes[i] - before + 1);
		snprintf(whole, sizeof(whole), "%s/whole-%zu", p->root, i);
		export_to(log, whole, &result);
		assert_contains(p->directory, whole);
		assert_reads_back(p, log, sizes[i]);
	}
	assert_int_equal(size_of(p, "tile/0/000.p/3"), 3 * 32);
}

/* Retention may remove what was exported before. */
static void test_removed(void **state)
{
	struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(1000, 0, 7);
	struct audit_export result;
	char other[96];

	fixture_log_sign(log, 600);
	export_to(log, p->directory, &result);
	fixture_log_sign(log, 1000);
	fixture_log_remove(log, 500);
	export_to(log, p->directory, &result);
	assert_true(result.tiles);
	assert_int_equal(result.first, 1);
	assert_int_equal(result.grown_from, 600);
	assert_true(size_of(p, EXPORT_REMOVED) > 0);

	/* A new one has no tiles, but all that is left, and its edge ties that to the checkpoint. */
	snprintf(p->directory, sizeof(p->directory), "%s/pruned", p->root);
	export_to(log, p->directory, &result);
	assert_false(result.tiles);
	assert_int_equal(result.first, 501);
	assert_int_equal(faccessat(p->fd, "pruned/tile", F_OK, 0), -1);
	assert_reads_back(p, log, 1000);
	assert_refused(log, p->directory, "directory", "an export without tiles, which cannot be extended");

	/* What is gone cannot be added. */
	snprintf(other, sizeof(other), "%s/old", p->root);
	log->n_notes = 1;
	log->log.first = 1;
	export_to(log, other, &result);
	fixture_log_sign(log, 1000);
	fixture_log_remove(log, 601);
	assert_refused(log, other, "directory",
		       "it ends with record 600, and those from there to 601 were removed");
	fixture_log_remove(log, 600);
	export_to(log, other, &result);

	log->edges[700].hash[2][0] ^= 1;
	fixture_log_remove(log, 700);
	snprintf(other, sizeof(other), "%s/wrong", p->root);
	assert_refused(log, other, "root",
		       "the records are not those that the checkpoint of 1000 records signs");
}

static void test_checkpoints(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(300, 0, 7),
							 *foreign = signed_log(300);
	struct audit_export result;

	assert_refused(log, p->directory, "checkpoint", "no checkpoint that its key has signed");
	/* Of a key of the same name; and of more than is there. */
	foreign = fixture_log_free(foreign);
	foreign = fixture_log_new(300, 0, 8);
	fixture_log_sign(foreign, 290);
	log->notes = calloc(1, sizeof(*log->notes));
	assert_non_null(log->notes);
	memcpy(log->notes[log->n_notes++], foreign->notes[0], NOTE_SIZE_MAX);
	assert_refused(log, p->directory, "checkpoint", "no checkpoint that its key has signed");
	fixture_log_sign(log, 280);
	fixture_log_sign(log, 300);
	log->log.last = 290;
	export_to(log, p->directory, &result);
	assert_int_equal(result.size, 280);
	assert_int_equal(result.newer, 10);
	strcpy(log->log.key, "");
	assert_refused(log, p->directory, "key", "does not say by which key");
	strcpy(log->log.key, foreign->log.key);
	strcpy(log->log.origin, "bpfwarden/shop-8/0");
	assert_refused(log, p->directory, "key", "does not say by which key");
}

static void assert_nothing_there(const struct place *p)
{
	struct stat st;
	FILE *list;
	char command[128], line[64] = "";

	assert_int_equal(fstatat(p->fd, "out", &st, 0), -1);
	snprintf(command, sizeof(command), "ls -A %s", p->root);
	list = popen(command, "r");
	assert_non_null(list);
	assert_null(fgets(line, sizeof(line), list));
	pclose(list);
}

static void test_bad_records(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(600);
	struct audit_export result;
	struct refusal refusal;
	char *kept, huge[ENTRY_SIZE_MAX + 2];

	kept = log->records[299].bytes;
	log->records[299].bytes = NULL;
	assert_refused(log, p->directory, "record", "record 301 is where 300 should be");
	log->records[299].bytes = kept;
	assert_nothing_there(p);

	kept = log->records[599].bytes;
	log->records[599].bytes = NULL;
	assert_refused(log, p->directory, "record", "record 600 is missing");
	log->records[599].bytes = kept;
	assert_nothing_there(p);

	log->records[10].bytes[3]++;
	assert_refused(log, p->directory, "root",
		       "the records are not those that the checkpoint of 600 records signs");
	log->records[10].bytes[3] = '\n';
	assert_refused(log, p->directory, "record", "record 11 is not one line");
	log->records[10].bytes[3]--;
	assert_nothing_there(p);

	kept = log->records[10].bytes;
	memset(huge, 'x', sizeof(huge));
	log->records[10] = (struct fixture_record){ huge, ENTRY_SIZE_MAX + 1 };
	assert_refused(log, p->directory, "record", "record 11 is not one line of at most 65535 bytes");
	log->records[10] = (struct fixture_record){ kept, strlen(kept) };

	log->fail_at = 400;
	assert_int_equal(audit_export(&log->source, p->directory, &result, &refusal), -EIO);
	assert_nothing_there(p);
}

/* A long record is an entry like any other, up to the last byte that the length can say. */
static void test_long_record(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(3, 0, 7);
	char *huge = malloc(ENTRY_SIZE_MAX + 1);
	struct audit_export result;
	uint8_t leaf[DIGEST_SIZE];

	assert_non_null(huge);
	memset(huge, 'x', ENTRY_SIZE_MAX);
	memcpy(huge, log->records[1].bytes, 20);
	free(log->records[1].bytes);
	log->records[1] = (struct fixture_record){ huge, ENTRY_SIZE_MAX };
	for (size_t i = 1; i < 3; i++) {
		log->edges[i + 1] = log->edges[i];
		assert_int_equal(tree_hash_leaf(log->records[i].bytes, log->records[i].size, leaf), 0);
		assert_int_equal(tree_append(&log->edges[i + 1], leaf, NULL, NULL), 0);
	}
	fixture_log_sign(log, 3);
	export_to(log, p->directory, &result);
	assert_reads_back(p, log, 3);
}

static void test_directories(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(300);
	struct audit_export result;
	char path[128];
	int fd;

	/* Not a directory; not there and cannot be made. */
	write_at(p, "out", "x", 1);
	assert_refused(log, p->directory, "directory", "Not a directory");
	assert_int_equal(unlinkat(p->fd, "out", 0), 0);
	snprintf(path, sizeof(path), "%s/none/out", p->root);
	assert_refused(log, path, "directory", "No such file or directory");

	/* Empty ones, also with what an interrupted export and a file system leave. */
	assert_int_equal(mkdirat(p->fd, "out", 0755), 0);
	assert_int_equal(mkdirat(p->fd, "out/lost+found", 0700), 0);
	assert_int_equal(mkdirat(p->fd, "out/.export-AbCdEf", 0700), 0);
	assert_int_equal(mkdirat(p->fd, "out/.export-AbCdEf/tile", 0700), 0);
	write_at(p, "out/.export-AbCdEf/tile/checkpoint", "x", 1);
	assert_int_equal(symlinkat("/etc", p->fd, "out/.export-AbCdEf/link"), 0);
	snprintf(path, sizeof(path), "%s///", p->directory);
	export_to(log, path, &result);
	assert_int_equal(size_of(p, ".export-AbCdEf"), -1);
	assert_true(size_of(p, EXPORT_CHECKPOINT) > 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_reads_back(p, log, 300);

	/* Somebody else's. */
	snprintf(path, sizeof(path), "%s/other", p->root);
	assert_int_equal(mkdirat(p->fd, "other", 0755), 0);
	write_at(p, "other/file", "x", 1);
	assert_refused(log, path, "directory", "it is not empty, and not an export of a log");
	/* The daemon's own, which has a checkpoint, too, and a key that must stay. */
	write_at(p, "other/checkpoint", log->notes[0], strlen(log->notes[0]));
	write_at(p, "other/key", "seed", 4);
	assert_refused(log, path, "directory", "it is not empty, and not an export of a log");

	fd = openat(p->fd, "out", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_refused(log, p->directory, "directory", "another export is being written there");
	close(fd);
	export_to(log, p->directory, &result);
	assert_int_equal(result.grown_from, 300);
}

/* Earlier exports that this log does not continue. */
static void test_earlier(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(600, 0, 7), *other = NULL,
							 *fork = NULL;
	struct audit_export result;
	_cleanup_free_ char *note = NULL;
	size_t size;

	fixture_log_sign(log, 600);
	export_to(log, p->directory, &result);
	note = read_at(p, "out/checkpoint", &size);

	/* Rolled back. */
	log->n_notes = 0;
	fixture_log_sign(log, 599);
	assert_refused(log, p->directory, "directory",
		       "it holds 600 records of this log, which now has no more than 599");

	/* Another key, another log. */
	other = fixture_log_new(700, 0, 8);
	fixture_log_sign(other, 700);
	assert_refused(other, p->directory, "directory", "not signed by this log's key");
	strcpy(other->log.origin, "bpfwarden/shop-8/0000000000000000");
	assert_refused(other, p->directory, "key", "does not say by which key");

	/* The same key, and another history of the same length and more. */
	fork = fixture_log_new(700, 5, 7);
	fixture_log_sign(fork, 700);
	assert_refused(fork, p->directory, "root", "not those that the checkpoint of 700 records signs");

	/* Nothing of all this has changed anything. */
	log->n_notes = 0;
	fixture_log_sign(log, 600);
	assert_reads_back(p, log, 600);
}

static void flip(const struct place *p, const char *path, size_t at)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	bytes = read_at(p, path, &size);
	bytes[at % size] ^= 1;
	write_at(p, path, bytes, size);
}

/* An earlier export that was damaged is not built upon. */
static void test_damaged_earlier(void **state)
{
	const struct place *p = *state;
	static const struct {
		const char *path;
		size_t at;
		const char *subject, *reason;
	} cases[] = {
		{ "out/checkpoint", 34, "directory", "not signed by this log's key" },
		{ "out/checkpoint", 0, "directory", "it holds an export of another log, cpfwarden/" },
		{ "out/tile/0/002.p/88", 100, "tile/entries/002.p/88",
		  "entry 3 is not what the tile beside it has the hash of" },
		{ "out/tile/1/000.p/2", 40, "directory",
		  "the tiles there are not those of the checkpoint there" },
		{ "out/tile/entries/002.p/88", 100, "tile/entries/002.p/88",
		  "is not what the tile beside it has the hash of" },
		{ "out/tile/entries/002.p/88", 0, "tile/entries/002.p/88",
		  "entry 0 is not what the tile beside it has the hash of" },
	};
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(700, 0, 7);
	struct audit_export result;
	_cleanup_free_ char *lines = NULL;
	size_t size;

	fixture_log_sign(log, 600);
	export_to(log, p->directory, &result);
	fixture_log_sign(log, 700);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		flip(p, cases[i].path, cases[i].at);
		assert_refused(log, p->directory, cases[i].subject, cases[i].reason);
		flip(p, cases[i].path, cases[i].at);
	}
	lines = read_at(p, "out/records.jsonl", &size);
	write_at(p, "out/records.jsonl", lines, size - 1);
	assert_refused(log, p->directory, EXPORT_RECORDS, "it is not what an export has there");
	/* More lines than leaves: an export that was interrupted at its end. */
	write_at(p, "out/records.jsonl", lines, size);
	flip(p, "out/records.jsonl", 0);
	flip(p, "out/records.jsonl", 0);
	lines = realloc(lines, 2 * size);
	assert_non_null(lines);
	memcpy(lines + size, lines, size);
	write_at(p, "out/records.jsonl", lines, 2 * size);
	export_to(log, p->directory, &result);
	assert_int_equal(result.grown_from, 600);
	assert_reads_back(p, log, 700);
}

static int count_row(const struct audit_source_row *row, void *userdata)
{
	uint64_t *n = userdata;

	(void)row;
	(*n)++;
	return 0;
}

/* What a source of a directory that somebody touched says, and after how many records. */
static void assert_source(const struct place *p, uint64_t rows, const char *subject, const char *reason)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct refusal refusal = {};
	uint64_t n = 0;
	int r = source_export_open(p->directory, &source, &refusal);

	if (!r)
		r = source->calls->rows(source, 0, count_row, &n, &refusal);
	assert_int_equal(n, rows);
	if (!subject) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, REFUSAL_AUDIT_UNAVAILABLE);
	assert_string_equal(refusal.subject, subject);
	if (!strstr(refusal.reason, reason))
		fail_msg("\"%s\" is not in \"%s\"", reason, refusal.reason);
}

static void replace_with_link(const struct place *p, const char *path, const char *target)
{
	assert_int_equal(renameat(p->fd, path, p->fd, "kept"), 0);
	assert_int_equal(symlinkat(target, p->fd, path), 0);
}

static void put_back(const struct place *p, const char *path)
{
	unlinkat(p->fd, path, 0);
	assert_int_equal(renameat(p->fd, "kept", p->fd, path), 0);
}

static void test_hostile(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(600);
	static const char bundle[] = "tile/entries/001";
	static char big[NOTE_VERIFIED_MAX + 1];
	_cleanup_free_ char *bytes = NULL;
	struct audit_export result;
	struct refusal refusal;
	struct audit_source *source;
	size_t size;

	assert_int_equal(source_export_open(p->directory, &source, &refusal), -ENOENT);
	assert_int_equal(source_export_open(p->root, &source, &refusal), -ENODATA);
	export_to(log, p->directory, &result);

	/* Links, also of folders; a FIFO, which nobody waits for; a folder. */
	replace_with_link(p, "out/tile/entries/001", "/etc/passwd");
	assert_source(p, 256, bundle, "Too many levels of symbolic links");
	unlinkat(p->fd, "out/tile/entries/001", 0);
	assert_int_equal(mkfifoat(p->fd, "out/tile/entries/001", 0600), 0);
	assert_source(p, 256, bundle, "it is not what an export has there");
	unlinkat(p->fd, "out/tile/entries/001", 0);
	assert_source(p, 256, bundle, "No such file or directory");
	put_back(p, "out/tile/entries/001");
	replace_with_link(p, "out/tile", "../kept");
	assert_source(p, 0, "tile/entries/000", "Too many levels of symbolic links");
	put_back(p, "out/tile");
	replace_with_link(p, "out/checkpoint", "../kept");
	assert_source(p, 0, "checkpoint", "Too many levels of symbolic links");
	put_back(p, "out/checkpoint");

	/* Cut short; a length that leads beyond the end. */
	bytes = read_at(p, "out/tile/entries/001", &size);
	write_at(p, "out/tile/entries/001", bytes, size - 1);
	assert_source(p, 511, bundle, "it is not what an export has there");
	write_at(p, "out/tile/entries/001", bytes, 1);
	assert_source(p, 256, bundle, "it is not what an export has there");
	write_at(p, "out/tile/entries/001", bytes, size);
	bytes[0] = (char)0xff;
	write_at(p, "out/tile/entries/001", bytes, size);
	assert_source(p, 256, bundle, "it is not what an export has there");
	bytes[0] = 0;
	write_at(p, "out/tile/entries/001", bytes, size);

	/* Tiles are what a verifier compares with: a missing one is no obstacle. */
	assert_int_equal(unlinkat(p->fd, "out/tile/0/000", 0), 0);
	assert_source(p, 600, NULL, NULL);

	/* The lines for people are held against what counts. */
	flip(p, "out/records.jsonl", 20);
	assert_source(p, 600, EXPORT_RECORDS, "differs from the entry bundles at record 1:");
	flip(p, "out/records.jsonl", 20);
	free(bytes);
	bytes = read_at(p, "out/records.jsonl", &size);
	write_at(p, "out/records.jsonl", bytes, size - 3);
	assert_source(p, 600, EXPORT_RECORDS, "differs from the entry bundles at record 600:");
	bytes = realloc(bytes, size + 2);
	assert_non_null(bytes);
	memcpy(bytes + size, "{}", 2);
	write_at(p, "out/records.jsonl", bytes, size + 2);
	assert_source(p, 600, EXPORT_RECORDS, "differs from the entry bundles at record 601:");
	unlinkat(p->fd, "out/records.jsonl", 0);
	assert_source(p, 600, NULL, NULL);

	/* Sizes. */
	write_at(p, "out/key", big, NOTE_VKEY_MAX + 2);
	assert_source(p, 0, "key", "File too large");
	write_at(p, "out/key", "\0", 1);
	assert_source(p, 0, "key", "it is not what an export has there");
	unlinkat(p->fd, "out/key", 0);
	assert_source(p, 600, NULL, NULL);
	write_at(p, "out/checkpoint", big, sizeof(big));
	assert_source(p, 0, "checkpoint", "File too large");
	write_at(p, "out/checkpoint", "origin\n600\n", 11);
	assert_source(p, 0, "checkpoint", "it is not what an export has there");
}

/* A checkpoint may claim anything: no more is done than there are files for. */
static void test_claims(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(300);
	struct checkpoint claim = { .origin = FIXTURE_ORIGIN, .size = TREE_SIZE_MAX };
	struct audit_export result;
	char body[NOTE_SIZE_MAX], note[NOTE_SIZE_MAX];

	export_to(log, p->directory, &result);
	assert_int_equal(checkpoint_format(&claim, body), 0);
	assert_int_equal(note_sign(log->signer, body, note), 0);
	write_at(p, "out/checkpoint", note, strlen(note));
	assert_source(p, 256, "tile/entries/001", "No such file or directory");
	claim.size = 0;
	assert_int_equal(checkpoint_format(&claim, body), 0);
	assert_int_equal(note_sign(log->signer, body, note), 0);
	write_at(p, "out/checkpoint", note, strlen(note));
	assert_source(p, 0, NULL, NULL);
}

static void test_bad_edge(void **state)
{
	const struct place *p = *state;
	static const char *const edges[] = {
		"",
		"x",
		"0\n",
		"01\n",
		"1",
		"1\n",
		"-1\n",
		"600\n",
		"18446744073709551616\n",
		"1\n00000000000000000000000000000000000000000000000000000000000000\n",
		"1\n0000000000000000000000000000000000000000000000000000000000000000",
		"1\n0000000000000000000000000000000000000000000000000000000000000000\n\n",
		"1\n000000000000000000000000000000000000000000000000000000000000000g\n",
		"3\n0000000000000000000000000000000000000000000000000000000000000000\n",
	};
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(600);
	struct audit_export result;

	fixture_log_remove(log, 300);
	export_to(log, p->directory, &result);
	assert_source(p, 300, NULL, NULL);
	for (size_t i = 1; i < sizeof(edges) / sizeof(*edges); i++) {
		write_at(p, "out/edge", edges[i], strlen(edges[i]));
		assert_source(p, 0, "edge", "it is not what an export has there");
	}
	write_at(p, "out/edge", "", 0);
	assert_source(p, 0, "tile/entries/000", "No such file or directory");
}

/* Texts: missing ones are counted, and what a record has in its parameters is none. */
static void test_texts(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(4, 0, 7);
	struct audit_export result;

	log->no_text = true;
	fixture_log_sign(log, 4);
	export_to(log, p->directory, &result);
	assert_int_equal(result.texts, 0);
	assert_int_equal(result.missing, 1);
	assert_int_equal(size_of(p, "texts"), -1);
	log->no_text = false;
	export_to(log, p->directory, &result);
	assert_int_equal(result.texts, 0); /* nothing new was read */
}

static int shout(const struct audit_source_row *row, FILE *out, void *userdata)
{
	(void)userdata;
	return fprintf(out, "row %" PRIu64, row->seq) < 0 ? -EIO : 0;
}

static void test_lines(void **state)
{
	_cleanup_(fixture_log_free_p) struct fixture_log *log = fixture_log_new(3, 10, 7);
	struct refusal refusal = {};
	char *text = NULL, expected[512];
	size_t size;
	uint64_t n;
	FILE *out;

	(void)state;
	out = open_memstream(&text, &size);
	assert_int_equal(audit_export_lines(&log->source, out, NULL, NULL, &n, &refusal), 0);
	fclose(out);
	snprintf(expected, sizeof(expected), "%s\n%s\n%s\n", log->records[0].bytes, log->records[1].bytes,
		 log->records[2].bytes);
	assert_string_equal(text, expected);
	assert_int_equal(n, 3);
	free(text);

	out = open_memstream(&text, &size);
	assert_int_equal(audit_export_lines(&log->source, out, shout, NULL, &n, &refusal), 0);
	fclose(out);
	assert_string_equal(text, "row 11\nrow 12\nrow 13\n");
	free(text);

	log->records[1].bytes[5] = '\n';
	out = open_memstream(&text, &size);
	assert_int_equal(audit_export_lines(&log->source, out, NULL, NULL, &n, &refusal),
			 REFUSAL_AUDIT_UNAVAILABLE);
	assert_non_null(strstr(refusal.reason, "record 12 is not one line"));
	fclose(out);
	free(text);
}

static void test_lines_into(void **state)
{
	const struct place *p = *state;
	_cleanup_(fixture_log_free_p) struct fixture_log *log = signed_log(3);
	struct refusal refusal = {};
	_cleanup_free_ char *text = NULL;
	struct audit_export result;
	size_t size;
	uint64_t n;

	log->fail_at = 2;
	assert_int_equal(
		audit_export_lines_into(&log->source, p->directory, "x.jsonl", shout, NULL, &n, &refusal),
		-EIO);
	assert_nothing_there(p);
	log->fail_at = 0;
	assert_int_equal(
		audit_export_lines_into(&log->source, p->directory, "x.jsonl", shout, NULL, &n, &refusal), 0);
	text = read_at(p, "out/x.jsonl", &size);
	assert_string_equal(text, "row 1\nrow 2\nrow 3\n");
	assert_int_equal(
		audit_export_lines_into(&log->source, p->directory, "x.jsonl", shout, NULL, &n, &refusal),
		REFUSAL_AUDIT_UNAVAILABLE);
	assert_non_null(strstr(refusal.reason, "it is not empty"));
	assert_int_equal(unlinkat(p->fd, "out/x.jsonl", 0), 0);
	export_to(log, p->directory, &result);
	assert_int_equal(
		audit_export_lines_into(&log->source, p->directory, "x.jsonl", shout, NULL, &n, &refusal),
		REFUSAL_AUDIT_UNAVAILABLE);
	assert_non_null(strstr(refusal.reason, "it holds an export with tiles"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		TEST(test_tiles),
		TEST(test_read_back),
		TEST(test_nodes),
		TEST(test_extend),
		TEST(test_removed),
		TEST(test_checkpoints),
		TEST(test_bad_records),
		TEST(test_long_record),
		TEST(test_directories),
		TEST(test_earlier),
		TEST(test_damaged_earlier),
		TEST(test_hostile),
		TEST(test_claims),
		TEST(test_bad_edge),
		TEST(test_texts),
		TEST(test_lines),
		TEST(test_lines_into),

	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
