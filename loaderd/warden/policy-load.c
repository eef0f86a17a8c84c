/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which policy is in force: read from policy.d whole or not at all, written to the log before it holds, and
 * asked at once about everything that is attached.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "loaderd/warden/request-policy.h"

#define ROWS_SIZE_MAX (64U << 10) /* of those that a reply names; the log counts all */

static void attachment_target(const struct attachment *a, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s%s", target_kind_name(a->target_kind), a->target[0] ? ":" : "",
		 a->target);
}

/* --- what it ends ------------------------------------------------------------------------------------- */

struct collecting {
	struct policy_change *change;
	size_t size; /* of the rows' texts, about */
	bool full;
};

void policy_change_done(struct policy_change *change)
{
	json_decref(change->ended);
	free(change->waiting);
	change->ended = NULL;
	change->waiting = NULL;
}

static void wait_for(struct policy_change *change, uint64_t id)
{
	uint64_t *larger = reallocarray(change->waiting, change->n_waiting + 1, sizeof(*larger));

	if (!larger)
		return;
	change->waiting = larger;
	change->waiting[change->n_waiting++] = id;
}

static void collect(void *userdata, const struct attached *at, const char *reason)
{
	struct collecting *to = userdata;
	char id[17], target[TARGET_NAME_MAX + 16];
	json_t *row;

	/* One that the loader is not there for ends when it is back. */
	if (at->ending)
		wait_for(to->change, at->a.id);
	if (to->full)
		return;
	snprintf(id, sizeof(id), "%016" PRIx64, at->a.id);
	attachment_target(&at->a, target, sizeof(target));
	row = json_pack("{s:s, s:s, s:I, s:s, s:I, s:s, s:s}", "attachment", id, "user", at->a.user, "uid",
			(json_int_t)at->a.uid, "probe", at->a.probe, "serial", (json_int_t)at->a.serial,
			"target", target, "reason", reason);
	to->size += 128 + strlen(at->a.user) + strlen(at->a.probe) + strlen(target) + strlen(reason);
	to->full = to->size > ROWS_SIZE_MAX;
	if (to->full)
		json_decref(row);
	else
		(void)json_array_append_new(to->change->ended, row);
}

/* --- load --------------------------------------------------------------------------------------------- */

static int read_policy(struct refusal *refusal, struct policy **ret)
{
	static const char *const directories[] = { PATH_POLICY_ETC, PATH_POLICY_RUN, PATH_POLICY_LIB };
	int r = policy_load(directories, 3, 0, &names_resolver, refusal, ret);

	if (r < 0)
		r = refusal_set(refusal, REFUSAL_POLICY_INVALID, "policy.d", "cannot be read: %s",
				strerror(-r));
	return r;
}

static uint64_t enforce(struct warden *w, struct connection *by, struct policy *policy, struct collecting *to)
{
	const struct redeciding redeciding = { .by = by, .ended = collect, .userdata = to };
	uint64_t n = 0;

	for (size_t i = 0; i < policy_n_warnings(policy); i++)
		process_log(4, "policy: %s", policy_warning(policy, i));
	policy_free(w->policy);
	w->policy = policy;
	memcpy(w->policy_digest, to->change->digest, DIGEST_SIZE);
	redecide_later(w);
	/* Before that is known, what is taken over is decided as soon as it is. */
	if (warden_knows(w)) {
		memcpy(w->policy_decided, w->policy_digest, DIGEST_SIZE);
		n = attached_redecide(w, &redeciding);
	}
	return n;
}

static int take(struct warden *w, struct policy *policy, bool dry_run, struct policy_change *change,
		struct refusal *refusal)
{
	size_t size;
	const char *text = policy_text(policy, &size);

	if (!dry_run)
		return audit_put_text(w->audit, text, size, change->digest, refusal);
	if (!EVP_Digest(text, size, change->digest, NULL, EVP_sha256(), NULL))
		return refusal_set(refusal, REFUSAL_UNAVAILABLE, "warden", "out of memory");
	return 0;
}

int policy_reload(struct warden *w, struct connection *by, bool dry_run, struct refusal *refusal,
		  struct policy_change *ret)
{
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct policy_change change = { .ended = json_array() };
	struct collecting to = { .change = &change };
	struct act act = { .by = by, .action = "policy-reload", .detail = dry_run ? "dry run" : NULL };
	uint64_t ended;
	int r;

	w->candidate = policy_free(w->candidate);
	r = read_policy(refusal, &policy);
	if (!r)
		r = take(w, policy, dry_run, &change, refusal);
	if (r < 0)
		r = refusal_set(refusal, REFUSAL_POLICY_INVALID, "policy.d", "%s", strerror(-r));
	if (r) {
		process_log(3, "the policy on disk is refused, the one in force stays: %s: %s",
			    refusal->subject, refusal->reason);
		act.refusal = refusal;
		record_event(w, AUDIT_CHANGE, &act);
		policy_change_done(&change);
		return r;
	}
	change.changed = memcmp(change.digest, w->policy_digest, DIGEST_SIZE) != 0;
	if (dry_run) {
		ended = attached_would_end(w, policy, collect, &to);
		w->candidate = take_ptr(policy);
	} else {
		ended = enforce(w, by, take_ptr(policy), &to);
	}
	act.ended = &ended;
	attached_end_caused(w, record_event(w, AUDIT_CHANGE, &act));
	if (ret)
		*ret = change;
	else
		policy_change_done(&change);
	return 0;
}

/* --- the reply waits for the ends --------------------------------------------------------------------- */

struct reloading {
	struct reloading *next;
	struct warden *w;
	uint64_t connection, call;
	struct policy_change change;
};

static struct reloading *under_way;

static void reply(struct warden *w, uint64_t connection, uint64_t call, struct policy_change *change)
{
	const struct rows to = { .w = w, .connection = connection, .call = call };
	char digest[DIGEST_HEX_MAX];

	digest_to_hex(change->digest, digest);
	rows_send(&to, json_pack("{s:s, s:b, s:O}", "digest", digest, "changed", (int)change->changed,
				 "ended", change->ended));
	reply_end(w, connection, call);
	policy_change_done(change);
}

void policy_reply(struct warden *w, uint64_t connection, uint64_t call, struct policy_change *change)
{
	struct reloading *r = change->n_waiting ? malloc(sizeof(*r)) : NULL;

	if (!r) {
		reply(w, connection, call, change);
		return;
	}
	*r = (struct reloading){
		.next = under_way, .w = w, .connection = connection, .call = call, .change = *change
	};
	under_way = r;
}

void policy_ended(struct warden *w, uint64_t attachment)
{
	(void)w;
	for (struct reloading **p = &under_way; *p;) {
		struct reloading *r = *p;
		size_t kept = 0;

		for (size_t i = 0; i < r->change.n_waiting; i++)
			if (r->change.waiting[i] != attachment)
				r->change.waiting[kept++] = r->change.waiting[i];
		r->change.n_waiting = kept;
		if (kept) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		reply(r->w, r->connection, r->call, &r->change);
		free(r);
	}
}
