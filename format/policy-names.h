/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What can be asked of a policy, by number in records between processes and by name everywhere else: the
 * gate, which decides nothing, passes questions on, and the command line words its own.
 */
#include <stdbool.h>
#include <stdint.h>

enum policy_action {
	POLICY_ATTACH = 0,
	POLICY_DETACH_ANY, /* somebody else's attachment; one's own needs no permission */
	POLICY_ENROLL,
	POLICY_PROMOTE,
	POLICY_REVOKE,
	POLICY_AUDIT_READ,
	POLICY_POLICY_RELOAD,
	_POLICY_ACTION_MAX,
};
extern const char *const policy_action_names[_POLICY_ACTION_MAX]; /* "detach-any" */

enum policy_namespace {
	POLICY_NAMESPACE_UNKNOWN = 0, /* never satisfies an allow, always matches a deny or limit that asks */
	POLICY_NAMESPACE_HOST,
	POLICY_NAMESPACE_CONTAINER,
	_POLICY_NAMESPACE_MAX,
};
extern const char *const policy_namespace_names[_POLICY_NAMESPACE_MAX];

enum policy_channel {
	POLICY_CHANNEL_PRODUCTION = 0,
	POLICY_CHANNEL_EXPERIMENTAL,
	_POLICY_CHANNEL_MAX,
};
extern const char *const policy_channel_names[_POLICY_CHANNEL_MAX];

#define POLICY_DATA_AGGREGATES 1U
#define POLICY_DATA_EVENTS     2U
#define POLICY_DATA_KINDS      2
extern const char *const policy_data_names[POLICY_DATA_KINDS]; /* by bit */

#define POLICY_WEEK (7 * 24 * 60) /* minutes, the first of which is Monday 00:00 UTC */

const char *policy_action_name(uint32_t action); /* NULL outside the enumeration */
bool policy_action_from_name(const char *name, uint32_t *ret_action);
