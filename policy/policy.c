/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#include "policy/rule.h"

#define OVERFLOW_UID 65534U /* /proc/sys/kernel/overflowuid, never changed in practice */

struct policy {
	struct config *config;
	struct rule *rules; /* ordered by kind, then name */
	size_t n_rules;
	char **warnings;
	size_t n_warnings;
	bool deny_all;
};

struct policy *policy_free(struct policy *policy)
{
	if (!policy)
		return NULL;
	for (size_t i = 0; i < policy->n_rules; i++)
		rule_done(&policy->rules[i]);
	for (size_t i = 0; i < policy->n_warnings; i++)
		free(policy->warnings[i]);
	free(policy->rules);
	free(policy->warnings);
	config_free(policy->config);
	free(policy);
	return NULL;
}

static int warn(void *userdata, char *warning)
{
	struct policy *policy = userdata;
	char **p = reallocarray(policy->warnings, policy->n_warnings + 1, sizeof(*p));

	if (!p) {
		free(warning);
		return -ENOMEM;
	}
	policy->warnings = p;
	policy->warnings[policy->n_warnings++] = warning;
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->section->name, y->section->name);
}

static int read_rules(struct policy *policy, const struct config *config,
		      const struct policy_resolver *resolver, struct refusal *refusal)
{
	const struct rule_reader reader = {
		.config = config, .resolver = resolver, .refusal = refusal, .warn = warn, .userdata = policy
	};
	size_t n = config_n_sections(config);
	int r;

	policy->rules = calloc(n ? n : 1, sizeof(*policy->rules));
	if (!policy->rules)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		r = rule_read(&reader, config_section(config, i), &policy->rules[policy->n_rules++]);
		if (r)
			return r;
	}
	qsort(policy->rules, policy->n_rules, sizeof(*policy->rules), compare_rules);
	return 0;
}

int policy_new_from_config(struct config *config, const struct policy_resolver *resolver,
			   struct refusal *refusal, struct policy **ret_policy)
{
	_cleanup_(policy_free_p) struct policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	r = read_rules(policy, config, resolver, refusal);
	if (r)
		return r;
	policy->config = config;
	*ret_policy = take_ptr(policy);
	return 0;
}

/* Finishes a config that was made for the policy alone. */
static int new_from_own_config(struct config **config, const struct policy_resolver *resolver,
			       struct refusal *refusal, struct policy **ret_policy)
{
	int r = policy_new_from_config(*config, resolver, refusal, ret_policy);

	if (!r)
		*config = NULL;
	return r;
}

int policy_new_from_text(const char *file, const char *text, size_t size,
			 const struct policy_resolver *resolver, struct refusal *refusal,
			 struct policy **ret_policy)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	int r;

	r = config_new(REFUSAL_POLICY_INVALID, &config);
	if (r)
		return r;
	r = config_add_text(config, file, text, size, refusal);
	if (r)
		return r;
	return new_from_own_config(&config, resolver, refusal, ret_policy);
}

int policy_load(const char *const *directories, size_t n, uid_t owner, const struct policy_resolver *resolver,
		struct refusal *refusal, struct policy **ret_policy)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	int r;

	r = config_new(REFUSAL_POLICY_INVALID, &config);
	if (r)
		return r;
	r = config_add_directories(config, directories, n, ".policy", owner, refusal);
	if (r)
		return r;
	return new_from_own_config(&config, resolver, refusal, ret_policy);
}

int policy_deny_all(struct policy **ret_policy)
{
	static const struct policy_resolver no_names;
	int r = policy_new_from_text("deny-all", "", 0, &no_names, NULL, ret_policy);

	if (!r)
		(*ret_policy)->deny_all = true;
	return r;
}

const char *policy_text(const struct policy *policy, size_t *ret_size)
{
	return config_text(policy->config, ret_size);
}

size_t policy_n_warnings(const struct policy *policy)
{
	return policy->n_warnings;
}

const char *policy_warning(const struct policy *policy, size_t i)
{
	return policy->warnings[i];
}

static bool is_terminated(const char *text, size_t size)
{
	return text[0] && memchr(text, '\0', size);
}

