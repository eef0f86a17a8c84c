/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Query: records in steps. A step looks at a bounded part of the log, sends a bounded number of rows and, if
 * it sent any, waits until the client has read them. So a filter that matches little, and a client that reads
 * slowly, hold up nobody and take no memory: the place where a listing is kept is the log itself. One that
 * follows sleeps at the end of the log until something is committed.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/request-audit.h"

#define STEP_RECORDS 4096 /* looked at: a few ms, tests/bench/audit-query.c */
#define STEP_ROWS    128
#define STEP_SIZE    (128U << 10) /* bytes of rows, which are sent twice, as text and as JSON */

struct listing {
	struct listing *next;
	struct message_audit_query query;
	uint64_t position; /* the next record to look at */
	uint64_t left;     /* rows */
	bool begun;        /* something was looked at */
	bool paused;       /* until the client has read */
	bool asleep;       /* until something is recorded */
};

static struct listing **find(struct warden *w, uint64_t connection, uint64_t call)
{
	struct listing **p = &w->listings;

	while (*p && ((*p)->query.m.connection != connection || (*p)->query.m.call != call))
		p = &(*p)->next;
	return p;
}

static void end(struct listing **p)
{
	struct listing *l = *p;

	*p = l->next;
	free(l);
}

static bool is_runnable(const struct listing *l)
{
	return !l->paused && !l->asleep;
}

static void schedule(struct warden *w)
{
	for (const struct listing *l = w->listings; l; l = l->next)
		if (is_runnable(l)) {
			(void)sd_event_source_set_enabled(w->lister, SD_EVENT_ONESHOT);
			return;
		}
}

/* --- a step ------------------------------------------------------------------------------------------- */

struct step {
	struct warden *w;
	struct listing *l;
	uint64_t last; /* where it ends, inclusive */
	size_t rows, size;
	bool cut;    /* rows enough before that */
	bool at_end; /* there is nothing to look at */
};

static bool is_reverse(const struct listing *l)
{
	return l->query.flags & MESSAGE_FLAG_REVERSE;
}

static int on_row(const struct audit_row *row, void *userdata)
{
	struct step *s = userdata;
	struct listing *l = s->l;
	int r = reply_text(s->w, l->query.m.connection, l->query.m.call, row->bytes, row->size);

	if (r < 0)
		return r;
	l->position = is_reverse(l) ? row->seq - 1 : row->seq + 1;
	l->left--;
	s->size += row->size;
	s->cut = ++s->rows >= STEP_ROWS || s->size >= STEP_SIZE || !l->left;
	return s->cut;
}

static void reverse_bounds(struct listing *l, const struct audit_state *state, struct step *s)
{
	if (l->position > state->last)
		l->position = state->last;
	s->last = l->position > STEP_RECORDS ? l->position - STEP_RECORDS + 1 : 1;
	if (s->last < state->first)
		s->last = state->first;
	s->at_end = l->position < state->first;
}

static int forward_bounds(struct listing *l, const struct audit_state *state, struct step *s,
			  struct refusal *refusal)
{
	/* Retention has overtaken a reader, or one that follows and was away meanwhile: a gap must not look
	 * like an end or like nothing. */
	bool goes_on =
		l->begun || (l->query.from && (l->query.flags & MESSAGE_FLAG_FOLLOW) && state->removed[0]);

	if (goes_on && l->position < state->first)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "removed",
				   "the records before %" PRIu64
				   " were removed before you read them, from %" PRIu64 " on",
				   state->first, l->position);
	if (l->position < state->first)
		l->position = state->first;
	s->at_end = l->position > state->last;
	s->last = s->at_end || state->last - l->position < STEP_RECORDS ? state->last
									: l->position + STEP_RECORDS - 1;
	return 0;
}

/* The part of the log that this step looks at. */
static int step_bounds(struct warden *w, struct listing *l, struct step *s, struct refusal *refusal)
{
	struct audit_state state;
	int r = 0;

	audit_describe(w->audit, &state);
	if (is_reverse(l))
		reverse_bounds(l, &state, s);
	else
		r = forward_bounds(l, &state, s, refusal);
	l->begun = true;
	return r;
}

static int step_query(struct warden *w, struct listing *l, struct step *s, struct refusal *refusal)
{
	const struct message_audit_query *q = &l->query;
	struct audit_filter filter = { .since = q->since,
				       .until = q->until,
				       .from_seq = l->position,
				       .to_seq = s->last,
				       .by_uid = q->uid != UINT32_MAX,
				       .uid = q->uid,
				       .kind = q->kind[0] ? q->kind : NULL,
				       .probe = q->probe[0] ? q->probe : NULL,
				       .action = q->action[0] ? q->action : NULL,
				       .reverse = is_reverse(l) };
	char attachment[24];
	int r;

	snprintf(attachment, sizeof(attachment), "%016" PRIx64, q->attachment);
	filter.attachment = q->attachment ? attachment : NULL;
	if (q->verdict[0])
		(void)audit_verdict_from_name(q->verdict, &filter.verdict);
	r = audit_query(w->audit, &filter, on_row, s, refusal);
	if (!r && !s->cut)
		l->position = is_reverse(l) ? s->last - 1 : s->last + 1;
	return r;
}

