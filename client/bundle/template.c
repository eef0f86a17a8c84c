/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/bundle/template.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REFUSE(rule, ...) return refusal_set(refusal, REFUSAL_BUNDLE_INVALID, rule, __VA_ARGS__)
#define TRY(check)                 \
	do {                       \
		int r_ = (check);  \
		if (r_)            \
			return r_; \
	} while (0)

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

/* A key of an object and what reads its value. */
struct key {
	const char *name;
	int (*read)(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal);
	void *to;
	size_t size;
	bool required;
};

static int read_text(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	if (!json_is_string(value) || json_string_length(value) >= size)
		REFUSE("P2", "%s is not a text of at most %zu bytes", name, size - 1);
	memcpy(to, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int read_u64(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		REFUSE("P2", "%s is not an integer of at least 0", name);
	if (size == sizeof(uint64_t)) {
		*(uint64_t *)to = (uint64_t)json_integer_value(value);
		return 0;
	}
	if (json_integer_value(value) > UINT32_MAX)
		REFUSE("P2", "%s is above %u", name, UINT32_MAX);
	*(uint32_t *)to = (uint32_t)json_integer_value(value);
	return 0;
}

static int read_bool(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	(void)size;
	if (!json_is_boolean(value))
		REFUSE("P2", "%s is not true or false", name);
	*(bool *)to = json_is_true(value);
	return 0;
}

static int read_type(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	(void)size;
	if (!json_is_string(value) || !spec_type_from_name(json_string_value(value), to))
		REFUSE("P2", "%s is not a type", name);
	return 0;
}

static int read_privacy(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	(void)size;
	if (!json_is_string(value) || !spec_privacy_from_name(json_string_value(value), to))
		REFUSE("P2", "%s is not safe, bound or pii", name);
	return 0;
}

static int read_keys(const char *where, const json_t *object, const struct key *keys, struct refusal *refusal)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		REFUSE("P2", "%s is not an object", where);
	for (const struct key *k = keys; k->name; k++)
		if (k->required && !json_object_get(object, k->name))
			REFUSE("P2", "%s: %s is missing", where, k->name);
	json_object_foreach ((json_t *)object, name, value) {
		const struct key *k = keys;

		while (k->name && strcmp(k->name, name))
			k++;
		if (!k->name)
			REFUSE("P2", "%s: \"%.60s\" is not known", where, name);
		TRY(k->read(name, value, k->to, k->size, refusal));
	}
	return 0;
}

static int read_roles(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct spec *s = to;

	(void)size;
	if (!json_is_array(value) || json_array_size(value) > SPEC_ROLES_MAX)
		REFUSE("P2", "%s is not an array of at most %d names", name, SPEC_ROLES_MAX);
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY(read_text(name, json_array_get(value, i), s->roles[s->n_roles++], OBJECT_NAME_MAX,
			      refusal));
	return 0;
}

static int read_targets(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	(void)size;
	if (!json_is_array(value))
		REFUSE("P2", "%s is not an array", name);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *entry = json_array_get(value, i);
		uint32_t kind;

		if (!json_is_string(entry) || !target_kind_from_name(json_string_value(entry), &kind))
			REFUSE("P2", "%s: entry %zu is not self, user, unit, cgroup or host", name, i + 1);
		*(uint32_t *)to |= 1U << kind;
	}
	return 0;
}

static int read_histogram(const char *name, const json_t *value, void *to, size_t size,
			  struct refusal *refusal)
{
	struct spec *s = to;
	const struct key keys[] = {
		{ "name", read_text, s->histogram_name, sizeof(s->histogram_name), true },
		{ "unit", read_text, s->histogram_unit, sizeof(s->histogram_unit), true },
		{},
	};

	(void)size;
	return read_keys(name, value, keys, refusal);
}

static int read_values(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template_field *f = to;

	(void)size;
	if (!json_is_array(value) || !json_array_size(value) || json_array_size(value) > SPEC_VALUES_MAX)
		REFUSE("P2", "%s is not an array of 1 to %d names", name, SPEC_VALUES_MAX);
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY(read_text(name, json_array_get(value, i), f->values[f->n_values++], SPEC_VALUE_NAME_MAX,
			      refusal));
	return 0;
}

/* A number, or the name of a value. */
static int read_initial(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template_field *f = to;

	(void)size;
	if (json_is_string(value))
		return read_text(name, value, f->initial_name, sizeof(f->initial_name), refusal);
	return read_u64(name, value, &f->initial, sizeof(f->initial), refusal);
}

static int resolve_values(struct template_field *f, struct refusal *refusal)
{
	uint32_t i = 0;

	if (f->n_values && f->max == INT64_MAX)
		f->max = f->n_values - 1;
	if (!f->initial_name[0])
		return 0;
	while (i < f->n_values && strcmp(f->values[i], f->initial_name))
		i++;
	if (i == f->n_values)
		REFUSE("P2", "%s: initial \"%s\" is not one of its values", f->name, f->initial_name);
	f->initial = i;
	return 0;
}

