/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/segment-write.h"

static int run(sqlite3_stmt *stmt, int code)
{
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int bind_member(sqlite3_stmt *stmt, int index, json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	if (json_is_integer(value))
		return sqlite3_bind_int64(stmt, index, json_integer_value(value));
	if (json_is_string(value))
		return sqlite3_bind_text(stmt, index, json_string_value(value), -1, SQLITE_STATIC);
	return sqlite3_bind_null(stmt, index);
}

int segment_insert_record(struct segment *segment, const struct store_record *record)
{
	static const char *const keys[] = { "seq", "time_ns", "kind",   "verdict",
					    NULL,  "probe",   "action", "attachment" };
	sqlite3_stmt *stmt = segment->insert_record;
	int code = SQLITE_OK;

	for (int i = 0; code == SQLITE_OK && i < 8; i++)
		if (keys[i])
			code = bind_member(stmt, i + 1, record->json, keys[i]);
	if (code == SQLITE_OK)
		code = bind_member(stmt, 5, json_object_get(record->json, "requester"), "uid");
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 9, record->leaf, DIGEST_SIZE, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 10, record->bytes, (int)record->size, SQLITE_STATIC);
	return run(stmt, code);
}

int segment_insert_text(struct segment *segment, const struct store_text *text)
{
	sqlite3_stmt *stmt = segment->insert_text;
	int code = sqlite3_bind_blob(stmt, 1, text->digest, DIGEST_SIZE, SQLITE_STATIC);

	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 2, text->size ? text->text : "", (int)text->size,
					 SQLITE_STATIC);
	return run(stmt, code);
}

int segment_insert_node(struct segment *segment, unsigned level, uint64_t index,
			const uint8_t hash[DIGEST_SIZE])
{
	sqlite3_stmt *stmt = segment->insert_node;
	int code = sqlite3_bind_int64(stmt, 1, level);

	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 2, (sqlite3_int64)index);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 3, hash, DIGEST_SIZE, SQLITE_STATIC);
	return run(stmt, code);
}

int segment_insert_checkpoint(struct segment *segment, uint64_t size, const char *note)
{
	sqlite3_stmt *stmt = segment->insert_checkpoint;
	int code = sqlite3_bind_int64(stmt, 1, (sqlite3_int64)size);

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(stmt, 2, note, -1, SQLITE_STATIC);
	return run(stmt, code);
}

int segment_set_journal(struct segment *segment, uint64_t journal_seq)
{
	return run(segment->set_journal,
		   sqlite3_bind_int64(segment->set_journal, 1, (sqlite3_int64)journal_seq));
}
