/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One value of an event or a label, for people: durations and bytes with units, ports, address families and
 * cgroups by name. The text is printable whatever the value was.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cgroup_names;

#define VALUE_TEXT_MAX 192

/* What a column holds: of a row of type Field. Text is borrowed from there; "" is unknown. */
struct value_kind {
	const char *name, *type, *unit;
};

/* The kind of the field of this name among fields (may be NULL): its name is borrowed, too. */
struct value_kind value_kind_of(const json_t *fields, const char *name);

/* Numbers and durations are aligned to the right. */
bool value_is_number(const struct value_kind *kind);

/* Columns that most values of this kind need, so that a table need not grow with every row; 0: unknown. */
size_t value_width(const struct value_kind *kind);

/* The column's heading: PID of tgid. Returns buffer, of size bytes. */
const char *value_title(const char *name, char *buffer, size_t size);

/* Writes text of VALUE_TEXT_MAX bytes; value may be NULL. Returns text. Time is not handled here: it needs a
 * clock. */
const char *value_text(const struct value_kind *kind, const json_t *value, struct cgroup_names *names,
		       char *text);
