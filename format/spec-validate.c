/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules M9 to M22 of docs/FORMAT-bundle.md on a filled spec, whoever filled it: the manifest's reader, the
 * bundle builder or another process. Counts and terminations are looked at before anything is read by them.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bpf/include/bpfwarden/abi.h"
#include "common/utf8.h"
#include "format/manifest.h"
#include "format/spec-internal.h"

static bool terminated(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Printable UTF-8 without control characters, not empty. */
static bool printable(const char *text)
{
	if (!*text || !utf8_valid(text, strlen(text)))
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

int spec_check_text(const char *what, const char *text, size_t size, bool empty, struct refusal *refusal)
{
	if (!terminated(text, size))
		BROKEN("M9", "%s is longer than %zu bytes", what, size - 1);
	if (!*text && !empty)
		BROKEN("M9", "%s is empty", what);
	if (*text && !printable(text))
		BROKEN("M9", "%s is not printable UTF-8", what);
	return 0;
}

/* Only [a-z0-9] and, not first, the characters of more. */
static bool plain(const char *text, const char *more)
{
	if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text))
		return false;
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && !strchr(more, *text))
			return false;
	return true;
}

bool manifest_file_name_valid(const char *name)
{
	return strlen(name) < OBJECT_NAME_MAX && plain(name, "._-");
}

bool manifest_signature_name_valid(const char *name)
{
	size_t n = strlen(name), prefix = strlen(MANIFEST_SIGNATURE_PREFIX),
	       suffix = strlen(MANIFEST_SIGNATURE_SUFFIX);

	return manifest_file_name_valid(name) && n > prefix + suffix &&
	       !strncmp(name, MANIFEST_SIGNATURE_PREFIX, prefix) &&
	       !strcmp(name + n - suffix, MANIFEST_SIGNATURE_SUFFIX) && plain(name + prefix, "._-");
}

/* A name of C: fields, labels, parameters. */
bool spec_identifier(const char *text)
{
	if (!isalpha((unsigned char)*text) && *text != '_')
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return false;
	return true;
}

/* A probe's name is a directory of the registry and a word of policy: "tcp.state". */
bool spec_probe_name_valid(const char *name)
{
	size_t n = strlen(name);

	return islower((unsigned char)name[0]) && plain(name, "._-") && !strstr(name, "..") &&
	       name[n - 1] != '.';
}

static int check_identity(const struct spec *s, struct refusal *refusal)
{
	CHECK_TEXT("name", s->name, false);
	CHECK_TEXT("version", s->version, false);
	CHECK_TEXT("licence", s->licence, false);
	CHECK_TEXT("summary", s->summary, false);
	if (!spec_probe_name_valid(s->name))
		BROKEN("M10", "name \"%s\" is not lower-case letters, digits, '.', '_' and '-'", s->name);
	if (s->serial < 1 || s->serial > INTEGER_MAX)
		BROKEN("M10", "serial is not between 1 and 2^63-1");
	if (s->issued < 1 || s->issued > INTEGER_MAX)
		BROKEN("M10", "issued is not a time between 1 and 2^63-1");
	if (s->not_after && (s->not_after <= s->issued || s->not_after > INTEGER_MAX))
		BROKEN("M10", "not-after is not after issued");
	return 0;
}

static int check_roles(const struct spec *s, struct refusal *refusal)
{
	if (s->n_roles < 1 || s->n_roles > SPEC_ROLES_MAX)
		BROKEN("M11", "roles has not 1 to %d entries", SPEC_ROLES_MAX);
	for (uint32_t i = 0; i < s->n_roles; i++) {
		CHECK_TEXT("roles", s->roles[i], false);
		if (!plain(s->roles[i], "._-"))
			BROKEN("M11", "role \"%s\" is not lower-case letters, digits, '.', '_' and '-'",
			       s->roles[i]);
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(s->roles[i], s->roles[j]))
				BROKEN("M11", "role \"%s\" is named twice", s->roles[i]);
	}
	return 0;
}

