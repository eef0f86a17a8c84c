/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Sizes at which somebody has said what the root is: the log's own checkpoints, its stub, checkpoints kept
 * elsewhere, and the memory of the last visit. Only what is signed by the log's key becomes a point.
 */
#include <stdbool.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "audit/verify/finding.h"
#include "audit/verify/source.h"

enum point_kind {
	POINT_OWN = 0, /* the log's own checkpoint */
	POINT_STUB,
	POINT_ANCHOR,
	POINT_MEMORY,
	_POINT_MAX,
};

struct point {
	uint64_t size;
	uint8_t root[DIGEST_SIZE];
	enum point_kind kind;
	const char *name; /* of an anchor: its file; borrowed */
};

struct points {
	struct point *items;
	size_t n, capacity, next;
	char newest[NOTE_SIZE_MAX]; /* the newest of the log's own: the note */
	uint64_t newest_size;
};

void points_clear(struct points *points);
/* -ENOMEM; -E2BIG: POINTS_MAX of them are there. */
int points_add(struct points *points, const struct point *point);
/* By ascending size. */
void points_sort(struct points *points);

#define POINTS_MAX (4U << 20) /* a checkpoint each 256 records: of a thousand million records */

/* The checkpoint in a note, if this key signed it for this origin; otherwise what is wrong with it. NULL:
 * nothing is, and *ret is filled in. */
int points_judge(const struct note_key *key, const char *origin, const char *note, size_t size,
		 struct checkpoint *ret, const char **ret_fault);

/* All that the source has; those that are not signed are findings. */
int points_add_own(struct points *points, struct audit_source *source, const struct note_key *key,
		   const char *origin, uint64_t base, uint64_t above, struct findings *findings,
		   struct refusal *refusal);
