/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is attached is decided again when the policy changes: with the groups that the owners have now, so that
 * who was taken out of a group loses what it allowed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

static bool still_allowed(struct warden *w, const struct attachment *a, struct policy_decision *decision)
{
	struct policy_request request = { .action = POLICY_ATTACH, .uid = a->uid, .namespace = a->namespace,
					  .channel = a->channel, .data = a->data, .target_kind = a->target_kind,
					  .target_uid = a->target_kind == TARGET_SELF ? a->uid : (uid_t)a->key.id };
	_cleanup_free_ gid_t *gids = NULL;
	size_t n_gids = 0;
	int r;

	r = names_groups(a->uid, &gids, &n_gids);
	if (r < 0) {
		/* Nothing is known against them: ending everybody's probes because a directory server is slow would
		 * let its outage reach further than it must. The next reload asks again. */
		process_log(4, "the groups of uid %u cannot be known: %s stays attached", a->uid, a->probe);
		return true;
	}
	request.gids = gids;
	request.n_gids = n_gids;
	memcpy(request.probe, a->probe, sizeof(request.probe));
	memcpy(request.target_name, a->target, sizeof(request.target_name));
	policy_decide(w->policy, &request, decision);
	return decision->allowed;
}

void attached_redecide(struct warden *w)
{
	for (struct attached *at = w->attached, *next; at; at = next) {
		struct policy_decision decision;
		char reason[REFUSAL_REASON_MAX];

		next = at->next;
		if (at->ending || still_allowed(w, &at->a, &decision))
			continue;
		snprintf(reason, sizeof(reason), "the policy does not allow it any more (rule %s)", decision.rule);
		attached_end(at, reason, NULL, 0, 0);
	}
}