static int check_files(const struct spec *s, struct refusal *refusal)
{
	if (s->n_files < 1 || s->n_files > BUNDLE_FILES_MAX)
		BROKEN("M12", "files has not 1 to %d entries", BUNDLE_FILES_MAX);
	for (uint32_t i = 0; i < s->n_files; i++) {
		const struct spec_file *f = &s->files[i];

		CHECK_TEXT("files.name", f->name, false);
		if (!plain(f->name, "._-") || !strncmp(f->name, MANIFEST_NAME, strlen(MANIFEST_NAME)))
			BROKEN("M12", "\"%s\" is not a name for a file of a bundle", f->name);
		if (f->size < 1 || f->size > BUNDLE_FILE_SIZE_MAX)
			BROKEN("M12", "file %s: size is not between 1 and %u", f->name, BUNDLE_FILE_SIZE_MAX);
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(f->name, s->files[j].name))
				BROKEN("M12", "file %s is named twice", f->name);
	}
	return 0;
}

static int check_variants(const struct spec *s, struct refusal *refusal)
{
	if (s->n_variants < 1 || s->n_variants > SPEC_VARIANTS_MAX)
		BROKEN("M14", "variants has not 1 to %d entries", SPEC_VARIANTS_MAX);
	for (uint32_t i = 0; i < s->n_variants; i++) {
		TRY(spec_validate_variant(s, &s->variants[i], refusal));
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(s->variants[i].name, s->variants[j].name))
				BROKEN("M14", "two variants are named %s", s->variants[i].name);
	}
	return 0;
}

/* M13 and M21: the target kinds fit the way in which the programs choose whose events they report. */
static int check_targets(const struct spec *s, struct refusal *refusal)
{
	if (!s->targets || s->targets >= 1U << _TARGET_KIND_MAX)
		BROKEN("M13", "targets is empty or has an unknown kind");
	if (s->flags & ~SPEC_HAS_DEMUX)
		BROKEN("M21", "an unknown flag is set");
	if (!(s->flags & SPEC_HAS_DEMUX) && s->targets != 1U << TARGET_HOST)
		BROKEN("M13", "programs without the subscriptions map serve the target host only");
	if (s->memory < 1 || s->memory > ATTACHMENT_MEMORY_MAX)
		BROKEN("M21", "memory is not between 1 and %u bytes", ATTACHMENT_MEMORY_MAX);
	return 0;
}

/* Sizes of the types in bytes; 0: the field's own. */
static const uint32_t type_sizes[_SPEC_TYPE_MAX] = {
	[SPEC_TYPE_U8] = 1,     [SPEC_TYPE_U16] = 2,   [SPEC_TYPE_U32] = 4,   [SPEC_TYPE_U64] = 8,
	[SPEC_TYPE_S32] = 4,    [SPEC_TYPE_S64] = 8,   [SPEC_TYPE_BOOL] = 1,  [SPEC_TYPE_CHARS] = 0,
	[SPEC_TYPE_IPV4] = 4,   [SPEC_TYPE_IPV6] = 16, [SPEC_TYPE_ENUM] = 4,  [SPEC_TYPE_NS] = 8,
	[SPEC_TYPE_CGROUP] = 8, [SPEC_TYPE_ERRNO] = 4, [SPEC_TYPE_BYTES] = 0,
};

static int check_field(const char *list, const struct spec_field *f, uint64_t start, uint64_t end,
		       struct refusal *refusal)
{
	CHECK_TEXT(list, f->name, false);
	CHECK_TEXT(list, f->unit, true);
	CHECK_TEXT(list, f->enumeration, true);
	if (!spec_identifier(f->name))
		BROKEN("M18", "%s: \"%s\" is not a field's name", list, f->name);
	if (f->type >= _SPEC_TYPE_MAX || f->privacy >= _SPEC_PRIVACY_MAX)
		BROKEN("M18", "%s: field %s has an unknown type or privacy class", list, f->name);
	if (!f->size || (type_sizes[f->type] && f->size != type_sizes[f->type]))
		BROKEN("M18", "%s: field %s: %u bytes is not the size of type %s", list, f->name, f->size,
		       spec_type_name(f->type));
	if ((f->type == SPEC_TYPE_ENUM) != (f->enumeration[0] != 0))
		BROKEN("M18", "%s: field %s: type enum and an enumeration go together", list, f->name);
	if (f->offset < start || (uint64_t)f->offset + f->size > end)
		BROKEN("M18",
		       "%s: field %s lies outside bytes %" PRIu64 " to %" PRIu64
		       ", or before its predecessor",
		       list, f->name, start, end);
	return 0;
}

