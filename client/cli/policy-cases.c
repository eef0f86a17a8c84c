/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/policy-cases.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Noon on a Monday: a usual time, for cases that name none. */
#define USUAL_MINUTE (12U * 60)

struct policy_case *policy_case_free(struct policy_case *c)
{
	free(c);
	return NULL;
}

int case_copy(struct case_reader *reader, const char *text, char *array, size_t size)
{
	size_t n = strlen(text);

	if (n >= size)
		return case_refuse(reader, "longer than %zu bytes", size - 1);
	memcpy(array, text, n + 1);
	return 0;
}

/* The only word of an entry. */
static int one_word(struct case_reader *reader)
{
	config_next_word(reader->entry, &reader->word);
	if (reader->entry->value[reader->word.next])
		return case_refuse(reader, "%s has one value", reader->entry->key);
	return 0;
}

static int refuse_word(struct case_reader *reader, const char *const *names, size_t n)
{
	const char *nearest = config_nearest(reader->word.text, names, n);

	if (nearest)
		return case_refuse(reader, "unknown %s '%s', did you mean '%s'?", reader->entry->key,
				   reader->word.text, nearest);
	/* An enumeration of two needs no list of what is near. */
	return case_refuse(reader, "unknown %s '%s'%s%s%s%s", reader->entry->key, reader->word.text,
			   n == 2 ? ": " : "", n == 2 ? names[0] : "", n == 2 ? " or " : "",
			   n == 2 ? names[1] : "");
}

static int word_index(struct case_reader *reader, const char *const *names, size_t n, uint32_t *ret)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(names[i], reader->word.text)) {
			*ret = i;
			return 0;
		}
	return refuse_word(reader, names, n);
}

/* One word of an enumeration. */
static int read_word(struct case_reader *reader, const char *const *names, size_t n, uint32_t *ret)
{
	int r = one_word(reader);

	return r ? r : word_index(reader, names, n, ret);
}

static int read_id(struct case_reader *reader, const char *what, const char *name,
		   int (*resolve)(void *, const char *, uint32_t *), uint32_t *ret)
{
	uint64_t number = 0;
	int r;

	if (*name && !name[strspn(name, "0123456789")]) {
		for (const char *p = name; *p && number <= UINT32_MAX; p++)
			number = number * 10 + (uint64_t)(*p - '0');
		if (number >= UINT32_MAX)
			return case_refuse(reader, "'%s' is no valid id", name);
		*ret = (uint32_t)number;
		return 0;
	}
	r = resolve(reader->resolver->userdata, name, ret);
	if (r > 0)
		return case_refuse(reader, "there is no %s '%s' here: --assume-names goes on without", what,
				   name);
	return r;
}

static int read_user(struct case_reader *reader)
{
	int r = one_word(reader);

	return r ? r
		 : read_id(reader, "user", reader->word.text, reader->resolver->user,
			   &reader->c->request.uid);
}

static int read_group(struct case_reader *reader)
{
	struct policy_request *request = &reader->c->request;
	int r = 0;

	while (!r && config_next_word(reader->entry, &reader->word)) {
		if (request->n_gids == CASE_GROUPS_MAX)
			return case_refuse(reader, "more than %d groups", CASE_GROUPS_MAX);
		r = read_id(reader, "group", reader->word.text, reader->resolver->group,
			    &reader->c->gids[request->n_gids]);
		request->n_gids += !r;
	}
	return r;
}

static int read_namespace(struct case_reader *reader)
{
	return read_word(reader, policy_namespace_names, _POLICY_NAMESPACE_MAX,
			 &reader->c->request.namespace);
}

static int read_from_cgroup(struct case_reader *reader)
{
	int r = one_word(reader);

	if (r)
		return r;
	if (reader->word.text[0] != '/')
		return case_refuse(reader, "a path from the root of the hierarchy is expected");
	reader->c->request.cgroup = reader->c->cgroup;
	return case_copy(reader, reader->word.text, reader->c->cgroup, sizeof(reader->c->cgroup));
}

static int read_action(struct case_reader *reader)
{
	return read_word(reader, policy_action_names, _POLICY_ACTION_MAX, &reader->c->request.action);
}

