/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the store's files share. */
#include "audit/store/recall.h"
#include "audit/store/reserve.h"
#include "audit/store/segment.h"
#include "audit/store/store.h"

#define STORE_REMOVED "removed" /* the stub */

/* Digests of texts that the newest segment has, or that no segment has: looked for often. */
#define KNOWN_TEXTS 16
struct known_texts {
	uint8_t digest[KNOWN_TEXTS][DIGEST_SIZE];
	size_t n, next;
};

struct store {
	struct directory directory;
	struct recall recall;
	struct reserve reserve;
	char *published;
	uint8_t seed[NOTE_SEED_SIZE];
	struct note_signer *signer; /* in the log's name */

	uint64_t *firsts; /* of each segment, oldest first */
	size_t n_firsts;
	struct segment_meta meta; /* of the newest */
	struct segment *segment;  /* the newest; NULL: store_ready() has to open it again */
	struct segment *old;      /* the other one that is open, during one call */

	uint64_t head, journal_seq;
	struct tree_edge edge;
	uint64_t signed_size; /* of the last checkpoint */
	char checkpoint[NOTE_SIZE_MAX];

	char removed[NOTE_SIZE_MAX]; /* the stub; "": none */
	uint64_t removed_size;       /* of the tree that it stands for */

	uint64_t rotate_size; /* bytes of the newest segment at which the next one begins */
	uint64_t segment_size;
	char *anew;         /* why the log had to be begun anew since it was opened; NULL */
	uint64_t next_base; /* of the log to begin, as long as there is none */
	bool unrecorded;    /* its first record has to say so yet */
	uint64_t leftover;  /* first of a segment that must go before another one is begun; 0: none */
	struct known_texts known;
};

/* What damages a file is for us to deal with; for others the log just cannot be used. */
static inline int store_verdict(int r)
{
	return r > 0 ? REFUSAL_AUDIT_UNAVAILABLE : r;
}

/* store-read.c: segment i, open at least for reading, until the next call or store_done(). */
int store_visit(struct store *store, size_t i, struct segment **ret, struct refusal *refusal);
void store_done(struct store *store);

/* store.c: the names of all segments; a log without a record, in a segment of its own; the newest segment. */
int store_find_segments(struct store *store, struct refusal *refusal);
int store_begin(struct store *store, uint64_t base, struct refusal *refusal);
int store_load(struct store *store, struct refusal *refusal);

/* store-anew.c: whether there was a log before, of which no segment is left; whether the log is at least as
 * far as the last checkpoint outside of it, and the same; all of it moved aside for AUDIT_DAMAGED, whose
 * reason is in refusal, and another one begun; whether the first record that says so is missing. */
bool store_was_here(const struct store *store);
int store_compare(struct store *store, struct refusal *refusal);
int store_begin_anew(struct store *store, struct refusal *refusal);
int store_check_first(struct store *store);

/* store-retain.c: the stub in the directory, if there is one for this log. */
void store_read_stub(struct store *store);

/* store-read.c: the root of the first size leaves. */
int store_root_at(struct store *store, uint64_t size, uint8_t ret[DIGEST_SIZE], struct refusal *refusal);

/* store.c: opens the newest segment if it is not, and notices whether it is still the log that it was. */
int store_ready(struct store *store, struct refusal *refusal);
int store_unlink_segment(const struct store *store, uint64_t first);
int store_add_first(struct store *store, uint64_t first);

/* store-reserve.c: gives the reserve up if this error says that there is no more room; true: try once more.
 */
bool store_make_room(struct store *store, int error);

/* store-texts.c: what the records of a batch refer to, and only older segments have, in a new array. */
int store_carry_texts(struct store *store, const struct store_batch *batch, struct store_text **ret,
		      size_t *ret_n, struct refusal *refusal);
void store_free_texts(struct store_text *texts, size_t n);