static int read_field(const char *name, const json_t *value, struct template_field *f,
		      struct refusal *refusal)
{
	const struct key keys[] = {
		{ "skip", read_bool, &f->skip, 0, false },
		{ "type", read_type, &f->type, 0, false },
		{ "unit", read_text, f->unit, sizeof(f->unit), false },
		{ "enumeration", read_text, f->enumeration, sizeof(f->enumeration), false },
		{ "privacy", read_privacy, &f->privacy, 0, false },
		{ "min", read_u64, &f->min, sizeof(f->min), false },
		{ "max", read_u64, &f->max, sizeof(f->max), false },
		{ "initial", read_initial, f, 0, false },
		{ "values", read_values, f, 0, false },
		{},
	};

	f->type = _SPEC_TYPE_MAX;
	f->privacy = _SPEC_PRIVACY_MAX;
	f->max = INT64_MAX;
	if (strlen(name) >= sizeof(f->name))
		REFUSE("P2", "the field name %.60s is too long", name);
	snprintf(f->name, sizeof(f->name), "%s", name);
	TRY(read_keys(name, value, keys, refusal));
	return resolve_values(f, refusal);
}

static int read_fields(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template_struct *s = to;
	const char *field;
	json_t *entry;

	(void)size;
	if (!json_is_object(value))
		REFUSE("P2", "%s is not an object", name);
	json_object_foreach ((json_t *)value, field, entry) {
		if (s->n_fields == sizeof(s->fields) / sizeof(s->fields[0]))
			REFUSE("P2", "%s has too many members", name);
		TRY(read_field(field, entry, &s->fields[s->n_fields++], refusal));
	}
	return 0;
}

static int read_struct(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template_struct *s = to;
	const struct key keys[] = {
		{ "struct", read_text, s->name, sizeof(s->name), true },
		{ "fields", read_fields, s, 0, true },
		{},
	};

	(void)size;
	return read_keys(name, value, keys, refusal);
}

static int read_event(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template *t = to;
	const struct key keys[] = { { "bytes", read_u64, &t->event_bytes, sizeof(t->event_bytes), true },
				    {} };

	if (json_object_get(value, "bytes"))
		return read_keys(name, value, keys, refusal);
	return read_struct(name, value, &t->event, size, refusal);
}

static int read_kind(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	(void)size;
	if (!json_is_string(value) || !spec_map_kind_from_name(json_string_value(value), to))
		REFUSE("P2", "%.60s is not the name of a map's kind", name);
	return 0;
}

/* "KIND" or {"kind": "KIND", "entries": N, "value-size": N}. */
static int read_map(const char *name, const json_t *value, struct template_map *m, struct refusal *refusal)
{
	const struct key keys[] = {
		{ "kind", read_kind, &m->kind, 0, true },
		{ "entries", read_u64, &m->entries, sizeof(m->entries), true },
		{ "value-size", read_u64, &m->value_size, sizeof(m->value_size), false },
		{},
	};

	if (strlen(name) >= sizeof(m->name))
		REFUSE("P2", "the map name %.60s is too long", name);
	snprintf(m->name, sizeof(m->name), "%s", name);
	if (json_is_object(value)) {
		TRY(read_keys(name, value, keys, refusal));
		if (!m->entries || m->entries > UINT32_MAX || m->value_size > UINT32_MAX)
			REFUSE("P2", "map %s: entries or value-size is not 1 to %u", name, UINT32_MAX);
		return 0;
	}
	if (!json_is_string(value) || !spec_map_kind_from_name(json_string_value(value), &m->kind))
		REFUSE("P2", "%.60s is not the name of a map with a kind", name);
	return 0;
}

static int read_maps(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template *t = to;
	const char *map;
	json_t *kind;

	(void)size;
	if (!json_is_object(value) || json_object_size(value) > SPEC_MAPS_MAX)
		REFUSE("P2", "%s is not an object of at most %d maps", name, SPEC_MAPS_MAX);
	json_object_foreach ((json_t *)value, map, kind)
		TRY(read_map(map, kind, &t->maps[t->n_maps++], refusal));
	return 0;
}

/* "6.8" or "6.8.1" as the kernel's version code. */
static bool read_version(const char *text, uint32_t *ret)
{
	unsigned int a = 0, b = 0, c = 0;
	int n = 0, m = 0;

	if (sscanf(text, "%3u.%3u%n.%3u%n", &a, &b, &n, &c, &m) < 2 || text[m ? m : n] || a > 255 ||
	    b > 255 || c > 255)
		return false;
	*ret = a << 16 | b << 8 | c;
	return true;
}

