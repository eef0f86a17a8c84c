/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One request, and what the rules make of it. */
#include <stdio.h>
#include <string.h>

#include "policy/policy-internal.h"

#define OVERFLOW_UID 65534U /* /proc/sys/kernel/overflowuid, never changed in practice */

static bool is_terminated(const char *text, size_t size)
{
	return text[0] && memchr(text, '\0', size);
}

/* "/" or "/a/b": one spelling for each cgroup, so that no pattern can be walked around. */
static bool is_cgroup_path(const char *path)
{
	if (!strcmp(path, "/"))
		return true;
	if (*path != '/')
		return false;
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (!n || !strncmp(path, ".", n) || !strncmp(path, "..", n))
			return false;
		path += n;
	}
	return true;
}

static bool target_is_valid(const struct policy_request *request)
{
	switch (request->target_kind) {
	case TARGET_SELF:
	case TARGET_HOST:
		return true;
	case TARGET_USER:
		return request->target_uid != (uid_t)-1;
	case TARGET_UNIT:
		return is_terminated(request->target_name, sizeof(request->target_name)) &&
		       !strchr(request->target_name, '/');
	case TARGET_CGROUP:
		return is_terminated(request->target_name, sizeof(request->target_name)) &&
		       is_cgroup_path(request->target_name);
	default:
		return false;
	}
}

static bool data_is_valid(uint32_t data)
{
	return data && !(data & ~(POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS));
}

/* Values that the parameters can have, and none of a bundle that nobody knows. */
static bool parameters_are_valid(const struct policy_request *request)
{
	const struct spec *spec = request->spec;

	if (!spec)
		return !request->parameters && !request->given;
	if (spec->n_params > SPEC_PARAMS_MAX || request->given >> spec->n_params)
		return false;
	for (uint32_t i = 0; request->parameters && i < spec->n_params; i++)
		if (request->parameters[i] < spec->params[i].min ||
		    request->parameters[i] > spec->params[i].max)
			return false;
	return true;
}

static bool caller_is_valid(const struct policy_request *request)
{
	return request->uid != (uid_t)-1 && request->namespace < _POLICY_NAMESPACE_MAX &&
	       (!request->n_gids || request->gids) && (!request->cgroup || is_cgroup_path(request->cgroup));
}

bool policy_request_is_valid(const struct policy_request *request)
{
	uint32_t action = request->action;

	if (action >= _POLICY_ACTION_MAX || request->minute >= POLICY_WEEK || !caller_is_valid(request))
		return false;
	if (rule_action_has(action, RULE_PROBE) && !policy_probe_is_open(request) &&
	    !is_terminated(request->probe, sizeof(request->probe)))
		return false;
	if (rule_action_has(action, RULE_CHANNEL) && request->channel >= _POLICY_CHANNEL_MAX)
		return false;
	if (rule_action_has(action, RULE_DATA) && !data_is_valid(request->data))
		return false;
	if (rule_action_has(action, RULE_PRIVACY) && request->privacy >= _SPEC_PRIVACY_MAX)
		return false;
	if (rule_action_has(action, RULE_PARAMETER) && !parameters_are_valid(request))
		return false;
	return !rule_action_has(action, RULE_TARGET) || target_is_valid(request);
}

const char *policy_built_in_meaning(const char *rule)
{
	static const char *const meanings[][2] = {
		{ POLICY_RULE_DEFAULT, "no [allow] covers all of the request" },
		{ POLICY_RULE_OVERFLOW_UID, "the kernel cannot tell which user this is" },
		{ POLICY_RULE_NO_POLICY, "there is no valid policy, so nothing is allowed" },
		{ POLICY_RULE_INVALID_REQUEST, "the request contradicts itself" },
	};

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (!strcmp(rule, meanings[i][0]))
			return meanings[i][1];
	return NULL;
}

/* The built-in rule that denies before any section is asked, or NULL. */
static const char *built_in_denial(const struct policy *policy, const struct policy_request *request)
{
	if (policy->deny_all)
		return POLICY_RULE_NO_POLICY;
	if (!policy_request_is_valid(request))
		return POLICY_RULE_INVALID_REQUEST;
	if (request->uid == OVERFLOW_UID)
		return POLICY_RULE_OVERFLOW_UID;
	return NULL;
}

static const char *first_match(const struct policy *policy, enum rule_kind kind,
			       const struct policy_request *request)
{
	for (size_t i = policy->kinds[kind]; i < policy->kinds[kind + 1]; i++)
		if (rule_match(&policy->rules[i], request) == _RULE_KEY_MAX)
			return policy->rules[i].section->name;
	return NULL;
}

static void apply_limits(const struct policy *policy, const struct policy_request *request,
			 struct policy_limits *limits)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		limits->value[i] = POLICY_UNLIMITED;
	for (size_t i = policy->kinds[RULE_LIMIT]; i < policy->kinds[RULE_LIMIT + 1]; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule_match(rule, request) != _RULE_KEY_MAX)
			continue;
		for (uint32_t j = 0; j < _POLICY_LIMIT_MAX; j++) {
			if (rule->limits[j] >= limits->value[j])
				continue;
			limits->value[j] = rule->limits[j];
			snprintf(limits->section[j], sizeof(limits->section[j]), "%s", rule->section->name);
		}
	}
}

