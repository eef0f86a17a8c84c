/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Promotion: a bundle of the experimental channel becomes one that everybody gets who may use its name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"
#include "signing/trust.h"

struct promoting {
	struct pending pending;
	struct warden *w;
	struct connection *by;
	uint64_t connection, call, decision, serial;
	char name[PROBE_NAME_MAX], rule[OBJECT_NAME_MAX];
	bool dry_run;
};

/* Everything but the policy, which is asked first: what is there is told to who may promote it. */
static int check(struct warden *w, const char *name, uint64_t serial, struct refusal *refusal)
{
	const struct bundle *b = registry_named(w, name, serial);
	char text[PROBE_NAME_MAX + 24];
	struct trust_enrolment enrolment = { .bundle = text, .production = true, .serial = serial };
	int r;

	snprintf(text, sizeof(text), "%s-%" PRIu64, name, serial);
	if (!b)
		return refusal_set(refusal, REFUSAL_NOT_ENROLLED, text, "%s is not enrolled", text);
	/* One that this kernel cannot run may be for others. */
	r = bundle_unusable(b, refusal);
	if (r && r != REFUSAL_KERNEL_UNSUPPORTED)
		return r;
	if (b->channel == POLICY_CHANNEL_PRODUCTION)
		return refusal_set(refusal, REFUSAL_ALREADY_ENROLLED, text,
				   "%s is in the production channel already", text);
	enrolment.signers = b->signers;
	enrolment.may = b->may;
	r = registry_highest(w, name, POLICY_CHANNEL_PRODUCTION, &enrolment.highest);
	if (r < 0)
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "registry",
				   "which serials of %s were there before cannot be read: %s", name,
				   strerror(-r));
	return trust_check_enrolment(&enrolment, refusal);
}

static void promoting_free(struct promoting *p)
{
	connection_unref(p->by);
	free(p);
}

static int promote(struct bundle *b)
{
	int r;

	b->channel = POLICY_CHANNEL_PRODUCTION;
	r = registry_raise_highest(b);
	if (r >= 0)
		r = registry_write_state(b);
	if (r < 0)
		b->channel = POLICY_CHANNEL_EXPERIMENTAL;
	return r;
}

static void reply(struct promoting *p, const struct bundle *b)
{
	const struct connection *c = client_find(p->w, p->connection);
	struct message_probe row;

	if (!c || !p->w->gate)
		return;
	bundle_row(p->w, b, c, &row);
	row.m.connection = p->connection;
	row.m.call = p->call;
	if (p->dry_run)
		snprintf(row.channel, sizeof(row.channel), "production");
	(void)PEER_SEND(p->w->gate, &row, NULL, 0);
	reply_end(p->w, p->connection, p->call);
}

static void on_durable(struct pending *pending, const struct refusal *failed)
{
	struct promoting *p = (struct promoting *)(void *)pending;
	struct warden *w = p->w;
	struct bundle *b = registry_named(w, p->name, p->serial);
	struct act act = { .by = p->by,
			   .action = "promote",
			   .bundle = b,
			   .probe = p->name,
			   .decision = p->decision,
			   .rule = p->rule };
	struct refusal refusal = { 0 };
	int r;

	if (failed) {
		reply_refusal(w, p->connection, p->call, failed);
		promoting_free(p);
		return;
	}
	/* Something may have happened to it while the decision was written. */
	r = check(w, p->name, p->serial, &refusal);
	if (!r)
		r = audit_admit(w->audit, &refusal);
	if (!r && !p->dry_run)
		r = promote(b);
	if (r < 0)
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "registry", "the registry cannot be written: %s",
			    strerror(-r));
	act.refusal = r ? &refusal : NULL;
	/* A dry run is a decision without an outcome, as with attach. */
	if (!p->dry_run)
		record_outcome(w, &act, !r);
	if (r)
		reply_refusal(w, p->connection, p->call, &refusal);
	else
		reply(p, b);
	promoting_free(p);
}

static int judge(struct warden *w, const struct connection *c, const struct message_bundle *m,
		 struct policy_decision *decision, struct refusal *refusal)
{
	const struct bundle *b = registry_named(w, m->name, m->serial);
	struct policy_request request;

	question_by(c, POLICY_PROMOTE, &request);
	if (b)
		question_about(&request, b);
	memcpy(request.probe, m->name, sizeof(request.probe));
	request.channel = POLICY_CHANNEL_PRODUCTION; /* that is where it shall go */
	policy_decide(w->policy, &request, decision);
	if (!decision->allowed)
		return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
				   "the policy does not allow you to promote %s (rule %s)", m->name,
				   decision->rule);
	return check(w, m->name, m->serial, refusal);
}

int request_promote(struct warden *w, struct connection *c, const struct message_bundle *m)
{
	struct policy_decision decision = { .rule = "" };
	struct refusal refusal = { 0 };
	struct act act = { .by = c, .action = "promote" };
	struct promoting *p;
	int r;

	if (!MESSAGE_TEXT_OK(m->name))
		return -EPROTO;
	r = judge(w, c, m, &decision, &refusal);
	act.bundle = registry_named(w, m->name, m->serial);
	act.probe = m->name;
	act.rule = r && refusal.code != REFUSAL_POLICY_DENIED ? refusal_name(refusal.code) : decision.rule;
	act.detail = m->flags & MESSAGE_FLAG_DRY_RUN ? "dry run" : NULL;
	if (r)
		return request_deny(w, c, m->m.call, &act, &refusal);
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct promoting){ .pending = { .go = on_durable },
				 .w = w,
				 .by = connection_ref(c),
				 .connection = c->number,
				 .call = m->m.call,
				 .serial = m->serial,
				 .dry_run = m->flags & MESSAGE_FLAG_DRY_RUN };
	memcpy(p->name, m->name, sizeof(p->name));
	memcpy(p->rule, decision.rule, sizeof(p->rule));
	if (record_decision(w, &act, true, &p->decision, &refusal)) {
		reply_refusal(w, c->number, m->m.call, &refusal);
		promoting_free(p);
		return 0;
	}
	pending_add(w, &p->pending);
	return 0;
}
