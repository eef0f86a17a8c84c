/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For the reference only. */
#include "policy/policy.h"

#define FACTS_MAX (SPEC_PROGRAMS_MAX * SPEC_HELPERS_MAX)

/* What a key is about, as the words of a policy would write it. */
struct facts {
	bool unknown;
	size_t n;
	char text[FACTS_MAX][TARGET_NAME_MAX];
};

typedef void facts_adder(const char *key, const struct policy_request *q, struct facts *f);
facts_adder facts_add_caller, facts_add_bundle, facts_add_signers, facts_add_request;

/* "/a/b": "/a/b", "/a" and "/". */
void facts_add_ancestors(const char *path, struct facts *f);
