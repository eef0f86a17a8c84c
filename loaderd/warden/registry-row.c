/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told about bundles: a row of a list, and all that is known of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

/* Adds one that the caller may name; what does not fit is said to be left out. */
static int add_target(void *userdata, uint32_t kind, const char *target, uint32_t data)
{
	static const char more[] = " …";
	struct message_probe *row = userdata;
	size_t n = strlen(row->may), size = strlen(target);

	row->allowed |= 1U << kind;
	row->data |= data;
	if (n >= sizeof(more) && !strcmp(row->may + n - (sizeof(more) - 1), more))
		return 0;
	if (n + 1 + size + sizeof(more) > sizeof(row->may))
		memcpy(row->may + n, more, sizeof(more));
	else
		snprintf(row->may + n, sizeof(row->may) - n, "%s%s", n ? " " : "", target);
	return 0;
}

static void put_targets(struct warden *w, const struct bundle *b, const struct connection *c,
			struct message_probe *row)
{
	struct policy_request request;

	question_by(c, POLICY_ATTACH, &request);
	question_about(&request, b);
	(void)policy_targets(w->policy, &request, add_target, row);
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
	snprintf(row.channel, sizeof(row.channel), "%s", policy_channel_names[b->channel]);
	snprintf(row.enrolled_by, sizeof(row.enrolled_by), "%s", b->enrolled_by);
	if (bundle_unusable(b, &problem))
		snprintf(row.problem, sizeof(row.problem), "%s", problem.reason);
	if (b->spec) {
		memcpy(row.version, b->spec->version, sizeof(row.version));
		memcpy(row.summary, b->spec->summary, sizeof(row.summary));
		memcpy(row.signers, b->signers, sizeof(row.signers));
		memcpy(row.digest, b->digest, DIGEST_SIZE);
		row.targets = b->spec->targets;
		put_targets(w, b, c, &row);
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
	(void)registry_highest(w, b->name, POLICY_CHANNEL_PRODUCTION, &reply->highest_production);
	(void)registry_highest(w, b->name, POLICY_CHANNEL_EXPERIMENTAL, &reply->highest_experimental);
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
