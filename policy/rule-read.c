/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule.h"

#include <stdio.h>
#include <string.h>

#define BIT(n)      (1U << (n))
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define OVERFLOW_ID 65534U /* what the kernel reports for an id that it cannot map */

/* The value that is being read. */
struct reading {
	const struct rule_reader *reader;
	const struct config_section *section;
	const struct config_entry *entry;
	struct config_word word;
	struct rule *rule;
};

static const char *const kind_names[_RULE_KIND_MAX] = { "allow", "deny", "limit" };
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

const char *rule_kind_name(enum rule_kind kind)
{
	return kind_names[kind];
}

const char *policy_action_name(uint32_t action)
{
	return action < _POLICY_ACTION_MAX ? action_names[action] : NULL;
}

static size_t find_name(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			break;
	return i;
}

bool policy_action_from_name(const char *name, uint32_t *ret_action)
{
	size_t i = find_name(action_names, _POLICY_ACTION_MAX, name);

	if (i == _POLICY_ACTION_MAX)
		return false;
	*ret_action = (uint32_t)i;
	return true;
}

/* A refusal at the word that is being read. */
#define refuse_word(reading, ...)                                                                      \
	config_refuse((reading)->reader->config, (reading)->reader->refusal, (reading)->section->file, \
		      (reading)->entry->line, (reading)->word.column, __VA_ARGS__)

/* A refusal at the key of an entry. */
#define refuse_key(reading, at, ...)                                                                   \
	config_refuse((reading)->reader->config, (reading)->reader->refusal, (reading)->section->file, \
		      (at)->line, (at)->key_column, __VA_ARGS__)

/* "unknown WHAT 'WORD', did you mean 'NEAREST'?" */
static int refuse_unknown(const struct reading *reading, uint32_t line, uint32_t column, const char *what,
			  const char *word, const char *const *names, size_t n)
{
	const char *nearest = config_nearest(word, names, n);
	const struct rule_reader *reader = reading->reader;

	if (nearest)
		return config_refuse(reader->config, reader->refusal, reading->section->file, line, column,
				     "unknown %s '%s', did you mean '%s'?", what, word, nearest);
	return config_refuse(reader->config, reader->refusal, reading->section->file, line, column,
			     "unknown %s '%s'", what, word);
}

static int refuse_unknown_word(const struct reading *reading, const char *what, const char *const *names,
			       size_t n)
{
	return refuse_unknown(reading, reading->entry->line, reading->word.column, what, reading->word.text,
			      names, n);
}

/* Moves on to the next word. Signs of another syntax are refused, because a word that can never match
 * anything would take a deny out of force unnoticed. 0: there is one; 1: there is none; else *ret_error is to
 * be returned. */
static bool next_word(struct reading *reading, int *ret_error)
{
	const char *at;

	*ret_error = 0;
	if (!config_next_word(reading->entry, &reading->word))
		return false;
	at = strpbrk(reading->word.text, ",;\"'`[]{}()!");
	if (!at)
		return true;
	if (*at == ',' || *at == ';')
		*ret_error = refuse_word(reading, "values are separated by blanks, without '%c'", *at);
	else if (*at == '!')
		*ret_error = refuse_word(reading, "'!' has no meaning: write a [deny] section instead");
	else
		*ret_error = refuse_word(reading, "'%c' has no meaning: patterns know '*' and '?' only", *at);
	return false;
}

/* Reads words of an enumeration into a bit set. */
static int read_bits(struct reading *reading, const char *what, const char *const *names, size_t n,
		     uint32_t shift, uint32_t *bits)
{
	int r;

	while (next_word(reading, &r)) {
		size_t i = find_name(names, n, reading->word.text);

		if (i == n)
			return refuse_unknown_word(reading, what, names, n);
		*bits |= BIT(i + shift);
	}
	return r;
}

static int read_action(struct reading *reading)
{
	return read_bits(reading, "action", action_names, COUNT(action_names), 0, &reading->rule->actions);
}

