/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Decides as bpfwarden.policy(5) says, sentence by sentence and word by word, on the text of the sections:
 * slow, and without a line of what it is compared with. It takes sections and requests that the policy
 * accepts.
 */
#include "policy/policy.h"

struct reference {
	bool allowed;
	const char *rule; /* NULL: for a parameter, then of any [limit] that sets it */
	uint32_t parameter;
	uint64_t limits[_POLICY_LIMIT_MAX];
	uint64_t min[SPEC_PARAMS_MAX], max[SPEC_PARAMS_MAX];
	uint64_t parameters[SPEC_PARAMS_MAX];
};

/* What id a user's or group's name has; false: none. Numbers are not asked about. */
typedef bool reference_names(const char *name, uint32_t *ret_id);

/* True if the pattern matches the text, which is UTF-8 of less than TARGET_NAME_MAX bytes. */
bool reference_glob(const char *pattern, const char *text);

void reference_decide(const struct config *config, reference_names *names,
		      const struct policy_request *request, struct reference *ret);

/* What a decision about the same request says otherwise, or NULL. */
const char *reference_differs(const struct config *config, const struct policy_request *request,
			      const struct reference *reference, const struct policy_decision *decision);
