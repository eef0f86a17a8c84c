/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The audit log: append-only, durable, in SQLite, with a copy of every record in the journal. One process and
 * one thread writes it. Record format and how to read it without us: docs/AUDIT.md.
 *
 * The order that keeps "audit before act": audit_append() the decision, audit_commit(), only then act, append
 * the outcome, and let the next commit carry it. Many appends and one commit is group commit: one fsync.
 *
 * Everything that can fail for lack of a healthy disk returns REFUSAL_AUDIT_UNAVAILABLE, subject the failing
 * step; the handle stays usable, and the next append and commit simply try again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/record.h"
#include "common/cleanup.h"
#include "common/refusal.h"

struct audit;

/* Opens or creates log.sqlite in directory, which must exist, be owned by the effective uid and have no mode
 * bits for others. Refuses (REFUSAL_AUDIT_UNAVAILABLE) a directory or file of wrong owner or mode, a database
 * that is not ours, that has any table, index, trigger or view that we did not make, whose last record does
 * not match its hash, and a directory that another process has open. Negative: -ENOMEM and the like. */
int audit_open(const char *directory, struct audit **ret, struct refusal *refusal);

/* The same, with the journal's copies sent to this socket; NULL: no copies. */
int audit_open_at(const char *directory, const char *journal_socket, struct audit **ret,
		  struct refusal *refusal);

/* Commits what is staged, counts of denials included, as far as it can be, closes, and returns NULL. */
struct audit *audit_close(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_close)

/* Stages a record: fills in boot id and both times, gives it the next sequence number (from 1, no gaps) and
 * fixes its bytes. Nothing is durable, nor shown to queries, before audit_commit() returns 0; if that fails,
 * the number was never used and will be given again. ret_seq may be NULL. Refuses when
 * AUDIT_STAGED_MAX records wait (commit first) and records above AUDIT_RECORD_MAX bytes or AUDIT_GIDS_MAX
 * groups (REFUSAL_INVALID_ARGUMENT, nothing is ever cut short). -EINVAL: a kind outside the enumeration. */
int audit_append(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
		 struct refusal *refusal);

/* Stages a denial (kind AUDIT_DECISION, verdict AUDIT_DENY, with requester and rule). The first one of a uid
 * and rule is an ordinary record; further ones within 60 s are only counted, *ret_seq is then 0, and the
 * count becomes one AUDIT_DENIALS record when the minute is over or the table of AUDIT_DENIALS_MAX is full.
 * Counts survive a failing commit. */
int audit_append_denial(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
			struct refusal *refusal);

/* Stages a policy's text for the same commit, stored once under its SHA-256, which is written to ret_digest
 * for the records that refer to it. At most AUDIT_POLICY_MAX bytes. */
int audit_put_policy(struct audit *audit, const void *text, size_t size, uint8_t ret_digest[DIGEST_SIZE],
		     struct refusal *refusal);

/* Makes all that is staged durable (WAL, synchronous=FULL: in one fsync), then hands copies to the journal,
 * which can neither block nor fail this. On a refusal everything staged is gone and no number was used.
 * 0 at once if nothing is staged. */
int audit_commit(struct audit *audit, struct refusal *refusal);

/* True if a commit has something to do. */
bool audit_pending(const struct audit *audit);

/* What is due at `now` (µs of CLOCK_MONOTONIC, as sd-event counts): counts of denials whose minute is over
 * are staged and everything staged is committed; copies that the journal has not got yet are sent, at most
 * AUDIT_JOURNAL_BATCH. Returns what audit_commit() returned. */
int audit_tick(struct audit *audit, uint64_t now, struct refusal *refusal);

/* When audit_tick() wants to be called next, same clock, maybe already past; UINT64_MAX: not until something
 * is appended. What is staged is due after AUDIT_COMMIT_DELAY, so an outcome needs no commit of its own. */
uint64_t audit_next_tick(const struct audit *audit);

/* The sequence of the last durable record, 0 for an empty log; of the last one the journal took. */
uint64_t audit_head(const struct audit *audit);
uint64_t audit_journal_head(const struct audit *audit);

struct audit_row {
	uint64_t seq;
	const char *bytes; /* exactly as hashed, one line without its newline; valid during the callback */
	size_t size;
	const uint8_t *leaf; /* DIGEST_SIZE bytes: SHA-256(0x00 ‖ bytes), the leaf hash of RFC 6962 */
};

struct audit_filter {
	uint64_t since, until; /* real time in ns, both inclusive; until 0: no bound */
	uint64_t from_seq;     /* this one and later; with reverse, and not 0: this one and earlier */
	uint64_t to_seq;       /* where the walk ends, inclusive; 0: with the log. Who walks a long log in
				* steps bounds each by both. */
	bool by_uid;
	uid_t uid;
	const char *kind, *probe, *action, *attachment; /* exact; NULL: any */
	enum audit_verdict verdict;                     /* AUDIT_VERDICT_NONE: any */
	uint32_t limit;                                 /* 0 or more than AUDIT_QUERY_MAX: AUDIT_QUERY_MAX */
	bool reverse;                                   /* newest first */
};

/* Called for each row; 0 goes on, positive ends the query with success, negative is returned. Must not
 * append. */
typedef int (*audit_row_fn)(const struct audit_row *row, void *userdata);

/* Durable records that match all of filter (NULL: everything), in order of sequence. */
int audit_query(struct audit *audit, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal);

/* One durable record; -ENOENT if there is none with this number. fn's value is returned if negative. */
int audit_get(struct audit *audit, uint64_t seq, audit_row_fn fn, void *userdata, struct refusal *refusal);

/* The policy text of this digest in a new buffer, NUL-terminated for convenience; -ENOENT. */
int audit_get_policy(struct audit *audit, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal);
