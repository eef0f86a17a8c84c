/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/audit.h"

/* Holds the hash tree that is stored in a directory's segments, and all signed checkpoints, to the leaves
 * that it must have been made from: each node is there and right, each checkpoint is the log's own and has
 * the root of its size. What is wrong, or NULL. */
const char *workload_tree_wrong(struct audit *audit, const char *directory,
				const uint8_t (*leaves)[DIGEST_SIZE], uint64_t n);

/* Calls fn for each segment's file, oldest first. */
void workload_segments(const char *directory, void (*fn)(const char *path, void *userdata), void *userdata);