static int read_probe(struct case_reader *reader)
{
	struct policy_case *c = reader->c;
	int r = one_word(reader);

	if (r)
		return r;
	/* '*' is what is asked for by who revokes a key on which no bundle depends. */
	if (!spec_probe_name_valid(reader->word.text) && strcmp(reader->word.text, "*") != 0)
		return case_refuse(reader, "'%s' cannot be the name of a probe", reader->word.text);
	r = case_copy(reader, reader->word.text, c->request.probe, sizeof(c->request.probe));
	memcpy(c->spec.name, c->request.probe, sizeof(c->spec.name));
	return r;
}

static int read_channel(struct case_reader *reader)
{
	return read_word(reader, policy_channel_names, _POLICY_CHANNEL_MAX, &reader->c->request.channel);
}

static int read_data(struct case_reader *reader)
{
	uint32_t i;
	int r = 0;

	reader->c->request.data = 0;
	while (!r && config_next_word(reader->entry, &reader->word)) {
		r = word_index(reader, policy_data_names, POLICY_DATA_KINDS, &i);
		if (!r)
			reader->c->request.data |= 1U << i;
	}
	return r;
}

static int read_privacy(struct case_reader *reader)
{
	return read_word(reader, spec_privacy_names, _SPEC_PRIVACY_MAX, &reader->c->request.privacy);
}

static int read_yes_no(struct case_reader *reader, bool *ret)
{
	static const char *const names[] = { "no", "yes" };
	uint32_t i = 0;
	int r = read_word(reader, names, COUNT(names), &i);

	if (!r)
		*ret = i;
	return r;
}

static int read_persist(struct case_reader *reader)
{
	return read_yes_no(reader, &reader->c->request.persist);
}

static int read_target(struct case_reader *reader)
{
	static const char *const names[] = { "self", "user:", "unit:", "cgroup:", "host" };
	struct policy_request *request = &reader->c->request;
	const char *name;
	int r = one_word(reader);

	if (r)
		return r;
	name = strchr(reader->word.text, ':');
	for (uint32_t i = 0; i < COUNT(names); i++) {
		size_t n = name ? (size_t)(name + 1 - reader->word.text) : strlen(reader->word.text);

		if (strlen(names[i]) != n || strncmp(names[i], reader->word.text, n) != 0)
			continue;
		request->target_kind = i;
		if (i == TARGET_USER)
			return read_id(reader, "user", name + 1, reader->resolver->user,
				       &request->target_uid);
		return name ? case_copy(reader, name + 1, request->target_name, sizeof(request->target_name))
			    : 0;
	}
	return refuse_word(reader, names, COUNT(names));
}

static int read_time(struct case_reader *reader)
{
	int r = one_word(reader);

	if (r || policy_minute_from_text(reader->word.text, &reader->c->request.minute))
		return r;
	return case_refuse(reader, "a day and a time in UTC are expected: mon/09:30");
}

static int read_expect(struct case_reader *reader)
{
	static const char *const names[] = { "deny", "allow" };
	uint32_t i = 0;
	int r = read_word(reader, names, COUNT(names), &i);

	reader->c->allowed = i;
	return r;
}

static int read_rule(struct case_reader *reader)
{
	int r = one_word(reader);

	return r ? r : case_copy(reader, reader->word.text, reader->c->rule, sizeof(reader->c->rule));
}

static int read_limit(struct case_reader *reader, uint32_t limit)
{
	struct policy_case *c = reader->c;
	const char *error;
	int r = one_word(reader);

	if (r)
		return r;
	c->limits_expected |= 1U << limit;
	c->limits[limit] = POLICY_UNLIMITED;
	if (!strcmp(reader->word.text, "none"))
		return 0;
	error = policy_limit_from_text(limit, reader->word.text, &c->limits[limit]);
	return error ? case_refuse(reader, "%s", error) : 0;
}

/* "yes" and "no" are part of what is asked, "required" and "none" are a limit that is expected. */
static int read_kernel_verified(struct case_reader *reader)
{
	if (!strcmp(reader->entry->value, "yes") || !strcmp(reader->entry->value, "no"))
		return read_yes_no(reader, &reader->c->request.kernel_verified);
	return read_limit(reader, POLICY_KERNEL_VERIFIED);
}

