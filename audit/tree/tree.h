/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The hash tree over the log: RFC 6962, section 2.1, with SHA-256. Pure functions over hashes; where they
 * come from is the caller's business. A node is named by (level, index): it covers the leaves from index <<
 * level on, 1 << level of them, and is complete once they all exist; level 0 are the leaf hashes. Leaf i is
 * the record with the sequence base + i + 1.
 *
 * 0 is success; -EINVAL: sizes or an index that fit no tree; -ENOMEM, -EIO: OpenSSL's trouble; otherwise what
 * a callback returned, which ends the work unless it is 0.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

#define TREE_LEVELS_MAX 63 /* a tree has at most 2^62 leaves */
#define TREE_SIZE_MAX   (1ULL << (TREE_LEVELS_MAX - 1))
#define TREE_PROOF_MAX  (2 * TREE_LEVELS_MAX)

/* SHA-256(0x00 ‖ bytes), SHA-256(0x01 ‖ left ‖ right), SHA-256(bytes). ret may be left or right. */
int tree_hash_leaf(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE]);
int tree_hash_node(const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE],
		   uint8_t ret[DIGEST_SIZE]);
int tree_hash_text(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE]);

/*
 * The right edge of a tree: the roots of the complete subtrees that its size decomposes into, hash[l] being
 * the one of level l, present where bit l of size is set. All that is needed to append and to know the root.
 */
struct tree_edge {
	uint64_t size;
	uint8_t hash[TREE_LEVELS_MAX][DIGEST_SIZE];
};
#define TREE_EDGE_INIT \
	{              \
		0      \
	}

/* Called for each interior node (level 1 and above) that an append completes, lowest first. May be NULL. */
typedef int (*tree_made_fn)(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata);
int tree_append(struct tree_edge *edge, const uint8_t leaf[DIGEST_SIZE], tree_made_fn made, void *userdata);
/* Of size 0: SHA-256 of nothing. */
int tree_root(const struct tree_edge *edge, uint8_t ret[DIGEST_SIZE]);

/* Answers the hash of a complete node. */
typedef int (*tree_node_fn)(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata);
/* The right edge of the first size leaves, from at most 62 nodes. */
int tree_edge_at(uint64_t size, tree_node_fn node, void *userdata, struct tree_edge *ret);

struct tree_proof {
	size_t n;
	uint8_t hash[TREE_PROOF_MAX][DIGEST_SIZE];
};
/* That leaf index is in the tree of size (RFC 6962, 2.1.1); that the tree of size `from` is a prefix of that
 * of size `to` (2.1.2; 0 < from <= to; equal: empty). O(log n) calls of node. */
int tree_prove_inclusion(uint64_t index, uint64_t size, tree_node_fn node, void *userdata,
			 struct tree_proof *ret);
int tree_prove_consistency(uint64_t from, uint64_t to, tree_node_fn node, void *userdata,
			   struct tree_proof *ret);
/* Whether a proof holds (RFC 9162, 2.1.3.2 and 2.1.4.2 say how); negative only for OpenSSL's trouble. */
int tree_check_inclusion(const uint8_t leaf[DIGEST_SIZE], uint64_t index, uint64_t size,
			 const struct tree_proof *proof, const uint8_t root[DIGEST_SIZE], bool *ret);
int tree_check_consistency(uint64_t from, const uint8_t from_root[DIGEST_SIZE], uint64_t to,
			   const uint8_t to_root[DIGEST_SIZE], const struct tree_proof *proof, bool *ret);
