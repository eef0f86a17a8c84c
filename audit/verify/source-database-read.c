/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify/columns.h"
#include "audit/verify/source-database-private.h"

/* ---- rows ---- */

static int deliver(struct database *db, struct source_file *file, sqlite3_stmt *stmt, audit_source_row_fn fn,
		   void *userdata)
{
	static const uint8_t none[DIGEST_SIZE];
	struct audit_source_row row = { .place = file->name, .segment = (size_t)(file - db->files) };
	sqlite3_int64 seq = sqlite3_column_int64(stmt, 0);
	const void *bytes = sqlite3_column_blob(stmt, 1), *leaf = sqlite3_column_blob(stmt, 2);

	row.seq = seq > 0 ? (uint64_t)seq : 0;
	row.bytes = bytes ? bytes : "";
	row.size = bytes ? (size_t)sqlite3_column_bytes(stmt, 1) : 0;
	row.leaf = leaf && sqlite3_column_bytes(stmt, 2) == DIGEST_SIZE ? leaf : none;
	row.column = columns_differ(stmt, 3, row.bytes, row.size);
	return fn(&row, userdata);
}

static int rows_of(struct database *db, struct source_file *file, uint64_t from, audit_source_row_fn fn,
		   void *userdata, bool *ret_over, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n = 0;
	bool row = true;
	int r = database_use(db, file, refusal);

	if (!r)
		r = source_file_prepare(
			file, "SELECT seq, bytes, leaf, " COLUMNS " FROM record WHERE seq >= ?1 ORDER BY seq",
			&stmt, refusal);
	if (!r && sqlite3_bind_int64(stmt, 1, from ? (sqlite3_int64)from : INT64_MIN) != SQLITE_OK)
		r = -ENOMEM;
	while (!r) {
		r = source_file_step(file, stmt, &n, &row, refusal);
		if (r || !row)
			break;
		r = deliver(db, file, stmt, fn, userdata);
		*ret_over = r > 0;
		if (r > 0) {
			r = 0;
			break;
		}
	}
	sqlite3_finalize(stmt);
	return r;
}

int database_rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		  struct refusal *refusal)
{
	struct database *db = database_of(source);
	bool over = false;
	int r = 0;

	if (from > INT64_MAX)
		return 0;
	for (size_t i = 0; !r && !over && i < db->n_files; i++)
		if (database_usable(&db->files[i]) && db->files[i].last >= from)
			r = rows_of(db, &db->files[i], from, fn, userdata, &over, refusal);
	return r;
}

/* ---- tree ---- */

int database_node(struct audit_source *source, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE])
{
	struct database *db = database_of(source);
	struct refusal refusal;

	if (level >= TREE_LEVELS_MAX || index >= 1ULL << (62 - level))
		return -ENOENT;
	for (size_t i = 0; i < db->n_files; i++) {
		struct source_file *file = &db->files[i];
		uint64_t seq;
		int r;

		if (!database_usable(file))
			continue;
		seq = file->base + ((index + 1) << level);
		if (seq < file->first || seq > file->last)
			continue;
		r = database_use(db, file, &refusal);
		if (!r)
			r = source_file_node(file, level, index, ret, &refusal);
		return r > 0 ? -ENOENT : r;
	}
	return -ENOENT;
}

int database_edge(struct audit_source *source, uint64_t size, struct tree_edge *ret)
{
	struct database *db = database_of(source);
	struct tree_edge edge = { .size = size };
	struct refusal refusal;

	for (size_t i = 0; i < db->n_files; i++) {
		struct source_file *file = &db->files[i];
		int r;

		if (!database_usable(file) || file->first - file->base - 1 != size)
			continue;
		r = database_use(db, file, &refusal);
		for (unsigned level = 0; !r && level < TREE_LEVELS_MAX; level++)
			if ((size >> level) & 1)
				r = source_file_node(file, level, (size >> level) - 1, edge.hash[level],
						     &refusal);
		if (!r)
			*ret = edge;
		return r > 0 ? -ENOENT : r;
	}
	return -ENOENT;
}

