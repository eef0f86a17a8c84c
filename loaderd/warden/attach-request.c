/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request to attach until its decision is on disk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "loaderd/warden/attach.h"

static void on_durable(struct pending *pending, const struct refusal *failed)
{
	struct attaching *t = (struct attaching *)(void *)pending;

	if (failed) {
		reply_refusal(t->w, t->connection, t->call, failed);
		attaching_free(t);
	} else if (t->request.flags & MESSAGE_FLAG_DRY_RUN) {
		struct instance_row none = { .kernel_verified = "" };
		struct attached would = { .a = t->a, .instance = &none };

		reply_attachment(t->w, t->connection, t->call, &would, COST_NOT_ASKED);
		reply_end(t->w, t->connection, t->call);
		attaching_free(t);
	} else {
		attaching_start(t);
	}
}

static void fill(struct attaching *t, const struct connection *c)
{
	struct attachment *a = &t->a;

	a->flags = t->request.flags & MESSAGE_FLAG_RUN;
	a->namespace = c->namespace;
	a->target_kind = t->target.kind;
	a->key = t->target.key;
	a->key_level = t->target.key_level;
	if (c->cgroup_known)
		memcpy(a->from_cgroup, c->cgroup, sizeof(a->from_cgroup));
	a->since = now_realtime();
	memcpy(a->target, t->target.name, sizeof(a->target));
	memcpy(a->user, c->user, sizeof(a->user));
}

/* Denials are counted together by uid and rule: what is wrong with one bundle must not hide what is wrong
 * with another. Those refusals are of bundles that exist, so their number is bounded. */
static int deny(struct attaching *t, const struct connection *c, const struct bundle *b,
		const struct policy_decision *decision, const struct refusal *refusal)
{
	char rule[REFUSAL_SUBJECT_MAX + PROBE_NAME_MAX];
	struct act act = { .by = c,
			   .action = "attach",
			   .bundle = b,
			   .probe = t->a.probe,
			   .target = &t->target,
			   .params = t->request.parameters,
			   .n_params = t->request.n_parameters,
			   .rule = rule };

	if (refusal->code == REFUSAL_SIGNATURE_INVALID || refusal->code == REFUSAL_BUNDLE_INVALID ||
	    refusal->code == REFUSAL_REVOKED)
		snprintf(rule, sizeof(rule), "%s %s", refusal_name(refusal->code), t->a.probe);
	else
		snprintf(rule, sizeof(rule), "%s",
			 refusal->code == REFUSAL_POLICY_DENIED    ? decision->rule
			 : refusal->code == REFUSAL_LIMIT_EXCEEDED ? refusal->subject
								   : refusal_name(refusal->code));
	return request_deny(t->w, c, t->call, &act, refusal);
}

int request_attach(struct warden *w, struct connection *c, const struct message_attach *m)
{
	_cleanup_(attaching_free_p) struct attaching *t = calloc(1, sizeof(*t));
	struct policy_decision decision = { 0 };
	struct bundle *b = NULL;
	struct refusal refusal = { 0 };
	struct act act;
	int r;

	if (!t)
		return -ENOMEM;
	if (!question_ok(m))
		return -EPROTO;
	t->pending.go = on_durable;
	t->w = w;
	t->connection = c->number;
	t->by = connection_ref(c);
	t->call = m->m.call;
	t->request = *m;
	t->target.kind = m->target_kind;
	memcpy(t->target.name, m->target, sizeof(t->target.name));
	memcpy(t->a.probe, m->probe, sizeof(t->a.probe));
	r = attach_check(t, c, &b, &decision, &refusal);
	if (r < 0)
		return r;
	if (r > 0)
		return deny(t, c, b, &decision, &refusal);
	fill(t, c);
	memcpy(t->a.rule, decision.rule, sizeof(t->a.rule));
	memcpy(t->policy_digest, w->policy_digest, DIGEST_SIZE);
	while (!t->a.id || attached_find(w, t->a.id))
		if (getrandom(&t->a.id, sizeof(t->a.id), 0) < 0)
			return -errno;
	attaching_describe(t, &act);
	if (m->flags & MESSAGE_FLAG_DRY_RUN)
		act.detail = "dry run";
	r = record_decision(w, &act, true, &t->a.decision, &refusal);
	if (r < 0)
		r = refusal_set(&refusal, REFUSAL_AUDIT_UNAVAILABLE, "append", "%s", strerror(-r));
	if (r > 0)
		return deny(t, c, b, &decision, &refusal);
	attaching_add(t);
	pending_add(w, &take_ptr(t)->pending);
	return 0;
}
