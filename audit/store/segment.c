/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/schema.h"

void segment_format_name(uint64_t first, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "log-%012" PRIu64 ".sqlite", first);
}

bool segment_parse_name(const char *name, uint64_t *ret_first)
{
	char again[SEGMENT_NAME_MAX];
	uint64_t first;

	if (strncmp(name, "log-", 4) || name[4] < '0' || name[4] > '9')
		return false;
	first = strtoull(name + 4, NULL, 10);
	segment_format_name(first, again);
	if (strcmp(name, again) || first == 0 || first > INT64_MAX)
		return false;
	*ret_first = first;
	return true;
}

int segment_connect(const struct directory *directory, const char *name, int flags, sqlite3 **ret,
		    struct refusal *refusal)
{
	char path[PATH_MAX + SEGMENT_NAME_MAX + 1];
	int code;

	snprintf(path, sizeof(path), "%s/%s", directory->path, name);
	code = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	/* A file that cannot be opened for writing is opened for reading: that says nothing about the file.
	 */
	if (code == SQLITE_OK && (flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(*ret, "main"))
		code = SQLITE_READONLY;
	if (code == SQLITE_OK)
		code = schema_harden(*ret);
	return code == SQLITE_OK ? 0 : schema_refuse(*ret, code, "open", refusal);
}

/* The mode is answered before it is there: the statement has to come to its end, and may fail on the way. */
static int set_journal_mode(sqlite3 *db, const char *sql, const char *mode, const char *step, bool *ret_set,
			    struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	const char *answer;
	bool set = false;
	int code, r = 0;

	errno = 0;
	code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(stmt);
		answer = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
		if (answer)
			set = !strcmp(answer, mode);
	}
	if (code != SQLITE_DONE)
		r = schema_refuse_errno(db, code, errno, step, refusal);
	sqlite3_finalize(stmt);
	if (!r)
		*ret_set = set;
	return r;
}

/* WAL and FULL: a commit is one write and one fsync of the log file, durable when it returns
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). */
static int set_durable(sqlite3 *db, struct refusal *refusal)
{
	bool wal;
	int code, r;

	r = set_journal_mode(db, "PRAGMA journal_mode = WAL", "wal", "journal_mode", &wal, refusal);
	if (r)
		return r;
	if (!wal)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "journal_mode",
				   "the database cannot use a write-ahead log, which is needed");
	/* The read makes the write-ahead log be there. */
	code = sqlite3_exec(db,
			    "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; "
			    "SELECT 1 FROM sqlite_schema",
			    NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : schema_refuse(db, code, "synchronous", refusal);
}

/* --- opening one -----------------------------------------------------------------------------------------
 */

static int prepare_statements(struct segment *segment, struct refusal *refusal)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} statements[] = {
		{ &segment->insert_record, "INSERT INTO record (seq, time_ns, kind, verdict, uid, probe, "
					   "action, attachment, leaf, bytes) "
					   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)" },
		{ &segment->insert_node, "INSERT INTO node (level, position, hash) VALUES (?1, ?2, ?3)" },
		{ &segment->insert_checkpoint, "INSERT INTO checkpoint (size, note) VALUES (?1, ?2)" },
		{ &segment->insert_text, "INSERT INTO text (digest, text) VALUES (?1, ?2)" },
		{ &segment->set_journal, "UPDATE meta SET value = ?1 WHERE name = 'journal_seq'" },
		{ &segment->page_count,
		  "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size" },
	};
	int code = SQLITE_OK;

	for (size_t i = 0; code == SQLITE_OK && i < sizeof(statements) / sizeof(statements[0]); i++)
		code = sqlite3_prepare_v3(segment->writer, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
					  statements[i].stmt, NULL);
	return code == SQLITE_OK ? 0 : schema_refuse(segment->writer, code, "prepare", refusal);
}

