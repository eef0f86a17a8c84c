/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the tests of the log share: a directory of its own for each test, and a look at the stored records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <sqlite3.h>

#include "audit/audit.h"

#define SECONDS(n) ((n)*1000000ULL)

/* Creates a directory of mode 0700, in *state; removes it with everything in it. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

#define FIXTURE_LOG "log-000000000001.sqlite"

/* Without copies for the journal; and with, to this socket. */
struct audit *fixture_open(const char *directory);
struct audit *fixture_open_with(const char *directory, const char *journal_socket);

/* "DIRECTORY/NAME" in a static buffer. */
const char *fixture_path(const char *directory, const char *name);

/* A plain allowed decision of this uid for this probe, appended; its sequence. */
uint64_t fixture_append(struct audit *audit, uid_t uid, const char *probe);
void fixture_commit(struct audit *audit);

/* Record `seq` as text in a static buffer; fails the test if it is not there. */
const char *fixture_record(struct audit *audit, uint64_t seq);

/* Holds the whole log to its promises: numbers 1, 2, … without gap, each hash right. The last number. */
uint64_t fixture_check_log(struct audit *audit);

/* Runs statements on the database as somebody with a shell would; SQLite's message, or NULL for success. */
const char *fixture_sql(const char *directory, const char *sql);

/* Nothing is staged nor overdue: at most a checkpoint, its interval after what was appended after `before`.
 */
void fixture_only_checkpoint_is_due(const struct audit *audit, uint64_t before);

/* µs of CLOCK_MONOTONIC. */
uint64_t fixture_now(void);
