/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A request on its way to an attachment: attach-request.c has it decided and written down, by what
 * attach-check.c and load-limits.c say; attach.c takes the steps. */
#include "loaderd/warden/warden.h"

struct attaching {
	struct pending pending; /* first: the commit hands it back */
	struct warden *w;
	uint64_t connection, call;
	struct connection *by;
	struct message_attach request;
	struct target target;
	struct attachment a;
	uint8_t params[PARAMS_SIZE_MAX];
	uint32_t params_size;
	struct instance_row *instance; /* counted as a user from when it is set */
	unsigned int tries;
	uint8_t policy_digest[DIGEST_SIZE]; /* of the policy that allowed it */
	uint32_t minute;                    /* of the week, when it was allowed */
	struct policy_limits limits;
	struct message_parameter in_force[SPEC_PARAMS_MAX];
	uint32_t n_in_force;
	uint32_t given, moved; /* bit sets of parameters: named by the client, changed by the policy */
	bool kernel_verified;  /* only what the kernel verified will do */
	bool loads;            /* its programs are not in the kernel yet, as far as was known */
	struct attaching *next_waiting; /* for the instance that another request loads */
	struct attaching *next;         /* of all */
};

/* All that were decided and are not attached yet: they count against their users' limits. */
const struct attaching *attaching_under_way(void);
void attaching_add(struct attaching *t);
struct attaching *attaching_free(struct attaching *t);
DEFINE_CLEANUP(struct attaching *, attaching_free)
/* For the log: what was asked, and what the policy made of it. */
void attaching_describe(struct attaching *t, struct act *act);
/* The decision is durable: loads, subscribes, replies, and frees it. */
void attaching_start(struct attaching *t);

/* Finds bundle and target, fills in parameters, data and limits, and asks the policy: everything that can
 * refuse before something is done. 0, or the refusal; ret_bundle and ret_decision are set as far as it came.
 */
int attach_check(struct attaching *t, const struct connection *c, struct bundle **ret_bundle,
		 struct policy_decision *ret_decision, struct refusal *refusal);

/* warden/load-limits.c: whether programs are to be loaded for it, and whether they may: planned counts those
 * that were decided before it and are not loaded yet. */
bool attach_needs_load(struct attaching *t, const struct bundle *b);
int attach_check_load(struct attaching *t, const struct bundle *b, bool planned, struct refusal *refusal);
/* LimitExceeded; where is "" or what the limit was counted for, " on HOOK". */
int attach_over(struct refusal *refusal, const struct policy_limits *limits, enum policy_limit limit,
		uint64_t used, const char *where);
