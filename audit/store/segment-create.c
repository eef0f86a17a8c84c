/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new segment is made whole under another name, so that none without its first rows ever has a segment's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "audit/schema.h"
#include "audit/store/segment.h"

struct values {
	const char *text;
	int64_t a, b;
	const uint8_t *hash;
};

/* Runs a statement once, with those of the values that it names. */
static int put(sqlite3 *db, const char *sql, const struct values *values)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), i;

	if (code == SQLITE_OK && (i = sqlite3_bind_parameter_index(stmt, ":text")))
		code = sqlite3_bind_text(stmt, i, values->text, -1, SQLITE_STATIC);
	if (code == SQLITE_OK && (i = sqlite3_bind_parameter_index(stmt, ":a")))
		code = sqlite3_bind_int64(stmt, i, values->a);
	if (code == SQLITE_OK && (i = sqlite3_bind_parameter_index(stmt, ":b")))
		code = sqlite3_bind_int64(stmt, i, values->b);
	if (code == SQLITE_OK && (i = sqlite3_bind_parameter_index(stmt, ":hash")))
		code = sqlite3_bind_blob(stmt, i, values->hash, DIGEST_SIZE, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int fill_meta(sqlite3 *db, const struct segment_meta *meta)
{
	const struct {
		const char *sql;
		struct values values;
	} rows[] = {
		{ "INSERT INTO meta VALUES ('first', :a)", { .a = (int64_t)meta->first } },
		{ "INSERT INTO meta VALUES ('base', :a)", { .a = (int64_t)meta->base } },
		{ "INSERT INTO meta VALUES ('journal_seq', :a)", { .a = (int64_t)meta->journal_seq } },
		{ "INSERT INTO meta VALUES ('origin', :text)", { .text = meta->origin } },
		{ "INSERT INTO meta VALUES ('key', :text)", { .text = meta->key } },
	};
	int code = SQLITE_OK;

	for (size_t i = 0; code == SQLITE_OK && i < sizeof(rows) / sizeof(rows[0]); i++)
		code = put(db, rows[i].sql, &rows[i].values);
	return code;
}

static int fill_edge(sqlite3 *db, const struct tree_edge *edge)
{
	int code = SQLITE_OK;

	for (int level = 0; code == SQLITE_OK && level < TREE_LEVELS_MAX; level++) {
		const struct values values = { .a = level,
					       .b = (int64_t)(edge->size >> level) - 1,
					       .hash = edge->hash[level] };

		if (edge->size >> level & 1)
			code = put(db, "INSERT INTO node VALUES (:a, :b, :hash)", &values);
	}
	return code;
}

static int fill(sqlite3 *db, const struct segment_meta *meta, const struct tree_edge *edge,
		const char *checkpoint)
{
	const struct values begin = { .a = (int64_t)edge->size, .text = checkpoint };
	int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = schema_create(db);
	if (code == SQLITE_OK)
		code = fill_meta(db, meta);
	if (code == SQLITE_OK)
		code = fill_edge(db, edge);
	if (code == SQLITE_OK && checkpoint)
		code = put(db, "INSERT INTO checkpoint VALUES (:a, :text)", &begin);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return code;
}

static void remove_temporary(const struct directory *directory)
{
	static const char *const names[] = { SEGMENT_TEMPORARY, SEGMENT_TEMPORARY "-wal",
					     SEGMENT_TEMPORARY "-shm", SEGMENT_TEMPORARY "-journal" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(directory->fd, names[i], 0);
}

int segment_create(const struct directory *directory, const struct segment_meta *meta,
		   const struct tree_edge *edge, const char *checkpoint, struct refusal *refusal)
{
	_cleanup_close_ int fd = -EBADF;
	sqlite3 *db = NULL;
	int code, r;

	remove_temporary(directory);
	/* Of mode 0600, which SQLite copies to the side files. */
	fd = openat(directory->fd, SEGMENT_TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return directory_refuse(refusal, "create", errno, SEGMENT_TEMPORARY);
	fd = close_fd(fd);
	r = segment_connect(directory, SEGMENT_TEMPORARY, SQLITE_OPEN_READWRITE, &db, refusal);
	if (!r) {
		errno = 0;
		/* As a whole, with its own fsync, in a rollback journal that is gone at its end. */
		code = sqlite3_exec(db, "PRAGMA synchronous = EXTRA", NULL, NULL, NULL);
		if (code == SQLITE_OK)
			code = fill(db, meta, edge, checkpoint);
		if (code != SQLITE_OK)
			r = schema_refuse_errno(db, code, errno, "create", refusal);
	}
	sqlite3_close(db);
	if (r == AUDIT_DAMAGED) /* nobody else's doing: the disk gave back what we had not written */
		r = REFUSAL_AUDIT_UNAVAILABLE;
	if (r)
		remove_temporary(directory);
	return r;
}

int segment_publish(const struct directory *directory, uint64_t first, struct refusal *refusal)
{
	char name[SEGMENT_NAME_MAX];

	segment_format_name(first, name);
	if (renameat(directory->fd, SEGMENT_TEMPORARY, directory->fd, name) < 0 || fsync(directory->fd) < 0)
		return directory_refuse(refusal, "create", errno, name);
	return 0;
}
