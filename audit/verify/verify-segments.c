/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/verify/verify-run.h"

/* Everything about one, copied, since what is wrong with it depends on those beside it. */
struct seen {
	size_t number;
	uint64_t named, first, last, base;
	char *place, *origin, *key, *reason; /* reason: it cannot be read */
	bool skipped;
};

struct list {
	struct seen *items;
	size_t n;
};

static void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].place);
		free(list->items[i].origin);
		free(list->items[i].key);
		free(list->items[i].reason);
	}
	free(list->items);
}

static int take(const struct audit_source_segment *segment, void *userdata)
{
	struct list *list = userdata;
	struct seen *items = reallocarray(list->items, list->n + 1, sizeof(*items)), *seen;

	if (!items)
		return -ENOMEM;
	list->items = items;
	seen = &items[list->n++];
	*seen = (struct seen){ .number = segment->number,
			       .named = segment->named,
			       .first = segment->refusal ? segment->named : segment->first,
			       .last = segment->last,
			       .base = segment->base,
			       .place = strdup(segment->place),
			       .origin = strdup(segment->refusal ? "" : segment->origin),
			       .key = strdup(segment->refusal ? "" : segment->key),
			       .reason = segment->refusal ? strdup(segment->refusal->reason) : NULL };
	return seen->place && seen->origin && seen->key && (!segment->refusal || seen->reason) ? 0 : -ENOMEM;
}

/* The record before the next segment that can be read: so far goes what an unusable one should have had. */
static uint64_t until(const struct list *list, uint64_t named, uint64_t last)
{
	uint64_t next = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct seen *other = &list->items[i];

		if (!other->reason && !other->skipped && other->first > named &&
		    (!next || other->first < next))
			next = other->first;
	}
	return next ? next - 1 : last > named ? last : named;
}

/* NULL: it is one of this log's. */
static const char *foreign(const struct run *run, const struct seen *seen, const struct seen *before,
			   uint64_t base)
{
	if (strcmp(seen->origin, run->origin))
		return "is of another log";
	if (seen->base != base)
		return "counts its records from another number than the newest one";
	if (before && seen->first <= before->last)
		return "has records that another file has, too";
	return NULL;
}

static void leave_out(struct run *run, struct seen *seen, const char *why)
{
	bool ours = !strcmp(seen->origin, run->origin);
	uint64_t first = ours ? seen->first : seen->named;

	seen->skipped = true;
	findings_add(run->findings, FINDING_SEGMENT, first, seen->last > first ? seen->last : first,
		     "%s %s (%s): it was put there; a backup has the true one", seen->place, why,
		     seen->origin);
	run->source->calls->skip(run->source, seen->number);
}

/* The base of the newest one of this log. */
static uint64_t base_of(const struct run *run, const struct list *list)
{
	uint64_t base = run->verify->log.base;

	for (size_t i = 0; i < list->n; i++)
		if (!list->items[i].reason && !strcmp(list->items[i].origin, run->origin))
			base = list->items[i].base;
	return base;
}

static void look_at_foreign(struct run *run, struct list *list)
{
	uint64_t base = base_of(run, list);
	const struct seen *before = NULL;

	for (size_t i = 0; i < list->n; i++) {
		struct seen *seen = &list->items[i];
		const char *why = seen->reason ? NULL : foreign(run, seen, before, base);

		if (why)
			leave_out(run, seen, why);
		else if (!seen->reason)
			before = seen;
	}
}

static int keep(struct run *run, const struct seen *seen)
{
	struct run_segment *segments = reallocarray(run->segments, run->n_segments + 1, sizeof(*segments));

	if (!segments)
		return -ENOMEM;
	run->segments = segments;
	segments[run->n_segments] = (struct run_segment){ seen->first, seen->last, strdup(seen->place) };
	return segments[run->n_segments++].place ? 0 : -ENOMEM;
}

static int look_at_others(struct run *run, const struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct seen *seen = &list->items[i];
		int r;

		if (seen->reason) {
			findings_add(run->findings, FINDING_SEGMENT, seen->named,
				     until(list, seen->named, run->verify->log.last),
				     "%s cannot be read: %s; a backup has it", seen->place, seen->reason);
			continue;
		}
		if (seen->skipped)
			continue;
		if (seen->named != seen->first)
			findings_add(run->findings, FINDING_SEGMENT, seen->first, seen->last,
				     "%s has by its name the records from %" PRIu64
				     " on: files were exchanged; name it after its first record",
				     seen->place, seen->named);
		if (strcmp(seen->key, run->verify->log.key))
			findings_add(run->findings, FINDING_SEGMENT, seen->first, seen->last,
				     "%s names another key than the newest file: %s", seen->place, seen->key);
		r = keep(run, seen);
		if (r)
			return r;
	}
	return 0;
}

int run_segments(struct run *run)
{
	struct list list = { 0 };
	int r;

	if (!run->source->calls->segments)
		return 0;
	r = run->source->calls->segments(run->source, take, &list, run->refusal);
	if (!r) {
		look_at_foreign(run, &list);
		r = run->source->calls->describe(run->source, &run->verify->log, run->refusal);
	}
	if (!r)
		r = look_at_others(run, &list);
	list_clear(&list);
	return r;
}
