/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the store's files share. */
#include "audit/memory.h"
#include "audit/segment.h"
#include "audit/store.h"

struct store {
	struct directory directory;
	struct memory memory;
	char *published;
	uint8_t seed[NOTE_SEED_SIZE];
	struct note_signer *signer; /* in the log's name */

	uint64_t *firsts; /* of each segment, oldest first */
	size_t n_firsts;
	struct segment *segment; /* the newest */
	struct segment *old;     /* the other one that is open, during one call */

	uint64_t head, journal_seq;
	struct tree_edge edge;
	uint64_t signed_size; /* of the last checkpoint */
	char checkpoint[NOTE_SIZE_MAX];
};

/* What damages a file is for us to deal with; for others the log just cannot be used. */
static inline int store_verdict(int r)
{
	return r > 0 ? REFUSAL_AUDIT_UNAVAILABLE : r;
}

/* store-read.c: segment i, open at least for reading, until the next call or store_done(). */
int store_visit(struct store *store, size_t i, struct segment **ret, struct refusal *refusal);
void store_done(struct store *store);
