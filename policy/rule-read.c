/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "policy/rule-value.h"

#define BIT(n)   (1U << (n))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const kind_names[_RULE_KIND_MAX] = { "allow", "deny", "limit" };

const char *rule_kind_name(enum rule_kind kind)
{
	return kind_names[kind];
}

/* A refusal at the key of an entry. */
#define refuse_key(value, at, ...)                                                                           \
	config_refuse((value)->reader->config, (value)->reader->refusal, (value)->section->file, (at)->line, \
		      (at)->key_column, __VA_ARGS__)

static int refuse_limit_key(const struct rule_value *value)
{
	return refuse_key(value, value->entry, "key '%s' belongs into a [limit] section", value->entry->key);
}

static int read_limit(struct rule_value *value, uint32_t limit)
{
	const char *error;
	int r;

	if (value->rule->kind != RULE_LIMIT)
		return refuse_limit_key(value);
	if (!rule_value_next(value, &r))
		return r;
	error = policy_limit_from_text(limit, value->word.text, &value->rule->limits[limit]);
	if (error)
		return rule_value_refuse(value, "%s", error);
	if (rule_value_next(value, &r))
		return rule_value_refuse(value, "one value is expected");
	return r;
}

/* In a limit, kernel-verified is no condition, but what it asks for. */
static bool is_limit_here(const struct rule *rule, enum rule_key key)
{
	return rule->kind == RULE_LIMIT && key == RULE_KERNEL_VERIFIED;
}

static int read_set(struct rule_value *value)
{
	if (value->rule->kind != RULE_LIMIT)
		return refuse_limit_key(value);
	return rule_read_set(value);
}

static int read_key(struct rule_value *value)
{
	const char *names[_RULE_KEY_MAX + _POLICY_LIMIT_MAX + 1];

	value->word = (struct config_word){ .next = 0 };
	for (uint32_t i = 0; i < _RULE_KEY_MAX; i++) {
		names[i] = rule_key_name((enum rule_key)i);
		if (!strcmp(names[i], value->entry->key) && !is_limit_here(value->rule, i)) {
			value->rule->keys |= BIT(i);
			return rule_value_read(value, (enum rule_key)i);
		}
	}
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++) {
		names[_RULE_KEY_MAX + i] = policy_limit_name(i);
		if (!strcmp(policy_limit_name(i), value->entry->key))
			return read_limit(value, i);
	}
	names[_RULE_KEY_MAX + _POLICY_LIMIT_MAX] = "set";
	if (!strcmp(value->entry->key, "set"))
		return read_set(value);
	return rule_value_unknown(value, value->entry->line, value->entry->key_column, "key",
				  value->entry->key, names,
				  value->rule->kind == RULE_LIMIT ? COUNT(names) : (size_t)_RULE_KEY_MAX);
}

static int refuse_section(const struct rule_value *value, uint32_t column, const char *reason)
{
	return config_refuse(value->reader->config, value->reader->refusal, value->section->file,
			     value->section->line, column, "%s", reason);
}

static int read_header(struct rule_value *value)
{
	const struct config_section *section = value->section;
	size_t kind = rule_value_find(kind_names, _RULE_KIND_MAX, section->kind);

	if (kind == _RULE_KIND_MAX)
		return rule_value_unknown(value, section->line, section->kind_column, "section kind",
					  section->kind, kind_names, _RULE_KIND_MAX);
	if (policy_built_in_meaning(section->name))
		return refuse_section(value, section->name_column,
				      "this name is reserved for built-in rules");
	value->rule->kind = (enum rule_kind)kind;
	return 0;
}

const char *policy_default_of(const char *key)
{
	static const char *const defaults[_RULE_KEY_MAX] = {
		[RULE_ACTION] = "attach", [RULE_CHANNEL] = "production", [RULE_DATA] = "aggregates",
		[RULE_PRIVACY] = "bound", [RULE_PERSIST] = "no",         [RULE_MAY_MODIFY] = "no",
		[RULE_TARGET] = "self",
	};

	for (enum rule_key i = 0; i < _RULE_KEY_MAX; i++)
		if (!strcmp(rule_key_name(i), key))
			return defaults[i];
	return NULL;
}

