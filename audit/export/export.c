/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "audit/export/files.h"
#include "audit/export/stage.h"
#include "audit/export/texts.h"
#include "audit/export/tiles.h"
#include "common/digest.h"
#include "common/fd.h"

struct export
{
	struct audit_source *source;
	struct audit_source_log log;
	struct note_key key;
	struct export_stage *stage;
	struct export_tiles tiles;
	struct export_texts texts;
	FILE *records;

	struct checkpoint checkpoint;
	char *note; /* of the checkpoint */
	size_t note_size;

	uint64_t next; /* sequence of the record that comes next */
	int refused;
	struct audit_export result;
	struct refusal *refusal;
};

static int refuse(struct export *e, const char *subject, const char *why)
{
	return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, subject, "%s", why);
}

/* Trouble with the place that is written to is told, not fatal. */
static int refuse_write(struct export *e, int r)
{
	if (r >= 0 || r == -ENOMEM || fd_is_shortage(r))
		return r;
	return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
			   "the export cannot be written: %s", strerror(-r));
}

/* Keeps the note if it is the largest one so far that the key has signed for this log. */
static int keep_checkpoint(const char *note, size_t size, void *userdata)
{
	struct export *e = userdata;
	struct checkpoint checkpoint;
	char *copy;
	int r = checkpoint_verify(&e->key, note, size, &checkpoint);

	if (r < 0)
		return r;
	if (r != NOTE_GOOD || (e->note && checkpoint.size <= e->checkpoint.size) ||
	    checkpoint.size > e->log.last - e->log.base)
		return 0;
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, note, size);
	free(e->note);
	e->note = copy;
	e->note_size = size;
	e->checkpoint = checkpoint;
	return 0;
}

static int describe(struct export *e)
{
	int r = e->source->calls->describe(e->source, &e->log, e->refusal);

	if (r)
		return r;
	r = note_key_parse(e->log.key, &e->key);
	if (r == -EINVAL || (!r && strcmp(e->key.name, e->log.origin)))
		return refuse(e, "key", "the log does not say by which key its checkpoints are signed");
	if (r)
		return r;
	if (!e->log.last || e->log.first <= e->log.base || e->log.last < e->log.first)
		return refuse(e, "record", "there is no record in the log");
	r = e->source->calls->checkpoints(e->source, 0, keep_checkpoint, e, e->refusal);
	if (r)
		return r;
	if (!e->note)
		return refuse(e, "checkpoint", "the log has no checkpoint that its key has signed");
	if (e->log.base + e->checkpoint.size < e->log.first)
		return refuse(e, "checkpoint", "no checkpoint covers a record that is left");
	return 0;
}

static bool roots_equal(const struct tree_edge *edge, const struct checkpoint *checkpoint, int *ret_r)
{
	uint8_t root[DIGEST_SIZE];

	*ret_r = tree_root(edge, root);
	return !*ret_r && edge->size == checkpoint->size && !memcmp(root, checkpoint->root, DIGEST_SIZE);
}

/* Whether the earlier export is one of this log, and one that this log has grown from. */
static int check_earlier(struct export *e, const struct checkpoint *earlier, int verdict)
{
	if (verdict < 0)
		return verdict;
	if (strcmp(earlier->origin, e->log.origin))
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
				   "it holds an export of another log, %s: name another directory",
				   earlier->origin);
	if (verdict != NOTE_GOOD)
		return refuse(e, "directory",
			      "the checkpoint of the export there is not signed by this log's key");
	if (earlier->size > e->checkpoint.size)
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
				   "it holds %" PRIu64
				   " records of this log, which now has no more than %" PRIu64
				   ": run bpfwarden audit verify",
				   earlier->size, e->checkpoint.size);
	if (e->log.base + earlier->size + 1 < e->log.first)
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
				   "it ends with record %" PRIu64 ", and those from there to %" PRIu64
				   " were removed since: name another directory",
				   e->log.base + earlier->size, e->log.first - 1);
	return 0;
}