static void send_plain(struct warden *w, const struct listing *l, enum message_type type)
{
	struct message_next m = {
		.m = { .type = type, .connection = l->query.m.connection, .call = l->query.m.call },
		.next = l->position
	};

	if (w->gate)
		(void)peer_send(w->gate, &m.m, type == MESSAGE_REPLY_NEXT ? sizeof(m) : sizeof(m.m), NULL, 0);
}

/* All that was asked for is there. If the log is not at its end with it, the client is told where it is. */
static void finish(struct warden *w, const struct listing *l)
{
	if (!l->left && l->position && l->position <= audit_head(w->audit))
		send_plain(w, l, MESSAGE_REPLY_NEXT);
	reply_end(w, l->query.m.connection, l->query.m.call);
}

/* Whoever follows for months must still be allowed to. */
static bool is_allowed(struct warden *w, const struct listing *l)
{
	const struct connection *c = client_find(w, l->query.m.connection);
	struct policy_decision decision;

	if (!c || may(w, c, POLICY_AUDIT_READ, NULL, &decision))
		return true;
	(void)request_forbid(w, c, l->query.m.call, "audit-read", "read the audit log", &decision);
	return false;
}

/* False: the listing is over. */
static bool step(struct warden *w, struct listing *l)
{
	struct step s = { .w = w, .l = l };
	struct refusal refusal = { 0 };
	int r;

	r = step_bounds(w, l, &s, &refusal);
	if (!r && s.at_end) {
		l->asleep = l->query.flags & MESSAGE_FLAG_FOLLOW;
		if (!l->asleep)
			finish(w, l);
		return l->asleep;
	}
	if (!r && (l->query.flags & MESSAGE_FLAG_FOLLOW) && !is_allowed(w, l))
		return false;
	if (!r)
		r = step_query(w, l, &s, &refusal);
	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "query", "%s", strerror(-r));
	if (r) {
		reply_refusal(w, l->query.m.connection, l->query.m.call, &refusal);
		return false;
	}
	if (!l->left) {
		finish(w, l);
		return false;
	}
	l->paused = s.rows;
	if (l->paused)
		send_plain(w, l, MESSAGE_REPLY_PAUSE);
	return true;
}

/* One step of one listing a turn of the loop, in turn: requests and commits come between. */
static int on_lister(sd_event_source *source, void *userdata)
{
	struct warden *w = userdata;
	struct listing **p = &w->listings, *l;

	(void)source;
	while (*p && !is_runnable(*p))
		p = &(*p)->next;
	l = *p;
	if (!l)
		return 0;
	if (step(w, l)) {
		*p = l->next;
		for (p = &w->listings; *p;)
			p = &(*p)->next;
		l->next = NULL;
		*p = l;
	} else {
		end(p);
	}
	schedule(w);
	return 0;
}

/* --- the list ----------------------------------------------------------------------------------------- */

static int lister_start(struct warden *w)
{
	int r;

	if (w->lister)
		return 0;
	r = sd_event_add_defer(w->event, &w->lister, on_lister, w);
	if (r >= 0)
		r = sd_event_source_set_priority(w->lister, SD_EVENT_PRIORITY_IDLE);
	return r;
}

int listing_begin(struct warden *w, const struct message_audit_query *query)
{
	struct listing *l;
	int r = lister_start(w);

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->query = *query;
	l->position = query->from || !is_reverse(l) ? query->from : UINT64_MAX;
	if (query->flags & MESSAGE_FLAG_FOLLOW)
		l->left = query->limit ? query->limit : UINT64_MAX;
	else
		l->left = query->limit && query->limit < AUDIT_QUERY_MAX ? query->limit : AUDIT_QUERY_MAX;
	l->next = w->listings;
	w->listings = l;
	schedule(w);
	return 0;
}

void listing_go_on(struct warden *w, uint64_t connection, uint64_t call)
{
	struct listing *l = *find(w, connection, call);

	if (!l)
		return;
	l->paused = false;
	schedule(w);
}

void listings_wake(struct warden *w)
{
	uint64_t head = audit_head(w->audit);

	for (struct listing *l = w->listings; l; l = l->next)
		if (l->position <= head)
			l->asleep = false;
	schedule(w);
}

void listings_forget(struct warden *w, uint64_t connection)
{
	struct listing **p = &w->listings;

	while (*p)
		if ((*p)->query.m.connection == connection)
			end(p);
		else
			p = &(*p)->next;
}

void listings_free_all(struct warden *w)
{
	while (w->listings)
		end(&w->listings);
	w->lister = sd_event_source_disable_unref(w->lister);
}
