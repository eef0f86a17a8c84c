/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Verification of a log by an auditor's process: one pass over its records, exactly as they are stored, by
 * our own arithmetic. Nothing that the source says is believed; what the auditor brings is: a key, the
 * memory of the last visit, checkpoints that were kept elsewhere, the journal's copies.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "audit/verify/finding.h"
#include "audit/verify/memory.h"
#include "audit/verify/source.h"
#include "common/cleanup.h"
#include "common/refusal.h"

/* A checkpoint that was kept elsewhere. */
struct verify_anchor {
	const char *name; /* its file, for messages */
	const char *note;
	size_t size;
};

/* A record that the journal has: the leaf hash of its bytes. */
struct verify_copy {
	uint64_t seq;
	uint8_t leaf[DIGEST_SIZE];
};

struct verify_options {
	const char *key; /* the verifier key that it must be; NULL: the log says which, and memory compares */
	const struct memory *memory; /* NULL: first visit */
	const struct verify_anchor *anchors;
	size_t n_anchors;
	bool journal;                     /* copies were looked for */
	const struct verify_copy *copies; /* by ascending sequence; several of one are all compared */
	size_t n_copies;
	bool quick; /* do not read records: let the source prove that the tree grew */
};
#define VERIFY_OPTIONS_INIT \
	{                   \
		0           \
	}

struct verify {
	struct audit_source_log log; /* as the source says, but the key is the one that was used */
	uint64_t records;            /* that were read */
	uint64_t size;               /* leaves, those that were removed included */
	uint8_t root[DIGEST_SIZE];
	bool rooted; /* there is a root: no record is missing */

	/* The newest of the log's own checkpoints that matched; size 0: none. */
	struct checkpoint checkpoint;
	char note[NOTE_SIZE_MAX]; /* it, signed; "": a newer one did not match */

	uint64_t known;     /* the size that memory had of this log; 0: none */
	uint64_t grew_from; /* the same, once it was proved that the log goes on from there */
	uint64_t anchored;  /* up to this size somebody else vouched before this visit */
	uint64_t copies;    /* records that the journal has, too */

	uint8_t (*blocks)[DIGEST_SIZE]; /* of the level WALK_BLOCK_LEVEL, from first_block on */
	uint64_t first_block;
	size_t n_blocks;

	struct findings findings;
};

struct verify *verify_free(struct verify *verify);
DEFINE_CLEANUP(struct verify *, verify_free)

/* 0: *ret says what was found, be it good or bad. Positive: the source cannot be read at all. -EINVAL: the
 * key in options is none. -EOPNOTSUPP: quick, and the source proves nothing. */
int verify_log(struct audit_source *source, const struct verify_options *options, struct verify **ret,
	       struct refusal *refusal);

/* Whether nothing is wrong. */
static inline bool verify_good(const struct verify *verify)
{
	return !verify->findings.n;
}

/* What the next visit shall know; -ENODATA: nothing may be remembered, since something is wrong or nothing is
 * signed. The caller clears *ret. */
int verify_remember(const struct verify *verify, const struct memory *before, struct memory *ret);

/* "verified: …" or "NOT VERIFIED: …", one line without newline. */
#define VERIFY_VERDICT_MAX 512
const char *verify_verdict(const struct verify *verify, char buffer[VERIFY_VERDICT_MAX]);
