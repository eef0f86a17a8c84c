/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A log at work, as the warden would use it, which remembers what was acknowledged and when: for tests that
 * take the disk or the process away from under it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <stdbool.h>

#include "audit/audit.h"
#include "vfs-disk.h"

/* A commit: its records, and the moments of the disk's journal when it began and was acknowledged. */
struct batch {
	uint64_t last; /* sequence of its last record; 0: only texts */
	size_t began, acknowledged;
};

#define WORKLOAD_MAX 16384 /* records of one log */

/* Without pointers in what matters, so that it can lie in memory that a child shares. */
struct workload {
	char directory[128];
	uint64_t seed;
	struct audit *audit;
	char origin[NOTE_NAME_MAX];
	uint64_t head;  /* the last acknowledged record */
	uint64_t reach; /* where the log ends if the last commit was durable but not acknowledged */
	uint8_t leaves[WORKLOAD_MAX][DIGEST_SIZE]; /* of acknowledged records, by sequence - 1 */
	struct batch *batches;
	size_t n_batches;
};

/* A new empty directory of mode 0700 below the test's own; and everything away again. */
void workload_directory(char ret[128], const char *what);
void workload_remove(const char *directory);

/* Where a test is, for the message of a failure. */
extern char workload_context[512];

/* A workload that begins with a log of its own, in shared memory. */
struct workload *workload_new(uint64_t seed);
/* Closes the log and removes its directory. */
struct workload *workload_free(struct workload *w);

/* Opens the log; fails the test, with the reason, if it cannot be opened. */
void workload_open(struct workload *w);
void workload_close(struct workload *w);

/* Takes what the log has for what it has to keep from now on: the first `acknowledged` records must be as
 * remembered, and it must end there or at head_max; 0: anywhere. */
void workload_adopt(struct workload *w, uint64_t acknowledged, uint64_t head_max);

/* Appends and commits a batch of 1 to 6 records and perhaps texts, and remembers it once it is acknowledged.
 * What audit_commit() returned. */
int workload_batch(struct workload *w, struct refusal *refusal);
/* What audit_open() says, as workload_open() but without failing the test. */
int workload_try_open(struct workload *w, struct refusal *refusal);
/* Holds the open log to what was acknowledged: all of it can be read and is as remembered. */
void workload_read(const struct workload *w);
/* Ends the segment. */
int workload_rotate(struct workload *w, struct refusal *refusal);
/* Has SQLite move its write-ahead log into the database; its code. */
int workload_fold(const struct workload *w);
/* One of everything that a log does: batches, SQLite's checkpoints, closing and opening again. */
void workload_step(struct workload *w);

/* Holds the log in w->directory to what it promised: it opens, all records and hashes are right, the first
 * `acknowledged` are those of w, and it ends there or with a whole batch that was on its way (`head_max`).
 * Then appends, closes, and looks again. */
void workload_check(const struct workload *w, const char *directory, uint64_t acknowledged,
		    uint64_t head_max);