static int read_channel(struct reading *reading)
{
	return read_bits(reading, "channel", channel_names, COUNT(channel_names), 0,
			 &reading->rule->channels);
}

static int read_data(struct reading *reading)
{
	return read_bits(reading, "data", data_names, COUNT(data_names), 0, &reading->rule->data);
}

static int read_namespace(struct reading *reading)
{
	return read_bits(reading, "namespace", namespace_names, COUNT(namespace_names), POLICY_NAMESPACE_HOST,
			 &reading->rule->namespaces);
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
static int unknown_id(const struct reading *reading, const char *what, const char *name)
{
	char *warning;

	if (reading->rule->kind != RULE_ALLOW)
		return refuse_word(reading, "there is no %s '%s', so this %s would vanish", what, name,
				   kind_names[reading->rule->kind]);
	if (asprintf(&warning, "%s:%u:%u: there is no %s '%s': it matches nobody", reading->section->file,
		     reading->entry->line, reading->word.column, what, name) < 0)
		return -ENOMEM;
	return reading->reader->warn(reading->reader->userdata, warning);
}

/* Resolves a user's or group's name or number. *ret_found is false if an allow shall go on without it. */
static int read_id(struct reading *reading, const char *what, const char *name,
		   int (*resolve)(void *, const char *, uint32_t *), uint32_t *ret_id, bool *ret_found)
{
	int r;

	*ret_found = false;
	if (!*name || strpbrk(name, "*?"))
		return refuse_word(reading, "a %s is one name or number, not a pattern", what);
	if (name[strspn(name, "0123456789")] == '\0') {
		if (!read_number(name, ret_id))
			return refuse_word(reading, "'%s' is no valid id", name);
	} else {
		r = resolve(reading->reader->resolver->userdata, name, ret_id);
		if (r < 0)
			return r;
		if (r > 0 || *ret_id == UINT32_MAX)
			return unknown_id(reading, what, name);
	}
	if (*ret_id == OVERFLOW_ID && reading->rule->kind == RULE_ALLOW)
		return refuse_word(reading,
				   "id %u stands for whom the kernel cannot name: it cannot be allowed",
				   OVERFLOW_ID);
	*ret_found = true;
	return 0;
}

static int read_ids(struct reading *reading, const char *what,
		    int (*resolve)(void *, const char *, uint32_t *), struct rule_ids *ids)
{
	int r;

	/* One id at most for each two bytes of the value. */
	ids->ids = calloc(strlen(reading->entry->value) / 2 + 1, sizeof(*ids->ids));
	if (!ids->ids)
		return -ENOMEM;
	while (next_word(reading, &r)) {
		uint32_t id;
		bool found;

		r = read_id(reading, what, reading->word.text, resolve, &id, &found);
		if (r)
			return r;
		if (found)
			ids->ids[ids->n++] = id;
	}
	return r;
}

static int read_user(struct reading *reading)
{
	return read_ids(reading, "user", reading->reader->resolver->user, &reading->rule->users);
}

static int read_group(struct reading *reading)
{
	return read_ids(reading, "group", reading->reader->resolver->group, &reading->rule->groups);
}

static int read_probe(struct reading *reading)
{
	struct rule_globs *probes = &reading->rule->probes;
	int r;

	probes->globs = calloc(strlen(reading->entry->value) / 2 + 1, sizeof(*probes->globs));
	if (!probes->globs)
		return -ENOMEM;
	while (next_word(reading, &r)) {
		if (strlen(reading->word.text) >= PROBE_NAME_MAX)
			return refuse_word(reading, "longer than the name of any probe, %d bytes",
					   PROBE_NAME_MAX - 1);
		probes->globs[probes->n] = strdup(reading->word.text);
		if (!probes->globs[probes->n])
			return -ENOMEM;
		probes->n++;
	}
	return r;
}

static int read_target_glob(struct reading *reading, const char *glob, struct rule_target *target)
{
	if (target->kind == TARGET_UNIT && (!*glob || strchr(glob, '/') || !strpbrk(glob, ".*")))
		return refuse_word(reading,
				   "a unit's full name or a pattern is expected, such as shop.service");
	if (target->kind == TARGET_CGROUP && *glob != '/' && *glob != '*')
		return refuse_word(reading, "a cgroup is a path from the root, such as /system.slice");
	target->glob = strdup(glob);
	return target->glob ? 0 : -ENOMEM;
}

static int read_one_target(struct reading *reading)
{
	const char *word = reading->word.text, *colon = strchr(word, ':');
	struct rule_target *target = &reading->rule->targets[reading->rule->n_targets];
	size_t length = colon ? (size_t)(colon + 1 - word) : strlen(word), i;
	bool found = true;
	int r = 0;

	for (i = 0; i < COUNT(target_names); i++)
		if (strlen(target_names[i]) == length && !strncmp(target_names[i], word, length))
			break;
	if (i == COUNT(target_names))
		return refuse_unknown_word(reading, "target", target_names, COUNT(target_names));
	target->kind = target_kinds[i];
	if (target->kind == TARGET_USER)
		r = read_id(reading, "user", colon + 1, reading->reader->resolver->user, &target->uid,
			    &found);
	else if (colon)
		r = read_target_glob(reading, colon + 1, target);
	if (!r && found)
		reading->rule->n_targets++;
	return r;
}

static int read_target(struct reading *reading)
{
	int r;

	reading->rule->targets =
		calloc(strlen(reading->entry->value) / 2 + 1, sizeof(*reading->rule->targets));
	if (!reading->rule->targets)
		return -ENOMEM;
	while (next_word(reading, &r)) {
		r = read_one_target(reading);
		if (r)
			return r;
	}
	return r;
}

static const struct {
	const char *name;
	int (*read)(struct reading *reading);
} conditions[_RULE_KEY_MAX] = {
	[RULE_ACTION] = { "action", read_action }, [RULE_CHANNEL] = { "channel", read_channel },
	[RULE_DATA] = { "data", read_data },       [RULE_NAMESPACE] = { "namespace", read_namespace },
	[RULE_USER] = { "user", read_user },       [RULE_GROUP] = { "group", read_group },
	[RULE_PROBE] = { "probe", read_probe },    [RULE_TARGET] = { "target", read_target },
};

const char *rule_key_name(enum rule_key key)
{
	return conditions[key].name;
}

static int read_limit(struct reading *reading, uint32_t limit)
{
	const char *error;
	int r;

	if (reading->rule->kind != RULE_LIMIT)
		return refuse_key(reading, reading->entry, "key '%s' belongs into a [limit] section",
				  reading->entry->key);
	if (!next_word(reading, &r))
		return r;
	error = rule_read_limit(limit, reading->word.text, &reading->rule->limits[limit]);
	if (error)
		return refuse_word(reading, "%s", error);
	if (next_word(reading, &r))
		return refuse_word(reading, "one value is expected");
	return r;
}

static int read_key(struct reading *reading)
{
	const char *names[_RULE_KEY_MAX + _POLICY_LIMIT_MAX];

	reading->word = (struct config_word){ .next = 0 };
	for (uint32_t i = 0; i < _RULE_KEY_MAX; i++) {
		names[i] = conditions[i].name;
		if (!strcmp(names[i], reading->entry->key)) {
			reading->rule->keys |= BIT(i);
			return conditions[i].read(reading);
		}
	}
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++) {
		names[_RULE_KEY_MAX + i] = policy_limit_name(i);
		if (!strcmp(policy_limit_name(i), reading->entry->key))
			return read_limit(reading, i);
	}
	return refuse_unknown(reading, reading->entry->line, reading->entry->key_column, "key",
			      reading->entry->key, names,
			      reading->rule->kind == RULE_LIMIT ? COUNT(names) : (size_t)_RULE_KEY_MAX);
}

