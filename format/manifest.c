/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading of manifest.json: rules M1 to M9 here, M9 to M22 by spec_validate(). */
#include "format/manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "format/manifest-members.h"
#include "format/signed-json.h"
#include "format/spec-internal.h"

/* Where the reader is, for reasons: "variants[0].programs[1].hook". */
struct place {
	char text[160];
};

static struct place place_member(const struct place *parent, const char *name)
{
	struct place p;

	snprintf(p.text, sizeof(p.text), "%.100s%s%.48s", parent->text, *parent->text ? "." : "", name);
	return p;
}

static struct place place_entry(const struct place *parent, size_t i)
{
	struct place p;

	snprintf(p.text, sizeof(p.text), "%.120s[%zu]", parent->text, i);
	return p;
}

static int read_text(const struct place *at, const json_t *value, char *buffer, size_t size,
		     struct refusal *refusal)
{
	if (!json_is_string(value))
		BROKEN("M8", "%s is not a string", at->text);
	if (json_string_length(value) >= size)
		BROKEN("M9", "%s is longer than %zu bytes", at->text, size - 1);
	memcpy(buffer, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int read_number(const struct place *at, const json_t *value, uint64_t max, uint64_t *ret,
		       struct refusal *refusal)
{
	if (json_is_real(value))
		BROKEN("M6", "%s is not an integer", at->text);
	if (!json_is_integer(value))
		BROKEN("M8", "%s is not an integer", at->text);
	if (!signed_json_integer(value, max, ret))
		BROKEN("M6", "%s is not between 0 and %llu", at->text, (unsigned long long)max);
	return 0;
}

static int read_u32(const struct place *at, const json_t *value, uint32_t *ret, struct refusal *refusal)
{
	uint64_t n = 0;

	TRY(read_number(at, value, UINT32_MAX, &n, refusal));
	*ret = (uint32_t)n;
	return 0;
}

static int read_name(const struct member *m, const struct place *at, const json_t *value, uint32_t *ret,
		     struct refusal *refusal)
{
	if (!json_is_string(value))
		BROKEN("M8", "%s is not a string", at->text);
	if (!m->from_name(json_string_value(value), ret))
		BROKEN("M8", "%s: \"%.40s\" is not known", at->text, json_string_value(value));
	return 0;
}

static int read_digest(const struct place *at, const json_t *value, uint8_t *ret, struct refusal *refusal)
{
	if (json_string_length(value) != 2 * DIGEST_SIZE)
		BROKEN("M8", "%s is not %d hexadecimal digits", at->text, 2 * DIGEST_SIZE);
	if (!signed_json_digest(value, ret))
		BROKEN("M8", "%s is not lower-case hexadecimal", at->text);
	return 0;
}

static int read_file(const struct spec *spec, const struct place *at, const json_t *value, uint32_t *ret,
		     struct refusal *refusal)
{
	if (!json_is_string(value))
		BROKEN("M8", "%s is not a string", at->text);
	for (uint32_t i = 0; i < spec->n_files; i++)
		if (!strcmp(spec->files[i].name, json_string_value(value))) {
			*ret = i;
			return 0;
		}
	BROKEN("M14", "%s: \"%.60s\" is not in files", at->text, json_string_value(value));
}

static int read_set(const struct member *m, const struct place *at, const json_t *value, uint32_t *ret,
		    struct refusal *refusal)
{
	uint32_t set = 0;

	if (!json_is_array(value))
		BROKEN("M8", "%s is not an array", at->text);
	for (size_t i = 0; i < json_array_size(value); i++) {
		struct place entry = place_entry(at, i);
		uint32_t bit = 0;

		TRY(read_name(m, &entry, json_array_get(value, i), &bit, refusal));
		if (set & 1U << bit)
			BROKEN("M8", "%s is named twice", entry.text);
		set |= 1U << bit;
	}
	*ret = set;
	return 0;
}

static int read_members(struct spec *spec, const struct member *members, const struct place *at,
			const json_t *object, void *base, struct refusal *refusal);

static int read_array(struct spec *spec, const struct member *m, const struct place *at, const json_t *value,
		      char *base, struct refusal *refusal)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		BROKEN("M8", "%s is not an array", at->text);
	if (n > m->max)
		BROKEN("M8", "%s has more than %u entries", at->text, m->max);
	if (!n && m->optional)
		BROKEN("M8", "%s has no entry", at->text);
	for (size_t i = 0; i < n; i++) {
		const json_t *entry = json_array_get(value, i);
		struct place where = place_entry(at, i);
		char *to = base + m->offset + i * m->size;

		if (m->kind == MEMBER_NUMBERS)
			TRY(read_u32(&where, entry, (uint32_t *)to, refusal));
		else if (m->kind == MEMBER_TEXTS)
			TRY(read_text(&where, entry, to, m->size, refusal));
		else
			TRY(read_members(spec, m->sub, &where, entry, to, refusal));
	}
	*(uint32_t *)(base + m->count_offset) = (uint32_t)n;
	return 0;
}

static int read_member(struct spec *spec, const struct member *m, const struct place *at, const json_t *value,
		       char *base, struct refusal *refusal)
{
	char *to = base + m->offset;

	switch (m->kind) {
	case MEMBER_TEXT:
		return read_text(at, value, to, m->size, refusal);
	case MEMBER_U32:
		return read_u32(at, value, (uint32_t *)to, refusal);
	case MEMBER_U64:
		return read_number(at, value, INTEGER_MAX, (uint64_t *)to, refusal);
	case MEMBER_ENUM:
		return read_name(m, at, value, (uint32_t *)to, refusal);
	case MEMBER_DIGEST:
		return read_digest(at, value, (uint8_t *)to, refusal);
	case MEMBER_FLAG:
		if (!json_is_boolean(value))
			BROKEN("M8", "%s is not true or false", at->text);
		*(uint32_t *)to |= json_is_true(value) ? m->max : 0;
		return 0;
	case MEMBER_SET:
		return read_set(m, at, value, (uint32_t *)to, refusal);
	case MEMBER_FILE:
		return read_file(spec, at, value, (uint32_t *)to, refusal);
	case MEMBER_OBJECT:
		return read_members(spec, m->sub, at, value, to, refusal);
	case MEMBER_OBJECTS:
	case MEMBER_NUMBERS:
	case MEMBER_TEXTS:
		break;
	}
	return read_array(spec, m, at, value, base, refusal);
}

static int read_members(struct spec *spec, const struct member *members, const struct place *at,
			const json_t *object, void *base, struct refusal *refusal)
{
	size_t known = 0;

	if (!json_is_object(object))
		BROKEN("M8", "%s is not an object", at->text);
	if (!*at->text) /* check_bytes() saw "type" */
		known++;
	for (const struct member *m = members; m->name; m++) {
		const json_t *value = json_object_get(object, m->name);
		struct place where = place_member(at, m->name);

		if (!value && !m->optional)
			BROKEN("M8", "%s is missing", where.text);
		if (!value && m->kind == MEMBER_FILE)
			*(uint32_t *)((char *)base + m->offset) = UINT32_MAX;
		if (!value)
			continue;
		known++;
		TRY(read_member(spec, m, &where, value, base, refusal));
	}
	if (known == json_object_size(object))
		return 0;
	for (void *i = json_object_iter((json_t *)object); i;
	     i = json_object_iter_next((json_t *)object, i)) {
		const char *key = json_object_iter_key(i);
		const struct member *m = members;

		while (m->name && strcmp(m->name, key))
			m++;
		if (!m->name && (*at->text || strcmp(key, "type")))
			BROKEN("M7", "%s%s\"%.60s\" is not a member of a manifest", at->text,
			       *at->text ? ": " : "", key);
	}
	return -EINVAL; /* not reached: one key must have been unknown */
}

static const struct signed_json form = { "the manifest", MANIFEST_PREFIX, 'M', REFUSAL_BUNDLE_INVALID };

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

int manifest_parse(const char *bytes, size_t size, struct spec *ret, struct refusal *refusal)
{
	_cleanup_(json_decref_p) json_t *root = NULL;
	_cleanup_free_ struct spec *spec = NULL;
	struct place top = {};

	TRY(signed_json_load(&form, bytes, size, &root, refusal));
	spec = calloc(1, sizeof(*spec));
	if (!spec)
		return -ENOMEM;
	TRY(read_members(spec, manifest_members, &top, root, spec, refusal));
	TRY(spec_validate(spec, refusal));
	memcpy(ret, spec, sizeof(*ret));
	return 0;
}
