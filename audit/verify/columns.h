/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The columns that were copied out of a record's bytes. No hash covers them, and queries go by them: whoever
 * changes one hides the record from a filter, or shows it as another.
 */
#include <sqlite3.h>
#include <stddef.h>

/* As they stand in the schema, after each other. */
#define COLUMNS "time_ns, kind, verdict, uid, probe, action, attachment"

/* The name of one that does not say what the bytes say; NULL: they all do. `first` is the number of time_ns
 * in the statement's row. Bytes that are no record differ in time_ns at least. */
const char *columns_differ(sqlite3_stmt *stmt, int first, const char *bytes, size_t size);
