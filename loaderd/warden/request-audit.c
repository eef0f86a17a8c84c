/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The methods of io.bpfwarden.Audit. Who reads the log is itself written into it, before the first row leaves
 * (readings.c).
 */
#include "loaderd/warden/request-audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/digest.h"
#include "loaderd/warden/request-policy.h"

#define READING_TEXT_MAX 384

/* --- readings ----------------------------------------------------------------------------------------- */

/* What is the same in all calls that are one reading: the method and what it filters by, not the position. */
static void identify(const union audit_call *call, union audit_call *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (call->m.type == MESSAGE_AUDIT_QUERY) {
		ret->query = call->query;
		ret->query.from = ret->query.limit = 0;
	} else if (call->m.type == MESSAGE_AUDIT_TEXT) {
		ret->text = call->text;
	}
	ret->m = (struct message){ .type = call->m.type };
}

struct sentence {
	char text[READING_TEXT_MAX];
	size_t size;
};

static void say(struct sentence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct sentence *s, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(s->text + s->size, sizeof(s->text) - s->size, format, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(s->text) - s->size)
		s->size += (size_t)n;
}

static void say_time(struct sentence *s, const char *word, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	char text[40];

	if (ns && gmtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		say(s, ", %s %s", word, text);
}

static void say_text(struct sentence *s, const char *word, const char *value)
{
	if (*value)
		say(s, ", %s %s", word, value);
}

static void say_query(struct sentence *s, const struct message_audit_query *q)
{
	if (q->from)
		say(s, ", from %" PRIu64, q->from);
	if (q->limit)
		say(s, ", at most %" PRIu64, q->limit);
	say_time(s, "since", q->since);
	say_time(s, "until", q->until);
	if (q->uid != UINT32_MAX)
		say(s, ", uid %" PRIu32, q->uid);
	say_text(s, "probe", q->probe);
	say_text(s, "kind", q->kind);
	say_text(s, "verdict", q->verdict);
	say_text(s, "action", q->action);
	if (q->attachment)
		say(s, ", attachment %016" PRIx64, q->attachment);
	if (q->flags & MESSAGE_FLAG_REVERSE)
		say(s, ", newest first");
	if (q->flags & MESSAGE_FLAG_FOLLOW)
		say(s, ", and what follows");
}

/* "Query, from 41, verdict deny". */
static void describe(const union audit_call *call, struct sentence *s)
{
	char hex[DIGEST_HEX_MAX];

	switch (call->m.type) {
	case MESSAGE_AUDIT_QUERY:
		say(s, "Query");
		say_query(s, &call->query);
		break;
	case MESSAGE_AUDIT_HEAD:
		say(s, "Head");
		break;
	case MESSAGE_AUDIT_CHECKPOINTS:
		say(s, "Checkpoints, above %" PRIu64, call->checkpoints.above);
		break;
	case MESSAGE_AUDIT_PROVE:
		if (call->prove.seq)
			say(s, "Prove, record %" PRIu64, call->prove.seq);
		else
			say(s, "Prove, tree of %" PRIu64, call->prove.from);
		say(s, " in that of %" PRIu64, call->prove.size);
		break;
	case MESSAGE_AUDIT_TEXT:
		say(s, "Text %s", digest_to_hex(call->text.digest, hex));
		break;
	}
}

/* --- answers ------------------------------------------------------------------------------------------ */

static void answer_text(const struct rows *to, const uint8_t digest[DIGEST_SIZE])
{
	_cleanup_free_ char *text = NULL;
	struct refusal refusal = { 0 };
	char hex[DIGEST_HEX_MAX];
	size_t size = 0;
	int r = audit_get_text(to->w->audit, digest, &text, &size, &refusal);

	if (r == -ENOENT)
		r = refusal_set(&refusal, REFUSAL_INVALID_ARGUMENT, "digest",
				"the log has no text whose SHA-256 is %s", digest_to_hex(digest, hex));
	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "query", "%s", strerror(-r));
	if (r)
		reply_refusal(to->w, to->connection, to->call, &refusal);
	else
		rows_send_text(to, "part", NULL, text, size);
}

