/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Revocation by command: of a bundle, or of a file, key or certificate and so of every bundle that depends on
 * it. What it stops is stopped for good, and what runs of it ends before the reply.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

#define ROWS_NAMED_MAX 256 /* in the reply; all are counted */

struct hit { /* a bundle that depends on what is revoked */
	char text[PROBE_NAME_MAX + 24];
	uint8_t digest[DIGEST_SIZE];
	bool known;   /* the digest is */
	bool refused; /* it is not accepted any more, or would not be */
};

struct ending { /* an attachment that the reply waits for */
	uint64_t id;
	char user[64], probe[PROBE_NAME_MAX];
	bool ours; /* it did not end for another reason already */
	bool gone;
};

struct revoking {
	struct pending pending;
	struct verification_waiter waiter;
	struct revoking *next;
	struct warden *w;
	struct connection *by;
	uint64_t connection, call, decision, started;
	struct revocation what;
	bool dry_run;
	char user[64], rule[OBJECT_NAME_MAX];
	struct hit *hits;
	size_t n_hits;
	struct ending *endings;
	size_t n_endings;
	size_t asked; /* hits that a dry run has asked the parser about */
	size_t left;  /* ends that the reply waits for */
};

static struct revoking *under_way;

static struct revoking *revoking_free(struct revoking *v)
{
	struct revoking **p = &under_way;

	if (!v)
		return NULL;
	while (*p && *p != v)
		p = &(*p)->next;
	if (*p)
		*p = v->next;
	free(v->hits);
	free(v->endings);
	connection_unref(v->by);
	free(v);
	return NULL;
}
DEFINE_CLEANUP(struct revoking *, revoking_free)

/* --- what it hits ------------------------------------------------------------------------------------- */

static bool has_file(const struct bundle *b, const uint8_t digest[DIGEST_SIZE])
{
	for (uint32_t i = 0; b->spec && i < b->spec->n_files; i++)
		if (!memcmp(b->spec->files[i].digest, digest, DIGEST_SIZE))
			return true;
	return false;
}

static bool has_signer(const struct bundle *b, const struct revocation *what)
{
	for (uint32_t i = 0; b->spec && i < b->n_signers; i++) {
		const struct message_signer *s = &b->signer[i];

		if (what->kind == REVOKED_KEY ? !memcmp(s->key, what->digest, DIGEST_SIZE)
					      : !memcmp(s->certificate, what->digest, DIGEST_SIZE) ||
							!memcmp(s->twin, what->digest, DIGEST_SIZE))
			return true;
	}
	return false;
}

static bool hits(const struct revocation *what, const struct bundle *b)
{
	if (what->kind == REVOKED_BUNDLE)
		return b->serial == what->serial && !strcmp(b->name, what->name);
	return what->kind == REVOKED_FILE ? has_file(b, what->digest) : has_signer(b, what);
}

static int find_hits(struct revoking *v)
{
	size_t n = 0;

	for (const struct bundle *b = v->w->bundles; b; b = b->next)
		n += hits(&v->what, b);
	v->hits = calloc(n ?: 1, sizeof(*v->hits));
	if (!v->hits)
		return -ENOMEM;
	for (const struct bundle *b = v->w->bundles; b && v->n_hits < n; b = b->next) {
		struct hit *hit = &v->hits[v->n_hits];

		if (!hits(&v->what, b))
			continue;
		bundle_text(b, hit->text, sizeof(hit->text));
		hit->known = b->spec != NULL;
		memcpy(hit->digest, b->digest, DIGEST_SIZE);
		v->n_hits++;
	}
	return 0;
}

/* --- the reply ---------------------------------------------------------------------------------------- */

static json_t *ended_rows(const struct revoking *v, size_t *ret_n)
{
	json_t *rows = json_array();

	*ret_n = 0;
	for (size_t i = 0; i < v->n_endings; i++) {
		const struct ending *e = &v->endings[i];
		char id[17];

		if (!e->ours || ++*ret_n > ROWS_NAMED_MAX)
			continue;
		snprintf(id, sizeof(id), "%016" PRIx64, e->id);
		json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s}", "id", id, "user", e->user, "probe", e->probe));
	}
	return rows;
}

static json_t *refused_rows(const struct revoking *v)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < v->n_hits; i++)
		if (v->hits[i].refused && json_array_size(rows) < ROWS_NAMED_MAX)
			json_array_append_new(rows, json_string(v->hits[i].text));
	return rows;
}

