/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <sqlite3.h>

#include "common/refusal.h"

/* "BPFW" and the version of the schema, in the database's header. */
#define AUDIT_APPLICATION_ID 0x42504657
#define AUDIT_USER_VERSION   1

/* Makes a connection distrust its file: no trusted schema, defensive, no attached databases, checked cells.
 * To be called before the first statement. An SQLite code. */
int schema_harden(sqlite3 *db);

/* Creates the schema in an empty database, in one transaction, or holds an existing one to it: the header's
 * two numbers, and every table, index and trigger exactly as this version makes them, none more, none less.
 * REFUSAL_AUDIT_UNAVAILABLE otherwise. */
int schema_settle(sqlite3 *db, struct refusal *refusal);

/* Fills in a refusal from what SQLite says of db, or returns -ENOMEM for code SQLITE_NOMEM. */
int schema_refuse(sqlite3 *db, int code, const char *step, struct refusal *refusal);
