/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/store/segment.h"

/* The end of the newest segment, as it was found when it was opened. */
struct tail {
	uint64_t head; /* sequence of the last record; first - 1 if there is none */
	struct tree_edge edge;
	uint64_t signed_size; /* of the last checkpoint; 0: there is none */
	char checkpoint[NOTE_SIZE_MAX];
};

/* Reads the tree's right edge, and holds the end of the log to it: the last checkpoint is signed by key and
 * the stored nodes give its root; each record after it, and the last one before, hashes to its leaf; and
 * these leaves to the stored nodes. All the rest is the auditor's work, in the auditor's process.
 * AUDIT_DAMAGED, subject "checkpoint", "tree" or "tail". */
int tail_read(const struct segment *segment, const struct note_key *key, struct tail *ret,
	      struct refusal *refusal);

/* The sequence of the last record; first - 1 if there is none. */
int tail_find_head(const struct segment *segment, uint64_t *ret, struct refusal *refusal);

/* The root of the first size leaves, of which the segment holds all nodes that are needed, from first - 1 -
 * base up to its end. 0, AUDIT_DAMAGED or negative. */
int tail_root_at(const struct segment *segment, uint64_t size, uint8_t ret[DIGEST_SIZE],
		 struct refusal *refusal);
