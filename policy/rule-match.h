/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Conditions that are not in rule-match.c, and what they share. For the matcher only. */
#include "policy/rule.h"

/* rule-match-bundle.c */
bool rule_match_version(const struct rule *rule, const struct policy_request *request);
bool rule_match_role(const struct rule *rule, const struct policy_request *request);
bool rule_match_signer(const struct rule *rule, const struct policy_request *request);
bool rule_match_program_type(const struct rule *rule, const struct policy_request *request);
bool rule_match_may_modify(const struct rule *rule, const struct policy_request *request);
bool rule_match_hook(const struct rule *rule, const struct policy_request *request);
bool rule_match_helper(const struct rule *rule, const struct policy_request *request);
bool rule_match_parameter(const struct rule *rule, const struct policy_request *request);

/* rule-match-target.c */
bool rule_match_target(const struct rule *rule, const struct policy_request *request);
bool rule_match_from_unit(const struct rule *rule, const struct policy_request *request);
bool rule_match_from_cgroup(const struct rule *rule, const struct policy_request *request);

/* True if some pattern matches all n bytes. */
bool rule_match_globs(const struct rule_globs *globs, const char *text, size_t n);
