/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy.h"

#include <string.h>

#include "policy/policy-internal.h"

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

static void note_kinds(struct policy *policy)
{
	for (size_t i = 0; i < policy->n_rules; i++) {
		for (enum rule_kind kind = policy->rules[i].kind; kind < _RULE_KIND_MAX; kind++)
			policy->kinds[kind + 1] = i + 1;
		policy->has_set |= policy->rules[i].set.n > 0;
	}
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
	note_kinds(policy);
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

const struct rule *policy_rules(const struct policy *policy, size_t *ret_n)
{
	*ret_n = policy->n_rules;
	return policy->rules;
}

size_t policy_n_warnings(const struct policy *policy)
{
	return policy->n_warnings;
}

const char *policy_warning(const struct policy *policy, size_t i)
{
	return policy->warnings[i];
}
