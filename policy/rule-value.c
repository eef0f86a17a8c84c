/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule-value.h"

#include <stdio.h>
#include <string.h>

#define BIT(n)      (1U << (n))
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define OVERFLOW_ID 65534U /* what the kernel reports for an id that it cannot map */

static const char *const action_names[_POLICY_ACTION_MAX] = {
	[POLICY_ATTACH] = "attach",
	[POLICY_DETACH_ANY] = "detach-any",
	[POLICY_ENROLL] = "enroll",
	[POLICY_PROMOTE] = "promote",
	[POLICY_REVOKE] = "revoke",
	[POLICY_AUDIT_READ] = "audit-read",
	[POLICY_POLICY_RELOAD] = "policy-reload",
};
static const char *const channel_names[_POLICY_CHANNEL_MAX] = { "production", "experimental" };
static const char *const data_names[] = { "aggregates", "events" };
static const char *const namespace_names[] = { [POLICY_NAMESPACE_HOST - 1] = "host",
					       [POLICY_NAMESPACE_CONTAINER - 1] = "container" };
static const char *const target_names[] = { "self", "user:", "unit:", "cgroup:", "host" };
static const uint32_t target_kinds[] = { TARGET_SELF, TARGET_USER, TARGET_UNIT, TARGET_CGROUP, TARGET_HOST };

const char *policy_action_name(uint32_t action)
{
	return action < _POLICY_ACTION_MAX ? action_names[action] : NULL;
}

size_t rule_value_find(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			break;
	return i;
}

bool policy_action_from_name(const char *name, uint32_t *ret_action)
{
	size_t i = rule_value_find(action_names, _POLICY_ACTION_MAX, name);

	if (i == _POLICY_ACTION_MAX)
		return false;
	*ret_action = (uint32_t)i;
	return true;
}

/* "unknown WHAT 'WORD', did you mean 'NEAREST'?" */
int rule_value_unknown(const struct rule_value *value, uint32_t line, uint32_t column, const char *what,
		       const char *word, const char *const *names, size_t n)
{
	const char *nearest = config_nearest(word, names, n);
	const struct rule_reader *reader = value->reader;

	if (nearest)
		return config_refuse(reader->config, reader->refusal, value->section->file, line, column,
				     "unknown %s '%s', did you mean '%s'?", what, word, nearest);
	return config_refuse(reader->config, reader->refusal, value->section->file, line, column,
			     "unknown %s '%s'", what, word);
}

static int refuse_unknown_word(const struct rule_value *value, const char *what, const char *const *names,
			       size_t n)
{
	return rule_value_unknown(value, value->entry->line, value->word.column, what, value->word.text,
				  names, n);
}

bool rule_value_next(struct rule_value *value, int *ret_error)
{
	const char *at;

	*ret_error = 0;
	if (!config_next_word(value->entry, &value->word))
		return false;
	at = strpbrk(value->word.text, ",;\"'`[]{}()!");
	if (!at)
		return true;
	if (*at == ',' || *at == ';')
		*ret_error = rule_value_refuse(value, "values are separated by blanks, without '%c'", *at);
	else if (*at == '!')
		*ret_error = rule_value_refuse(value, "'!' has no meaning: write a [deny] section instead");
	else
		*ret_error =
			rule_value_refuse(value, "'%c' has no meaning: patterns know '*' and '?' only", *at);
	return false;
}

/* Reads words of an enumeration into a bit set. */
static int read_bits(struct rule_value *value, const char *what, const char *const *names, size_t n,
		     uint32_t shift, uint32_t *bits)
{
	int r;

	while (rule_value_next(value, &r)) {
		size_t i = rule_value_find(names, n, value->word.text);

		if (i == n)
			return refuse_unknown_word(value, what, names, n);
		*bits |= BIT(i + shift);
	}
	return r;
}

static int read_action(struct rule_value *value)
{
	return read_bits(value, "action", action_names, COUNT(action_names), 0, &value->rule->actions);
}

static int read_channel(struct rule_value *value)
{
	return read_bits(value, "channel", channel_names, COUNT(channel_names), 0, &value->rule->channels);
}

static int read_data(struct rule_value *value)
{
	return read_bits(value, "data", data_names, COUNT(data_names), 0, &value->rule->data);
}

static int read_namespace(struct rule_value *value)
{
	return read_bits(value, "namespace", namespace_names, COUNT(namespace_names), POLICY_NAMESPACE_HOST,
			 &value->rule->namespaces);
}

/* 1: text is a decimal id, stored; 0: it is a name. */
static int read_number(const char *text, uint32_t *ret_id)
{
	uint64_t value = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && p < text + 10; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	if (*p || p == text || (text[0] == '0' && text[1]) || value >= UINT32_MAX)
		return 0;
	*ret_id = (uint32_t)value;
	return 1;
}

/* A name that nobody bears: harmless where it would give something, fatal where it would take something away.
 */
