/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "format/manifest-members.h"
#include "format/manifest.h"
#include "format/spec-internal.h"

static json_t *write_members(const struct spec *spec, const struct member *members, const void *base);

static json_t *write_digest(const uint8_t *digest)
{
	char text[DIGEST_HEX_MAX];

	return json_string(digest_to_hex(digest, text));
}

static json_t *write_set(const struct member *m, uint32_t set)
{
	json_t *array = json_array();

	for (uint32_t bit = 0; bit < 32; bit++)
		if (set & 1U << bit && json_array_append_new(array, json_string(m->to_name(bit))) < 0) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *write_array(const struct spec *spec, const struct member *m, const char *base)
{
	uint32_t n = *(const uint32_t *)(base + m->count_offset);
	json_t *array = json_array();

	for (uint32_t i = 0; i < n; i++) {
		const char *from = base + m->offset + i * m->size;
		json_t *entry;

		if (m->kind == MEMBER_NUMBERS)
			entry = json_integer(*(const uint32_t *)from);
		else if (m->kind == MEMBER_TEXTS)
			entry = json_string(from);
		else
			entry = write_members(spec, m->sub, from);
		if (json_array_append_new(array, entry) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *write_member(const struct spec *spec, const struct member *m, const char *base)
{
	const char *from = base + m->offset;
	uint32_t value;

	switch (m->kind) {
	case MEMBER_TEXT:
		return json_string(from);
	case MEMBER_U64:
		return json_integer((json_int_t) * (const uint64_t *)from);
	case MEMBER_DIGEST:
		return write_digest((const uint8_t *)from);
	case MEMBER_OBJECT:
		return write_members(spec, m->sub, from);
	case MEMBER_OBJECTS:
	case MEMBER_NUMBERS:
	case MEMBER_TEXTS:
		return write_array(spec, m, base);
	case MEMBER_U32:
	case MEMBER_ENUM:
	case MEMBER_FLAG:
	case MEMBER_SET:
	case MEMBER_FILE:
		break;
	}
	memcpy(&value, from, sizeof(value));
	if (m->kind == MEMBER_ENUM)
		return json_string(m->to_name(value));
	if (m->kind == MEMBER_FLAG)
		return json_boolean((value & m->max) != 0);
	if (m->kind == MEMBER_SET)
		return write_set(m, value);
	if (m->kind == MEMBER_FILE)
		return json_string(spec->files[value].name);
	return json_integer(value);
}

/* Adds the members to object; NULL, with object freed, when out of memory. */
static json_t *add_members(json_t *object, const struct spec *spec, const struct member *members,
			   const void *base)
{
	for (const struct member *m = members; m->name; m++) {
		if (m->optional && member_absent(m, base))
			continue;
		if (json_object_set_new(object, m->name, write_member(spec, m, base)) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *write_members(const struct spec *spec, const struct member *members, const void *base)
{
	return add_members(json_object(), spec, members, base);
}

int manifest_write(const struct spec *spec, char **ret, struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	json_t *root;
	size_t n;

	TRY(spec_validate(spec, refusal));
	root = json_pack("{s:s}", "type", "bpfwarden-bundle/v1");
	if (!root)
		return -ENOMEM;
	root = add_members(root, spec, manifest_members, spec);
	if (!root)
		return -ENOMEM;
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		return -ENOMEM;
	n = strlen(text);
	if (n > MANIFEST_SIZE_MAX)
		BROKEN("M1", "the manifest would have %zu bytes, more than %u", n, MANIFEST_SIZE_MAX);
	*ret = take_ptr(text);
	return 0;
}