static void revoke_done(struct revoking *v)
{
	size_t n;
	json_t *attachments = ended_rows(v, &n);
	json_t *reply = json_pack("{s:o, s:o, s:I, s:I}", "bundles", refused_rows(v), "attachments",
				  attachments, "detached", (json_int_t)n, "milliseconds",
				  (json_int_t)((now_boottime() - v->started) / 1000000));
	char *text = reply ? json_dumps(reply, JSON_COMPACT) : NULL;

	if (text)
		reply_text(v->w, v->connection, v->call, text, strlen(text));
	free(text);
	json_decref(reply);
	reply_end(v->w, v->connection, v->call);
	revoking_free(v);
}

static void one_less(struct revoking *v)
{
	if (--v->left == 0)
		revoke_done(v);
}

/* --- what runs ends ----------------------------------------------------------------------------------- */

void revoke_ended(struct warden *w, uint64_t attachment)
{
	(void)w;
	for (struct revoking *v = under_way, *next; v; v = next) {
		struct ending *e = v->endings;

		next = v->next;
		while (e && e < v->endings + v->n_endings && (e->id != attachment || e->gone))
			e++;
		if (!e || e == v->endings + v->n_endings)
			continue;
		e->gone = true;
		one_less(v);
	}
}

static bool falls(const struct revoking *v, const struct attached *at)
{
	for (size_t i = 0; i < v->n_hits; i++)
		if (v->hits[i].refused && v->hits[i].known &&
		    !memcmp(v->hits[i].digest, at->a.digest, DIGEST_SIZE))
			return true;
	return false;
}

/* Notes what falls with the refused hits. */
static int find_endings(struct revoking *v)
{
	size_t n = 0;

	for (const struct attached *at = v->w->attached; at; at = at->next)
		n += falls(v, at);
	v->endings = calloc(n ?: 1, sizeof(*v->endings));
	if (!v->endings)
		return -ENOMEM;
	for (const struct attached *at = v->w->attached; at && v->n_endings < n; at = at->next) {
		struct ending *e = &v->endings[v->n_endings];

		if (!falls(v, at))
			continue;
		*e = (struct ending){ .id = at->a.id, .ours = !at->ending };
		memcpy(e->user, at->a.user, sizeof(e->user));
		memcpy(e->probe, at->a.probe, sizeof(e->probe));
		v->n_endings++;
	}
	return 0;
}

static void why(const struct revoking *v, const struct bundle *b, char *reason, size_t size)
{
	if (!b || b->revoked || b->refusal.code == REFUSAL_REVOKED) {
		if (b)
			bundle_why_revoked(b, reason, size);
		else
			snprintf(reason, size, "its bundle was revoked by %s", v->user);
		return;
	}
	snprintf(reason, size, "a %s of its signers was revoked by %s%s%s: %.120s",
		 revocation_kind_name(v->what.kind), v->user, v->what.reason[0] ? ": " : "", v->what.reason,
		 b->refusal.reason);
}

static void detach_all(struct revoking *v)
{
	if (find_endings(v) < 0)
		process_log(3, "a revocation cannot wait for what it ends: out of memory");
	/* One more, so that the reply cannot come before all were asked to end. */
	v->left = 1 + v->n_endings;
	for (size_t i = 0; i < v->n_endings; i++) {
		struct attached *at = attached_find(v->w, v->endings[i].id);
		char reason[REFUSAL_REASON_MAX];

		if (!at || !v->endings[i].ours)
			continue;
		why(v, registry_by_digest(v->w, at->a.digest), reason, sizeof(reason));
		attached_end(at, &(struct end){ .reason = reason, .by = v->by, .cause = v->decision });
	}
	verification_end_refused(v->w, v->by, v->decision);
	one_less(v);
}

/* --- a bundle ----------------------------------------------------------------------------------------- */

static int revoke_bundle(struct revoking *v, struct bundle *b)
{
	int r;

	b->revoked = true;
	b->revoked_at = now_realtime();
	memcpy(b->revoked_by, v->user, sizeof(b->revoked_by));
	memcpy(b->revoked_why, v->what.reason, sizeof(b->revoked_why));
	r = registry_write_state(b);
	b->unwritten = r < 0;
	return r;
}

/* --- a file, key or certificate ----------------------------------------------------------------------- */

static void on_verified(struct verification_waiter *waiter)
{
	struct revoking *v = (struct revoking *)(void *)((char *)waiter - offsetof(struct revoking, waiter));

	for (size_t i = 0; i < v->n_hits; i++) {
		const struct bundle *b = registry_by_digest(v->w, v->hits[i].digest);

		v->hits[i].refused = b && (b->refusal.code == REFUSAL_REVOKED ||
					   b->refusal.code == REFUSAL_SIGNATURE_INVALID);
	}
	detach_all(v);
}

static void cannot_tell(struct revoking *v)
{
	struct refusal refusal;

	refusal_set(&refusal, REFUSAL_UNAVAILABLE, "parser",
		    "what would be stopped cannot be told now: try again");
	reply_refusal(v->w, v->connection, v->call, &refusal);
	revoking_free(v);
}

