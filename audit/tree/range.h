/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/tree/tree.h"

/* The root of the subtree over the leaves from begin up to end, without it. RFC 6962 makes such subtrees by
 * cutting at the largest power of two, so begin is a multiple of the smallest one that is not below their
 * number. */
int tree_range(uint64_t begin, uint64_t end, tree_node_fn node, void *userdata, uint8_t ret[DIGEST_SIZE]);
