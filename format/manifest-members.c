/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/manifest-members.h"

#define SIZE(type, member) sizeof(((type *)0)->member)
#define AT(type, member)   .offset = offsetof(type, member), .size = SIZE(type, member)

#define TEXT(key, type, member)                                    \
	{                                                          \
		.name = key, .kind = MEMBER_TEXT, AT(type, member) \
	}
#define U32(key, type, member)                                    \
	{                                                         \
		.name = key, .kind = MEMBER_U32, AT(type, member) \
	}
#define U64(key, type, member)                                    \
	{                                                         \
		.name = key, .kind = MEMBER_U64, AT(type, member) \
	}
#define FILE_(key, type, member)                                   \
	{                                                          \
		.name = key, .kind = MEMBER_FILE, AT(type, member) \
	}
#define NAMED(key, type, member, prefix)                                                      \
	{                                                                                     \
		.name = key, .kind = MEMBER_ENUM, AT(type, member), .to_name = prefix##_name, \
		.from_name = prefix##_from_name                                               \
	}
#define ARRAY(key, kind_, type, array, limit)                                                      \
	.name = key, .kind = kind_, .offset = offsetof(type, array), .size = SIZE(type, array[0]), \
	.count_offset = offsetof(type, n_##array), .max = (limit)
#define OBJECTS(key, type, array, limit, members)                              \
	{                                                                      \
		ARRAY(key, MEMBER_OBJECTS, type, array, limit), .sub = members \
	}

static const struct member file[] = {
	TEXT("name", struct spec_file, name),
	U32("size", struct spec_file, size),
	{ .name = "sha256", .kind = MEMBER_DIGEST, AT(struct spec_file, digest) },
	{},
};

static const struct member context[] = {
	U32("size", struct spec_variant, ctx_size),
	U32("header-size", struct spec_variant, ctx_header_size),
	U32("map-size", struct spec_variant, ctx_map_size),
	U32("map-fd", struct spec_variant, ctx_map_fd_offset),
	U32("program-size", struct spec_variant, ctx_prog_size),
	U32("program-fd", struct spec_variant, ctx_prog_fd_offset),
	{},
};

static const struct member requirement[] = {
	NAMED("kind", struct spec_requirement, kind, spec_require),
	{ .name = "name", .kind = MEMBER_TEXT, .optional = true, AT(struct spec_requirement, name) },
	{ .name = "value", .kind = MEMBER_U32, .optional = true, AT(struct spec_requirement, value) },
	{},
};

static const struct member program[] = {
	TEXT("name", struct spec_program, name),
	TEXT("hook", struct spec_program, hook),
	U32("type", struct spec_program, type),
	U32("attach-type", struct spec_program, attach_type),
	{ ARRAY("helpers", MEMBER_NUMBERS, struct spec_program, helpers, SPEC_HELPERS_MAX) },
	{},
};

static const struct member inner_map[] = {
	U32("type", struct spec_map, inner_type),
	U32("key-size", struct spec_map, inner_key_size),
	U32("value-size", struct spec_map, inner_value_size),
	U32("max-entries", struct spec_map, inner_max_entries),
	U32("flags", struct spec_map, inner_flags),
	{},
};

static const struct member map[] = {
	TEXT("name", struct spec_map, name),
	NAMED("kind", struct spec_map, kind, spec_map_kind),
	U32("type", struct spec_map, type),
	U32("key-size", struct spec_map, key_size),
	U32("value-size", struct spec_map, value_size),
	U32("max-entries", struct spec_map, max_entries),
	U32("flags", struct spec_map, flags),
	{ .name = "inner", .kind = MEMBER_OBJECT, .optional = true, .sub = inner_map },
	{},
};

static const struct member variant[] = {
	TEXT("name", struct spec_variant, name),
	FILE_("insns", struct spec_variant, insns),
	FILE_("data", struct spec_variant, data),
	{ .name = "ksig", .kind = MEMBER_FILE, .optional = true, AT(struct spec_variant, ksig) },
	{ .name = "context", .kind = MEMBER_OBJECT, .sub = context },
	OBJECTS("requires", struct spec_variant, requires, SPEC_REQUIRES_MAX, requirement),
	OBJECTS("programs", struct spec_variant, programs, SPEC_PROGRAMS_MAX, program),
	OBJECTS("maps", struct spec_variant, maps, SPEC_MAPS_MAX, map),
	{},
};

static const struct member field[] = {
	TEXT("name", struct spec_field, name),
	NAMED("type", struct spec_field, type, spec_type),
	{ .name = "unit", .kind = MEMBER_TEXT, .optional = true, AT(struct spec_field, unit) },
	{ .name = "enumeration", .kind = MEMBER_TEXT, .optional = true, AT(struct spec_field, enumeration) },
	U32("offset", struct spec_field, offset),
	U32("size", struct spec_field, size),
	NAMED("privacy", struct spec_field, privacy, spec_privacy),
	{},
};

static const struct member event[] = {
	U32("size", struct spec, event_size),
	OBJECTS("fields", struct spec, fields, SPEC_FIELDS_MAX, field),
	{},
};

static const struct member histogram[] = {
	TEXT("name", struct spec, histogram_name),
	TEXT("unit", struct spec, histogram_unit),
	{},
};

static const struct member param[] = {
	TEXT("name", struct spec_param, name),
	NAMED("type", struct spec_param, type, spec_type),
	{ .name = "unit", .kind = MEMBER_TEXT, .optional = true, AT(struct spec_param, unit) },
	U32("offset", struct spec_param, offset),
	U32("size", struct spec_param, size),
	U64("min", struct spec_param, min),
	U64("max", struct spec_param, max),
	U64("initial", struct spec_param, initial),
	{ ARRAY("values", MEMBER_TEXTS, struct spec_param, values, SPEC_VALUES_MAX), .optional = true },
	{},
};

const struct member manifest_members[] = {
	TEXT("name", struct spec, name),
	U64("serial", struct spec, serial),
	TEXT("version", struct spec, version),
	TEXT("licence", struct spec, licence),
	TEXT("summary", struct spec, summary),
	U64("issued", struct spec, issued),
	{ .name = "not-after", .kind = MEMBER_U64, .optional = true, AT(struct spec, not_after) },
	{ ARRAY("roles", MEMBER_TEXTS, struct spec, roles, SPEC_ROLES_MAX) },
	{ .name = "targets",
	  .kind = MEMBER_SET,
	  AT(struct spec, targets),
	  .to_name = target_kind_name,
	  .from_name = target_kind_from_name },
	{ .name = "demultiplexed", .kind = MEMBER_FLAG, AT(struct spec, flags), .max = SPEC_HAS_DEMUX },
	U64("memory", struct spec, memory),
	{ .name = "event", .kind = MEMBER_OBJECT, .optional = true, .sub = event },
	OBJECTS("labels", struct spec, labels, SPEC_LABELS_MAX, field),
	{ .name = "histogram", .kind = MEMBER_OBJECT, .optional = true, .sub = histogram },
	OBJECTS("params", struct spec, params, SPEC_PARAMS_MAX, param),
	/* Before the variants, which name them. */
	OBJECTS("files", struct spec, files, BUNDLE_FILES_MAX, file),
	OBJECTS("variants", struct spec, variants, SPEC_VARIANTS_MAX, variant),
	{},
};

bool member_absent(const struct member *m, const void *base)
{
	const char *at = (const char *)base + m->offset;

	switch (m->kind) {
	case MEMBER_TEXT:
		return !*at;
	case MEMBER_U64:
		return !*(const uint64_t *)at;
	case MEMBER_FILE:
		return *(const uint32_t *)at == UINT32_MAX;
	case MEMBER_FLAG:
		return !(*(const uint32_t *)at & m->max);
	case MEMBER_OBJECT:
		for (const struct member *s = m->sub; s->name; s++)
			if (!member_absent(s, at))
				return false;
		return true;
	case MEMBER_OBJECTS:
	case MEMBER_NUMBERS:
	case MEMBER_TEXTS:
		return !*(const uint32_t *)((const char *)base + m->count_offset);
	case MEMBER_DIGEST:
		return false;
	case MEMBER_U32:
	case MEMBER_ENUM:
	case MEMBER_SET:
		break;
	}
	return !*(const uint32_t *)at;
}