static void answer(struct warden *w, const union audit_call *call)
{
	const struct rows to = { .w = w, .connection = call->m.connection, .call = call->m.call };
	struct refusal refusal;
	int r = 0;

	switch (call->m.type) {
	case MESSAGE_AUDIT_QUERY:
		r = listing_begin(w, &call->query);
		break;
	case MESSAGE_AUDIT_HEAD:
		r = head_begin(w, &call->m);
		break;
	case MESSAGE_AUDIT_CHECKPOINTS:
		checkpoints_send(w, &call->checkpoints);
		break;
	case MESSAGE_AUDIT_PROVE:
		proof_send(w, &call->prove);
		break;
	case MESSAGE_AUDIT_TEXT:
		answer_text(&to, call->text.digest);
		break;
	}
	if (r < 0) {
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "warden", "the log cannot be read now: %s",
			    strerror(-r));
		reply_refusal(w, call->m.connection, call->m.call, &refusal);
	}
}

/* A call that waits until its reading, and all that was recorded before it, is durable. */
struct asking {
	struct pending pending;
	struct warden *w;
	union audit_call call, what;
	bool new_reading;
};

static void on_reading_durable(struct pending *pending, const struct refusal *failed)
{
	struct asking *a = (struct asking *)(void *)pending;
	struct connection *c = client_find(a->w, a->call.m.connection);

	/* A log that cannot be written can still be read: whoever finds out why needs it most. */
	if (c && a->new_reading && !failed)
		reading_remember(c, &a->what, sizeof(a->what));
	if (c)
		answer(a->w, &a->call);
	free(a);
}

static void record_reading(struct warden *w, const struct connection *c, const union audit_call *call,
			   const char *rule)
{
	struct sentence s = { .size = 0 };
	struct act act = { .by = c, .action = "audit-read", .rule = rule, .detail = s.text };

	describe(call, &s);
	record_event(w, AUDIT_READ, &act);
}

/* Words that are none of ours would match nothing, silently. */
static int check_query(const struct message_audit_query *q, struct refusal *refusal)
{
	enum audit_verdict verdict;
	enum audit_kind kind;

	if (q->verdict[0] && !audit_verdict_from_name(q->verdict, &verdict))
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "verdict",
				   "'%s' is no verdict: allow, deny, ok or failed", q->verdict);
	if (q->kind[0] && !audit_kind_from_name(q->kind, &kind))
		return refusal_set(
			refusal, REFUSAL_INVALID_ARGUMENT, "kind",
			"'%s' is no kind of record: decision, outcome, end, change, start, stop, crash, "
			"read or denials",
			q->kind);
	return 0;
}

int request_audit(struct warden *w, struct connection *c, const struct message *m)
{
	const struct message_audit_query *q = (const struct message_audit_query *)(const void *)m;
	struct policy_decision decision;
	struct refusal refusal;
	struct asking *a;

	if (m->type == MESSAGE_AUDIT_QUERY && (!MESSAGE_TEXT_OK(q->probe) || !MESSAGE_TEXT_OK(q->verdict) ||
					       !MESSAGE_TEXT_OK(q->action) || !MESSAGE_TEXT_OK(q->kind)))
		return -EPROTO;
	if (!may(w, c, POLICY_AUDIT_READ, NULL, &decision))
		return request_forbid(w, c, m->call, "audit-read", "read the audit log", &decision);
	if (m->type == MESSAGE_AUDIT_QUERY && check_query(q, &refusal))
		return request_refuse(w, c, m->call, &refusal);
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->pending.go = on_reading_durable;
	a->w = w;
	memcpy(&a->call, m, m->size);
	identify(&a->call, &a->what);
	a->new_reading = !reading_is_recorded(c, &a->what, sizeof(a->what));
	if (a->new_reading)
		record_reading(w, c, &a->call, decision.rule);
	pending_add(w, &a->pending);
	return 0;
}