static int take_meta(struct segment_meta *meta, sqlite3_stmt *stmt)
{
	const struct {
		const char *name;
		uint64_t *number;
		char *text;
		size_t max;
	} known[] = {
		{ "first", &meta->first, NULL, 0 },
		{ "base", &meta->base, NULL, 0 },
		{ "journal_seq", &meta->journal_seq, NULL, 0 },
		{ "origin", NULL, meta->origin, sizeof(meta->origin) },
		{ "key", NULL, meta->key, sizeof(meta->key) },
	};
	const char *name = (const char *)sqlite3_column_text(stmt, 0);
	int type = sqlite3_column_type(stmt, 1);

	for (size_t i = 0; name && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name))
			continue;
		if (known[i].number && type == SQLITE_INTEGER && sqlite3_column_int64(stmt, 1) >= 0) {
			*known[i].number = (uint64_t)sqlite3_column_int64(stmt, 1);
			return 1;
		}
		if (known[i].text && type == SQLITE_TEXT &&
		    sqlite3_column_bytes(stmt, 1) < (int)known[i].max) {
			memcpy(known[i].text, sqlite3_column_text(stmt, 1),
			       (size_t)sqlite3_column_bytes(stmt, 1) + 1);
			return 1;
		}
	}
	return 0;
}

static int read_meta(sqlite3 *db, struct segment_meta *ret, struct refusal *refusal)
{
	struct segment_meta meta = { 0 };
	sqlite3_stmt *stmt = NULL;
	int code, rows = 0, n = 0, r = 0;

	code = sqlite3_prepare_v2(db, "SELECT name, value FROM meta LIMIT 16", -1, &stmt, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		rows++;
		n += take_meta(&meta, stmt);
	}
	if (code != SQLITE_DONE)
		r = schema_refuse(db, code, "meta", refusal);
	else if (n != 5 || rows != 5 || meta.first <= meta.base || meta.first > INT64_MAX)
		r = schema_damaged(refusal, "meta", "the database does not say which part of a log it is");
	sqlite3_finalize(stmt);
	if (!r)
		*ret = meta;
	return r;
}

static int check_meta(struct segment *segment, uint64_t first, sqlite3 *db, struct refusal *refusal)
{
	int r = read_meta(db, &segment->meta, refusal);

	if (!r && segment->meta.first != first)
		r = schema_damaged(refusal, "meta", "%s is the segment that begins with record %" PRIu64,
				   segment->name, segment->meta.first);
	return r;
}

/* Opened for writing, but its header says that nobody of our version can write to it. */
static int check_writable(const struct segment *segment, struct refusal *refusal)
{
	if (!sqlite3_db_readonly(segment->writer, "main"))
		return 0;
	return schema_damaged(refusal, "open", "the database says that it can only be read");
}