/* Copies the lines of the earlier export, one a leaf. An export that was interrupted may have left more. */
static int copy_records(struct export *e, int directory, uint64_t lines)
{
	_cleanup_close_ int fd = export_file_open(directory, EXPORT_RECORDS);
	char buffer[65536];
	ssize_t n;

	if (fd < 0)
		return export_refuse(fd, EXPORT_RECORDS, e->refusal);
	while (lines && (n = read(fd, buffer, sizeof(buffer))) != 0) {
		const char *end = buffer;

		if (n < 0)
			return export_refuse(-errno, EXPORT_RECORDS, e->refusal);
		while (lines && (end = memchr(end, '\n', (size_t)(buffer + n - end)))) {
			end++;
			lines--;
		}
		if (lines)
			end = buffer + n;
		if (fwrite(buffer, 1, (size_t)(end - buffer), e->records) != (size_t)(end - buffer))
			return refuse_write(e, -errno);
	}
	return lines ? export_refuse(-EINVAL, EXPORT_RECORDS, e->refusal) : 0;
}

static int resume(struct export *e, int directory)
{
	_cleanup_free_ char *note = NULL;
	struct checkpoint earlier, signed_earlier;
	size_t size;
	int r;

	r = export_checkpoint_read(directory, &note, &size, &earlier);
	if (r)
		return export_refuse(r, EXPORT_CHECKPOINT, e->refusal);
	r = check_earlier(e, &earlier, checkpoint_verify(&e->key, note, size, &signed_earlier));
	if (r)
		return r;
	if (faccessat(directory, EXPORT_EDGE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return refuse(e, "directory",
			      "it holds an export without tiles, which cannot be extended: name "
			      "another directory");
	r = export_tiles_resume(&e->tiles, directory, earlier.size, e->refusal);
	if (r)
		return r;
	if (!roots_equal(&e->tiles.edge, &earlier, &r))
		return r ? r
			 : refuse(e, "directory", "the tiles there are not those of the checkpoint there");
	e->result.grown_from = earlier.size;
	e->result.first = e->log.base + 1;
	return copy_records(e, directory, earlier.size);
}

/* Writes the edge by whose hashes alone the records before the first one are still known. */
static int put_edge(struct export *e)
{
	char text[32 + TREE_LEVELS_MAX * DIGEST_HEX_MAX], hex[DIGEST_HEX_MAX];
	const struct tree_edge *edge = &e->tiles.edge;
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", edge->size);

	for (unsigned level = TREE_LEVELS_MAX; level--;)
		if (edge->size >> level & 1)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "%s\n",
				      digest_to_hex(edge->hash[level], hex));
	return refuse_write(e, export_stage_put(e->stage, EXPORT_EDGE, text, (size_t)n));
}

static int begin(struct export *e)
{
	uint64_t removed = e->log.first - e->log.base - 1;
	int earlier = export_stage_earlier(e->stage), r;

	e->result.tiles = true;
	e->result.first = e->log.first;
	if (earlier >= 0)
		return resume(e, earlier);
	if (!removed)
		return 0;
	e->result.tiles = false;
	r = e->source->calls->edge ? e->source->calls->edge(e->source, removed, &e->tiles.edge) : -ENOENT;
	if (r == -ENOENT)
		return refuse(
			e, "edge",
			"the log does not say what the records that were removed have left in the tree");
	return r ? r : put_edge(e);
}

static bool is_line(const struct audit_source_row *row)
{
	return !memchr(row->bytes, '\n', row->size);
}

static int add_record(struct export *e, const struct audit_source_row *row)
{
	uint8_t leaf[DIGEST_SIZE];
	int r;

	if (fwrite(row->bytes, 1, row->size, e->records) != row->size || putc('\n', e->records) == EOF)
		return refuse_write(e, -errno);
	if (e->result.tiles)
		return refuse_write(e, export_tiles_add(&e->tiles, row->bytes, row->size));
	r = tree_hash_leaf(row->bytes, row->size, leaf);
	return r ? r : tree_append(&e->tiles.edge, leaf, NULL, NULL);
}

static int check_row(const struct export *e, const struct audit_source_row *row)
{
	if (row->seq != e->next)
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "record",
				   "record %" PRIu64 " is where %" PRIu64
				   " should be: run bpfwarden audit verify",
				   row->seq, e->next);
	if (row->size > ENTRY_SIZE_MAX || !is_line(row))
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "record",
				   "record %" PRIu64 " is not one line of at most %u bytes", row->seq,
				   ENTRY_SIZE_MAX);
	return 0;
}