/* What one limit that matches leaves of the parameters. */
static void narrow(const struct rule *rule, const struct spec *spec, struct policy_bound *bounds)
{
	for (uint32_t i = 0; i < spec->n_params; i++) {
		uint64_t min, max;

		if (!rule_parameter_bound(rule, &spec->params[i], &min, &max) ||
		    (min <= bounds[i].min && max >= bounds[i].max))
			continue;
		bounds[i].min = min > bounds[i].min ? min : bounds[i].min;
		bounds[i].max = max < bounds[i].max ? max : bounds[i].max;
		snprintf(bounds[i].section, sizeof(bounds[i].section), "%s", rule->section->name);
	}
}

/* Moves a parameter into its bound, or returns false. */
static bool move(const struct question *question, uint32_t i, const struct policy_bound *bound,
		 uint64_t *value)
{
	const struct spec_param *param = &question->request.spec->params[i];
	uint64_t min = bound->min > param->min ? bound->min : param->min;
	uint64_t max = bound->max < param->max ? bound->max : param->max;

	if (bound->min > bound->max)
		return false;
	if (*value >= bound->min && *value <= bound->max)
		return true;
	if (min > max || question->request.given & (1U << i))
		return false;
	*value = *value < min ? min : max;
	return true;
}

uint32_t question_bound(const struct policy *policy, struct question *question,
			struct policy_bound bounds[SPEC_PARAMS_MAX])
{
	const struct policy_request *request = &question->request;
	const struct spec *spec = request->spec;
	uint32_t wrong = POLICY_NO_PARAMETER;

	for (uint32_t i = 0; i < SPEC_PARAMS_MAX; i++) {
		bounds[i].min = 0;
		bounds[i].max = UINT64_MAX;
	}
	question->facts.moved = false;
	if (!spec || !rule_action_has(request->action, RULE_PARAMETER))
		return POLICY_NO_PARAMETER;
	/* A limit with set has no condition on parameters, so moving them changes nothing here. */
	for (size_t i = policy->kinds[RULE_LIMIT]; policy->has_set && i < policy->kinds[RULE_LIMIT + 1]; i++)
		if (policy->rules[i].set.n && rule_match(&policy->rules[i], request) == _RULE_KEY_MAX)
			narrow(&policy->rules[i], spec, bounds);
	for (uint32_t i = 0; i < spec->n_params; i++) {
		uint64_t *value = &question->facts.parameters[i];

		*value = request->parameters ? request->parameters[i] : spec->params[i].initial;
		if (!move(question, i, &bounds[i], value) && wrong == POLICY_NO_PARAMETER)
			wrong = i;
	}
	question->facts.moved = wrong == POLICY_NO_PARAMETER;
	return wrong;
}

void question_init(struct question *question, const struct policy_request *request)
{
	question->request = *request;
	question->facts = (struct policy_facts){ .moved = false };
	question->request.facts = &question->facts;
	for (size_t i = 0; request->gids && i < request->n_gids; i++)
		question->facts.gids |= 1ULL << request->gids[i] % 64;
}

static void set_rule(struct policy_decision *decision, const char *rule)
{
	snprintf(decision->rule, sizeof(decision->rule), "%s", rule);
}

void question_decide(const struct policy *policy, struct question *question,
		     struct policy_decision *ret_decision)
{
	const struct policy_request *request = &question->request;
	const char *denial, *allow = NULL;

	*ret_decision = (struct policy_decision){ .parameter = POLICY_NO_PARAMETER };
	denial = built_in_denial(policy, request);
	if (denial) {
		set_rule(ret_decision, denial);
		return;
	}
	ret_decision->parameter = question_bound(policy, question, ret_decision->limits.bounds);
	/* Who is denied anyway does not learn what limits others have. */
	denial = first_match(policy, RULE_DENY, request);
	if (!denial)
		allow = first_match(policy, RULE_ALLOW, request);
	if (!allow) {
		set_rule(ret_decision, denial ? denial : POLICY_RULE_DEFAULT);
		ret_decision->parameter = POLICY_NO_PARAMETER;
		ret_decision->limits = (struct policy_limits){ .value = { 0 } };
		return;
	}
	ret_decision->allowed = ret_decision->parameter == POLICY_NO_PARAMETER;
	set_rule(ret_decision, ret_decision->allowed
				       ? allow
				       : ret_decision->limits.bounds[ret_decision->parameter].section);
	apply_limits(policy, request, &ret_decision->limits);
	memcpy(ret_decision->parameters, question->facts.parameters, sizeof(ret_decision->parameters));
}

void policy_decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *ret_decision)
{
	struct question question;

	question_init(&question, request);
	question_decide(policy, &question, ret_decision);
}
