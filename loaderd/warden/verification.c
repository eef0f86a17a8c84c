/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/verification.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fd.h"
#include "loaderd/warden/warden.h"

#define CHANGES_NAMED_MAX 64
#define CHANGES_TEXT_MAX  8192 /* bytes, beyond which none is named: it has to fit into a record, escaped */
#define YEARS_100         (100LL * 366 * 86400)

/* --- one question ------------------------------------------------------------------------------------- */

void verification_question(struct warden *w, uint32_t n_signatures, uint32_t flags,
			   struct message_verify *ret)
{
	*ret = (struct message_verify){ .m = { .type = MESSAGE_VERIFY },
					.flags = flags,
					.n_signatures = n_signatures,
					.n_revoked = (uint32_t)w->revoked.n,
					.known = (int64_t)(known_time(w) / 1000000000) };
	memcpy(ret->revoked, w->revoked.list, w->revoked.n * sizeof(w->revoked.list[0]));
}

static int send(struct warden *w, const struct bundle *b, const struct revocation *also, struct order *order)
{
	int fds[1 + SIGNATURES_MAX], n = registry_open_signed(b, fds);
	struct message_verify m;

	if (n < 0)
		return n;
	if (n == 1) {
		close_fd(fds[0]);
		return -ENODATA;
	}
	verification_question(w, (uint32_t)n - 1, also ? MESSAGE_FLAG_TRIAL : 0, &m);
	if (also && m.n_revoked < REVOCATIONS_OWN_MAX)
		m.revoked[m.n_revoked++] = *also;
	(void)order_send(order, &m.m, sizeof(m), fds, (size_t)n);
	while (n)
		close_fd(fds[--n]);
	return 0;
}

int verification_try(struct warden *w, const struct bundle *b, const struct revocation *also,
		     struct order *order)
{
	return send(w, b, also, order);
}

void verification_ask(struct warden *w, struct bundle *b, struct order *order)
{
	int r = send(w, b, NULL, order);

	if (r >= 0)
		return;
	if (!fd_is_shortage(r)) {
		refusal_set(&b->refusal, REFUSAL_SIGNATURE_INVALID, "S0", "the bundle %s%s",
			    r == -ENODATA ? "has no signature" : "cannot be read: ",
			    r == -ENODATA ? "" : strerror(-r));
		b->answered = true;
		b->generation = order->generation;
	}
	(void)order->done(order, NULL, NULL, 0);
	free(order);
}

/* --- all of them -------------------------------------------------------------------------------------- */

static void ask(struct warden *w);

static bool on_answer(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct warden *w = order->w;
	struct bundle *b = order->userdata;

	w->verification.in_flight--;
	if (m)
		registry_answered(b, order, m, fds, n_fds);
	else if (!b->answered)
		refusal_set(&b->refusal, REFUSAL_UNAVAILABLE, "parser",
			    "the parser ended before it had an answer");
	if (m ? ((const struct message_verified *)(const void *)m)->refusal.code == REFUSAL_UNAVAILABLE
	      : b->generation != order->generation)
		w->verification.broken = true;
	if (b->refusal.code && b->refusal.code != b->code_before)
		process_log(4, "%s-%" PRIu64 " is not used: %s (%s)", b->name, b->serial, b->refusal.reason,
			    refusal_name(b->refusal.code));
	ask(w);
	return true;
}

/* The text of what is different now, NULL if nothing is; *ret_trust is set to a refusal of the trust files
 * themselves. */
static char *changes(struct warden *w, const struct refusal **ret_trust)
{
	_cleanup_free_ char *text = NULL;
	size_t size, n = 0, named = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (const struct bundle *b = w->bundles; b; b = b->next) {
		bool now = bundle_accepted(b);

		if (b->refusal.code == REFUSAL_TRUST_INVALID)
			*ret_trust = &b->refusal;
		if (b->before == BUNDLE_UNKNOWN || (b->before == BUNDLE_ACCEPTED) == now)
			continue;
		n++;
		if (named == CHANGES_NAMED_MAX || ftell(f) >= CHANGES_TEXT_MAX)
			continue;
		fprintf(f, "%s%s-%" PRIu64, named++ ? "; " : "", b->name, b->serial);
		if (now)
			fputs(" is accepted again", f);
		else
			fprintf(f, " is refused (%s): %s",
				b->refusal.code ? refusal_name(b->refusal.code) : "Revoked",
				b->refusal.code ? b->refusal.reason : "revoked");
	}
	if (n > named)
		fprintf(f, "; and %zu more", n - named);
	return fclose(f) == 0 && n ? take_ptr(text) : NULL;
}

/* The record of it; 0: nothing has changed. */
static uint64_t record_changes(struct warden *w, uint32_t causes)
{
	const struct refusal *trust = NULL;
	_cleanup_free_ char *text = changes(w, &trust);
	struct act act = { .action = "trust", .detail = text };

	if (!text && !(causes & CAUSE_TRUST))
		return 0;
	if (trust) {
		act.refusal = trust;
		act.detail = "nothing new is attached until the trust files are right; what runs stays";
		process_log(3, "the trust files are refused: %s: %s", trust->subject, trust->reason);
	} else if (!text) {
		act.detail = "every bundle is judged as before";
	}
	return record_event(w, AUDIT_CHANGE, &act);
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	verification_request(userdata, CAUSE_TIME);
	return 0;
}