static int remember_files(struct segment *segment, const struct directory *directory, struct refusal *refusal)
{
	for (size_t i = 0; i < 2; i++) {
		struct segment_file *file = &segment->files[i];
		struct stat st;

		snprintf(file->name, sizeof(file->name), "%s%s", segment->name, i == 0 ? "" : "-wal");
		if (fstatat(directory->fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return directory_refuse(refusal, "open", errno, file->name);
		file->dev = st.st_dev;
		file->ino = st.st_ino;
	}
	return 0;
}

int segment_check_files(const struct segment *segment, const struct directory *directory,
			struct refusal *refusal)
{
	for (size_t i = 0; i < 2; i++) {
		const struct segment_file *file = &segment->files[i];
		struct stat st;

		if (fstatat(directory->fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != file->dev || st.st_ino != file->ino)
			return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "file",
					   "%s was removed or replaced under the running daemon: put it back "
					   "or restart bpfwardend",
					   file->name);
	}
	return 0;
}

static int allocate(const struct directory *directory, uint64_t first, struct segment **ret,
		    struct refusal *refusal)
{
	_cleanup_(segment_close_p) struct segment *segment = calloc(1, sizeof(*segment));
	int r;

	if (!segment)
		return -ENOMEM;
	segment_format_name(first, segment->name);
	r = directory_check_file(directory, segment->name, refusal);
	if (!r)
		*ret = take_ptr(segment);
	return r;
}

/* A connection opens the write-ahead log when it first reads: now, and not when the disk may be in trouble
 * and somebody wants to know what happened. */
static int warm_up(sqlite3 *reader, struct refusal *refusal)
{
	int code = sqlite3_exec(reader, "SELECT value FROM meta LIMIT 1", NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : schema_refuse(reader, code, "open", refusal);
}

int segment_open(const struct directory *directory, uint64_t first, struct segment **ret,
		 struct refusal *refusal)
{
	_cleanup_(segment_close_p) struct segment *segment = NULL;
	int r = allocate(directory, first, &segment, refusal);

	if (!r)
		r = segment_connect(directory, segment->name, SQLITE_OPEN_READWRITE, &segment->writer,
				    refusal);
	/* Before it is known what it is, nothing is written to it, not even its own write-ahead log. */
	if (!r)
		sqlite3_db_config(segment->writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (!r)
		r = schema_check(segment->writer, refusal);
	if (!r)
		r = check_meta(segment, first, segment->writer, refusal);
	if (!r)
		r = check_writable(segment, refusal);
	if (!r)
		r = set_durable(segment->writer, refusal);
	if (!r)
		r = prepare_statements(segment, refusal);
	if (!r)
		r = segment_connect(directory, segment->name, SQLITE_OPEN_READONLY, &segment->reader,
				    refusal);
	if (!r)
		r = warm_up(segment->reader, refusal);
	if (!r)
		r = remember_files(segment, directory, refusal);
	if (!r)
		*ret = take_ptr(segment);
	return r;
}

int segment_open_old(const struct directory *directory, uint64_t first, struct segment **ret,
		     struct refusal *refusal)
{
	_cleanup_(segment_close_p) struct segment *segment = NULL;
	int r = allocate(directory, first, &segment, refusal);

	if (!r)
		r = segment_connect(directory, segment->name, SQLITE_OPEN_READONLY, &segment->reader,
				    refusal);
	if (!r)
		r = schema_check(segment->reader, refusal);
	if (!r)
		r = check_meta(segment, first, segment->reader, refusal);
	if (!r)
		*ret = take_ptr(segment);
	return r;
}

static void finalize_statements(struct segment *segment)
{
	sqlite3_stmt **const statements[] = { &segment->insert_record,     &segment->insert_node,
					      &segment->insert_checkpoint, &segment->insert_text,
					      &segment->set_journal,       &segment->page_count };

	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		sqlite3_finalize(*statements[i]);
		*statements[i] = NULL;
	}
}

void segment_trust(struct segment *segment)
{
	sqlite3_db_config(segment->writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

int segment_seal(struct segment *segment, struct refusal *refusal)
{
	bool sealed;
	int code, r;

	finalize_statements(segment);
	sqlite3_close(segment->reader);
	segment->reader = NULL;
	/* EXTRA also makes it durable that the journal of this change is gone: who only reads the segment
	 * later could not roll it back. */
	code = sqlite3_exec(segment->writer, "PRAGMA synchronous = EXTRA", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return schema_refuse(segment->writer, code, "rotate", refusal);
	r = set_journal_mode(segment->writer, "PRAGMA journal_mode = DELETE", "delete", "rotate", &sealed,
			     refusal);
	if (!r && !sealed)
		r = refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "rotate", "somebody else has %s open",
				segment->name);
	return r;
}

int segment_size(const struct segment *segment, uint64_t *ret, struct refusal *refusal)
{
	int code = sqlite3_step(segment->page_count);

	if (code == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(segment->page_count, 0);
	sqlite3_reset(segment->page_count);
	return code == SQLITE_ROW ? 0 : schema_refuse(segment->writer, code, "size", refusal);
}

struct segment *segment_close(struct segment *segment)
{
	if (!segment)
		return NULL;
	finalize_statements(segment);
	/* The writer goes last: it is the one that may fold the log back into the database. */
	sqlite3_close(segment->reader);
	sqlite3_close(segment->writer);
	free(segment);
	return NULL;
}
