/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/configuration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct unit {
	const char *suffix;
	uint64_t factor;
};
/* The largest first: what is written back has the shortest number. */
static const struct unit durations[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, {} };
static const struct unit sizes[] = { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 }, {} };

struct reading {
	const struct config *config;
	const struct config_section *section;
	const struct config_entry *entry;
	struct configuration *to;
	struct refusal *refusal;
};

#define REFUSE(reading, line, column, ...)                                                           \
	config_refuse((reading)->config, (reading)->refusal, (reading)->section->file, line, column, \
		      __VA_ARGS__)

static int refuse_value(const struct reading *r, const char *expected)
{
	return REFUSE(r, r->entry->line, r->entry->value_column, "'%s' is not what %s can be: %s",
		      r->entry->value, r->entry->key, expected);
}

static bool read_number(const char *text, const struct unit *units, uint64_t *ret)
{
	const char *p = text;
	uint64_t value = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (unsigned)(*p - '0'), &value))
			return false;
	for (; units->suffix; units++)
		if (p > text && !strcmp(p, units->suffix))
			return !__builtin_mul_overflow(value, units->factor, ret);
	return false;
}

static int read_keep(const struct reading *r)
{
	uint64_t value = 0;

	/* Nothing but the word means for ever: a number that does not fit must not. */
	if (strcmp(r->entry->value, "forever") &&
	    (!read_number(r->entry->value, durations, &value) || !value || value > AUDIT_KEEP_MAX))
		return refuse_value(r,
				    "forever, or a number with s, m, h or d behind it, 36500d at most: 400d");
	r->to->audit_keep = value;
	return 0;
}

static int read_segment_size(const struct reading *r)
{
	uint64_t value;

	if (!read_number(r->entry->value, sizes, &value) || value < AUDIT_SEGMENT_SIZE_MIN ||
	    value > AUDIT_SEGMENT_SIZE_MAX)
		return refuse_value(
			r, "a number of bytes from 1M to 1G, which may have K, M or G behind it: 64M");
	r->to->audit_segment_size = value;
	return 0;
}

static const char *const key_names[] = { "keep", "segment-size" };
static int (*const key_readers[])(const struct reading *r) = { read_keep, read_segment_size };

static int refuse_unknown(const struct reading *r, uint32_t line, uint32_t column, const char *what,
			  const char *word, const char *const *names, size_t n)
{
	const char *near = config_nearest(word, names, n);

	return REFUSE(r, line, column, "unknown %s '%s'%s%s%s", what, word, near ? ", did you mean '" : "",
		      near ?: "", near ? "'?" : "");
}

static int read_entry(struct reading *r, const struct config_entry *entry)
{
	r->entry = entry;
	for (size_t i = 0; i < COUNT(key_names); i++)
		if (!strcmp(key_names[i], entry->key))
			return key_readers[i](r);
	return refuse_unknown(r, entry->line, entry->key_column, "key", entry->key, key_names,
			      COUNT(key_names));
}

static int read_section(struct reading *r)
{
	static const char *const kinds[] = { "audit" };
	const struct config_section *section = r->section;
	int result = 0;

	if (strcmp(section->kind, kinds[0]))
		return refuse_unknown(r, section->line, section->kind_column, "section", section->kind, kinds,
				      COUNT(kinds));
	if (*section->name)
		return REFUSE(r, section->line, section->name_column, "the section is written [%s]",
			      section->kind);
	for (size_t i = 0; !result && i < section->n_entries; i++)
		result = read_entry(r, &section->entries[i]);
	return result;
}

int configuration_parse(const struct config *config, struct configuration *ret, struct refusal *refusal)
{
	struct configuration read = CONFIGURATION_INIT;
	struct reading reading = { .config = config, .to = &read, .refusal = refusal };
	int r = 0;

	for (size_t i = 0; !r && i < config_n_sections(config); i++) {
		reading.section = config_section(config, i);
		r = read_section(&reading);
	}
	if (!r)
		*ret = read;
	return r;
}

/* A file that cannot be opened is as little to be passed over as one that cannot be understood. */
static int add(struct config *config, const char *path, uid_t owner, struct refusal *refusal)
{
	int r = config_add_file(config, path, owner, refusal);

	if (r >= 0 || r == -ENOENT || r == -ENOMEM)
		return r;
	return config_refuse(config, refusal, path, 0, 0, "cannot be read: %s", strerror(-r));
}

int configuration_load(const char *const *paths, size_t n, uid_t owner, struct configuration *ret,
		       struct refusal *refusal)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	int r = config_new(REFUSAL_INVALID_ARGUMENT, &config);
	size_t i;

	if (r < 0)
		return r;
	config_allow_nameless(config);
	for (i = 0, r = -ENOENT; i < n && r == -ENOENT; i++)
		r = add(config, paths[i], owner, refusal);
	if (r && r != -ENOENT)
		return r;
	n = r ? 0 : i;
	r = configuration_parse(config, ret, refusal);
	if (!r)
		ret->path = n ? paths[n - 1] : NULL;
	return r;
}

static void print_number(uint64_t value, const struct unit *units, char *ret, size_t size)
{
	while (units[1].suffix && value % units->factor)
		units++;
	snprintf(ret, size, "%" PRIu64 "%s", value / units->factor, units->suffix);
}

void configuration_describe(const struct configuration *c, char ret[CONFIGURATION_TEXT_MAX])
{
	char keep[32] = "forever", size[32];

	if (c->audit_keep)
		print_number(c->audit_keep, durations, keep, sizeof(keep));
	print_number(c->audit_segment_size, sizes, size, sizeof(size));
	snprintf(ret, CONFIGURATION_TEXT_MAX, "keep = %s, segment-size = %s, %s%s", keep, size,
		 c->path ? "of " : "as there is no file", c->path ?: "");
}