/* Fields follow one another without overlap, so that zeroing one by its class never leaves a part of it in
 * another. */
static int check_fields(const char *list, const struct spec_field *fields, uint32_t n, uint64_t start,
			uint64_t end, struct refusal *refusal)
{
	for (uint32_t i = 0; i < n; i++) {
		TRY(check_field(list, &fields[i], start, end, refusal));
		start = (uint64_t)fields[i].offset + fields[i].size;
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(fields[i].name, fields[j].name))
				BROKEN("M18", "%s: two fields are named %s", list, fields[i].name);
	}
	return 0;
}

static int check_event(const struct spec *s, struct refusal *refusal)
{
	bool demux = s->flags & SPEC_HAS_DEMUX;

	if (s->n_fields > SPEC_FIELDS_MAX || (s->n_fields && !s->event_size))
		BROKEN("M18", "event has fields but no size, or more than %d fields", SPEC_FIELDS_MAX);
	if (s->event_size > UINT16_MAX || (demux && s->event_size && s->event_size < sizeof(struct bw_event)))
		BROKEN("M18", "event size %u is not between that of its header and %d", s->event_size,
		       UINT16_MAX);
	return check_fields("event", s->fields, s->n_fields, demux ? sizeof(struct bw_event) : 0,
			    s->event_size, refusal);
}

static int check_labels(const struct spec *s, struct refusal *refusal)
{
	if (s->n_labels > SPEC_LABELS_MAX)
		BROKEN("M18", "labels has more than %d entries", SPEC_LABELS_MAX);
	TRY(check_fields("labels", s->labels, s->n_labels, 0, UINT16_MAX, refusal));
	for (uint32_t i = 0; i < s->n_labels; i++)
		if (s->labels[i].privacy == SPEC_PRIVACY_PII)
			BROKEN("M18", "label %s is of class pii, which belongs in events only",
			       s->labels[i].name);
	CHECK_TEXT("histogram.name", s->histogram_name, true);
	CHECK_TEXT("histogram.unit", s->histogram_unit, true);
	if (!s->histogram_name[0] != !s->histogram_unit[0])
		BROKEN("M19", "histogram needs both a name and a unit");
	return 0;
}

/* Names of values are words of policy, and none of them can be taken for a number. */
static int check_values(const struct spec_param *p, struct refusal *refusal)
{
	if (p->n_values < 2 || p->n_values > SPEC_VALUES_MAX)
		BROKEN("M22", "parameter %s has not 2 to %d named values", p->name, SPEC_VALUES_MAX);
	if (p->type == SPEC_TYPE_NS || *p->unit)
		BROKEN("M22", "parameter %s has named values and a unit", p->name);
	if (p->min || p->max != p->n_values - 1)
		BROKEN("M22", "parameter %s: its %u named values are not 0 to max", p->name, p->n_values);
	for (uint32_t i = 0; i < p->n_values; i++) {
		CHECK_TEXT("params.values", p->values[i], false);
		if (!islower((unsigned char)p->values[i][0]) || !plain(p->values[i], "_-"))
			BROKEN("M22",
			       "parameter %s: value \"%s\" is not lower-case letters, digits, '_' and '-'",
			       p->name, p->values[i]);
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(p->values[i], p->values[j]))
				BROKEN("M22", "parameter %s: value %s is named twice", p->name, p->values[i]);
	}
	return 0;
}

static int check_param(const struct spec_param *p, uint64_t start, struct refusal *refusal)
{
	uint64_t max = p->type == SPEC_TYPE_BOOL ? 1 : p->type == SPEC_TYPE_U32 ? UINT32_MAX : INTEGER_MAX;

	CHECK_TEXT("params", p->name, false);
	CHECK_TEXT("params", p->unit, true);
	if (!spec_identifier(p->name))
		BROKEN("M20", "\"%s\" is not a parameter's name", p->name);
	if (p->type != SPEC_TYPE_U32 && p->type != SPEC_TYPE_U64 && p->type != SPEC_TYPE_BOOL &&
	    p->type != SPEC_TYPE_NS)
		BROKEN("M20", "parameter %s is not of type u32, u64, bool or ns", p->name);
	if (p->size != type_sizes[p->type] || p->offset < start)
		BROKEN("M20", "parameter %s: wrong size, or it overlaps its predecessor", p->name);
	if (p->min > p->initial || p->initial > p->max || p->max > max)
		BROKEN("M20", "parameter %s: not min <= initial <= max <= %" PRIu64, p->name, max);
	return p->n_values ? check_values(p, refusal) : 0;
}