static int refuse_section(const struct reading *reading, uint32_t column, const char *reason)
{
	return config_refuse(reading->reader->config, reading->reader->refusal, reading->section->file,
			     reading->section->line, column, "%s", reason);
}

static int read_header(struct reading *reading)
{
	static const char *const reserved[] = { POLICY_RULE_DEFAULT, POLICY_RULE_OVERFLOW_UID,
						POLICY_RULE_NO_POLICY, POLICY_RULE_INVALID_REQUEST };
	const struct config_section *section = reading->section;
	size_t kind = find_name(kind_names, _RULE_KIND_MAX, section->kind);

	if (kind == _RULE_KIND_MAX)
		return refuse_unknown(reading, section->line, section->kind_column, "section kind",
				      section->kind, kind_names, _RULE_KIND_MAX);
	if (find_name(reserved, COUNT(reserved), section->name) != COUNT(reserved))
		return refuse_section(reading, section->name_column,
				      "this name is reserved for built-in rules");
	reading->rule->kind = (enum rule_kind)kind;
	return 0;
}

/* What an allow does not name it does not give. */
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
	if (missing & BIT(RULE_TARGET)) {
		rule->targets[0] = self;
		rule->n_targets = 1;
	}
	rule->keys |= BIT(RULE_ACTION) | BIT(RULE_CHANNEL) | BIT(RULE_DATA) | BIT(RULE_TARGET);
}

