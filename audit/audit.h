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
#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "common/cleanup.h"
#include "common/refusal.h"

struct audit;

#define AUDIT_JOURNAL_SOCKET "/run/systemd/journal/socket"

struct audit_options {
	const char *directory; /* must exist, be owned by the effective uid, without mode bits for others */
	const char *journal_socket; /* where copies go; NULL: no copies */
	const char *published;      /* path of the last checkpoint's copy that all may read; NULL: none */
	const char *credentials;    /* directory that may hold the audit key's seed; NULL: none */
	uint64_t segment_size;      /* bytes of a database file before the next one begins */
	uint64_t keep;              /* seconds: closed segments whose records are all older go, looked at when
				     * the log is opened and once a day; 0: everything is kept for ever */
};
#define AUDIT_OPTIONS_INIT                          \
	{                                           \
		.segment_size = AUDIT_SEGMENT_SIZE, \
	}

/* Opens or creates the log. Refuses (REFUSAL_AUDIT_UNAVAILABLE) a directory or file of wrong owner or mode,
 * and a directory that another process has open. Negative: -ENOMEM and the like. A log that cannot be
 * continued is moved aside, and another one begun: one whose newest database is not ours, has any table,
 * index, trigger or view that we did not make, or whose end does not match the hash tree; or that is older
 * than a checkpoint that we signed. The same happens when a commit finds the database damaged; that commit is
 * refused. */
int audit_open(const struct audit_options *options, struct audit **ret, struct refusal *refusal);

/* Other values of the two options that may change. The segment size holds from the next commit on; what keep
 * lets go goes a day later at the earliest, so that a slip can be taken back. */
void audit_configure(struct audit *audit, uint64_t segment_size, uint64_t keep);

/* Why the log was begun anew since it was opened, one sentence; NULL: it was not. Its first record, a failed
 * change of action "audit", says so, too. */
const char *audit_begun_anew(const struct audit *audit);

/* Commits what is staged, counts of denials included, and signs a checkpoint, as far as it can be, closes,
 * and returns NULL. */
struct audit *audit_close(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_close)

/* Stages a record: fills in boot id and both times, gives it the next sequence number (from 1, no gaps) and
 * fixes its bytes. Nothing is durable, nor shown to queries, before audit_commit() returns 0; if that fails,
 * the number was never used and will be given again. ret_seq may be NULL. Refuses when
 * AUDIT_STAGED_MAX records wait (commit first) and records above AUDIT_RECORD_MAX bytes or AUDIT_GIDS_MAX
 * groups (REFUSAL_INVALID_ARGUMENT, nothing is ever cut short); more than AUDIT_GIDS_INLINE_MAX groups become
 * a text of their own. -EINVAL: a kind outside the enumeration. */
int audit_append(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
		 struct refusal *refusal);

/* Stages a denial (kind AUDIT_DECISION, verdict AUDIT_DENY, with requester, rule and action). The first one
 * of a uid, rule and action is an ordinary record; further ones within 60 s are only counted, *ret_seq is
 * then 0, and the count becomes one AUDIT_DENIALS record when the minute is over or the table of
 * AUDIT_DENIALS_MAX is full. Counts survive a failing commit. */
int audit_append_denial(struct audit *audit, const struct audit_record *record, uint64_t *ret_seq,
			struct refusal *refusal);

/* Stages a text (of a policy, of a long list of groups) for the same commit, stored once under its SHA-256,
 * which is written to ret_digest for the records that refer to it. At most AUDIT_TEXT_MAX bytes. */
int audit_put_text(struct audit *audit, const void *text, size_t size, uint8_t ret_digest[DIGEST_SIZE],
		   struct refusal *refusal);

/* Makes all that is staged durable (WAL, synchronous=FULL: in one fsync), then hands copies to the journal,
 * which can neither block nor fail this. The hash tree grows in the same transaction, and once
 * AUDIT_CHECKPOINT_RECORDS are not covered by a checkpoint, it is signed in it. On a refusal no
 * number was used: decisions, denials and readings are gone, all other kinds are staged again, under numbers
 * of their own, with the texts that they refer to. 0 at once if nothing is staged. */
int audit_commit(struct audit *audit, struct refusal *refusal);

/* Whether the disk is so full that the reserve of AUDIT_RESERVE_SIZE is gone: everything can still be
 * recorded, for a while, but nothing may be allowed that adds to it. Ends by itself in audit_tick(). */
bool audit_spare(const struct audit *audit);
/* 0, or, with the reserve gone, the refusal of whatever would be allowed anew: subject "reserve", why, and
 * what to do. */
int audit_admit(const struct audit *audit, struct refusal *refusal);

/* True if a commit has something to do. */
bool audit_pending(const struct audit *audit);

/* What is due at `now` (µs of CLOCK_MONOTONIC, as sd-event counts): counts of denials whose minute is over
 * are staged and everything staged is committed; a checkpoint is signed AUDIT_CHECKPOINT_INTERVAL after the
 * first record that none covers; copies that the journal has not got yet are sent, at most
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

/* The text of this digest in a new buffer, NUL-terminated for convenience; -ENOENT. */
int audit_get_text(struct audit *audit, const uint8_t digest[DIGEST_SIZE], char **ret_text, size_t *ret_size,
		   struct refusal *refusal);

/* --- the hash tree: leaf i is record base + i + 1, see audit/tree/ ----------------------------------------
 */

struct audit_state {
	char origin[NOTE_NAME_MAX]; /* the log's name, first line of its checkpoints */
	char key[NOTE_VKEY_MAX];    /* C2SP verifier key */
	uint64_t base;
	uint64_t first, last;        /* sequences; last below first: no record is there */
	char removed[NOTE_SIZE_MAX]; /* the signed stub about the records before first; "": none was removed
				      */
};
void audit_describe(const struct audit *audit, struct audit_state *ret);

/* Commits what is staged and signs a checkpoint at the head, unless the last one is there already. */
int audit_checkpoint(struct audit *audit, struct refusal *refusal);

/* Ends the segment now, with a checkpoint, unless it is empty. What is due by size ends by itself. */
int audit_rotate(struct audit *audit, struct refusal *refusal);

/* Removes whole closed segments whose records are all from before this time (CLOCK_REALTIME, ns): first a
 * signed stub for them is durable, then a `change` record of action "audit-retention", then they go. What is
 * interrupted is finished when the log is opened. */
int audit_retain(struct audit *audit, uint64_t before, struct refusal *refusal);

/* The last one, a C2SP signed note; "": there is none yet. Valid until the next commit. */
const char *audit_last_checkpoint(const struct audit *audit);

/* Called for each note; 0 goes on, positive ends with success, negative is returned. */
typedef int (*audit_note_fn)(const char *note, size_t size, void *userdata);
/* Checkpoints of trees of more than `above` leaves, by size; limit as in audit_filter. */
int audit_checkpoints(struct audit *audit, uint64_t above, uint32_t limit, audit_note_fn fn, void *userdata,
		      struct refusal *refusal);

/* That record seq is in the tree of the first size leaves; that the tree of size `from` is a prefix of that
 * of size. REFUSAL_INVALID_ARGUMENT, subject "size", "seq" or "from": no such tree, or not in it; -ENOENT:
 * the records were removed. */
int audit_prove_inclusion(struct audit *audit, uint64_t seq, uint64_t size, struct tree_proof *ret,
			  struct refusal *refusal);
int audit_prove_consistency(struct audit *audit, uint64_t from, uint64_t size, struct tree_proof *ret,
			    struct refusal *refusal);
