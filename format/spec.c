/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const target_kinds[_TARGET_KIND_MAX] = {
	[TARGET_SELF] = "self",     [TARGET_USER] = "user", [TARGET_UNIT] = "unit",
	[TARGET_CGROUP] = "cgroup", [TARGET_HOST] = "host",
};

static const char *const map_kinds[_SPEC_MAP_KIND_MAX] = {
	[SPEC_MAP_OTHER] = "other",           [SPEC_MAP_CONTROL] = "control",
	[SPEC_MAP_PARAMS] = "params",         [SPEC_MAP_SUBSCRIPTIONS] = "subscriptions",
	[SPEC_MAP_SLOTS] = "slots",           [SPEC_MAP_RINGS] = "rings",
	[SPEC_MAP_HISTOGRAMS] = "histograms", [SPEC_MAP_COUNTS] = "counts",
	[SPEC_MAP_COUNTERS] = "counters",     [SPEC_MAP_TOTALS] = "totals",
	[SPEC_MAP_EVENTS] = "events",         [SPEC_MAP_STATE] = "state",
	[SPEC_MAP_TABLE] = "table",
};

static const char *const types[_SPEC_TYPE_MAX] = {
	[SPEC_TYPE_U8] = "u8",         [SPEC_TYPE_U16] = "u16",     [SPEC_TYPE_U32] = "u32",
	[SPEC_TYPE_U64] = "u64",       [SPEC_TYPE_S32] = "s32",     [SPEC_TYPE_S64] = "s64",
	[SPEC_TYPE_BOOL] = "bool",     [SPEC_TYPE_CHARS] = "chars", [SPEC_TYPE_IPV4] = "ipv4",
	[SPEC_TYPE_IPV6] = "ipv6",     [SPEC_TYPE_ENUM] = "enum",   [SPEC_TYPE_NS] = "ns",
	[SPEC_TYPE_CGROUP] = "cgroup", [SPEC_TYPE_ERRNO] = "errno", [SPEC_TYPE_BYTES] = "bytes",
};

const char *const spec_privacy_names[_SPEC_PRIVACY_MAX] = {
	[SPEC_PRIVACY_SAFE] = "safe",
	[SPEC_PRIVACY_BOUND] = "bound",
	[SPEC_PRIVACY_PII] = "pii",
};

static const char *const requires[_SPEC_REQUIRE_MAX] = {
	[SPEC_REQUIRE_KERNEL] = "kernel",     [SPEC_REQUIRE_KERNEL_BELOW] = "kernel-below",
	[SPEC_REQUIRE_BTF_TYPE] = "btf-type", [SPEC_REQUIRE_BTF_FIELD] = "btf-field",
	[SPEC_REQUIRE_BTF_FUNC] = "btf-func", [SPEC_REQUIRE_TRACEPOINT_ARGS] = "tracepoint-args",
	[SPEC_REQUIRE_HOOK] = "hook",
};

static const char *name_of(const char *const *names, uint32_t n, uint32_t value)
{
	return value < n ? names[value] : NULL;
}

static bool value_of(const char *const *names, uint32_t n, const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(names[i], name)) {
			*ret = i;
			return true;
		}
	return false;
}

const char *target_kind_name(uint32_t kind)
{
	return name_of(target_kinds, _TARGET_KIND_MAX, kind);
}

bool target_kind_from_name(const char *name, uint32_t *ret)
{
	return value_of(target_kinds, _TARGET_KIND_MAX, name, ret);
}

const char *spec_map_kind_name(uint32_t kind)
{
	return name_of(map_kinds, _SPEC_MAP_KIND_MAX, kind);
}

bool spec_map_kind_from_name(const char *name, uint32_t *ret)
{
	return value_of(map_kinds, _SPEC_MAP_KIND_MAX, name, ret);
}

const char *spec_type_name(uint32_t type)
{
	return name_of(types, _SPEC_TYPE_MAX, type);
}

bool spec_type_from_name(const char *name, uint32_t *ret)
{
	return value_of(types, _SPEC_TYPE_MAX, name, ret);
}

const char *spec_privacy_name(uint32_t privacy)
{
	return name_of(spec_privacy_names, _SPEC_PRIVACY_MAX, privacy);
}

bool spec_privacy_from_name(const char *name, uint32_t *ret)
{
	return value_of(spec_privacy_names, _SPEC_PRIVACY_MAX, name, ret);
}

const char *spec_require_name(uint32_t require)
{
	return name_of(requires, _SPEC_REQUIRE_MAX, require);
}

bool spec_require_from_name(const char *name, uint32_t *ret)
{
	return value_of(requires, _SPEC_REQUIRE_MAX, name, ret);
}

bool spec_check(const struct spec *spec)
{
	return spec_validate(spec, NULL) == 0;
}

void spec_bundle_name(const struct spec *spec, char *buffer, unsigned long size)
{
	snprintf(buffer, size, "%s-%" PRIu64, spec->name, spec->serial);
}