/* "/" or "/a/b": one spelling for each cgroup, so that no pattern can be walked around. */
static bool is_cgroup_path(const char *path)
{
	if (!strcmp(path, "/"))
		return true;
	while (*path == '/') {
		size_t n = strcspn(++path, "/");

		if (!n || !strncmp(path, ".", n) || !strncmp(path, "..", n))
			return false;
		path += n;
	}
	return !*path;
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

/* Only a request that passes is shown to rules: they rely on it. */
static bool request_is_valid(const struct policy_request *request)
{
	uint32_t action = request->action;

	if (action >= _POLICY_ACTION_MAX || request->uid == (uid_t)-1 ||
	    request->namespace >= _POLICY_NAMESPACE_MAX || (request->n_gids && !request->gids))
		return false;
	if (rule_action_has(action, RULE_PROBE) && !is_terminated(request->probe, sizeof(request->probe)))
		return false;
	if (rule_action_has(action, RULE_CHANNEL) && request->channel >= _POLICY_CHANNEL_MAX)
		return false;
	if (rule_action_has(action, RULE_DATA) && !data_is_valid(request->data))
		return false;
	return !rule_action_has(action, RULE_TARGET) || target_is_valid(request);
}

/* The built-in rule that denies before any section is asked, or NULL. */
static const char *built_in_denial(const struct policy *policy, const struct policy_request *request)
{
	if (policy->deny_all)
		return POLICY_RULE_NO_POLICY;
	if (!request_is_valid(request))
		return POLICY_RULE_INVALID_REQUEST;
	if (request->uid == OVERFLOW_UID)
		return POLICY_RULE_OVERFLOW_UID;
	return NULL;
}

static const char *first_match(const struct policy *policy, enum rule_kind kind,
			       const struct policy_request *request)
{
	for (size_t i = 0; i < policy->n_rules; i++)
		if (policy->rules[i].kind == kind && rule_match(&policy->rules[i], request) == _RULE_KEY_MAX)
			return policy->rules[i].section->name;
	return NULL;
}

static void apply_limits(const struct policy *policy, const struct policy_request *request,
			 struct policy_limits *limits)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		limits->value[i] = POLICY_UNLIMITED;
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];

		if (rule->kind != RULE_LIMIT || rule_match(rule, request) != _RULE_KEY_MAX)
			continue;
		for (uint32_t j = 0; j < _POLICY_LIMIT_MAX; j++) {
			if (rule->limits[j] >= limits->value[j])
				continue;
			limits->value[j] = rule->limits[j];
			snprintf(limits->section[j], sizeof(limits->section[j]), "%s", rule->section->name);
		}
	}
}

void policy_decide(const struct policy *policy, const struct policy_request *request,
		   struct policy_decision *ret_decision)
{
	const char *denial, *allow = NULL;

	*ret_decision = (struct policy_decision){ .allowed = false };
	denial = built_in_denial(policy, request);
	if (!denial)
		denial = first_match(policy, RULE_DENY, request);
	if (!denial)
		allow = first_match(policy, RULE_ALLOW, request);
	if (!denial && !allow)
		denial = POLICY_RULE_DEFAULT;
	snprintf(ret_decision->rule, sizeof(ret_decision->rule), "%s", denial ? denial : allow);
	if (denial)
		return;
	apply_limits(policy, request, &ret_decision->limits);
	ret_decision->allowed = true;
}

int policy_explain(const struct policy *policy, const struct policy_request *request,
		   int (*callback)(void *userdata, const struct policy_explanation *explanation),
		   void *userdata)
{
	if (!request_is_valid(request))
		return 0;
	for (size_t i = 0; i < policy->n_rules; i++) {
		const struct rule *rule = &policy->rules[i];
		enum rule_key key = rule_match(rule, request);
		struct policy_explanation explanation = {
			.kind = rule_kind_name(rule->kind),
			.name = rule->section->name,
			.file = rule->section->file,
			.line = rule->section->line,
			.matched = key == _RULE_KEY_MAX,
		};
		int r;

		if (!explanation.matched) {
			const struct config_entry *entry = config_entry(rule->section, rule_key_name(key));

			explanation.key = rule_key_name(key);
			explanation.key_line = entry ? entry->line : 0;
		}
		r = callback(userdata, &explanation);
		if (r)
			return r;
	}
	return 0;
}
