/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of struct trust, and of one judgement by it. */
#include <stdint.h>

#include "signing/checks.h"
#include "signing/trust.h"

#define ROLE_NAMES_MAX 64

struct role {
	char *name, *file;
	uint32_t line;
	uint32_t threshold, may, algorithms;
	char *names[ROLE_NAMES_MAX + 1]; /* NULL at the end */
	struct cms_trust *anchors;
};

struct trust {
	size_t n_roles;
	struct role roles[TRUST_ROLES_MAX];
	/* Of all lists of revocations together, and for each the roles that signed its list, as bits: it is
	 * about bundles whose names one of them may sign. */
	struct revocation *revoked;
	uint32_t *revoked_by;
	size_t n_revoked;
};

bool role_lists(const struct role *role, const char *name);

/* What is being judged by the rules about a whole bundle. */
struct judgement {
	const struct trust *trust;
	const struct trust_input *input;
	struct trust_result *result;
	const struct spec *spec; /* once its bytes were found to be signed */
	uint32_t role;           /* the one that rules about a role look at */
};

/* Fills in the result: for each role the distinct keys that signed, and whose threshold is met (T10). If none
 * is, best says why. 0 or -errno. */
int trust_meet_thresholds(struct judgement *j, struct refusal *best);
