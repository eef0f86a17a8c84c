/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Revocation: the bundle is stopped for good, and what runs of it ends before the reply. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

struct revoking {
	struct pending pending;
	struct warden *w;
	uint64_t connection, call, decision, started;
	char name[PROBE_NAME_MAX], reason[REFUSAL_REASON_MAX], user[64], rule[OBJECT_NAME_MAX];
	uint64_t serial;
	unsigned int detached, left;
};

static struct bundle *bundle_named(struct warden *w, const char *name, uint64_t serial)
{
	struct bundle *b = w->bundles;

	while (b && (b->serial != serial || strcmp(b->name, name)))
		b = b->next;
	return b;
}

static void revoke_done(struct revoking *v)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "{\"detached\":%u,\"milliseconds\":%" PRIu64 "}", v->detached,
			 (now_boottime() - v->started) / 1000000);

	reply_text(v->w, v->connection, v->call, text, (size_t)n);
	reply_end(v->w, v->connection, v->call);
	free(v);
}

static void on_one_ended(void *userdata)
{
	struct revoking *v = userdata;

	if (--v->left == 0)
		revoke_done(v);
}

static bool is_of(const struct attached *at, const struct bundle *b)
{
	return b->spec && !memcmp(at->a.digest, b->digest, DIGEST_SIZE) && !at->ended;
}

/* Says how many attachments would end. */
static void on_dry_run_durable(struct pending *pending, const struct refusal *failed)
{
	struct revoking *v = (struct revoking *)(void *)pending;
	const struct bundle *b = bundle_named(v->w, v->name, v->serial);

	(void)failed;
	for (const struct attached *at = v->w->attached; b && at; at = at->next)
		v->detached += is_of(at, b);
	revoke_done(v);
}

static void detach_all(struct revoking *v, const struct bundle *b)
{
	char reason[REFUSAL_REASON_MAX];

	snprintf(reason, sizeof(reason), "%s-%" PRIu64 " was revoked by %s%s%.200s", b->name, b->serial,
		 v->user, v->reason[0] ? ": " : "", v->reason);
	v->left = 1;
	for (struct attached *at = v->w->attached; at; at = at->next)
		if (is_of(at, b)) {
			at->ended = on_one_ended;
			at->ended_userdata = v;
			v->detached++;
			v->left++;
			attached_end(at, reason, NULL, v->decision, 0);
		}
	on_one_ended(v);
}

static void on_revoke_durable(struct pending *pending, const struct refusal *failed)
{
	struct revoking *v = (struct revoking *)(void *)pending;
	struct bundle *b = bundle_named(v->w, v->name, v->serial);
	struct act act = { .by = client_find(v->w, v->connection),
			   .action = "revoke",
			   .bundle = b,
			   .decision = v->decision,
			   .rule = v->rule,
			   .detail = v->reason };
	struct refusal refusal;
	int r;

	/* It takes rights away, so a log that cannot be written does not stop it. */
	if (failed)
		process_log(2, "a revocation goes on without the audit log: %s", failed->reason);
	if (!b) {
		refusal_set(&refusal, REFUSAL_NOT_ENROLLED, v->name, "%s is not in the registry any more",
			    v->name);
		act.probe = v->name;
		act.refusal = &refusal;
		record_outcome(v->w, &act, false);
		reply_refusal(v->w, v->connection, v->call, &refusal);
		free(v);
		return;
	}
	b->revoked = true;
	r = registry_write_state(b);
	if (r < 0) {
		refusal_set(&refusal, REFUSAL_UNAVAILABLE, "registry",
			    "revoked until the daemon restarts, but the registry cannot be written: %s",
			    strerror(-r));
		act.refusal = &refusal;
		reply_refusal(v->w, v->connection, v->call, &refusal);
		v->connection = 0;
	}
	record_outcome(v->w, &act, r >= 0);
	detach_all(v, b);
}

static int check_revoke(struct warden *w, const struct connection *c, const struct message_bundle *m,
			struct policy_decision *decision, struct refusal *refusal)
{
	struct bundle *b = bundle_named(w, m->name, m->serial);
	char text[PROBE_NAME_MAX + 24];

	if (!may(w, c, POLICY_REVOKE, m->name, decision))
		return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
				   "the policy does not allow you to revoke %s (rule %s)", m->name,
				   decision->rule);
	snprintf(text, sizeof(text), "%s-%" PRIu64, m->name, m->serial);
	if (!b)
		return refusal_set(refusal, REFUSAL_NOT_ENROLLED, text, "%s is not enrolled", text);
	if (b->revoked)
		return refusal_set(refusal, REFUSAL_REVOKED, text, "%s was revoked before", text);
	return 0;
}

int request_revoke(struct warden *w, struct connection *c, const struct message_bundle *m)
{
	struct policy_decision decision = { .rule = "" };
	struct refusal refusal = { 0 };
	struct act act = { .by = c, .action = "revoke" };
	struct revoking *v;
	int r;

	if (!MESSAGE_TEXT_OK(m->name) || !MESSAGE_TEXT_OK(m->reason))
		return -EPROTO;
	r = check_revoke(w, c, m, &decision, &refusal);
	act.bundle = bundle_named(w, m->name, m->serial);
	act.probe = m->name;
	act.rule = r && refusal.code != REFUSAL_POLICY_DENIED ? refusal_name(refusal.code) : decision.rule;
	act.detail = m->reason[0] ? m->reason : NULL;
	if (r)
		return request_deny(w, c, m->m.call, &act, &refusal);
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	*v = (struct revoking){ .pending = { .go = on_revoke_durable },
				.w = w,
				.connection = c->number,
				.call = m->m.call,
				.serial = m->serial,
				.started = now_boottime() };
	memcpy(v->name, m->name, sizeof(v->name));
	memcpy(v->reason, m->reason, sizeof(v->reason));
	memcpy(v->user, c->user, sizeof(v->user));
	memcpy(v->rule, decision.rule, sizeof(v->rule));
	if (m->flags & MESSAGE_FLAG_DRY_RUN) {
		v->pending.go = on_dry_run_durable;
		act.detail = "dry run";
	}
	if (record_decision(w, &act, true, &v->decision, &refusal))
		process_log(2, "a revocation is not in the audit log: %s", refusal.reason);
	pending_add(w, &v->pending);
	return 0;
}