/* When the first certificate, CRL or not-after of something accepted runs out. */
static void arm_expiry(struct warden *w)
{
	struct verification *v = &w->verification;
	uint64_t known = known_time(w), real = now_realtime();
	int64_t now = (int64_t)(known / 1000000000), first = now + YEARS_100;

	for (const struct bundle *b = w->bundles; b; b = b->next)
		if (bundle_accepted(b) && b->valid_until < first)
			first = b->valid_until;
	v->expiry = sd_event_source_disable_unref(v->expiry);
	if (first >= now + YEARS_100)
		return;
	/* The second that valid_until names is a valid one; and whatever the clock does, no busy loop. */
	first = first < now ? now + 1 : first + 1;
	if (real >= known)
		(void)sd_event_add_time(w->event, &v->expiry, CLOCK_REALTIME, (uint64_t)first * 1000000, 1000,
					on_time, w);
	else /* The clock is behind: what is known goes on with one that nobody can set. */
		(void)sd_event_add_time(w->event, &v->expiry, CLOCK_BOOTTIME,
					now_boottime() / 1000 + (uint64_t)(first - now) * 1000000, 1000,
					on_time, w);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;

	(void)source;
	(void)usec;
	w->verification.retry = sd_event_source_disable_unref(w->verification.retry);
	verification_go_on(w);
	return 0;
}

static void retry_later(struct warden *w)
{
	struct verification *v = &w->verification;

	if (!v->retry)
		(void)sd_event_add_time_relative(w->event, &v->retry, CLOCK_MONOTONIC,
						 VERIFICATION_RETRY * 1000ULL, 0, on_retry, w);
}

static void append(struct verification_waiter **list, struct verification_waiter *waiters)
{
	while (*list)
		list = &(*list)->next;
	*list = waiters;
}

static void finish(struct warden *w)
{
	struct verification *v = &w->verification;
	uint32_t causes = v->causes;

	if (v->broken) {
		/* Whoever waits, waits for one that says something about every bundle. */
		v->wanted |= causes;
		append(&v->waiting, take_ptr(v->wanting));
		v->wanting = take_ptr(v->waiting);
		retry_later(w);
	}
	while (v->waiting) {
		struct verification_waiter *waiter = v->waiting;

		v->waiting = waiter->next;
		waiter->done(waiter);
	}
	v->change = record_changes(w, causes);
	arm_expiry(w);
	v->complete = true;
	warden_verified(w);
	v->change = 0;
	v->running = false;
	if (v->wanted && !v->broken)
		verification_go_on(w);
}

/* Asks about as many as may be under way; at the end of the last one all are done. */
static void ask(struct warden *w)
{
	struct verification *v = &w->verification;

	if (v->sending || !v->running)
		return;
	v->sending = true;
	while (v->cursor && v->in_flight < VERIFICATIONS_MAX) {
		struct bundle *b = v->cursor;
		struct order *order = order_new(w, SIDE_PARSER, on_answer, b);

		v->cursor = b->next;
		if (!order) {
			v->broken = true;
			continue;
		}
		v->in_flight++;
		verification_ask(w, b, order);
	}
	v->sending = false;
	if (!v->cursor && !v->in_flight)
		finish(w);
}

void verification_go_on(struct warden *w)
{
	struct verification *v = &w->verification;
	int r;

	if (v->running || !v->wanted || !w->parser)
		return;
	r = registry_scan(w);
	if (r < 0) {
		process_log(3, "the registry cannot be read: %s", strerror(-r));
		retry_later(w);
		return;
	}
	v->retry = sd_event_source_disable_unref(v->retry);
	v->running = true;
	v->broken = false;
	v->causes = v->wanted;
	v->wanted = 0;
	append(&v->waiting, take_ptr(v->wanting));
	v->cursor = w->bundles;
	ask(w);
}

void verification_request(struct warden *w, uint32_t cause)
{
	w->verification.wanted |= cause;
	w->verification.generation++;
	verification_go_on(w);
}

void verification_wait(struct warden *w, struct verification_waiter *waiter, uint32_t cause)
{
	waiter->next = NULL;
	append(&w->verification.wanting, waiter);
	verification_request(w, cause);
}

void verification_enrolled(struct warden *w, const struct bundle *b)
{
	/* Otherwise trust has changed since the parser looked at it, and nobody has looked again. */
	if (b->generation == w->verification.generation)
		arm_expiry(w);
	else
		verification_request(w, CAUSE_ENROLL);
}

/* --- what is attached --------------------------------------------------------------------------------- */

/* A broken trust file says nothing against what runs, and so does a process that is not there. */
static bool why_refused(const struct bundle *b, char *reason, size_t size)
{
	if (b->revoked || b->refusal.code == REFUSAL_REVOKED)
		bundle_why_revoked(b, reason, size);
	else if (b->refusal.code == REFUSAL_SIGNATURE_INVALID)
		snprintf(reason, size, "its bundle is not trusted any more: %.300s", b->refusal.reason);
	else
		return false;
	return true;
}

void verification_end_refused(struct warden *w, struct connection *by, uint64_t cause)
{
	for (struct attached *at = w->attached, *next; at; at = next) {
		const struct bundle *b = registry_judged(w, at->a.digest);
		char reason[REFUSAL_REASON_MAX];

		next = at->next;
		if (b && !at->ending && why_refused(b, reason, sizeof(reason)))
			attached_end(at, &(struct end){ .reason = reason, .by = by, .cause = cause });
	}
}
