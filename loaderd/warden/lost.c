/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the log says to be attached and is not: the machine, or loader and launcher, ended while no warden was
 * there to write it down. The next one holds its own log against what the loader has.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

#define PAGES_MAX 4 /* of attachments, back from the last: beyond that, none is likely to have lived on */

struct once { /* attached, says an outcome */
	uint64_t id, decision;
	char probe[PROBE_NAME_MAX];
	bool ended;
};

struct looking {
	struct once *list;
	size_t n, size;
	uint64_t last; /* sequence of the row read last */
	uint64_t first;
};

static const char *text_of(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

static int on_attached(const struct audit_row *row, void *userdata)
{
	struct looking *l = userdata;
	json_t *record = json_loadb(row->bytes, row->size, JSON_REJECT_DUPLICATES, NULL);
	struct once *o;

	l->last = row->seq;
	if (l->n == l->size) {
		struct once *larger = reallocarray(l->list, l->size + AUDIT_QUERY_MAX, sizeof(*larger));

		if (!larger) {
			json_decref(record);
			return -ENOMEM;
		}
		l->list = larger;
		l->size += AUDIT_QUERY_MAX;
	}
	o = &l->list[l->n];
	*o = (struct once){ .id = strtoull(text_of(record, "attachment"), NULL, 16),
			    .decision = (uint64_t)json_integer_value(json_object_get(record, "decision")) };
	snprintf(o->probe, sizeof(o->probe), "%s", text_of(record, "probe"));
	l->n += o->id != 0;
	json_decref(record);
	return 0;
}

static int on_detached(const struct audit_row *row, void *userdata)
{
	struct looking *l = userdata;
	json_t *record = json_loadb(row->bytes, row->size, JSON_REJECT_DUPLICATES, NULL);
	uint64_t id = strtoull(text_of(record, "attachment"), NULL, 16);
	bool ended =
		!strcmp(text_of(record, "kind"), "end") ||
		(!strcmp(text_of(record, "kind"), "outcome") && !strcmp(text_of(record, "verdict"), "ok"));

	l->last = row->seq;
	for (size_t i = 0; ended && i < l->n; i++)
		l->list[i].ended = l->list[i].ended || l->list[i].id == id;
	json_decref(record);
	return 0;
}

/* Newest first. */
static int walk(struct warden *w, struct audit_filter *filter, int pages, audit_row_fn fn, struct looking *l,
		struct refusal *refusal)
{
	int r = 0;

	filter->reverse = true;
	for (int page = 0; !r && (!pages || page < pages); page++) {
		l->last = 0;
		r = audit_query(w->audit, filter, fn, l, refusal);
		if (l->last <= 1)
			break;
		l->first = l->last;
		filter->from_seq = l->last - 1;
	}
	return r;
}

static void record(struct warden *w, const struct once *o)
{
	const struct act act = { .action = "detach",
				 .probe = o->probe,
				 .decision = o->decision,
				 .attachment = o->id,
				 .detail = "it was lost while no warden was there" };

	record_end(w, &act, false);
}

void attached_record_lost(struct warden *w)
{
	struct audit_filter attached = { .kind = "outcome", .action = "attach", .verdict = AUDIT_OK };
	struct audit_filter detached = { .action = "detach" };
	struct looking l = { 0 };
	struct refusal refusal = { 0 };
	int r = walk(w, &attached, PAGES_MAX, on_attached, &l, &refusal);

	detached.to_seq = l.first;
	if (!r && l.n)
		r = walk(w, &detached, 0, on_detached, &l, &refusal);
	if (r)
		process_log(4, "what was attached before cannot be read: %s",
			    r > 0 ? refusal.reason : strerror(-r));
	for (size_t i = 0; !r && i < l.n; i++)
		if (!l.list[i].ended && !attached_find(w, l.list[i].id))
			record(w, &l.list[i]);
	free(l.list);
}
