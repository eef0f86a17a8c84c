/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A request on its way to an attachment: attach.c takes the steps, attach-check.c says whether it may. */
#include "loaderd/warden/warden.h"

struct attaching {
	struct pending pending; /* first: the commit hands it back */
	struct warden *w;
	uint64_t connection, call;
	struct message_attach request;
	struct target target;
	struct attachment a;
	uint8_t params[PARAMS_SIZE_MAX];
	uint32_t params_size;
	struct instance_row *instance; /* counted as a user from when it is set */
	unsigned int tries;
	uint8_t policy_digest[DIGEST_SIZE]; /* of the policy that allowed it */
	bool kernel_verified;               /* only what the kernel verified will do */
	struct attaching *next_waiting;     /* for the instance that another request loads */
	struct attaching *next;             /* of all */
};

/* All that were decided and are not attached yet: they count against their users' limits. */
const struct attaching *attaching_under_way(void);

/* Finds bundle and target, fills in parameters, data and limits, and asks the policy: everything that can
 * refuse before something is done. 0, or the refusal; ret_bundle and ret_decision are set as far as it came.
 */
int attach_check(struct attaching *t, const struct connection *c, struct bundle **ret_bundle,
		 struct policy_decision *ret_decision, struct refusal *refusal);
