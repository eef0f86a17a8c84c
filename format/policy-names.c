/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/policy-names.h"

#include <string.h>

const char *const policy_action_names[_POLICY_ACTION_MAX] = {
	[POLICY_ATTACH] = "attach",
	[POLICY_DETACH_ANY] = "detach-any",
	[POLICY_ENROLL] = "enroll",
	[POLICY_PROMOTE] = "promote",
	[POLICY_REVOKE] = "revoke",
	[POLICY_AUDIT_READ] = "audit-read",
	[POLICY_POLICY_RELOAD] = "policy-reload",
};

const char *const policy_namespace_names[_POLICY_NAMESPACE_MAX] = {
	[POLICY_NAMESPACE_UNKNOWN] = "unknown",
	[POLICY_NAMESPACE_HOST] = "host",
	[POLICY_NAMESPACE_CONTAINER] = "container",
};

const char *const policy_channel_names[_POLICY_CHANNEL_MAX] = {
	[POLICY_CHANNEL_PRODUCTION] = "production",
	[POLICY_CHANNEL_EXPERIMENTAL] = "experimental",
};

const char *const policy_data_names[POLICY_DATA_KINDS] = { "aggregates", "events" };

const char *policy_action_name(uint32_t action)
{
	return action < _POLICY_ACTION_MAX ? policy_action_names[action] : NULL;
}

bool policy_action_from_name(const char *name, uint32_t *ret_action)
{
	for (uint32_t i = 0; i < _POLICY_ACTION_MAX; i++)
		if (!strcmp(policy_action_names[i], name)) {
			*ret_action = i;
			return true;
		}
	return false;
}
