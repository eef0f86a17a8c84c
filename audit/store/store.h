/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The log on disk: its directory, segments, hash tree, key and checkpoints. Whole batches are written to the
 * newest segment, and what is read is only what is durable. Functions refuse with REFUSAL_AUDIT_UNAVAILABLE
 * and leave the store usable.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/audit.h"
#include "audit/store/segment-write.h"

struct store;

int store_open(const struct audit_options *options, struct store **ret, struct refusal *refusal);
struct store *store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)

struct store_batch {
	const struct store_record *records;
	size_t n_records;
	const struct store_text *texts;
	size_t n_texts;
	uint64_t journal_seq; /* what the journal has, written along */
	bool checkpoint; /* sign the tree at the batch's end; at the latest every AUDIT_CHECKPOINT_RECORDS
			  * the store does so by itself */
};

/* All of the batch with its part of the tree and its checkpoint, durable, or nothing of it. Where the disk is
 * full, the reserve is given up for it. If the database is found to be damaged, the batch is refused, and
 * another log is begun. */
int store_write(struct store *store, const struct store_batch *batch, struct refusal *refusal);

/* Why the log had to be begun anew since it was opened, NULL; the same as long as no record says so. */
const char *store_begun_anew(const struct store *store);
const char *store_unrecorded(const struct store *store);
void store_recorded(struct store *store);

/* Whether the reserve of disk space is gone, and why (errno, 0: it is there); tries to make it again; when it
 * wants to be asked to (µs of CLOCK_MONOTONIC; UINT64_MAX: never). */
int store_spare(const struct store *store);
void store_look(struct store *store, uint64_t now);
uint64_t store_next_look(const struct store *store);
const char *store_directory(const struct store *store);

/* Ends the newest segment, unless it is empty; and does so if it is large enough. What fails is tried again.
 */
int store_rotate(struct store *store, struct refusal *refusal);
void store_rotate_if_due(struct store *store);
void store_set_segment_size(struct store *store, uint64_t size);

/* Signs a stub, durably, for all closed segments whose records are all from before this time (CLOCK_REALTIME,
 * ns); the last record that a stub allows to go and that is still there, 0: none; removes them. */
int store_plan_removal(struct store *store, uint64_t before, struct refusal *refusal);
uint64_t store_removable(const struct store *store);
int store_remove(struct store *store, struct refusal *refusal);

/* What was last committed; the journal's progress as found when the store was opened; how many of the last
 * records no checkpoint covers; the last checkpoint, "": none. */
uint64_t store_head(const struct store *store);
uint64_t store_journal_seq(const struct store *store);
uint64_t store_unsigned(const struct store *store);
const char *store_checkpoint(const struct store *store);
void store_describe(const struct store *store, struct audit_state *ret);

/* See audit.h. */
int store_query(struct store *store, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal);
int store_get_text(struct store *store, const uint8_t digest[DIGEST_SIZE], char **ret_text, size_t *ret_size,
		   struct refusal *refusal);
int store_checkpoints(struct store *store, uint64_t above, uint32_t limit, audit_note_fn fn, void *userdata,
		      struct refusal *refusal);
int store_prove_inclusion(struct store *store, uint64_t seq, uint64_t size, struct tree_proof *ret,
			  struct refusal *refusal);
int store_prove_consistency(struct store *store, uint64_t from, uint64_t size, struct tree_proof *ret,
			    struct refusal *refusal);
