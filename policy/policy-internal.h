/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A policy, and a question to it. For policy/ only. */
#include "policy/rule.h"

struct policy {
	struct config *config;
	struct rule *rules; /* ordered by kind, then name */
	size_t n_rules;
	size_t kinds[_RULE_KIND_MAX + 1]; /* where those of each kind begin, and the end */
	bool has_set;                     /* some limit has `set` */
	char **warnings;
	size_t n_warnings;
	bool deny_all;
};

/* A request that is being decided, with room for what rules find out about it. */
struct question {
	struct policy_request request; /* its facts are those below */
	struct policy_facts facts;
};

void question_init(struct question *question, const struct policy_request *request);

/* Finds the bounds of the parameters and moves into them those that were not given. The index of one that was
 * given and is out of its bounds, or has none that it could be in, or POLICY_NO_PARAMETER. */
uint32_t question_bound(const struct policy *policy, struct question *question,
			struct policy_bound bounds[SPEC_PARAMS_MAX]);

/* policy_decide() with a question that can be asked again after a change. */
void question_decide(const struct policy *policy, struct question *question,
		     struct policy_decision *ret_decision);
