/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/points.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void points_clear(struct points *points)
{
	free(points->items);
	*points = (struct points){ 0 };
}

int points_add(struct points *points, const struct point *point)
{
	if (points->n == POINTS_MAX)
		return -E2BIG;
	if (points->n == points->capacity) {
		size_t capacity = points->capacity ? 2 * points->capacity : 64;
		struct point *items = reallocarray(points->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		points->items = items;
		points->capacity = capacity;
	}
	points->items[points->n++] = *point;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

void points_sort(struct points *points)
{
	if (points->n)
		qsort(points->items, points->n, sizeof(*points->items), compare);
}

int points_judge(const struct note_key *key, const char *origin, const char *note, size_t size,
		 struct checkpoint *ret, const char **ret_fault)
{
	static const char *const faults[] = {
		[NOTE_MALFORMED] = "is no signed note",
		[NOTE_UNSIGNED] = "is not signed by this log's key",
		[NOTE_FORGED] = "has a signature that does not hold",
	};
	struct checkpoint checkpoint;
	size_t text_size = 0;
	int r = note_verify(key, note, size, &text_size);

	if (r < 0)
		return r;
	*ret_fault = NULL;
	if (r != NOTE_GOOD)
		*ret_fault = (size_t)r < sizeof(faults) / sizeof(faults[0]) ? faults[r] : faults[NOTE_FORGED];
	else if (checkpoint_parse(note, text_size, &checkpoint) < 0)
		*ret_fault = "is no checkpoint";
	else if (strcmp(checkpoint.origin, origin))
		*ret_fault = "is of another log";
	else
		*ret = checkpoint;
	return 0;
}

struct own {
	struct points *points;
	const struct note_key *key;
	const char *origin;
	uint64_t base;
	struct findings *findings;
};

/* The size that an unsigned checkpoint claims: where to look, and nothing more. */
static uint64_t claimed(const struct own *own, const char *note, size_t size)
{
	const char *end = memmem(note, size, "\n\n", 2);
	struct checkpoint checkpoint;

	if (end)
		size = (size_t)(end - note) + 1;
	if (checkpoint_parse(note, size, &checkpoint) < 0 || !checkpoint.size ||
	    checkpoint.size > UINT64_MAX / 2)
		return 0;
	return own->base + checkpoint.size;
}

static int add_own(const char *note, size_t size, void *userdata)
{
	struct own *own = userdata;
	struct points *points = own->points;
	struct checkpoint checkpoint;
	struct point point = { .kind = POINT_OWN };
	const char *fault;
	int r = points_judge(own->key, own->origin, note, size, &checkpoint, &fault);

	if (r < 0)
		return r;
	if (fault) {
		uint64_t seq = claimed(own, note, size);

		findings_add(own->findings, FINDING_CHECKPOINT, seq, seq,
			     "a checkpoint in the log %s: somebody without the key wrote it", fault);
		return 0;
	}
	point.size = checkpoint.size;
	memcpy(point.root, checkpoint.root, DIGEST_SIZE);
	r = points_add(points, &point);
	if (!r && checkpoint.size >= points->newest_size && size < sizeof(points->newest)) {
		memcpy(points->newest, note, size);
		points->newest[size] = '\0';
		points->newest_size = checkpoint.size;
	}
	return r;
}

int points_add_own(struct points *points, struct audit_source *source, const struct note_key *key,
		   const char *origin, uint64_t base, uint64_t above, struct findings *findings,
		   struct refusal *refusal)
{
	struct own own = { points, key, origin, base, findings };

	return source->calls->checkpoints(source, above, add_own, &own, refusal);
}