/* {"kernel": "6.8"}, {"btf-func": "NAME"}, {"tracepoint-args": "NAME", "count": 3} */
static int read_requirement(const json_t *value, struct spec_requirement *q, struct refusal *refusal)
{
	const json_t *count = json_object_get(value, "count");
	const char *name;
	json_t *text;

	if (!json_is_object(value) || json_object_size(value) != (count ? 2 : 1))
		REFUSE("P3", "a requirement is not an object with one kind");
	json_object_foreach ((json_t *)value, name, text) {
		if (!strcmp(name, "count"))
			continue;
		if (!spec_require_from_name(name, &q->kind) || !json_is_string(text))
			REFUSE("P3", "\"%.60s\" is not a kind of requirement with a text", name);
		if (q->kind != SPEC_REQUIRE_KERNEL && q->kind != SPEC_REQUIRE_KERNEL_BELOW)
			TRY(read_text(name, text, q->name, sizeof(q->name), refusal));
		else if (!read_version(json_string_value(text), &q->value))
			REFUSE("P3", "%s: \"%.40s\" is not a version like 6.8", name,
			       json_string_value(text));
	}
	if ((q->kind == SPEC_REQUIRE_TRACEPOINT_ARGS) != (count != NULL))
		REFUSE("P3", "tracepoint-args and count go together");
	return count ? read_u64("count", count, &q->value, sizeof(q->value), refusal) : 0;
}

static int read_requires(const char *name, const json_t *value, void *to, size_t size,
			 struct refusal *refusal)
{
	struct template_variant *v = to;

	(void)size;
	if (!json_is_array(value) || json_array_size(value) > SPEC_REQUIRES_MAX)
		REFUSE("P3", "%s is not an array of at most %d requirements", name, SPEC_REQUIRES_MAX);
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY(read_requirement(json_array_get(value, i), &v->requires[v->n_requires++], refusal));
	return 0;
}

static int read_skip(const char *name, const json_t *value, void *to, size_t size, struct refusal *refusal)
{
	struct template_variant *v = to;

	(void)size;
	if (!json_is_array(value) || json_array_size(value) > SPEC_PROGRAMS_MAX)
		REFUSE("P2", "%s is not an array of at most %d programs", name, SPEC_PROGRAMS_MAX);
	for (size_t i = 0; i < json_array_size(value); i++)
		TRY(read_text(name, json_array_get(value, i), v->skip[v->n_skip++], OBJECT_NAME_MAX,
			      refusal));
	return 0;
}

static int read_variants(const char *name, const json_t *value, void *to, size_t size,
			 struct refusal *refusal)
{
	struct template *t = to;

	(void)size;
	if (!json_is_array(value) || !json_array_size(value) || json_array_size(value) > SPEC_VARIANTS_MAX)
		REFUSE("P2", "%s is not an array of 1 to %d variants", name, SPEC_VARIANTS_MAX);
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct template_variant *v = &t->variants[t->n_variants++];
		const struct key keys[] = {
			{ "name", read_text, v->name, sizeof(v->name), true },
			{ "object", read_text, v->object, sizeof(v->object), false },
			{ "requires", read_requires, v, 0, false },
			{ "skip", read_skip, v, 0, false },
			{},
		};

		TRY(read_keys(name, json_array_get(value, i), keys, refusal));
	}
	return 0;
}

int template_parse(const char *bytes, size_t size, struct template **ret, struct refusal *refusal)
{
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ struct template *t = calloc(1, sizeof(*t));
	struct spec *s = t ? &t->spec : NULL;
	json_error_t error;

	if (!t)
		return -ENOMEM;
	root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		REFUSE("P1", "line %d, column %d: %s", error.line, error.column, error.text);
	const struct key keys[] = {
		{ "name", read_text, s->name, sizeof(s->name), true },
		{ "version", read_text, s->version, sizeof(s->version), true },
		{ "serial", read_u64, &s->serial, sizeof(s->serial), true },
		{ "licence", read_text, s->licence, sizeof(s->licence), true },
		{ "summary", read_text, s->summary, sizeof(s->summary), true },
		{ "issued", read_u64, &s->issued, sizeof(s->issued), false },
		{ "not-after", read_u64, &s->not_after, sizeof(s->not_after), false },
		{ "memory", read_u64, &s->memory, sizeof(s->memory), false },
		{ "roles", read_roles, s, 0, true },
		{ "targets", read_targets, &s->targets, 0, true },
		{ "event", read_event, t, 0, false },
		{ "labels", read_struct, &t->labels, 0, false },
		{ "histogram", read_histogram, s, 0, false },
		{ "params", read_struct, &t->params, 0, false },
		{ "maps", read_maps, t, 0, false },
		{ "variants", read_variants, t, 0, true },
		{},
	};
	TRY(read_keys("the template", root, keys, refusal));
	*ret = take_ptr(t);
	return 0;
}
