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

static bool still_allowed(struct warden *w, const struct attachment *a, struct owner **owners,
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
		return true;
	}
	request.gids = owner->gids;
	request.n_gids = owner->n_gids;
	memcpy(request.probe, a->probe, sizeof(request.probe));
	memcpy(request.target_name, a->target, sizeof(request.target_name));
	policy_decide(w->policy, &request, decision);
	return decision->allowed;
}

void attached_redecide(struct warden *w)
{
	struct owner *owners = NULL;

	for (struct attached *at = w->attached, *next; at; at = next) {
		struct policy_decision decision;
		char reason[REFUSAL_REASON_MAX];

		next = at->next;
		if (at->ending || still_allowed(w, &at->a, &owners, &decision))
			continue;
		snprintf(reason, sizeof(reason), "the policy does not allow it any more (rule %s)",
			 decision.rule);
		attached_end(at, reason, NULL, 0, 0);
	}
	owners_free(owners);
}
