/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told about bundles: a row of a list, and all that is known of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

static bool may_target(struct warden *w, const struct connection *c, const struct bundle *b, uint32_t kind,
		       uint32_t data)
{
	struct policy_request request = { .action = POLICY_ATTACH,
					  .uid = c->uid,
					  .gids = c->gids,
					  .n_gids = c->n_gids,
					  .namespace = c->namespace,
					  .channel = b->channel,
					  .data = data,
					  .target_kind = kind,
					  .target_uid = c->uid };
	struct policy_decision decision;

	snprintf(request.probe, sizeof(request.probe), "%s", b->name);
	/* "some unit", "some cgroup": whether a grant for one exists at all is told by its own section. */
	if (kind == TARGET_UNIT)
		strcpy(request.target_name, "*");
	if (kind == TARGET_CGROUP)
		strcpy(request.target_name, "/");
	policy_decide(w->policy, &request, &decision);
	return decision.allowed;
}

void bundle_row(struct warden *w, const struct bundle *b, const struct connection *c,
		struct message_probe *ret)
{
	struct message_probe row = { .m = { .type = MESSAGE_REPLY_PROBE },
				     .serial = b->serial,
				     .revoked = b->revoked,
				     .enrolled_at = b->enrolled_at };
	struct refusal problem;

	snprintf(row.name, sizeof(row.name), "%s", b->name);
	snprintf(row.channel, sizeof(row.channel), "%s",
		 b->channel == CHANNEL_PRODUCTION ? "production" : "experimental");
	snprintf(row.enrolled_by, sizeof(row.enrolled_by), "%s", b->enrolled_by);
	if (bundle_unusable(b, &problem))
		snprintf(row.problem, sizeof(row.problem), "%s", problem.reason);
	if (b->spec) {
		memcpy(row.version, b->spec->version, sizeof(row.version));
		memcpy(row.summary, b->spec->summary, sizeof(row.summary));
		memcpy(row.signers, b->signers, sizeof(row.signers));
		memcpy(row.digest, b->digest, DIGEST_SIZE);
		row.targets = b->spec->targets;
		for (uint32_t kind = 0; kind < _TARGET_KIND_MAX; kind++) {
			if (!(row.targets & (1U << kind)))
				continue;
			for (uint32_t data = 1; data <= 2; data <<= 1)
				if (may_target(w, c, b, kind, data)) {
					row.allowed |= 1U << kind;
					row.data |= data;
				}
		}
	}
	*ret = row;
}

int bundle_describe(struct warden *w, const struct bundle *b, const struct connection *c, uint64_t call)
{
	_cleanup_free_ struct message_reply_bundle *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return -ENOMEM;
	bundle_row(w, b, c, &reply->probe);
	reply->m = (struct message){ .type = MESSAGE_REPLY_BUNDLE, .connection = c->number, .call = call };
	reply->shipped = b->shipped;
	(void)registry_highest(w, b->name, CHANNEL_PRODUCTION, &reply->highest_production);
	(void)registry_highest(w, b->name, CHANNEL_EXPERIMENTAL, &reply->highest_experimental);
	if (b->spec) {
		reply->issued = b->spec->issued;
		reply->not_after = b->spec->not_after;
		reply->valid_until = b->valid_until;
		reply->n_signers = b->n_signers;
		memcpy(reply->signer, b->signer, sizeof(reply->signer));
		reply->n_files = b->spec->n_files;
		memcpy(reply->files, b->spec->files, sizeof(reply->files));
	}
	return PEER_SEND(w->gate, reply, NULL, 0);
}
