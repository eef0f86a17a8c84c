/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule.h"

enum rule_key rule_match(const struct rule *rule, const struct policy_request *request)
{
	uint32_t has = rule_request_keys(request);

	for (uint32_t keys = rule->keys; keys; keys &= keys - 1) {
		enum rule_key key = (enum rule_key)__builtin_ctz(keys);

		if (!(has & 1U << key)) {
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