static void try_next(struct revoking *v);

static bool on_would(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct revoking *v = order->userdata;
	uint32_t code =
		m ? ((const struct message_verified *)(const void *)m)->refusal.code : REFUSAL_UNAVAILABLE;

	(void)fds;
	(void)n_fds;
	if (code == REFUSAL_UNAVAILABLE) {
		cannot_tell(v);
		return true;
	}
	v->hits[v->asked++].refused = code == REFUSAL_REVOKED || code == REFUSAL_SIGNATURE_INVALID;
	try_next(v);
	return true;
}

/* A key may be one of more than its role's threshold needs: only the parser can tell what would fall. One
 * question at a time: nobody is in a hurry, and there may be hundreds. */
static void try_next(struct revoking *v)
{
	const struct bundle *b = NULL;
	struct order *order;

	for (; v->asked < v->n_hits; v->asked++) {
		b = registry_by_digest(v->w, v->hits[v->asked].digest);
		if (b && bundle_accepted(b))
			break;
	}
	if (v->asked == v->n_hits) {
		(void)find_endings(v);
		revoke_done(v);
		return;
	}
	order = order_new(v->w, SIDE_PARSER, on_would, v);
	if (order && verification_try(v->w, b, &v->what, order) >= 0)
		return;
	free(order);
	cannot_tell(v);
}

/* --- from the decision on ----------------------------------------------------------------------------- */

static void on_dry_run_durable(struct pending *pending, const struct refusal *failed)
{
	struct revoking *v = (struct revoking *)(void *)pending;

	(void)failed;
	if (v->what.kind != REVOKED_BUNDLE) {
		try_next(v);
		return;
	}
	for (size_t i = 0; i < v->n_hits; i++)
		v->hits[i].refused = true;
	(void)find_endings(v);
	revoke_done(v);
}

static int carry_out(struct revoking *v, struct bundle *b)
{
	if (v->what.kind != REVOKED_BUNDLE)
		return registry_revoke(v->w, &v->what);
	return b ? revoke_bundle(v, b) : 0;
}

/* Says that it holds, but not for good. */
static void refuse_unwritten(struct revoking *v, int error, struct refusal *refusal)
{
	if (error == -E2BIG)
		refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, "revocations",
			    "others came first, and %d are the most there can be", REVOCATIONS_OWN_MAX);
	else
		refusal_set(refusal, REFUSAL_UNAVAILABLE, "registry",
			    "revoked until the daemon restarts, but the registry cannot be written: %s",
			    strerror(-error));
	reply_refusal(v->w, v->connection, v->call, refusal);
	v->connection = 0;
}

static void on_durable(struct pending *pending, const struct refusal *failed)
{
	struct revoking *v = (struct revoking *)(void *)pending;
	bool bundle = v->what.kind == REVOKED_BUNDLE;
	struct bundle *b = bundle ? registry_named(v->w, v->what.name, v->what.serial) : NULL;
	char detail[512];
	struct act act = { .by = v->by,
			   .action = "revoke",
			   .bundle = b,
			   .probe = bundle ? v->what.name : NULL,
			   .rule = v->rule,
			   .detail = bundle ? v->what.reason : detail };
	struct refusal refusal;
	int r;

	/* It takes rights away, so a log that cannot be written does not stop it; the number of a decision
	 * that is not there will be another record's. */
	if (failed) {
		process_log(2, "a revocation goes on without the audit log: %s", failed->reason);
		v->decision = 0;
	}
	act.decision = v->decision;
	revocation_describe(&v->what, detail, sizeof(detail));
	if (bundle && !b) {
		refusal_set(&refusal, REFUSAL_NOT_ENROLLED, detail, "%s is not in the registry any more",
			    detail);
		act.refusal = &refusal;
		record_outcome(v->w, &act, false);
		reply_refusal(v->w, v->connection, v->call, &refusal);
		revoking_free(v);
		return;
	}
	r = carry_out(v, b);
	if (r < 0) {
		refuse_unwritten(v, r, &refusal);
		act.refusal = &refusal;
	}
	record_outcome(v->w, &act, r >= 0);
	if (!bundle) {
		v->waiter.done = on_verified;
		verification_wait(v->w, &v->waiter, CAUSE_REVOKE);
		return;
	}
	for (size_t i = 0; i < v->n_hits; i++)
		v->hits[i].refused = true;
	detach_all(v);
}

/* --- the request -------------------------------------------------------------------------------------- */

static int deny(struct refusal *refusal, const struct policy_decision *decision, const char *what)
{
	return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision->rule,
			   "the policy does not allow you to revoke %s (rule %s)", what, decision->rule);
}

/* Revoking a file, key or certificate stops what depends on it, so each of those must be allowed; where there
 * is none yet, it could become any, so only a grant for every name will do. */
