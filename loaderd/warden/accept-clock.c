/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock was ahead by mistake, and what is known of the time with it. Only a person can tell that from a
 * clock that was turned back, so only a person takes it back: by a decision of the policy that is in the log
 * first.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/request-policy.h"

struct accepting {
	struct pending pending;
	struct warden *w;
	struct connection *by;
	uint64_t call, decision;
	bool dry_run;
	char rule[OBJECT_NAME_MAX];
};

static void accepting_free(struct accepting *a)
{
	connection_unref(a->by);
	free(a);
}

static void reply(const struct accepting *a, uint64_t known, uint64_t clock)
{
	const struct rows to = { .w = a->w, .connection = a->by->number, .call = a->call };

	rows_send(&to, json_pack("{s:I, s:I}", "known", (json_int_t)(known / 1000000000), "clock",
				 (json_int_t)(clock / 1000000000)));
	reply_end(to.w, to.connection, to.call);
}

static void on_durable(struct pending *pending, const struct refusal *failed)
{
	struct accepting *a = (struct accepting *)(void *)pending;
	struct warden *w = a->w;
	uint64_t known = known_time(w), clock = now_realtime();
	struct act act = { .by = a->by, .action = "accept-clock", .rule = a->rule, .decision = a->decision };

	if (failed) {
		reply_refusal(w, a->by->number, a->call, failed);
	} else if (a->dry_run) {
		reply(a, known, clock);
	} else {
		known_time_accept(w, a->by);
		record_outcome(w, &act, true);
		verification_request(w, CAUSE_TIME);
		reply(a, known, clock);
	}
	accepting_free(a);
}

int request_accept_clock(struct warden *w, struct connection *c, const struct message_flags *m)
{
	bool dry_run = m->flags & MESSAGE_FLAG_DRY_RUN;
	struct act act = { .by = c, .action = "accept-clock", .detail = dry_run ? "dry run" : NULL };
	struct policy_decision decision;
	struct refusal refusal = { 0 };
	struct accepting *a;

	if (!may(w, c, POLICY_POLICY_RELOAD, NULL, &decision))
		return request_forbid(w, c, m->m.call, "accept-clock", "accept the clock", &decision);
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	*a = (struct accepting){ .pending = { .go = on_durable },
				 .w = w,
				 .by = connection_ref(c),
				 .call = m->m.call,
				 .dry_run = dry_run };
	memcpy(a->rule, decision.rule, sizeof(a->rule));
	act.rule = a->rule;
	if (record_decision(w, &act, true, &a->decision, &refusal)) {
		reply_refusal(w, c->number, m->m.call, &refusal);
		accepting_free(a);
		return 0;
	}
	pending_add(w, &a->pending);
	return 0;
}