/* ---- notes and texts ---- */

static int checkpoints_of(struct database *db, struct source_file *file, uint64_t above,
			  audit_source_note_fn fn, void *userdata, char last[NOTE_SIZE_MAX], bool *ret_over,
			  struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n = 0;
	bool row = true;
	int r = database_use(db, file, refusal);

	if (!r)
		r = source_file_prepare(file, "SELECT note FROM checkpoint WHERE size > ?1 ORDER BY size",
					&stmt, refusal);
	if (!r && sqlite3_bind_int64(stmt, 1, (sqlite3_int64)above) != SQLITE_OK)
		r = -ENOMEM;
	while (!r && !*ret_over) {
		const char *note;

		r = source_file_step(file, stmt, &n, &row, refusal);
		if (r || !row)
			break;
		note = (const char *)sqlite3_column_text(stmt, 0);
		if (!note || !strcmp(note, last)) /* a segment begins with the one that the last ended with */
			continue;
		snprintf(last, NOTE_SIZE_MAX, "%s", note);
		r = fn(note, (size_t)sqlite3_column_bytes(stmt, 0), userdata);
		*ret_over = r > 0;
		r = r > 0 ? 0 : r;
	}
	sqlite3_finalize(stmt);
	return r;
}

int database_checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn, void *userdata,
			 struct refusal *refusal)
{
	struct database *db = database_of(source);
	char last[NOTE_SIZE_MAX] = "", note[NOTE_SIZE_MAX] = "";
	struct checkpoint checkpoint;
	bool over = false;
	int r = 0;

	if (above > INT64_MAX)
		return 0;
	for (size_t i = 0; !r && !over && i < db->n_files; i++)
		if (database_usable(&db->files[i]))
			r = checkpoints_of(db, &db->files[i], above, fn, userdata, last, &over, refusal);
	if (!r && !over)
		r = database_note(db, "checkpoint", note, refusal);
	if (r || over || !*note || !strcmp(note, last))
		return r;
	if (checkpoint_parse(note, strlen(note), &checkpoint) == 0 && checkpoint.size <= above)
		return 0;
	r = fn(note, strlen(note), userdata);
	return r > 0 ? 0 : r;
}

static int text_of(struct source_file *file, const uint8_t digest[DIGEST_SIZE], char **ret, size_t *ret_size,
		   struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n = 0;
	bool row = false;
	int r = source_file_prepare(file, "SELECT text FROM text WHERE digest = ?1", &stmt, refusal);

	if (!r && sqlite3_bind_blob(stmt, 1, digest, DIGEST_SIZE, SQLITE_STATIC) != SQLITE_OK)
		r = -ENOMEM;
	if (!r)
		r = source_file_step(file, stmt, &n, &row, refusal);
	if (!r && row) {
		const void *text = sqlite3_column_blob(stmt, 0);
		size_t size = text ? (size_t)sqlite3_column_bytes(stmt, 0) : 0;
		char *copy = malloc(size + 1);

		if (copy) {
			memcpy(copy, text ? text : "", size);
			copy[size] = '\0';
			*ret = copy;
			*ret_size = size;
		} else {
			r = -ENOMEM;
		}
	}
	sqlite3_finalize(stmt);
	return r ? r : row ? 0 : -ENOENT;
}

int database_text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret,
		  size_t *ret_size, struct refusal *refusal)
{
	struct database *db = database_of(source);
	int r = -ENOENT;

	for (size_t i = db->n_files; r == -ENOENT && i-- > 0;) {
		if (!database_usable(&db->files[i]))
			continue;
		r = database_use(db, &db->files[i], refusal);
		if (!r)
			r = text_of(&db->files[i], digest, ret, ret_size, refusal);
	}
	return r;
}
