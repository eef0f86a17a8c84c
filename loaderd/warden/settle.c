/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A warden that dies between a decision and its outcome leaves the decision alone in the log. The next one
 * finds those at its start and, once it knows from the loader what lives, writes how they ended. It also
 * finds there which policy was in force last, and whether the last run came to its end in good order.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "loaderd/warden/warden.h"

struct unsettled {
	struct unsettled *next;
	uint64_t seq;
	char action[24], probe[PROBE_NAME_MAX], detail[REVOCATION_WHAT_MAX];
	uint64_t attachment, serial;
};

/* What was under way when the last run ended is among its last records. */
#define PAGES_MAX 8

/* Reading backwards, outcomes come before their decisions. */
struct reading {
	uint64_t last; /* sequence of the row read last; 0: none */
	bool answered; /* the run whose records are being read decided something: it had settled what was
			  before it */
	bool done;     /* and the record that began it was reached */
	bool ended;    /* the last run is known to have: */
	bool stopped;  /* in good order */
	bool policy_known;
	uint8_t policy[DIGEST_SIZE]; /* the last one of the last run */
	struct unsettled *list;
	uint64_t *settled;
	size_t n, size;
};

static int note_settled(struct reading *r, uint64_t decision)
{
	uint64_t *larger;

	if (r->n == r->size) {
		larger = realloc(r->settled, (r->size + 1024) * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		r->settled = larger;
		r->size += 1024;
	}
	r->settled[r->n++] = decision;
	return 0;
}

static bool is_settled(const struct reading *r, uint64_t seq)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->settled[i] == seq)
			return true;
	return false;
}

static const char *text_of(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

static int note_decision(struct reading *r, const json_t *record, uint64_t seq)
{
	struct unsettled *u;

	if (strcmp(text_of(record, "verdict"), "allow") ||
	    !strncmp(text_of(record, "detail"), "dry run", 7) || is_settled(r, seq))
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	*u = (struct unsettled){ .next = r->list,
				 .seq = seq,
				 .serial = (uint64_t)json_integer_value(json_object_get(record, "serial")),
				 .attachment = strtoull(text_of(record, "attachment"), NULL, 16) };
	snprintf(u->detail, sizeof(u->detail), "%s", text_of(record, "detail"));
	snprintf(u->action, sizeof(u->action), "%s", text_of(record, "action"));
	snprintf(u->probe, sizeof(u->probe), "%s", text_of(record, "probe"));
	r->list = u;
	return 0;
}

/* A run opens its door only when it has settled what the one before it left, so one that died before that
 * leaves all of it to the next. */
static int note_run(struct reading *r, const char *kind)
{
	if (!r->ended)
		r->stopped = !strcmp(kind, "stop");
	r->ended = true;
	r->done = r->answered && !strcmp(kind, "start");
	return r->done;
}

static int on_row(const struct audit_row *row, void *userdata)
{
	struct reading *reading = userdata;
	json_t *record = json_loadb(row->bytes, row->size, JSON_REJECT_DUPLICATES, NULL);
	const char *kind = text_of(record, "kind");
	int r = 0;

	reading->last = row->seq;
	if (!reading->policy_known)
		reading->policy_known = digest_from_hex(text_of(record, "policy"), reading->policy);
	if (!strcmp(kind, "start") || !strcmp(kind, "stop")) {
		r = note_run(reading, kind);
	} else if (!strcmp(kind, "outcome")) {
		r = note_settled(reading, (uint64_t)json_integer_value(json_object_get(record, "decision")));
	} else if (!strcmp(kind, "decision")) {
		reading->answered = true;
		r = note_decision(reading, record, row->seq);
	}
	json_decref(record);
	return r;
}

int settle_read(struct warden *w)
{
	struct audit_filter filter = { .reverse = true };
	struct reading reading = { 0 };
	struct refusal refusal = { 0 };
	const struct act crash = { .action = "warden", .detail = "the warden ended without a stop record" };
	int r = 0;

	for (int page = 0; page < PAGES_MAX && !r && !reading.done; page++) {
		reading.last = 0;
		r = audit_query(w->audit, &filter, on_row, &reading, &refusal);
		if (reading.last <= 1)
			break;
		filter.from_seq = reading.last - 1;
	}
	if (r)
		process_log(4, "what the last run left undecided cannot be read: %s",
			    r > 0 ? refusal.reason : strerror(-r));
	free(reading.settled);
	w->unsettled = reading.list;
	if (reading.policy_known)
		memcpy(w->policy_decided, reading.policy, DIGEST_SIZE);
	/* A log begun anew does not know how the last run ended, and says itself why it does not. */
	if (!r && audit_head(w->audit) && !reading.stopped && !audit_begun_anew(w->audit))
		record_event(w, AUDIT_CRASH, &crash);
	return r < 0 ? r : 0;
}

static struct attached *attached_by(struct warden *w, const struct unsettled *u)
{
	struct attached *at = w->attached;

	while (at && at->a.decision != u->seq && at->a.id != u->attachment)
		at = at->next;
	return at;
}

static void settled(struct warden *w, const struct unsettled *u, bool ok)
{
	struct act act = { .action = u->action,
			   .probe = u->probe[0] ? u->probe : NULL,
			   .decision = u->seq,
			   .attachment = u->attachment,
			   .detail = "known only after a restart: the daemon had ended in between" };

	record_outcome(w, &act, ok);
}

static bool is(const struct unsettled *u, const char *action)
{
	return !strcmp(u->action, action);
}

void settle_attachments(struct warden *w)
{
	for (struct unsettled **p = &w->unsettled; *p;) {
		struct unsettled *u = *p;
		bool lives = attached_by(w, u);

		if (!is(u, "attach") && !is(u, "detach")) {
			p = &u->next;
			continue;
		}
		/* That an attachment lives has its own outcome (take_over_attachment()). */
		if (is(u, "detach") || !lives)
			settled(w, u, is(u, "detach") && !lives);
		*p = u->next;
		free(u);
	}
}

/* "key 0123…", which the detail of its decision begins with. */
static bool is_revoked(const struct warden *w, const struct unsettled *u)
{
	char text[REVOCATION_WHAT_MAX];

	for (size_t i = 0; i < w->revoked.n; i++) {
		revocation_describe(&w->revoked.list[i], text, sizeof(text));
		if (!strncmp(u->detail, text, strlen(text)))
			return true;
	}
	return false;
}

/* Each is written as a whole, with one rename(2): it was done, or it was not. */
static bool was_done(struct warden *w, const struct unsettled *u)
{
	const struct bundle *b = registry_named(w, u->probe, u->serial);

	if (is(u, "revoke"))
		return u->probe[0] ? b && b->revoked : is_revoked(w, u);
	return b && (is(u, "enroll") || (is(u, "promote") && b->channel == POLICY_CHANNEL_PRODUCTION));
}

void settle_registry(struct warden *w)
{
	while (w->unsettled) {
		struct unsettled *u = w->unsettled;

		w->unsettled = u->next;
		settled(w, u, was_done(w, u));
		free(u);
	}
}
