/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is attached is decided again when the policy changes: with the groups that the owners have now, so
 * that who was taken out of a group loses what it allowed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

/* The groups of one uid, asked for once in a reload however many attachments it has. */
struct owner {
	struct owner *next;
	uid_t uid;
	gid_t *gids;
	size_t n_gids;
	bool known;
};

static struct owner *owner_of(struct owner **list, uid_t uid)
{
	struct owner *o = *list;
	int r;

	while (o && o->uid != uid)
		o = o->next;
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->uid = uid;
	r = names_groups(uid, &o->gids, &o->n_gids);
	o->known = r >= 0; /* that there is no such user any more is known, too: it is in no group */
	o->next = *list;
	*list = o;
	return o;
}

static void owners_free(struct owner *list)
{
	while (list) {
		struct owner *next = list->next;

		free(list->gids);
		free(list);
		list = next;
	}
}

/* What the policy says now; false if that cannot be known. */
static bool decide_again(struct warden *w, const struct attachment *a, struct owner **owners,
			 struct policy_decision *decision)
{
	struct policy_request request = { .action = POLICY_ATTACH,
					  .uid = a->uid,
					  .namespace = a->namespace,
					  .channel = a->channel,
					  .data = a->data,
					  .target_kind = a->target_kind,
					  .target_uid =
						  a->target_kind == TARGET_SELF ? a->uid : (uid_t)a->key.id };
	struct owner *owner = owner_of(owners, a->uid);

	if (!owner || !owner->known) {
		/* Nothing is known against them: ending everybody's probes because a directory server is slow
		 * would let its outage reach further than it must. The next reload asks again. */
		process_log(4, "the groups of uid %u cannot be known: %s stays attached", a->uid, a->probe);
		return false;
	}
	request.gids = owner->gids;
	request.n_gids = owner->n_gids;
	memcpy(request.probe, a->probe, sizeof(request.probe));
	memcpy(request.target_name, a->target, sizeof(request.target_name));
	policy_decide(w->policy, &request, decision);
	return true;
}

static bool must_end(struct warden *w, const struct attached *at, struct owner **owners,
		     struct refusal *refusal)
{
	struct policy_decision decision;

	if (!decide_again(w, &at->a, owners, &decision))
		return false;
	if (!decision.allowed)
		return refusal_set(refusal, REFUSAL_POLICY_DENIED, decision.rule,
				   "the policy does not allow it any more (rule %s)", decision.rule);
	if (policy_kernel_verified(&decision.limits) && !instance_row_verified(at->instance))
		return refusal_set(
			refusal, REFUSAL_NOT_KERNEL_VERIFIED, at->a.probe,
			"the policy wants the kernel to verify it now (limit %s), and it did not: %s",
			decision.limits.section[POLICY_KERNEL_VERIFIED], at->instance->kernel_verified);
	return false;
}

bool attached_must_end(struct warden *w, const struct attached *at, struct refusal *refusal)
{
	struct owner *owners = NULL;
	bool r = must_end(w, at, &owners, refusal);

	owners_free(owners);
	return r;
}

void attached_redecide(struct warden *w)
{
	struct owner *owners = NULL;

	for (struct attached *at = w->attached, *next; at; at = next) {
		struct refusal refusal;

		next = at->next;
		if (!at->ending && must_end(w, at, &owners, &refusal))
			attached_end(at, refusal.reason, NULL, 0, 0);
	}
	owners_free(owners);
}
