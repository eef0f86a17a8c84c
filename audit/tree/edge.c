/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/tree.h"

#include <errno.h>
#include <string.h>

#include "audit/tree/range.h"

int tree_append(struct tree_edge *edge, const uint8_t leaf[DIGEST_SIZE], tree_made_fn made, void *userdata)
{
	uint8_t hash[DIGEST_SIZE];
	uint64_t index = edge->size;
	unsigned level = 0;
	int r;

	if (edge->size >= TREE_SIZE_MAX)
		return -EINVAL;
	memcpy(hash, leaf, DIGEST_SIZE);
	/* The new leaf completes one node for each complete subtree that ends where it begins. */
	for (; index & 1; index >>= 1) {
		r = tree_hash_node(edge->hash[level], hash, hash);
		if (r)
			return r;
		level++;
		if (made) {
			r = made(level, index >> 1, hash, userdata);
			if (r)
				return r;
		}
	}
	/* Nothing was changed so far, so that a failure leaves the edge as it was. */
	memcpy(edge->hash[level], hash, DIGEST_SIZE);
	edge->size++;
	return 0;
}

/* The edge's own subtrees, by the name of a node: the one of a level is that of the level's bit in the size.
 */
static int edge_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	const struct tree_edge *edge = userdata;

	(void)index;
	memcpy(ret, edge->hash[level], DIGEST_SIZE);
	return 0;
}

int tree_root(const struct tree_edge *edge, uint8_t ret[DIGEST_SIZE])
{
	if (edge->size > TREE_SIZE_MAX)
		return -EINVAL;
	if (!edge->size)
		return tree_hash_text("", 0, ret);
	return tree_range(0, edge->size, edge_node, (void *)edge, ret);
}

int tree_edge_at(uint64_t size, tree_node_fn node, void *userdata, struct tree_edge *ret)
{
	struct tree_edge edge = { .size = size };

	if (size > TREE_SIZE_MAX)
		return -EINVAL;
	for (unsigned level = 0; size >> level; level++) {
		if (size >> level & 1) {
			int r = node(level, (size >> level) - 1, edge.hash[level], userdata);

			if (r)
				return r;
		}
	}
	*ret = edge;
	return 0;
}