static const struct case_key {
	const char *name;
	int (*read)(struct case_reader *reader);
	bool required;
} keys[] = {
	{ "user", read_user, true },
	{ "group", read_group },
	{ "namespace", read_namespace },
	{ "from-cgroup", read_from_cgroup },
	{ "action", read_action },
	{ "probe", read_probe },
	{ "channel", read_channel },
	{ "version", case_read_version },
	{ "role", case_read_role },
	{ "signer", case_read_signer },
	{ "hook", case_read_hook },
	{ "program-type", case_read_program_type },
	{ "helper", case_read_helper },
	{ "values", case_read_values },
	{ "parameter", case_read_parameter },
	{ "data", read_data },
	{ "privacy", read_privacy },
	{ "target", read_target },
	{ "persist", read_persist },
	{ "kernel-verified", read_kernel_verified },
	{ "time", read_time },
	{ "expect", read_expect, true },
	{ "rule", read_rule },
	{ "in-force", case_read_in_force },
};

static int refuse_key(struct case_reader *reader)
{
	const char *names[COUNT(keys) + _POLICY_LIMIT_MAX], *nearest;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(keys); i++)
		names[n++] = keys[i].name;
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		names[n++] = policy_limit_name(i);
	nearest = config_nearest(reader->entry->key, names, n);
	return config_refuse(reader->config, reader->refusal, reader->c->section->file, reader->entry->line,
			     reader->entry->key_column, "unknown key '%s'%s%s%s", reader->entry->key,
			     nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* Keys are read in the order of the table, whatever that of the file: later ones may need earlier ones. */
static int read_keys(struct case_reader *reader)
{
	const struct config_section *section = reader->c->section;
	int r = 0;

	for (size_t i = 0; !r && i < COUNT(keys); i++) {
		reader->entry = config_entry(section, keys[i].name);
		reader->word = (struct config_word){ .next = 0 };
		if (reader->entry)
			r = keys[i].read(reader);
		else if (keys[i].required)
			return config_refuse(reader->config, reader->refusal, section->file, section->line,
					     section->kind_column, "key '%s' is missing", keys[i].name);
	}
	return r;
}

/* Everything else: limits that are expected, or a mistake. */
static int read_other_keys(struct case_reader *reader)
{
	const struct config_section *section = reader->c->section;
	int r = 0;

	for (size_t i = 0; !r && i < section->n_entries; i++) {
		size_t known = 0;
		uint32_t limit = 0;

		reader->entry = &section->entries[i];
		reader->word = (struct config_word){ .next = 0 };
		while (known < COUNT(keys) && strcmp(keys[known].name, reader->entry->key) != 0)
			known++;
		while (limit < _POLICY_LIMIT_MAX && strcmp(policy_limit_name(limit), reader->entry->key) != 0)
			limit++;
		if (known < COUNT(keys))
			continue;
		r = limit < _POLICY_LIMIT_MAX ? read_limit(reader, limit) : refuse_key(reader);
	}
	return r;
}

int policy_case_new(const struct config *config, const struct config_section *section,
		    const struct policy_resolver *resolver, struct refusal *refusal, struct policy_case **ret)
{
	_cleanup_(policy_case_free_p) struct policy_case *c = calloc(1, sizeof(*c));
	struct case_reader reader = { .config = config, .resolver = resolver, .refusal = refusal, .c = c };
	int r;

	if (!c)
		return -ENOMEM;
	if (strcmp(section->kind, "test") != 0)
		return config_refuse(config, refusal, section->file, section->line, section->kind_column,
				     "unknown section kind '%s': only [test NAME] is known here",
				     section->kind);
	c->section = section;
	c->request.gids = c->gids;
	c->request.namespace = POLICY_NAMESPACE_HOST;
	c->request.data = POLICY_DATA_AGGREGATES;
	c->request.minute = USUAL_MINUTE;
	r = read_other_keys(&reader);
	if (!r)
		r = read_keys(&reader);
	if (!r)
		r = case_finish_bundle(&reader);
	/* Without one, an attach is denied as no request at all: that would pass for a denial that was meant.
	 */
	if (!r && c->request.action == POLICY_ATTACH && !c->request.probe[0])
		return config_refuse(config, refusal, section->file, section->line, section->kind_column,
				     "key 'probe' is missing");
	if (r)
		return r;
	*ret = take_ptr(c);
	return 0;
}