static int finish_allow(struct reading *reading)
{
	struct rule *rule = reading->rule;

	if (!rule->keys)
		return refuse_section(reading, reading->section->kind_column,
				      "an empty allow would be for everybody: name a group or user");
	if (!rule->targets)
		rule->targets = calloc(1, sizeof(*rule->targets));
	if (!rule->targets)
		return -ENOMEM;
	set_defaults(rule);
	return 0;
}

static int finish_limit(struct reading *reading)
{
	struct rule *rule = reading->rule;
	bool limits = false;

	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		limits |= rule->limits[i] != POLICY_UNLIMITED;
	if (!limits)
		return refuse_section(reading, reading->section->kind_column,
				      "this limit has no max-… key, so it limits nothing");
	if (rule->keys & BIT(RULE_ACTION) && rule->actions != BIT(POLICY_ATTACH))
		return refuse_key(reading, config_entry(reading->section, "action"),
				  "only the action attach can be limited");
	return 0;
}

/* A deny that lists an action beside a key that such requests do not have would never match it. */
static int finish_deny(struct reading *reading)
{
	const struct rule *rule = reading->rule;

	for (uint32_t action = 0; action < _POLICY_ACTION_MAX; action++) {
		if (!(rule->actions & BIT(action)))
			continue;
		for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
			if (rule->keys & BIT(key) && !rule_action_has(action, key))
				return refuse_key(reading,
						  config_entry(reading->section, conditions[key].name),
						  "action '%s' has no %s: this deny could never match it",
						  action_names[action], conditions[key].name);
	}
	return 0;
}

int rule_read(const struct rule_reader *reader, const struct config_section *section, struct rule *ret_rule)
{
	struct reading reading = { .reader = reader, .section = section, .rule = ret_rule };
	int r;

	*ret_rule = (struct rule){ .section = section };
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		ret_rule->limits[i] = POLICY_UNLIMITED;
	r = read_header(&reading);
	for (size_t i = 0; !r && i < section->n_entries; i++) {
		reading.entry = &section->entries[i];
		r = read_key(&reading);
	}
	if (r)
		return r;
	switch (ret_rule->kind) {
	case RULE_ALLOW:
		return finish_allow(&reading);
	case RULE_DENY:
		return finish_deny(&reading);
	default:
		return finish_limit(&reading);
	}
}

void rule_done(struct rule *rule)
{
	free(rule->users.ids);
	free(rule->groups.ids);
	for (size_t i = 0; i < rule->probes.n; i++)
		free(rule->probes.globs[i]);
	free(rule->probes.globs);
	for (size_t i = 0; i < rule->n_targets; i++)
		free(rule->targets[i].glob);
	free(rule->targets);
	*rule = (struct rule){ .n_targets = 0 };
}