/* What an allow does not name it does not give: policy_default_of(), compiled. */
static void set_defaults(struct rule *rule)
{
	static const struct rule_target self = { .kind = TARGET_SELF };
	uint32_t missing = ~rule->keys;

	if (missing & BIT(RULE_ACTION))
		rule->actions = BIT(POLICY_ATTACH);
	if (missing & BIT(RULE_CHANNEL))
		rule->channels = BIT(POLICY_CHANNEL_PRODUCTION);
	if (missing & BIT(RULE_DATA))
		rule->data = POLICY_DATA_AGGREGATES;
	if (missing & BIT(RULE_PRIVACY))
		rule->privacy = BIT(SPEC_PRIVACY_SAFE) | BIT(SPEC_PRIVACY_BOUND);
	if (missing & BIT(RULE_PERSIST))
		rule->persist = BIT(false);
	if (missing & BIT(RULE_MAY_MODIFY))
		rule->may_modify = BIT(false);
	if (missing & BIT(RULE_TARGET)) {
		rule->targets[0] = self;
		rule->n_targets = 1;
	}
	rule->keys |= BIT(RULE_ACTION) | BIT(RULE_CHANNEL) | BIT(RULE_DATA) | BIT(RULE_PRIVACY) |
		      BIT(RULE_PERSIST) | BIT(RULE_MAY_MODIFY) | BIT(RULE_TARGET);
}

static int finish_allow(struct rule_value *value)
{
	struct rule *rule = value->rule;

	if (!rule->keys)
		return refuse_section(value, value->section->kind_column,
				      "an empty allow would be for everybody: name a group or user");
	if (!rule->targets)
		rule->targets = calloc(1, sizeof(*rule->targets));
	if (!rule->targets)
		return -ENOMEM;
	set_defaults(rule);
	return 0;
}

static int finish_limit(struct rule_value *value)
{
	struct rule *rule = value->rule;
	bool limits = rule->set.n > 0;

	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		limits |= rule->limits[i] != POLICY_UNLIMITED;
	if (!limits)
		return refuse_section(
			value, value->section->kind_column,
			"this limit has neither a max-… key, set nor kernel-verified, so it limits nothing");
	/* It would move values by which it is found. */
	if (rule->set.n && rule->keys & BIT(RULE_PARAMETER))
		return refuse_key(value, config_entry(value->section, "parameter"),
				  "a limit with set cannot depend on parameters");
	if (rule->keys & BIT(RULE_ACTION) && rule->actions != BIT(POLICY_ATTACH))
		return refuse_key(value, config_entry(value->section, "action"),
				  "only the action attach can be limited");
	return 0;
}

/* A deny that lists an action beside a key that such requests do not have would never match it. */
static int finish_deny(struct rule_value *value)
{
	const struct rule *rule = value->rule;

	for (uint32_t action = 0; action < _POLICY_ACTION_MAX; action++) {
		if (!(rule->actions & BIT(action)))
			continue;
		for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
			if (rule->keys & BIT(key) && !rule_action_has(action, key))
				return refuse_key(value, config_entry(value->section, rule_key_name(key)),
						  "action '%s' has no %s: this deny could never match it",
						  policy_action_name(action), rule_key_name(key));
	}
	return 0;
}

int rule_read(const struct rule_reader *reader, const struct config_section *section, struct rule *ret_rule)
{
	struct rule_value value = { .reader = reader, .section = section, .rule = ret_rule };
	int r;

	*ret_rule = (struct rule){ .section = section };
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		ret_rule->limits[i] = POLICY_UNLIMITED;
	r = read_header(&value);
	for (size_t i = 0; !r && i < section->n_entries; i++) {
		value.entry = &section->entries[i];
		r = read_key(&value);
	}
	if (r)
		return r;
	switch (ret_rule->kind) {
	case RULE_ALLOW:
		return finish_allow(&value);
	case RULE_DENY:
		return finish_deny(&value);
	default:
		return finish_limit(&value);
	}
}

static void globs_done(struct rule_globs *globs)
{
	for (size_t i = 0; i < globs->n; i++)
		free(globs->globs[i]);
	free(globs->globs);
}

void rule_done(struct rule *rule)
{
	free(rule->users.ids);
	free(rule->groups.ids);
	free(rule->uids.ranges);
	free(rule->times.ranges);
	globs_done(&rule->probes);
	globs_done(&rule->versions);
	globs_done(&rule->roles);
	globs_done(&rule->hooks);
	globs_done(&rule->helpers);
	globs_done(&rule->from_units);
	globs_done(&rule->from_cgroups);
	for (size_t i = 0; i < rule->n_signers; i++)
		free(rule->signers[i].subject);
	free(rule->signers);
	free(rule->parameters.list);
	free(rule->set.list);
	for (size_t i = 0; i < rule->n_targets; i++)
		free(rule->targets[i].glob);
	free(rule->targets);
	*rule = (struct rule){ .n_targets = 0 };
}