static int check_params(const struct spec *s, struct refusal *refusal)
{
	uint64_t start = 0;

	if (s->n_params > SPEC_PARAMS_MAX)
		BROKEN("M20", "params has more than %d entries", SPEC_PARAMS_MAX);
	for (uint32_t i = 0; i < s->n_params; i++) {
		TRY(check_param(&s->params[i], start, refusal));
		start = (uint64_t)s->params[i].offset + s->params[i].size;
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(s->params[i].name, s->params[j].name))
				BROKEN("M20", "two parameters are named %s", s->params[i].name);
	}
	return 0;
}

/* M21: each variant has the maps through which the loader serves what the manifest promises, and no others.
 */
static int check_served(const struct spec *s, const struct spec_variant *v, struct refusal *refusal)
{
	bool demux = s->flags & SPEC_HAS_DEMUX, events = s->event_size, histogram = s->histogram_name[0];
	const struct {
		uint32_t kind;
		bool needed, allowed;
	} kinds[] = {
		{ SPEC_MAP_CONTROL, demux, true },
		{ SPEC_MAP_SUBSCRIPTIONS, demux, demux },
		{ SPEC_MAP_SLOTS, demux, demux },
		{ SPEC_MAP_RINGS, demux && events, demux && events },
		{ SPEC_MAP_HISTOGRAMS, histogram, demux && histogram },
		{ SPEC_MAP_COUNTS, false, demux },
		{ SPEC_MAP_COUNTERS, false, demux },
		{ SPEC_MAP_EVENTS, !demux && events, !demux && events },
		{ SPEC_MAP_TABLE, false, !demux },
		{ SPEC_MAP_PARAMS, s->n_params, true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		bool there = spec_variant_map(v, kinds[i].kind) != NULL;

		if (there ? !kinds[i].allowed : kinds[i].needed)
			BROKEN("M21",
			       "variant %s %s a map of kind %s, against what the manifest says about %s",
			       v->name, there ? "has" : "lacks", spec_map_kind_name(kinds[i].kind),
			       kinds[i].kind == SPEC_MAP_PARAMS ? "parameters"
								: "events, histogram and targets");
	}
	return 0;
}

/* The key of histograms and counts is the labels' struct; parameters lie within their map's value. */
static int check_fit(const struct spec *s, const struct spec_variant *v, struct refusal *refusal)
{
	static const uint32_t labelled[] = { SPEC_MAP_HISTOGRAMS, SPEC_MAP_COUNTS, SPEC_MAP_TABLE };
	const struct spec_field *label = s->n_labels ? &s->labels[s->n_labels - 1] : NULL;
	const struct spec_param *param = s->n_params ? &s->params[s->n_params - 1] : NULL;
	const struct spec_map *m;

	for (size_t i = 0; i < sizeof(labelled) / sizeof(*labelled); i++) {
		m = spec_variant_map(v, labelled[i]);
		if (m && label &&
		    label->offset + label->size > (m->inner_type ? m->inner_key_size : m->key_size))
			BROKEN("M18", "variant %s: label %s lies outside the key of map %s", v->name,
			       label->name, m->name);
	}
	m = spec_variant_map(v, SPEC_MAP_PARAMS);
	if (m && param && (uint64_t)param->offset + param->size > m->value_size)
		BROKEN("M20", "variant %s: parameter %s lies outside the value of map %s", v->name,
		       param->name, m->name);
	return 0;
}

int spec_validate(const struct spec *s, struct refusal *refusal)
{
	TRY(check_identity(s, refusal));
	TRY(check_roles(s, refusal));
	TRY(check_files(s, refusal));
	TRY(check_targets(s, refusal));
	TRY(check_variants(s, refusal));
	TRY(check_event(s, refusal));
	TRY(check_labels(s, refusal));
	TRY(check_params(s, refusal));
	for (uint32_t i = 0; i < s->n_variants; i++) {
		TRY(check_served(s, &s->variants[i], refusal));
		TRY(check_fit(s, &s->variants[i], refusal));
	}
	return 0;
}
