/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"

/*
 * record.bytes is the truth; the columns beside it are derived from it and serve queries. The triggers guard
 * against mistakes, ours and those of somebody with a shell, not against root: for that there is the tree.
 * REPLACE deletes without firing delete triggers, so it is the insert triggers that keep it out.
 */
#define APPEND_ONLY(table)                                                    \
	"CREATE TRIGGER " table "_update BEFORE UPDATE ON " table " "         \
	"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",           \
		"CREATE TRIGGER " table "_delete BEFORE DELETE ON " table " " \
		"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"

static const char *const schema[] = {
	"CREATE TABLE record ("
	"seq INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, verdict TEXT, uid INTEGER, "
	"probe TEXT, action TEXT, attachment TEXT, "
	"leaf BLOB NOT NULL CHECK (length(leaf) = 32), bytes BLOB NOT NULL) STRICT",
	"CREATE TABLE node (level INTEGER NOT NULL, position INTEGER NOT NULL, "
	"hash BLOB NOT NULL CHECK (length(hash) = 32), PRIMARY KEY (level, position)) STRICT, WITHOUT ROWID",
	"CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT",
	"CREATE TABLE text (digest BLOB PRIMARY KEY CHECK (length(digest) = 32), text BLOB NOT NULL) STRICT",
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
	"CREATE INDEX record_time ON record (time_ns)",
	"CREATE INDEX record_verdict ON record (verdict)",
	"CREATE INDEX record_uid ON record (uid)",
	"CREATE INDEX record_probe ON record (probe)",
	"CREATE INDEX record_action ON record (action)",
	"CREATE INDEX record_attachment ON record (attachment) WHERE attachment IS NOT NULL",
	"CREATE TRIGGER record_insert BEFORE INSERT ON record WHEN NEW.seq IS NOT coalesce("
	"(SELECT max(seq) + 1 FROM record), (SELECT value FROM meta WHERE name = 'first')) "
	"BEGIN SELECT RAISE(ABORT, 'the sequence has no gaps'); END",
	APPEND_ONLY("record"),
	"CREATE TRIGGER node_insert BEFORE INSERT ON node "
	"WHEN EXISTS (SELECT 1 FROM node WHERE level = NEW.level AND position = NEW.position) "
	"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
	APPEND_ONLY("node"),
	"CREATE TRIGGER checkpoint_insert BEFORE INSERT ON checkpoint "
	"WHEN NEW.size <= (SELECT max(size) FROM checkpoint) "
	"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
	APPEND_ONLY("checkpoint"),
	"CREATE TRIGGER text_insert BEFORE INSERT ON text "
	"WHEN EXISTS (SELECT 1 FROM text WHERE digest = NEW.digest) "
	"BEGIN SELECT RAISE(IGNORE); END",
	APPEND_ONLY("text"),
	"CREATE TRIGGER meta_update BEFORE UPDATE ON meta "
	"WHEN OLD.name IS NOT 'journal_seq' OR NEW.name IS NOT 'journal_seq' "
	"BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END",
};
#define SCHEMA_N (sizeof(schema) / sizeof(schema[0]))

/* Made by SQLite itself for the primary key of text. */
#define SCHEMA_AUTOINDEX "sqlite_autoindex_text_1"

/* What the disk, the kernel or another process is to blame for says nothing about the file. */
static bool may_pass(int primary)
{
	static const int codes[] = { SQLITE_IOERR,    SQLITE_FULL,     SQLITE_CANTOPEN, SQLITE_BUSY,
				     SQLITE_LOCKED,   SQLITE_PERM,     SQLITE_AUTH,     SQLITE_NOLFS,
				     SQLITE_PROTOCOL, SQLITE_READONLY, SQLITE_MISUSE,   SQLITE_ABORT,
				     SQLITE_INTERRUPT };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (primary == codes[i])
			return true;
	return false;
}

int schema_refuse(sqlite3 *db, int code, const char *step, struct refusal *refusal)
{
	return schema_refuse_errno(db, code, db ? sqlite3_system_errno(db) : 0, step, refusal);
}

int schema_refuse_errno(sqlite3 *db, int code, int error, const char *step, struct refusal *refusal)
{
	int primary = code & 0xff;
	bool disk = primary == SQLITE_IOERR || primary == SQLITE_FULL || primary == SQLITE_CANTOPEN;

	if (primary == SQLITE_NOMEM)
		return -ENOMEM;
	refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, step, "the audit log cannot be used: %s%s%s",
		    db && sqlite3_errcode(db) != SQLITE_OK ? sqlite3_errmsg(db) : sqlite3_errstr(code),
		    disk && error ? ": " : "", disk && error ? strerror(error) : "");
	return may_pass(primary) ? REFUSAL_AUDIT_UNAVAILABLE : AUDIT_DAMAGED;
}

