/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/segment-query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/schema.h"

/* Real time may jump, so a window of time is no range of numbers. But its lowest and highest number, found in
 * the index alone, bound the walk; without them the planner walks the whole log for one hour of it. A walk
 * that is bounded already is short, and looking for the two would be longer. */
#define WINDOW    "FROM record INDEXED BY record_time WHERE time_ns BETWEEN ?2 AND ?3"
#define IN_WINDOW " AND seq >= (SELECT min(seq) " WINDOW ") AND seq <= (SELECT max(seq) " WINDOW ")" AT_TIME
#define AT_TIME   " AND +time_ns BETWEEN ?2 AND ?3"

/* The statement's text depends only on which conditions there are; values are always bound. */
static void compose(const struct audit_filter *filter, char *sql, size_t size)
{
	const char *window = filter->to_seq ? AT_TIME : IN_WINDOW;

	snprintf(
		sql, size,
		"SELECT seq, bytes, leaf FROM record WHERE seq %s ?1%s%s%s%s%s%s%s%s ORDER BY seq%s LIMIT ?9",
		filter->reverse ? "<=" : ">=",
		!filter->to_seq   ? ""
		: filter->reverse ? " AND seq >= ?10"
				  : " AND seq <= ?10",
		filter->since || filter->until ? window : "", filter->by_uid ? " AND uid = ?4" : "",
		filter->probe ? " AND probe = ?5" : "", filter->action ? " AND action = ?6" : "",
		filter->attachment ? " AND attachment = ?7" : "", filter->verdict ? " AND verdict = ?8" : "",
		filter->kind ? " AND kind = ?11" : "", filter->reverse ? " DESC" : "");
}

static sqlite3_int64 bound(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value;
}

static int bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	return text ? sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC) : SQLITE_OK;
}

static int bind_filter(sqlite3_stmt *stmt, const struct audit_filter *filter)
{
	uint64_t from = filter->from_seq || !filter->reverse ? filter->from_seq : UINT64_MAX;
	uint32_t limit = filter->limit && filter->limit < AUDIT_QUERY_MAX ? filter->limit : AUDIT_QUERY_MAX;
	int code = sqlite3_bind_int64(stmt, 1, bound(from));

	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 2, bound(filter->since));
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 3, bound(filter->until ? filter->until : UINT64_MAX));
	if (code == SQLITE_OK && filter->by_uid)
		code = sqlite3_bind_int64(stmt, 4, filter->uid);
	if (code == SQLITE_OK)
		code = bind_text(stmt, 5, filter->probe);
	if (code == SQLITE_OK)
		code = bind_text(stmt, 6, filter->action);
	if (code == SQLITE_OK)
		code = bind_text(stmt, 7, filter->attachment);
	if (code == SQLITE_OK && filter->verdict)
		code = bind_text(stmt, 8, audit_verdict_name(filter->verdict));
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 9, limit);
	if (code == SQLITE_OK && filter->to_seq)
		code = sqlite3_bind_int64(stmt, 10, bound(filter->to_seq));
	if (code == SQLITE_OK)
		code = bind_text(stmt, 11, filter->kind);
	return code;
}

/* A row that is not what we write is refused, not passed on. */
static int read_row(sqlite3_stmt *stmt, struct audit_row *row, struct refusal *refusal)
{
	*row = (struct audit_row){
		.seq = (uint64_t)sqlite3_column_int64(stmt, 0),
		.bytes = sqlite3_column_blob(stmt, 1),
		.size = (size_t)sqlite3_column_bytes(stmt, 1),
		.leaf = sqlite3_column_blob(stmt, 2),
	};
	if (!row->bytes || !row->leaf || sqlite3_column_bytes(stmt, 2) != DIGEST_SIZE)
		return schema_damaged(refusal, "query", "record %llu of the audit log is damaged",
				      (unsigned long long)row->seq);
	return 0;
}

static int deliver_rows(sqlite3 *db, sqlite3_stmt *stmt, audit_row_fn fn, void *userdata, struct walk *walk,
			struct refusal *refusal)
{
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct audit_row row;
		int r = read_row(stmt, &row, refusal);

		if (r)
			return r;
		walk->n++;
		r = fn(&row, userdata);
		if (r < 0)
			return r;
		if (r > 0) {
			walk->ended = true;
			return 0;
		}
	}
	return code == SQLITE_DONE ? 0 : schema_refuse(db, code, "query", refusal);
}

