/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What audit.c, counting.c and copies.c share: the log itself, and a part of its work each. */
#include <systemd/sd-id128.h>
#include <time.h>

#include "audit/audit.h"
#include "audit/denials.h"
#include "audit/encode.h"
#include "audit/journal.h"
#include "audit/store/store.h"

#define USEC(ms) ((ms)*1000ULL)

/*
 * Records wait in memory, already in their final bytes, and reach SQLite in one transaction at commit: so
 * what a failing disk leaves is always all or nothing, and no lock is held between calls.
 */
struct audit {
	struct store *store;
	struct journal *journal;
	char boot[SD_ID128_STRING_MAX];

	struct store_record staged[AUDIT_STAGED_MAX];
	size_t n_staged, staged_size;
	struct store_text *texts;
	size_t n_texts;
	uint64_t staged_at; /* µs: when the first of them came */

	struct denials denials;
	uint64_t commit_retry;   /* µs: no tick commits before, after one has failed */
	uint64_t unsigned_since; /* µs: when the first record that no checkpoint covers was committed */

	bool spare_noted, spare_staged; /* what the last record about the reserve says; durably, and staged */

	uint64_t keep;        /* ns; 0: for ever */
	uint64_t retain_next; /* µs: when to look for what is older */
	uint64_t retain_time,
		retain_since; /* ns of real time as the last run left it; µs: when that was read */

	bool copies;           /* the journal is wanted */
	uint64_t journal_seq;  /* the last record that the journal took */
	uint64_t journal_next; /* µs: when to try again what it did not take */
};

static inline uint64_t audit_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t audit_now(void)
{
	return audit_clock(CLOCK_MONOTONIC) / 1000;
}

/* What a failed commit leaves, until it is staged again. */
struct kept_record {
	json_t *json;
	uint64_t seq, moved; /* the number it had, the one it has now */
};
struct kept {
	struct kept_record *records;
	size_t n;
	uint64_t first; /* numbers from here on were given up */
	struct store_text *texts;
	size_t n_texts;
};

/* staged.c: gives the record its number and bytes, for the next commit; staged_add() one of the log's own,
 * which whoever stages it stages again if that fails. */
int audit_stage(struct audit *audit, const struct audit_record *record, struct audit_stamp *stamp,
		struct refusal *refusal);
int staged_add(struct audit *audit, const struct audit_record *record, struct refusal *refusal);
void staged_drop(struct audit *audit);
/* After a commit that failed: drops all but what has happened, and stages that again. */
void staged_keep(struct audit *audit, struct kept *ret);
void staged_restore(struct audit *audit, struct kept *kept);

/* counting.c: stages the counts whose minute ended at `now` (µs) or before; a refusal leaves the rest to the
 * next call. */
int counting_stage(struct audit *audit, uint64_t now, struct refusal *refusal);

/* copies.c: sends what was just committed to the journal, unless older records wait, which it gets first;
 * sends older ones, if it is time; says whether there are any. The journal is a copy: whatever goes wrong
 * with it is tried again later and concerns nobody else. */
void copies_send_staged(struct audit *audit);
void copies_send_older(struct audit *audit, uint64_t now);
bool copies_overdue(const struct audit *audit);

/* spare.c: stages a record when the reserve of disk space was given up, and when it is there again; what
 * became of it with the commit. */
void spare_note(struct audit *audit);
void spare_committed(struct audit *audit, bool durable);

/* retain.c: how long records are kept; finishes what was interrupted; removes what is older than is to be
 * kept, if it is time; says when that is. A failure is tried again the next day. */
void retain_begin(struct audit *audit);
void retain_set_keep(struct audit *audit, uint64_t seconds);
void retain_finish(struct audit *audit);
void retain_put_off(struct audit *audit, uint64_t now); /* for a day */
void retain_due(struct audit *audit, uint64_t now);
uint64_t retain_next(const struct audit *audit);
