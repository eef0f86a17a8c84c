/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How an attachment ends. A request to detach it is decided like any other, and answered by an outcome; what
 * the daemon ends itself, because of a deadline, a connection, a revocation or a change of trust or policy,
 * is an `end`, which names what brought it about.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

/* From when an end is wanted until the loader has carried it out, over the loader's own end if need be. */
struct ending {
	struct connection *by; /* NULL: the daemon itself */
	uint64_t decision;     /* to detach it, which has no outcome yet; 0: none */
	uint64_t cause, client_call;
	char reason[REFUSAL_REASON_MAX], detail[REFUSAL_REASON_MAX];
};

struct ending *ending_free(struct ending *ending)
{
	if (ending)
		connection_unref(ending->by);
	free(ending);
	return NULL;
}

static void tell_watchers(const struct attached *at, const char *reason)
{
	struct message_ended m = { .m = { .type = MESSAGE_ENDED }, .id = at->a.id };

	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	if (at->w->gate)
		(void)PEER_SEND(at->w->gate, &m, NULL, 0);
}

static void record(const struct attached *at, bool ok, const char *reason)
{
	const struct ending *ending = at->end;
	struct act act = { .by = ending ? ending->by : NULL,
			   .action = "detach",
			   .probe = at->a.probe,
			   .decision = at->a.decision,
			   .cause = ending ? ending->cause : 0,
			   .attachment = at->a.id,
			   .detail = reason };

	record_end(at->w, &act, ok);
}

static void settle_decision(const struct attached *at, bool ok, const struct refusal *refusal)
{
	struct act act = { .by = at->end->by,
			   .action = "detach",
			   .probe = at->a.probe,
			   .decision = at->end->decision,
			   .attachment = at->a.id,
			   .refusal = refusal,
			   .detail = at->end->reason };

	record_outcome(at->w, &act, ok);
}

static void gone(struct attached *at)
{
	struct warden *w = at->w;
	struct ending *ending = take_ptr(at->end);
	uint64_t connection = ending->by ? ending->by->number : 0;

	tell_watchers(at, ending->reason);
	attached_forget(at);
	if (ending->client_call)
		reply_end(w, connection, ending->client_call);
	ending_free(ending);
}

/* The loader restarts with everything that it had, and is asked again when that is known. Whoever asked is
 * told that it came to nothing, and so is the log; the end that follows is the daemon's own. */
static void not_yet(struct attached *at)
{
	struct ending *ending = at->end;
	struct refusal refusal;

	at->ending = false;
	refusal_set(&refusal, REFUSAL_UNAVAILABLE, "loader", "the loader is starting again: try again");
	if (ending->decision) {
		settle_decision(at, false, &refusal);
		ending->cause = ending->decision;
		ending->decision = 0;
	}
	if (ending->client_call)
		reply_refusal(at->w, ending->by->number, ending->client_call, &refusal);
	ending->client_call = 0;
}

static bool on_unsubscribed(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct attached *at = attached_find(order->w, order->number);

	(void)fds;
	(void)n_fds;
	if (!at || !at->end)
		return true;
	if (!m) {
		not_yet(at);
		return true;
	}
	if (at->end->decision)
		settle_decision(at, true, NULL);
	else
		record(at, true, at->end->detail);
	gone(at);
	return true;
}

static void unsubscribe(struct attached *at)
{
	struct message_attachment_id m = { .m = { .type = MESSAGE_UNSUBSCRIBE }, .id = at->a.id };
	struct order *order = order_new(at->w, SIDE_LOADER, on_unsubscribed, NULL);

	if (!order)
		return;
	at->ending = true;
	order->number = at->a.id;
	(void)order_send(order, &m.m, sizeof(m), NULL, 0);
}

static struct ending *ending_new(const struct end *end)
{
	struct ending *ending = calloc(1, sizeof(*ending));

	if (!ending)
		return NULL;
	ending->by = connection_ref(end->by);
	ending->decision = end->decision;
	ending->cause = end->cause;
	ending->client_call = end->by ? end->client_call : 0;
	snprintf(ending->reason, sizeof(ending->reason), "%s", end->reason);
	snprintf(ending->detail, sizeof(ending->detail), "%s", end->detail ? end->detail : end->reason);
	return ending;
}

void attached_end(struct attached *at, const struct end *end)
{
	struct ending *ending;

	if (at->ending)
		return;
	ending = ending_new(end);
	if (!ending)
		return;
	ending_free(at->end);
	at->end = ending;
	unsubscribe(at);
}

void attached_end_caused(struct warden *w, uint64_t cause)
{
	for (struct attached *at = w->attached; at; at = at->next)
		if (at->end && at->end->cause == CAUSE_NOT_RECORDED)
			at->end->cause = cause;
}

void attached_end_again(struct warden *w)
{
	for (struct attached *at = w->attached, *next; at; at = next) {
		next = at->next;
		if (at->end && !at->ending)
			unsubscribe(at);
	}
}

void attached_end_lost(struct warden *w)
{
	static const char reason[] = "it was lost when the loader ended";

	for (struct attached *at = w->attached, *next; at; at = next) {
		next = at->next;
		if (at->alive)
			continue;
		record(at, false, reason);
		tell_watchers(at, reason);
		attached_forget(at);
	}
}

/* --- a request to detach ------------------------------------------------------------------------------ */

struct detaching {
	struct pending pending;
	struct warden *w;
	struct connection *by;
	uint64_t call, id, decision;
	char probe[PROBE_NAME_MAX];
};

static void detaching_free(struct detaching *d)
{
	connection_unref(d->by);
	free(d);
}

/* It ended while the decision was written. */
static void no_such(const struct detaching *d)
{
	struct refusal refusal;
	struct act act = { .by = d->by,
			   .action = "detach",
			   .probe = d->probe,
			   .decision = d->decision,
			   .attachment = d->id,
			   .refusal = &refusal };

	attached_no_such(d->id, &refusal);
	if (d->decision)
		record_outcome(d->w, &act, false);
	reply_refusal(d->w, d->by->number, d->call, &refusal);
}

static void on_durable(struct pending *pending, const struct refusal *failed)
{
	struct detaching *d = (struct detaching *)(void *)pending;
	struct attached *at = attached_find(d->w, d->id);
	char reason[REFUSAL_REASON_MAX];

	/* It goes on without a log, because it takes rights away; the number of a decision that is not there
	 * will be another record's. */
	if (failed) {
		process_log(3, "a detach is not in the audit log: %s", failed->reason);
		d->decision = 0;
	}
	snprintf(reason, sizeof(reason), "detached by %s", d->by->user);
	if (at && !at->ending)
		attached_end(at, &(struct end){ .reason = reason,
						.by = d->by,
						.decision = d->decision,
						.client_call = d->call });
	else
		no_such(d);
	detaching_free(d);
}

int request_detach(struct warden *w, struct connection *c, uint64_t call, struct attached *at,
		   const char *rule)
{
	struct detaching *d = calloc(1, sizeof(*d));
	struct act act = {
		.by = c, .action = "detach", .probe = at->a.probe, .rule = rule, .attachment = at->a.id
	};
	struct refusal refusal;

	if (!d)
		return -ENOMEM;
	*d = (struct detaching){
		.pending = { .go = on_durable }, .w = w, .by = connection_ref(c), .call = call, .id = at->a.id
	};
	memcpy(d->probe, at->a.probe, sizeof(d->probe));
	if (record_decision(w, &act, true, &d->decision, &refusal))
		process_log(3, "a detach is not in the audit log: %s", refusal.reason);
	pending_add(w, &d->pending);
	return 0;
}