/* What is positive ends with success, so a refusal waits in e->refused until rows() is back. */
static int take_row(const struct audit_source_row *row, void *userdata)
{
	struct export *e = userdata;
	int r;

	if (e->tiles.edge.size == e->checkpoint.size)
		return 1;
	r = check_row(e, row);
	if (!r)
		r = export_texts_note(&e->texts, row->bytes, row->size);
	if (!r)
		r = add_record(e, row);
	e->next++;
	e->refused = r > 0 ? r : 0;
	return r;
}

static int add_records(struct export *e)
{
	int r;

	e->next = e->log.base + e->tiles.edge.size + 1;
	if (e->tiles.edge.size < e->checkpoint.size) {
		r = e->source->calls->rows(e->source, e->next, take_row, e, e->refusal);
		if (r || e->refused)
			return r ? r : e->refused;
	}
	if (e->tiles.edge.size < e->checkpoint.size)
		return refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "record",
				   "record %" PRIu64 " is missing: run bpfwarden audit verify", e->next);
	if (!roots_equal(&e->tiles.edge, &e->checkpoint, &r))
		return r ? r
			 : refusal_set(e->refusal, REFUSAL_AUDIT_UNAVAILABLE, "root",
				       "the records are not those that the checkpoint of %" PRIu64
				       " records signs: run bpfwarden audit verify",
				       e->checkpoint.size);
	return 0;
}

static int put_notes(struct export *e)
{
	char line[NOTE_VKEY_MAX + 1];
	int n = snprintf(line, sizeof(line), "%s\n", e->log.key);
	int r = export_stage_put(e->stage, EXPORT_KEY, line, (size_t)n);

	if (!r && e->log.stub[0])
		r = export_stage_put(e->stage, EXPORT_REMOVED, e->log.stub, strlen(e->log.stub));
	if (!r)
		r = export_stage_put(e->stage, EXPORT_CHECKPOINT, e->note, e->note_size);
	return r;
}

static int finish(struct export *e)
{
	int r = export_texts_write(&e->texts, e->source, e->stage, &e->result.texts, &e->result.missing,
				   e->refusal);

	if (!r && fflush(e->records) == EOF)
		r = -errno;
	if (!r && e->result.tiles)
		r = export_tiles_finish(&e->tiles);
	if (!r)
		r = put_notes(e);
	if (!r)
		r = export_stage_commit(e->stage);
	return refuse_write(e, r);
}

static int run(struct export *e, const char *directory)
{
	int fd, r = describe(e);

	if (!r)
		r = export_stage_new(directory, &e->stage, e->refusal);
	if (r)
		return r;
	fd = export_stage_open(e->stage, EXPORT_RECORDS);
	if (fd < 0)
		return refuse_write(e, fd);
	e->records = fdopen(fd, "w");
	if (!e->records) {
		close_fd(fd);
		return -ENOMEM;
	}
	e->tiles.stage = e->stage;
	r = begin(e);
	if (!r)
		r = add_records(e);
	return r ? r : finish(e);
}

int audit_export(struct audit_source *source, const char *directory, struct audit_export *ret,
		 struct refusal *refusal)
{
	struct export *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->source = source;
	e->refusal = refusal;
	r = run(e, directory);
	if (!r) {
		memcpy(e->result.origin, e->log.origin, sizeof(e->log.origin));
		memcpy(e->result.root, e->checkpoint.root, DIGEST_SIZE);
		e->result.base = e->log.base;
		e->result.size = e->checkpoint.size;
		e->result.newer = e->log.last - e->log.base - e->checkpoint.size;
		*ret = e->result;
	}
	if (e->records)
		fclose(e->records);
	export_tiles_release(&e->tiles);
	export_texts_release(&e->texts);
	export_stage_free(e->stage);
	free(e->note);
	free(e);
	return r;
}
