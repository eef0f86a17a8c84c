/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule.h"

enum rule_key rule_match(const struct rule *rule, const struct policy_request *request)
{
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++) {
		if (!(rule->keys & (1U << key)))
			continue;
		if (!rule_action_has(request->action, key)) {
			/* An allow that lists audit-read beside attach may well name probes. A deny of
			 * probes is none of audit-read. */
			if (rule_takes_away(rule))
				return key;
			continue;
		}
		if (!rule_rows[key].holds(rule, request))
			return key;
	}
	return _RULE_KEY_MAX;
}
