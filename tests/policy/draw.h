/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Policies and requests by chance, over all keys, made of few words so that they meet. */
#include "policy/policy.h"

/* Chance: the bytes, if there are any, then numbers that follow from the state (not 0). */
struct draw {
	const uint8_t *bytes;
	size_t n;
	uint64_t state;
};

/* Less than n, which is 1 at least. */
uint32_t draw(struct draw *d, uint32_t n);

#define DRAWN_SECTION_MAX 2048
struct drawn_section {
	char name[16];
	char text[DRAWN_SECTION_MAX]; /* accepted by the policy's reader, with a header */
};

/* The number makes the name unlike that of others. kind: "allow", "deny", "limit". */
void draw_section(struct draw *d, const char *kind, unsigned number, struct drawn_section *ret);

/* A valid request. Its pointers live in it and in specs.h; it must not be copied. */
struct drawn_request {
	struct policy_request request;
	gid_t gids[2];
	uint64_t parameters[SPEC_PARAMS_MAX];
};
void draw_request(struct draw *d, struct drawn_request *ret);

/* A target that is within that of the request, if there is one. */
bool draw_narrower(struct draw *d, struct policy_request *request);

/* The names of users and groups in what is drawn: 1 bears "one", 2 "two". */
bool draw_names(const char *name, uint32_t *ret_id);
extern const struct policy_resolver draw_resolver;