static int check_policy(const struct revoking *v, const struct connection *c,
			struct policy_decision *decision, struct refusal *refusal)
{
	char text[REVOCATION_WHAT_MAX];

	revocation_describe(&v->what, text, sizeof(text));
	if (v->what.kind == REVOKED_BUNDLE)
		return may(v->w, c, POLICY_REVOKE, v->what.name, decision) ? 0
									   : deny(refusal, decision, text);
	if (!v->n_hits)
		return may(v->w, c, POLICY_REVOKE, "*", decision) ? 0 : deny(refusal, decision, text);
	for (const struct bundle *b = v->w->bundles; b; b = b->next)
		if (hits(&v->what, b) && !may(v->w, c, POLICY_REVOKE, b->name, decision))
			return deny(refusal, decision, b->name);
	return 0;
}

static int check_state(const struct revoking *v, struct refusal *refusal)
{
	const struct bundle *b = registry_named(v->w, v->what.name, v->what.serial);
	char text[REVOCATION_WHAT_MAX];
	bool bundle = v->what.kind == REVOKED_BUNDLE;

	revocation_describe(&v->what, text, sizeof(text));
	if (bundle && !b)
		return refusal_set(refusal, REFUSAL_NOT_ENROLLED, text, "%s is not enrolled", text);
	if (bundle ? b->revoked : registry_find_revoked(v->w, &v->what) != NULL)
		return refusal_set(refusal, REFUSAL_REVOKED, text, "%s was revoked before", text);
	if (bundle || v->w->revoked.n < REVOCATIONS_OWN_MAX)
		return 0;
	refusal_set(refusal, REFUSAL_LIMIT_EXCEEDED, "revocations",
		    "there are %d already: put some of %s into the signed revocations.json",
		    REVOCATIONS_OWN_MAX, PATH_REVOKED);
	refusal->used = refusal->max = REVOCATIONS_OWN_MAX;
	return REFUSAL_LIMIT_EXCEEDED;
}

static struct revoking *revoking_new(struct warden *w, struct connection *c, const struct message_revoke *m)
{
	_cleanup_(revoking_free_p) struct revoking *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->w = w;
	v->connection = c->number;
	v->by = connection_ref(c);
	v->call = m->m.call;
	v->started = now_boottime();
	v->what = m->what;
	v->dry_run = m->flags & MESSAGE_FLAG_DRY_RUN;
	v->pending.go = v->dry_run ? on_dry_run_durable : on_durable;
	memcpy(v->user, c->user, sizeof(v->user));
	v->next = under_way;
	under_way = v;
	return find_hits(v) < 0 ? NULL : take_ptr(v);
}

int request_revoke(struct warden *w, struct connection *c, const struct message_revoke *m)
{
	_cleanup_(revoking_free_p) struct revoking *v = NULL;
	struct policy_decision decision = { .rule = "" };
	bool bundle = m->what.kind == REVOKED_BUNDLE;
	struct refusal refusal = { 0 };
	struct act act = { .by = c, .action = "revoke" };
	char text[REVOCATION_WHAT_MAX], detail[512];
	int r;

	/* A name that no bundle can have is the client's mistake, not the gate's: none of that name is there.
	 */
	if (m->what.kind >= _REVOCATION_KIND_MAX || m->what.kind == REVOKED_BELOW ||
	    !MESSAGE_TEXT_OK(m->what.name) || !MESSAGE_TEXT_OK(m->what.reason))
		return -EPROTO;
	v = revoking_new(w, c, m);
	if (!v)
		return -ENOMEM;
	r = check_policy(v, c, &decision, &refusal);
	if (!r)
		r = check_state(v, &refusal);
	revocation_describe(&m->what, text, sizeof(text));
	snprintf(detail, sizeof(detail), "%s%s%s%s%s", v->dry_run ? "dry run" : "",
		 v->dry_run && !bundle ? ": " : "", bundle ? "" : text,
		 !v->dry_run && !bundle && m->what.reason[0] ? ": " : "", v->dry_run ? "" : m->what.reason);
	act.bundle = bundle ? registry_named(w, m->what.name, m->what.serial) : NULL;
	act.probe = bundle ? m->what.name : NULL;
	act.rule = r && refusal.code != REFUSAL_POLICY_DENIED ? refusal_name(refusal.code) : decision.rule;
	act.detail = detail[0] ? detail : NULL;
	if (r)
		return request_deny(w, c, m->m.call, &act, &refusal);
	memcpy(v->rule, decision.rule, sizeof(v->rule));
	if (record_decision(w, &act, true, &v->decision, &refusal))
		process_log(2, "a revocation is not in the audit log: %s", refusal.reason);
	pending_add(w, &take_ptr(v)->pending);
	return 0;
}
