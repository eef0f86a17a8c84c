/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the fields of events and the labels of aggregates are: names, types, units, privacy classes. The same
 * object is the line {"schema":...} in front of JSON lines.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct cli;

#define SCHEMA_VERSION 1

/* From what Describe says of a bundle: the header's fields and the event's, no higher than a privacy class
 * (NULL: all); event fields and labels only if events and aggregates are wanted. The caller releases it.
 * NULL: out of memory, or no description. */
json_t *schema_new(const json_t *description, bool events, bool aggregates, const char *privacy);

/* Of what an attachment gives. */
json_t *schema_of_attachment(const json_t *description, const json_t *attachment);

/* What --top regroups by: a label of the aggregates if there is one of that name, else a field of events. */
enum schema_key {
	SCHEMA_NONE = 0,
	SCHEMA_LABEL,
	SCHEMA_FIELD,
};
enum schema_key schema_key(const json_t *schema, const char *name);

/* The same of a name that the user said: an unknown one is a usage error that lists those that there are.
 * CLI_CONTINUE or an exit code. */
int schema_find_key(const struct cli *cli, const json_t *schema, const char *name, enum schema_key *ret);

/* Prints the line on standard output. */
void schema_print(const json_t *schema);
