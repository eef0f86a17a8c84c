/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule.h"

#include <string.h>

#include "policy/glob.h"

#define BIT(n) (1U << (n))

/* What a request has besides its caller, by action. */
static const uint32_t action_keys[_POLICY_ACTION_MAX] = {
	[POLICY_ATTACH] = BIT(RULE_CHANNEL) | BIT(RULE_DATA) | BIT(RULE_PROBE) | BIT(RULE_TARGET),
	[POLICY_DETACH_ANY] = BIT(RULE_CHANNEL) | BIT(RULE_PROBE) | BIT(RULE_TARGET),
	[POLICY_ENROLL] = BIT(RULE_CHANNEL) | BIT(RULE_PROBE),
	[POLICY_PROMOTE] = BIT(RULE_CHANNEL) | BIT(RULE_PROBE),
	[POLICY_REVOKE] = BIT(RULE_PROBE),
};

#define CALLER_KEYS (BIT(RULE_ACTION) | BIT(RULE_NAMESPACE) | BIT(RULE_USER) | BIT(RULE_GROUP))

bool rule_action_has(uint32_t action, enum rule_key key)
{
	return (CALLER_KEYS | action_keys[action]) & BIT(key);
}

static bool match_action(const struct rule *rule, const struct policy_request *request)
{
	return rule->actions & BIT(request->action);
}

static bool match_channel(const struct rule *rule, const struct policy_request *request)
{
	return rule->channels & BIT(request->channel);
}

static bool match_data(const struct rule *rule, const struct policy_request *request)
{
	if (rule_takes_away(rule))
		return request->data & rule->data;
	return !(request->data & ~rule->data);
}

static bool match_namespace(const struct rule *rule, const struct policy_request *request)
{
	if (request->namespace == POLICY_NAMESPACE_UNKNOWN)
		return rule_takes_away(rule);
	return rule->namespaces & BIT(request->namespace);
}

static bool has_id(const uint32_t *ids, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool match_user(const struct rule *rule, const struct policy_request *request)
{
	return has_id(rule->users.ids, rule->users.n, request->uid);
}

static bool match_group(const struct rule *rule, const struct policy_request *request)
{
	for (size_t i = 0; i < rule->groups.n; i++)
		if (has_id(request->gids, request->n_gids, rule->groups.ids[i]))
			return true;
	return false;
}

static bool match_probe(const struct rule *rule, const struct policy_request *request)
{
	size_t n = strlen(request->probe);

	for (size_t i = 0; i < rule->probes.n; i++)
		if (glob_match(rule->probes.globs[i], request->probe, n))
			return true;
	return false;
}

/* Whose events the request is about if that is one user's, (uid_t)-1 otherwise. */
static uid_t request_owner(const struct policy_request *request)
{
	if (request->target_kind == TARGET_SELF)
		return request->uid;
	return request->target_kind == TARGET_USER ? request->target_uid : (uid_t)-1;
}

/* A pattern that matches a cgroup matches everything below it, because such a target shows that, too. */
static bool match_cgroup(const char *glob, const char *path)
{
	size_t n = strlen(path);

	for (;;) {
		if (glob_match(glob, path, n))
			return true;
		if (n <= 1)
			return false;
		do
			n--;
		while (path[n] != '/');
		if (n == 0)
			n = 1;
	}
}

/* A unit's cgroup bears its name. Somebody else's cgroup may bear it too, so this serves denies only. */
static bool match_component(const char *glob, const char *path)
{
	while (*path) {
		size_t n;

		path++;
		n = strcspn(path, "/");
		if (n && glob_match(glob, path, n))
			return true;
		path += n;
	}
	return false;
}

static bool match_unit(const struct rule *rule, const char *glob, const struct policy_request *request)
{
	if (request->target_kind == TARGET_UNIT)
		return glob_match(glob, request->target_name, strlen(request->target_name));
	return rule_takes_away(rule) && request->target_kind == TARGET_CGROUP &&
	       match_component(glob, request->target_name);
}

static bool match_one_target(const struct rule *rule, const struct rule_target *target,
			     const struct policy_request *request)
{
	switch (target->kind) {
	case TARGET_SELF:
		return request_owner(request) == request->uid;
	case TARGET_USER:
		return request_owner(request) == target->uid;
	case TARGET_UNIT:
		return match_unit(rule, target->glob, request);
	case TARGET_CGROUP:
		return request->target_kind == TARGET_CGROUP &&
		       match_cgroup(target->glob, request->target_name);
	case TARGET_HOST:
		/* Who may see everything may see any part; who may not see everything at once may see parts.
		 */
		return !rule_takes_away(rule) || request->target_kind == TARGET_HOST;
	default:
		return rule_takes_away(rule);
	}
}

static bool match_target(const struct rule *rule, const struct policy_request *request)
{
	for (size_t i = 0; i < rule->n_targets; i++)
		if (match_one_target(rule, &rule->targets[i], request))
			return true;
	return false;
}

const struct rule_row rule_rows[_RULE_KEY_MAX] = {
	[RULE_ACTION] = { "action", true, match_action },
	[RULE_CHANNEL] = { "channel", false, match_channel },
	[RULE_DATA] = { "data", false, match_data },
	[RULE_PRIVACY] = { "privacy", false, NULL },
	[RULE_PERSIST] = { "persist", false, NULL },
	[RULE_KERNEL_VERIFIED] = { "kernel-verified", false, NULL },
	[RULE_NAMESPACE] = { "namespace", true, match_namespace },
	[RULE_TIME] = { "time", false, NULL },
	[RULE_USER] = { "user", true, match_user },
	[RULE_UID] = { "uid", true, NULL },
	[RULE_GROUP] = { "group", true, match_group },
	[RULE_PROBE] = { "probe", false, match_probe },
	[RULE_VERSION] = { "version", false, NULL },
	[RULE_ROLE] = { "role", false, NULL },
	[RULE_SIGNER] = { "signer", false, NULL },
	[RULE_PROGRAM_TYPE] = { "program-type", false, NULL },
	[RULE_MAY_MODIFY] = { "may-modify", false, NULL },
	[RULE_HOOK] = { "hook", false, NULL },
	[RULE_HELPER] = { "helper", false, NULL },
	[RULE_FROM_UNIT] = { "from-unit", true, NULL },
	[RULE_FROM_CGROUP] = { "from-cgroup", true, NULL },
	[RULE_PARAMETER] = { "parameter", false, NULL },
	[RULE_TARGET] = { "target", false, match_target },
};
