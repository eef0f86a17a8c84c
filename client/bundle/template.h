/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * manifest.in: what an author says about a probe, in JSON. Everything that can be known from the object is
 * taken from there. Rules P1… of docs/FORMAT-bundle.md.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/spec.h"

/* What the author says about one member of a C struct. */
struct template_field {
	char name[OBJECT_NAME_MAX];
	bool skip;
	uint32_t type; /* _SPEC_TYPE_MAX: from BTF */
	char unit[16];
	char enumeration[OBJECT_NAME_MAX];
	uint32_t privacy; /* _SPEC_PRIVACY_MAX: not said */
	uint64_t min, max, initial;
	uint32_t n_values; /* of a parameter with named values, whose max they give */
	char values[SPEC_VALUES_MAX][SPEC_VALUE_NAME_MAX];
	char initial_name[SPEC_VALUE_NAME_MAX]; /* resolved into initial once all of the member was read */
};

/* A C struct of the object, by name; empty: the probe has none. */
struct template_struct {
	char name[OBJECT_NAME_MAX];
	size_t n_fields;
	struct template_field fields[SPEC_FIELDS_MAX * 2];
};

struct template_map {
	char name[OBJECT_NAME_MAX];
	uint32_t kind;
	uint64_t entries, value_size; /* where the object leaves them open; 0: not said */
};

struct template_variant {
	char name[OBJECT_NAME_MAX];
	char object[256]; /* path, relative to the template; empty: given on the command line */
	uint32_t n_requires;
	struct spec_requirement requires[SPEC_REQUIRES_MAX];
	size_t n_skip;
	char skip[SPEC_PROGRAMS_MAX][OBJECT_NAME_MAX];
};

struct template
{
	struct spec
		spec; /* name, version, licence, summary, serial, times, memory, targets, roles, histogram */
	struct template_struct event, labels, params;
	uint32_t event_bytes; /* events without a struct: their largest size */
	size_t n_maps;
	struct template_map maps[SPEC_MAPS_MAX];
	size_t n_variants;
	struct template_variant variants[SPEC_VARIANTS_MAX];
};

/* Reads a template. The caller frees *ret. Returns 0, -ENOMEM or REFUSAL_BUNDLE_INVALID. */
int template_parse(const char *bytes, size_t size, struct template **ret, struct refusal *refusal);