int schema_damaged(struct refusal *refusal, const char *step, const char *format, ...)
{
	char reason[REFUSAL_REASON_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, step, "%s", reason);
	return AUDIT_DAMAGED;
}

int schema_harden(sqlite3 *db)
{
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, AUDIT_BUSY_TIMEOUT);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 2 * AUDIT_TEXT_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 16384);
	sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 4);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	if (sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL) != SQLITE_OK)
		return SQLITE_ERROR;
	return sqlite3_exec(db,
			    "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY",
			    NULL, NULL, NULL);
}

static int pragma_number(sqlite3 *db, const char *sql, sqlite3_int64 *ret)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(stmt);
		if (code == SQLITE_ROW) {
			*ret = sqlite3_column_int64(stmt, 0);
			code = SQLITE_OK;
		}
	}
	sqlite3_finalize(stmt);
	return code;
}

int schema_create(sqlite3 *db)
{
	int code = SQLITE_OK;

	for (size_t i = 0; code == SQLITE_OK && i < SCHEMA_N; i++)
		code = sqlite3_exec(db, schema[i], NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		char *sql = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
					    AUDIT_APPLICATION_ID, AUDIT_USER_VERSION);

		code = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
		sqlite3_free(sql);
	}
	return code;
}

/* Finds an object's definition among ours and marks it as seen. */
static bool known(const char *name, const char *sql, bool seen[SCHEMA_N + 1])
{
	if (!sql) {
		seen[SCHEMA_N] = name && !strcmp(name, SCHEMA_AUTOINDEX);
		return seen[SCHEMA_N];
	}
	for (size_t i = 0; i < SCHEMA_N; i++)
		if (!seen[i] && !strcmp(sql, schema[i])) {
			seen[i] = true;
			return true;
		}
	return false;
}

/* Names what is missing by the first words of its definition: CREATE TRIGGER NAME. */
static int refuse_lack(const char *sql, struct refusal *refusal)
{
	size_t n = 0;

	for (int word = 0; word < 3; word++) {
		n += strspn(sql + n, " \n\t");
		n += strcspn(sql + n, " \n\t(");
	}
	return schema_damaged(refusal, "schema", "the database lacks a part of the audit log: %.*s", (int)n,
			      sql);
}

static int compare(sqlite3 *db, struct refusal *refusal)
{
	bool seen[SCHEMA_N + 1] = { 0 };
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(db, "SELECT name, sql FROM sqlite_schema", -1, &stmt, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		const char *name;

		code = sqlite3_step(stmt);
		if (code != SQLITE_ROW)
			break;
		name = (const char *)sqlite3_column_text(stmt, 0);
		if (!known(name, (const char *)sqlite3_column_text(stmt, 1), seen)) {
			r = schema_damaged(refusal, "schema",
					   "the database has an object that is not of the audit log: %s",
					   name ? name : "(no name)");
			break;
		}
	}
	if (!r && code != SQLITE_DONE)
		r = schema_refuse(db, code, "schema", refusal);
	sqlite3_finalize(stmt);
	for (size_t i = 0; !r && i <= SCHEMA_N; i++)
		if (!seen[i])
			r = refuse_lack(i < SCHEMA_N ? schema[i] : "CREATE INDEX " SCHEMA_AUTOINDEX, refusal);
	return r;
}

int schema_check(sqlite3 *db, struct refusal *refusal)
{
	sqlite3_int64 application = 0, version = 0;
	int code;

	code = pragma_number(db, "PRAGMA application_id", &application);
	if (code == SQLITE_OK)
		code = pragma_number(db, "PRAGMA user_version", &version);
	if (code != SQLITE_OK)
		return schema_refuse(db, code, "schema", refusal);
	if (application != AUDIT_APPLICATION_ID)
		return schema_damaged(refusal, "application_id",
				      "the database is not an audit log of bpfwarden");
	if (version != AUDIT_USER_VERSION)
		return schema_damaged(refusal, "user_version",
				      "the audit log has version %lld; this bpfwarden knows %d",
				      (long long)version, AUDIT_USER_VERSION);
	return compare(db, refusal);
}
