/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Sizes at which somebody has said what the root is: the log's own checkpoints, its stub, checkpoints kept
 * elsewhere, and the memory of the last visit. Only what is signed by the log's key becomes a point.
 */
#include <pthread.h>
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
	char *note;       /* of the log's own, signed or not */
	size_t note_size;
	const char *fault; /* once it was judged: why it does not count; NULL */
	bool told;         /* and a finding says so */
};

struct points {
	struct point *items;
	size_t n, capacity, next;

	/* Signatures are checked by a thread of their own, in order: that takes as long as all hashing. */
	const struct note_key *key;
	const char *origin;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t judged; /* so many from the beginning; with the lock */
	int error;     /* with the lock */
	bool stop;     /* with the lock */
	bool started;  /* there is a thread */
};

void points_clear(struct points *points);
/* -ENOMEM; -E2BIG: POINTS_MAX of them are there. The note goes over to points, also on failure. */
int points_add(struct points *points, const struct point *point);

#define POINTS_MAX (1U << 20) /* a checkpoint each 256 records: of 250 million records */

/* The checkpoint in a note, if this key signed it for this origin; otherwise what is wrong with it. NULL:
 * nothing is, and *ret is filled in. */
int points_judge(const struct note_key *key, const char *origin, const char *note, size_t size,
		 struct checkpoint *ret, const char **ret_fault);

/* All that the source has, under the size that each claims. */
int points_add_own(struct points *points, struct audit_source *source, uint64_t above,
		   struct refusal *refusal);

/* Sorts them by size, and begins to judge the log's own. Both are borrowed until points_clear(). */
void points_start(struct points *points, const struct note_key *key, const char *origin);

/* Waits until the one at this place is judged. */
int points_wait(struct points *points, size_t i);
