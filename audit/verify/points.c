/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/points.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void points_clear(struct points *points)
{
	if (points->started) {
		pthread_mutex_lock(&points->lock);
		points->stop = true;
		pthread_mutex_unlock(&points->lock);
		pthread_join(points->thread, NULL);
		pthread_mutex_destroy(&points->lock);
		pthread_cond_destroy(&points->changed);
	}
	for (size_t i = 0; i < points->n; i++)
		free(points->items[i].note);
	free(points->items);
	*points = (struct points){ 0 };
}

int points_add(struct points *points, const struct point *point)
{
	if (points->n == POINTS_MAX) {
		free(point->note);
		return -E2BIG;
	}
	if (points->n == points->capacity) {
		size_t capacity = points->capacity ? 2 * points->capacity : 64;
		struct point *items = reallocarray(points->items, capacity, sizeof(*items));

		if (!items) {
			free(point->note);
			return -ENOMEM;
		}
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

/* The size that a checkpoint claims: where to look, and nothing more. */
static int add_own(const char *note, size_t size, void *userdata)
{
	const char *end = memmem(note, size, "\n\n", 2);
	struct points *points = userdata;
	struct point point = { .kind = POINT_OWN, .note = malloc(size + 1), .note_size = size };
	struct checkpoint checkpoint;

	if (!point.note)
		return -ENOMEM;
	memcpy(point.note, note, size);
	point.note[size] = '\0';
	if (checkpoint_parse(note, end ? (size_t)(end - note) + 1 : size, &checkpoint) == 0 &&
	    checkpoint.size < UINT64_MAX / 2) {
		point.size = checkpoint.size;
		memcpy(point.root, checkpoint.root, DIGEST_SIZE);
	}
	return points_add(points, &point);
}

int points_add_own(struct points *points, struct audit_source *source, uint64_t above,
		   struct refusal *refusal)
{
	return source->calls->checkpoints(source, above, add_own, points, refusal);
}

/* ---- signatures ---- */

static int judge(const struct points *points, struct point *point)
{
	struct checkpoint checkpoint;
	int r;

	if (point->kind != POINT_OWN)
		return 0;
	r = points_judge(points->key, points->origin, point->note, point->note_size, &checkpoint,
			 &point->fault);
	/* What was looked at before is what is signed. */
	if (!r && !point->fault &&
	    (checkpoint.size != point->size || memcmp(checkpoint.root, point->root, DIGEST_SIZE) != 0))
		point->fault = "is no checkpoint";
	return r;
}

static void *judge_all(void *userdata)
{
	struct points *points = userdata;
	bool stop = false;

	for (size_t i = 0; i < points->n && !stop; i++) {
		int r = judge(points, &points->items[i]);

		pthread_mutex_lock(&points->lock);
		points->judged = i + 1;
		points->error = points->error ? points->error : r;
		stop = points->stop || r;
		pthread_cond_signal(&points->changed);
		pthread_mutex_unlock(&points->lock);
	}
	return NULL;
}

void points_start(struct points *points, const struct note_key *key, const char *origin)
{
	if (points->n)
		qsort(points->items, points->n, sizeof(*points->items), compare);
	points->key = key;
	points->origin = origin;
	if (points->n < 16)
		return;
	pthread_mutex_init(&points->lock, NULL);
	pthread_cond_init(&points->changed, NULL);
	points->started = pthread_create(&points->thread, NULL, judge_all, points) == 0;
	if (!points->started) {
		pthread_mutex_destroy(&points->lock);
		pthread_cond_destroy(&points->changed);
	}
}

int points_wait(struct points *points, size_t i)
{
	int r;

	if (!points->started) {
		/* Each is asked for once, in order; where there is no thread, it is judged then. */
		return judge(points, &points->items[i]);
	}
	pthread_mutex_lock(&points->lock);
	while (points->judged <= i && !points->error)
		pthread_cond_wait(&points->changed, &points->lock);
	r = points->error;
	pthread_mutex_unlock(&points->lock);
	return r;
}
