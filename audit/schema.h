/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <sqlite3.h>

#include "common/refusal.h"

/* "BPFW" and the version of the schema, in the database's header. */
#define AUDIT_APPLICATION_ID 0x42504657
#define AUDIT_USER_VERSION   2

/* Returned in place of REFUSAL_AUDIT_UNAVAILABLE, the refusal filled in the same way, where it is the file
 * itself that cannot be used, however often it is tried. Never leaves store/. */
#define AUDIT_DAMAGED 1000

/* Makes a connection distrust its file: no trusted schema, defensive, no attached databases, checked cells.
 * To be called before the first statement. An SQLite code. */
int schema_harden(sqlite3 *db);

/* Creates the schema in an empty database, in the caller's transaction. An SQLite code. */
int schema_create(sqlite3 *db);

/* Holds a database to the schema: the header's two numbers, and every table, index and trigger exactly as
 * this version makes them, none more, none less. */
int schema_check(sqlite3 *db, struct refusal *refusal);

/* Fills in a refusal from what SQLite says of db, or returns -ENOMEM for code SQLITE_NOMEM. Returns
 * AUDIT_DAMAGED for a code that blames the file. */
int schema_refuse(sqlite3 *db, int code, const char *step, struct refusal *refusal);

/* The same with an errno of the caller's, because SQLite forgets the one that made a COMMIT fail. */
int schema_refuse_errno(sqlite3 *db, int code, int error, const char *step, struct refusal *refusal);

/* The same for what we find ourselves. */
int schema_damaged(struct refusal *refusal, const char *step, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