static int unknown_id(const struct rule_value *value, const char *what, const char *name)
{
	char *warning;

	if (value->rule->kind != RULE_ALLOW)
		return rule_value_refuse(value, "there is no %s '%s', so this %s would vanish", what, name,
					 rule_kind_name(value->rule->kind));
	if (asprintf(&warning, "%s:%u:%u: there is no %s '%s': it matches nobody", value->section->file,
		     value->entry->line, value->word.column, what, name) < 0)
		return -ENOMEM;
	return value->reader->warn(value->reader->userdata, warning);
}

/* Resolves a user's or group's name or number. *ret_found is false if an allow shall go on without it. */
static int read_id(struct rule_value *value, const char *what, const char *name,
		   int (*resolve)(void *, const char *, uint32_t *), uint32_t *ret_id, bool *ret_found)
{
	int r;

	*ret_found = false;
	if (!*name || strpbrk(name, "*?"))
		return rule_value_refuse(value, "a %s is one name or number, not a pattern", what);
	if (name[strspn(name, "0123456789")] == '\0') {
		if (!read_number(name, ret_id))
			return rule_value_refuse(value, "'%s' is no valid id", name);
	} else {
		r = resolve(value->reader->resolver->userdata, name, ret_id);
		if (r < 0)
			return r;
		if (r > 0 || *ret_id == UINT32_MAX)
			return unknown_id(value, what, name);
	}
	if (*ret_id == OVERFLOW_ID && value->rule->kind == RULE_ALLOW)
		return rule_value_refuse(value,
					 "id %u stands for whom the kernel cannot name: it cannot be allowed",
					 OVERFLOW_ID);
	*ret_found = true;
	return 0;
}

static int read_ids(struct rule_value *value, const char *what,
		    int (*resolve)(void *, const char *, uint32_t *), struct rule_ids *ids)
{
	int r;

	/* One id at most for each two bytes of the value. */
	ids->ids = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*ids->ids));
	if (!ids->ids)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		uint32_t id;
		bool found;

		r = read_id(value, what, value->word.text, resolve, &id, &found);
		if (r)
			return r;
		if (found)
			ids->ids[ids->n++] = id;
	}
	return r;
}

static int read_user(struct rule_value *value)
{
	return read_ids(value, "user", value->reader->resolver->user, &value->rule->users);
}

static int read_group(struct rule_value *value)
{
	return read_ids(value, "group", value->reader->resolver->group, &value->rule->groups);
}

static int read_probe(struct rule_value *value)
{
	struct rule_globs *probes = &value->rule->probes;
	int r;

	probes->globs = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*probes->globs));
	if (!probes->globs)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		if (strlen(value->word.text) >= PROBE_NAME_MAX)
			return rule_value_refuse(value, "longer than the name of any probe, %d bytes",
						 PROBE_NAME_MAX - 1);
		probes->globs[probes->n] = strdup(value->word.text);
		if (!probes->globs[probes->n])
			return -ENOMEM;
		probes->n++;
	}
	return r;
}

static int read_target_glob(struct rule_value *value, const char *glob, struct rule_target *target)
{
	if (target->kind == TARGET_UNIT && (!*glob || strchr(glob, '/') || !strpbrk(glob, ".*")))
		return rule_value_refuse(value,
					 "a unit's full name or a pattern is expected, such as shop.service");
	if (target->kind == TARGET_CGROUP && *glob != '/' && *glob != '*')
		return rule_value_refuse(value, "a cgroup is a path from the root, such as /system.slice");
	target->glob = strdup(glob);
	return target->glob ? 0 : -ENOMEM;
}

static int read_one_target(struct rule_value *value)
{
	const char *word = value->word.text, *colon = strchr(word, ':');
	struct rule_target *target = &value->rule->targets[value->rule->n_targets];
	size_t length = colon ? (size_t)(colon + 1 - word) : strlen(word), i;
	bool found = true;
	int r = 0;

	for (i = 0; i < COUNT(target_names); i++)
		if (strlen(target_names[i]) == length && !strncmp(target_names[i], word, length))
			break;
	if (i == COUNT(target_names))
		return refuse_unknown_word(value, "target", target_names, COUNT(target_names));
	target->kind = target_kinds[i];
	if (target->kind == TARGET_USER)
		r = read_id(value, "user", colon + 1, value->reader->resolver->user, &target->uid, &found);
	else if (colon)
		r = read_target_glob(value, colon + 1, target);
	if (!r && found)
		value->rule->n_targets++;
	return r;
}

static int read_target(struct rule_value *value)
{
	int r;

	value->rule->targets = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*value->rule->targets));
	if (!value->rule->targets)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		r = read_one_target(value);
		if (r)
			return r;
	}
	return r;
}

static int (*const readers[_RULE_KEY_MAX])(struct rule_value *value) = {
	[RULE_ACTION] = read_action,       [RULE_CHANNEL] = read_channel, [RULE_DATA] = read_data,
	[RULE_NAMESPACE] = read_namespace, [RULE_USER] = read_user,       [RULE_GROUP] = read_group,
	[RULE_PROBE] = read_probe,         [RULE_TARGET] = read_target,
};

const char *rule_key_name(enum rule_key key)
{
	return rule_rows[key].name;
}

int rule_value_read(struct rule_value *value, enum rule_key key)
{
	return readers[key](value);
}