int segment_query(const struct segment *segment, const struct audit_filter *filter, audit_row_fn fn,
		  void *userdata, struct walk *walk, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	char sql[1024];
	int code, r;

	compose(filter, sql, sizeof(sql));
	code = sqlite3_prepare_v2(segment->reader, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = bind_filter(stmt, filter);
	r = code == SQLITE_OK ? deliver_rows(segment->reader, stmt, fn, userdata, walk, refusal)
			      : schema_refuse(segment->reader, code, "query", refusal);
	sqlite3_finalize(stmt);
	return r;
}

static int copy_text(sqlite3_stmt *stmt, char **ret_text, size_t *ret_size)
{
	size_t size = (size_t)sqlite3_column_bytes(stmt, 0);
	char *text = malloc(size + 1);

	if (!text)
		return -ENOMEM;
	if (size)
		memcpy(text, sqlite3_column_blob(stmt, 0), size);
	text[size] = '\0';
	*ret_text = text;
	*ret_size = size;
	return 0;
}

int segment_get_text(const struct segment *segment, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	int code, r;

	code = sqlite3_prepare_v2(segment->reader, "SELECT text FROM text WHERE digest = ?1", -1, &stmt,
				  NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 1, digest, DIGEST_SIZE, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		r = copy_text(stmt, ret_text, ret_size);
	else
		r = code == SQLITE_DONE ? -ENOENT : schema_refuse(segment->reader, code, "query", refusal);
	sqlite3_finalize(stmt);
	return r;
}

/* --- the tree --------------------------------------------------------------------------------------------
 */

static int deliver_notes(sqlite3 *db, sqlite3_stmt *stmt, audit_note_fn fn, void *userdata, struct walk *walk,
			 struct refusal *refusal)
{
	int code;

	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *note = (const char *)sqlite3_column_text(stmt, 1);
		size_t size = (size_t)sqlite3_column_bytes(stmt, 1);
		int r;

		walk->n++;
		walk->reached = (uint64_t)sqlite3_column_int64(stmt, 0);
		r = note ? fn(note, size, userdata) : -ENOMEM;
		if (r < 0)
			return r;
		if (r > 0) {
			walk->ended = true;
			return 0;
		}
	}
	return code == SQLITE_DONE ? 0 : schema_refuse(db, code, "query", refusal);
}

int segment_checkpoints(const struct segment *segment, uint64_t above, uint32_t limit, audit_note_fn fn,
			void *userdata, struct walk *walk, struct refusal *refusal)
{
	static const char sql[] = "SELECT size, note FROM checkpoint WHERE size > ?1 ORDER BY size LIMIT ?2";
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(segment->reader, sql, -1, &stmt, NULL), r;

	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 1, bound(above));
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 2, limit);
	r = code == SQLITE_OK ? deliver_notes(segment->reader, stmt, fn, userdata, walk, refusal)
			      : schema_refuse(segment->reader, code, "query", refusal);
	sqlite3_finalize(stmt);
	return r;
}

int segment_last_checkpoint(const struct segment *segment, uint64_t *ret_size, char ret[NOTE_SIZE_MAX],
			    struct refusal *refusal)
{
	static const char sql[] = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1";
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(segment->reader, sql, -1, &stmt, NULL), r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		const char *note = (const char *)sqlite3_column_text(stmt, 1);

		if (note && strlen(note) < NOTE_SIZE_MAX) {
			memcpy(ret, note, strlen(note) + 1);
			*ret_size = (uint64_t)sqlite3_column_int64(stmt, 0);
		} else {
			r = note ? schema_damaged(refusal, "checkpoint", "a checkpoint is no signed note")
				 : -ENOMEM;
		}
	} else if (code == SQLITE_DONE) {
		ret[0] = '\0';
		*ret_size = 0;
	} else {
		r = schema_refuse(segment->reader, code, "checkpoint", refusal);
	}
	sqlite3_finalize(stmt);
	return r;
}

static int find_hash(sqlite3 *db, const char *sql, int64_t a, int64_t b, uint8_t ret[DIGEST_SIZE])
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), r = -EIO;

	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 1, a);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 2, b);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == DIGEST_SIZE) {
		memcpy(ret, sqlite3_column_blob(stmt, 0), DIGEST_SIZE);
		r = 0;
	} else if (code == SQLITE_DONE) {
		r = -ENOENT;
	}
	sqlite3_finalize(stmt);
	return r;
}

int segment_node(const struct segment *segment, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE])
{
	int r = -ENOENT;

	if (level > TREE_LEVELS_MAX || index > INT64_MAX)
		return -EINVAL;
	if (level == 0)
		r = find_hash(segment->reader, "SELECT leaf FROM record WHERE seq = ?1 + ?2",
			      bound(segment->meta.base + 1), bound(index), ret);
	if (r == -ENOENT)
		r = find_hash(segment->reader, "SELECT hash FROM node WHERE level = ?1 AND position = ?2",
			      level, bound(index), ret);
	return r;
}

int segment_newest_time(const struct segment *segment, uint64_t *ret, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(segment->reader, "SELECT max(time_ns) FROM record", -1, &stmt, NULL),
	    r = 0;

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
	else
		r = schema_refuse(segment->reader, code, "query", refusal);
	sqlite3_finalize(stmt);
	return r;
}
