/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the place of policy/rule-match-run.c: leaves out the row WITHOUT. */
#include <string.h>

#include "policy/rule.h"

enum rule_key rule_match(const struct rule *rule, const struct policy_request *request)
{
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++) {
		if (!(rule->keys & (1U << key)) || !strcmp(rule_rows[key].name, WITHOUT))
			continue;
		if (!rule_request_has(request, key)) {
			if (rule_takes_away(rule))
				return key;
			continue;
		}
		if (!rule_rows[key].holds(rule, request))
			return key;
	}
	return _RULE_KEY_MAX;
}
