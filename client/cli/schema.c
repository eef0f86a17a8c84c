/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/schema.h"

#include <stdio.h>
#include <string.h>

#include "bpf/include/bpfwarden/abi.h"
#include "client/cli/cli.h"
#include "format/spec.h"

#define TICK_EXPONENT (-30) /* a histogram's unit of time is 2^-30 s */

/* What every event begins with; see struct bw_event. */
static const struct {
	const char *name, *type, *unit;
} header[] = {
	{ "time", "ns", "ns" }, { "cpu", "u32", "" }, { "tgid", "u32", "" },
	{ "tid", "u32", "" },   { "uid", "u32", "" }, { "cgroup", "cgroup", "" },
};

static json_t *field_new(const char *name, const char *type, const char *unit, const char *privacy)
{
	/* Durations are in nanoseconds whether or not the manifest says so. */
	if (!*unit && !strcmp(type, "ns"))
		unit = "ns";
	return json_pack("{s:s, s:s, s:s*, s:s}", "name", name, "type", type, "unit", *unit ? unit : NULL,
			 "privacy", privacy);
}

static bool is_shown(const json_t *field, const char *privacy)
{
	uint32_t class, max;

	return !privacy || !spec_privacy_from_name(privacy, &max) ||
	       (spec_privacy_from_name(cli_string(field, "privacy"), &class) && class <= max);
}

static int add_fields(json_t *to, const json_t *fields, const char *privacy)
{
	const json_t *field;
	size_t i;

	json_array_foreach (fields, i, field)
		if (is_shown(field, privacy) &&
		    json_array_append_new(to, field_new(cli_string(field, "name"), cli_string(field, "type"),
							cli_string(field, "unit"),
							cli_string(field, "privacy"))) < 0)
			return -ENOMEM;
	return 0;
}

/* A probe without fields has no events. */
static json_t *event_fields(const json_t *description, const char *privacy)
{
	const json_t *fields = json_object_get(description, "event");
	json_t *result = json_array();

	for (size_t i = 0; json_array_size(fields) && i < sizeof(header) / sizeof(header[0]); i++)
		json_array_append_new(result,
				      field_new(header[i].name, header[i].type, header[i].unit, "safe"));
	if (json_array_size(fields))
		json_object_set_new(json_array_get(result, 0), "clock", json_string("boottime"));
	if (add_fields(result, fields, privacy) < 0) {
		json_decref(result);
		return NULL;
	}
	return result;
}

json_t *schema_new(const json_t *description, bool events, bool aggregates, const char *privacy)
{
	const json_t *probe = json_object_get(description, "probe");
	json_t *labels = json_array();

	if (!json_is_array(json_object_get(description, "event")) ||
	    (aggregates && add_fields(labels, json_object_get(description, "labels"), NULL) < 0)) {
		json_decref(labels);
		return NULL;
	}
	return json_pack("{s:i, s:s, s:I, s:o, s:o, s:{s:s, s:i, s:i, s:i}}", "version", SCHEMA_VERSION,
			 "probe", cli_string(probe, "name"), "serial",
			 (json_int_t)cli_number(probe, "serial"), "event",
			 events ? event_fields(description, privacy) : json_array(), "labels", labels,
			 "histogram", "unit", "s", "scale", BW_HISTOGRAM_SCALE, "offset", TICK_EXPONENT,
			 "buckets", BW_HISTOGRAM_BUCKETS);
}

static bool has_text(const json_t *array, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (json_is_string(item) && !strcmp(json_string_value(item), text))
			return true;
	return false;
}

json_t *schema_of_attachment(const json_t *description, const json_t *attachment)
{
	const json_t *data = json_object_get(attachment, "data");
	const char *privacy = cli_string(attachment, "privacy");

	return schema_new(description, has_text(data, "events"), has_text(data, "aggregates"),
			  *privacy ? privacy : NULL);
}

static bool has_field(const json_t *fields, const char *name)
{
	const json_t *field;
	size_t i;

	json_array_foreach (fields, i, field)
		if (!strcmp(cli_string(field, "name"), name))
			return true;
	return false;
}

enum schema_key schema_key(const json_t *schema, const char *name)
{
	if (has_field(json_object_get(schema, "labels"), name))
		return SCHEMA_LABEL;
	return has_field(json_object_get(schema, "event"), name) ? SCHEMA_FIELD : SCHEMA_NONE;
}

/* "labels cgroup, what"; nothing if there are none. */
static size_t list_names(const json_t *fields, const char *title, char *text, size_t used)
{
	const json_t *field;
	size_t i;

	json_array_foreach (fields, i, field) {
		if (used < CLI_TEXT_MAX)
			used += (size_t)snprintf(text + used, CLI_TEXT_MAX - used, "%s%s%s",
						 i      ? ", "
						 : used ? "; "
							: "",
						 i ? "" : title, cli_string(field, "name"));
	}
	return used;
}

int schema_find_key(const struct cli *cli, const json_t *schema, const char *name, enum schema_key *ret)
{
	char text[CLI_TEXT_MAX] = "";
	size_t used;

	*ret = schema_key(schema, name);
	if (*ret != SCHEMA_NONE)
		return CLI_CONTINUE;
	used = list_names(json_object_get(schema, "labels"), "labels ", text, 0);
	list_names(json_object_get(schema, "event"), "event fields ", text, used);
	if (!*text)
		return cli_usage(cli, "%s has nothing that --top could regroup", cli_string(schema, "probe"));
	return cli_usage(cli, "--top: %s has no \"%s\" here; it has %s", cli_string(schema, "probe"), name,
			 text);
}

void schema_print(const json_t *schema)
{
	_cleanup_free_ char *text = json_dumps(schema, JSON_COMPACT);

	printf("{\"schema\":%s}\n", text ? text : "null");
}
