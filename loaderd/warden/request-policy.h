/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What request-policy.c, request-explain.c and policy-load.c share: replies of rows, and who may ask. */
#include "loaderd/warden/warden.h"

struct rows {
	struct warden *w;
	uint64_t connection, call;
	bool all; /* also sections that are about others */
};

/* Sends a row and gives it up; NULL, for want of memory, is left out. */
void rows_send(const struct rows *to, struct json_t *row);
/* A text in rows with a member of this name, the first one with its digest unless that is NULL; ends the
 * call.
 */
void rows_send_text(const struct rows *to, const char *key, const char *digest, const char *text,
		    size_t size);
/* Sends a refusal and returns 0. */
int request_refuse(struct warden *w, const struct connection *c, uint64_t call,
		   const struct refusal *refusal);
/* About others, and for its text, may ask who may load the policy or read the log. */
bool may_look(struct warden *w, const struct connection *c, struct policy_decision *ret);
/* The policy that a request's flags mean; NULL, with the refusal: there is none of a dry run. */
const struct policy *policy_meant(const struct warden *w, uint32_t flags, struct refusal *refusal);
