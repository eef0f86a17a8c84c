/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/range.h"

#include <stdbool.h>
#include <string.h>

int tree_range(uint64_t begin, uint64_t end, tree_node_fn node, void *userdata, uint8_t ret[DIGEST_SIZE])
{
	uint8_t hash[DIGEST_SIZE], left[DIGEST_SIZE];
	uint64_t rest = end - begin;
	bool found = false;

	/* The smallest complete subtree is the rightmost one; each further one is the left neighbour of all
	 * that were put together so far. */
	for (unsigned level = 0; rest >> level; level++) {
		int r;

		if (!(rest >> level & 1))
			continue;
		r = node(level, ((begin + rest) >> level) - 1, found ? left : hash, userdata);
		if (r)
			return r;
		if (found) {
			r = tree_hash_node(left, hash, hash);
			if (r)
				return r;
		}
		found = true;
		rest &= ~(1ULL << level);
	}
	memcpy(ret, hash, DIGEST_SIZE);
	return 0;
}
