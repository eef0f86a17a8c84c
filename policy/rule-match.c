/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule-match.h"

#include <string.h>

#include "policy/glob.h"

#define BIT(n) (1U << (n))

/* So many groups of a rule are looked for among the caller's one by one; of more, the caller's are looked for
 * among them, which ascend. */
#define GROUPS_FEW 8U

/* Every request has a caller and comes at some time. */
#define CALLER_KEYS                                                                                 \
	(BIT(RULE_ACTION) | BIT(RULE_NAMESPACE) | BIT(RULE_TIME) | BIT(RULE_USER) | BIT(RULE_UID) | \
	 BIT(RULE_GROUP) | BIT(RULE_FROM_UNIT) | BIT(RULE_FROM_CGROUP))
#define BUNDLE_KEYS                                                                       \
	(BIT(RULE_VERSION) | BIT(RULE_ROLE) | BIT(RULE_SIGNER) | BIT(RULE_PROGRAM_TYPE) | \
	 BIT(RULE_MAY_MODIFY) | BIT(RULE_HOOK) | BIT(RULE_HELPER))

static const uint32_t action_keys[_POLICY_ACTION_MAX] = {
	[POLICY_ATTACH] = BIT(_RULE_KEY_MAX) - 1,
	[POLICY_DETACH_ANY] = CALLER_KEYS | BIT(RULE_CHANNEL) | BIT(RULE_PROBE) | BIT(RULE_TARGET),
	[POLICY_ENROLL] = CALLER_KEYS | BUNDLE_KEYS | BIT(RULE_CHANNEL) | BIT(RULE_PROBE),
	[POLICY_PROMOTE] = CALLER_KEYS | BUNDLE_KEYS | BIT(RULE_CHANNEL) | BIT(RULE_PROBE),
	[POLICY_REVOKE] = CALLER_KEYS | BIT(RULE_PROBE),
	[POLICY_AUDIT_READ] = CALLER_KEYS,
	[POLICY_POLICY_RELOAD] = CALLER_KEYS,
};

bool rule_action_has(uint32_t action, enum rule_key key)
{
	return action_keys[action] & BIT(key);
}

bool policy_action_has_probe(uint32_t action)
{
	return rule_action_has(action, RULE_PROBE);
}

bool policy_action_has_target(uint32_t action)
{
	return rule_action_has(action, RULE_TARGET);
}

uint32_t rule_request_keys(const struct policy_request *request)
{
	uint32_t keys = action_keys[request->action];

	if (!request->spec && request->action != POLICY_ATTACH)
		keys &= ~BUNDLE_KEYS;
	if (policy_probe_is_open(request))
		keys &= ~BIT(RULE_PROBE);
	return keys;
}

bool rule_request_has(const struct policy_request *request, enum rule_key key)
{
	return rule_request_keys(request) & BIT(key);
}

bool rule_match_globs(const struct rule_globs *globs, const char *text, size_t n)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_match(globs->globs[i], text, n))
			return true;
	return false;
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

/* A class is shown together with all below it. */
static bool match_privacy(const struct rule *rule, const struct policy_request *request)
{
	uint32_t shown = BIT(request->privacy + 1) - 1;

	if (rule_takes_away(rule))
		return shown & rule->privacy;
	return !(shown & ~rule->privacy);
}

static bool match_persist(const struct rule *rule, const struct policy_request *request)
{
	return rule->persist & BIT(request->persist);
}

static bool match_kernel_verified(const struct rule *rule, const struct policy_request *request)
{
	return rule->kernel_verified & BIT(request->kernel_verified);
}

static bool match_namespace(const struct rule *rule, const struct policy_request *request)
{
	if (request->namespace == POLICY_NAMESPACE_UNKNOWN)
		return rule_takes_away(rule);
	return rule->namespaces & BIT(request->namespace);
}

/* Ranges ascend and have gaps between them. */
static bool in_ranges(const struct rule_ranges *ranges, uint32_t number)
{
	size_t from = 0, to = ranges->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (number < ranges->ranges[middle].first)
			to = middle;
		else if (number > ranges->ranges[middle].last)
			from = middle + 1;
		else
			return true;
	}
	return false;
}

static bool match_time(const struct rule *rule, const struct policy_request *request)
{
	return in_ranges(&rule->times, request->minute);
}

static bool match_uid(const struct rule *rule, const struct policy_request *request)
{
	return in_ranges(&rule->uids, request->uid);
}

/* Ids of a rule ascend. */
static bool has_id(const struct rule_ids *ids, uint32_t id)
{
	size_t from = 0, to = ids->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (ids->ids[middle] == id)
			return true;
		if (ids->ids[middle] < id)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

static bool match_user(const struct rule *rule, const struct policy_request *request)
{
	return has_id(&rule->users, request->uid);
}

static bool is_member(const struct policy_request *request, gid_t gid)
{
	/* Most rules are about groups that the caller is not in. */
	if (request->facts && !(request->facts->gids & 1ULL << gid % 64))
		return false;
	for (size_t i = 0; i < request->n_gids; i++)
		if (request->gids[i] == gid)
			return true;
	return false;
}

static bool match_group(const struct rule *rule, const struct policy_request *request)
{
	for (size_t i = 0; i < rule->groups.n && rule->groups.n <= GROUPS_FEW; i++)
		if (is_member(request, rule->groups.ids[i]))
			return true;
	for (size_t i = 0; i < request->n_gids && rule->groups.n > GROUPS_FEW; i++)
		if (has_id(&rule->groups, request->gids[i]))
			return true;
	return false;
}

static bool match_probe(const struct rule *rule, const struct policy_request *request)
{
	return rule_match_globs(&rule->probes, request->probe, strlen(request->probe));
}

const struct rule_row rule_rows[_RULE_KEY_MAX] = {
	[RULE_ACTION] = { "action", true, match_action },
	[RULE_CHANNEL] = { "channel", false, match_channel },
	[RULE_DATA] = { "data", false, match_data },
	[RULE_PRIVACY] = { "privacy", false, match_privacy },
	[RULE_PERSIST] = { "persist", false, match_persist },
	[RULE_KERNEL_VERIFIED] = { "kernel-verified", false, match_kernel_verified },
	[RULE_NAMESPACE] = { "namespace", true, match_namespace },
	[RULE_TIME] = { "time", false, match_time },
	[RULE_USER] = { "user", true, match_user },
	[RULE_UID] = { "uid", true, match_uid },
	[RULE_GROUP] = { "group", true, match_group },
	[RULE_PROBE] = { "probe", false, match_probe },
	[RULE_VERSION] = { "version", false, rule_match_version },
	[RULE_ROLE] = { "role", false, rule_match_role },
	[RULE_SIGNER] = { "signer", false, rule_match_signer },
	[RULE_PROGRAM_TYPE] = { "program-type", false, rule_match_program_type },
	[RULE_MAY_MODIFY] = { "may-modify", false, rule_match_may_modify },
	[RULE_HOOK] = { "hook", false, rule_match_hook },
	[RULE_HELPER] = { "helper", false, rule_match_helper },
	[RULE_FROM_UNIT] = { "from-unit", true, rule_match_from_unit },
	[RULE_FROM_CGROUP] = { "from-cgroup", true, rule_match_from_cgroup },
	[RULE_PARAMETER] = { "parameter", false, rule_match_parameter },
	[RULE_TARGET] = { "target", false, rule_match_target },
};
