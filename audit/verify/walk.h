/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The tree over the records, computed again while they pass by, and compared with each subtree that the
 * source stores. A record that is missing leaves a hole: subtrees over it are unknown, unless the source
 * stores them; then the walk knows where it is again. Where the two differ it says so once and goes on with
 * what is stored, so that the next checkpoint tells which of the two was signed.
 */
#include <stdbool.h>
#include <stdint.h>

#include "audit/tree/tree.h"
#include "audit/verify/finding.h"
#include "audit/verify/source.h"

#define WALK_BLOCK_LEVEL 8 /* a remembered hash covers 1 << 8 records */

struct walk {
	struct audit_source *source;
	struct findings *findings;
	uint64_t base;
	struct tree_edge edge;
	bool unknown[TREE_LEVELS_MAX];
	/* Of a subtree whose stored node differs from its records: what the records say. The node above it
	 * tells which of the two was there when that was written. */
	uint8_t other[TREE_LEVELS_MAX][DIGEST_SIZE];
	bool doubtful[TREE_LEVELS_MAX];

	/* Called for each subtree of level WALK_BLOCK_LEVEL that is known; other: what it may be as well, or
	 * NULL. May be NULL. */
	int (*block)(uint64_t index, const uint8_t hash[DIGEST_SIZE], const uint8_t *other, void *userdata);
	void *userdata;
};

/* Leaf i's sequence. */
static inline uint64_t walk_seq(const struct walk *walk, uint64_t index)
{
	return walk->base + index + 1;
}

/* One more leaf; NULL: not known. */
int walk_append(struct walk *walk, const uint8_t leaf[DIGEST_SIZE]);

/* So many leaves that are not known, in O(log²). */
int walk_skip(struct walk *walk, uint64_t n);

/* Compares the edge with the one that the segment which begins here stores, and takes what was unknown. */
int walk_meet(struct walk *walk, const struct tree_edge *stored, const char *place);

/* Whether what has passed by has this root; *ret_known is false if there is a hole in it. Where a stored node
 * is in doubt, the root decides. */
int walk_matches(struct walk *walk, const uint8_t root[DIGEST_SIZE], bool *ret_known, bool *ret_matches);

/* The root of what has passed by; *ret_known is false, and there is none, if there is a hole in it. */
int walk_root(const struct walk *walk, uint8_t ret[DIGEST_SIZE], bool *ret_known);
