/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of a record as short texts for a table's cells.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "client/cli/audit-report/model.h"

const char *report_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

uint64_t report_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

char *report_format(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	return n < 0 ? NULL : text;
}

char *report_probe(const json_t *json)
{
	const char *probe = report_string(json, "probe");
	uint64_t serial = report_number(json, "serial");

	if (!serial)
		return strdup(probe);
	return report_format("%s-%" PRIu64, probe, serial);
}

char *report_target(const json_t *json)
{
	const json_t *target = json_object_get(json, "target");
	const char *name = report_string(target, "name");

	return report_format("%s%s%s", report_string(target, "kind"), *name ? " " : "", name);
}

char *report_data(const json_t *json)
{
	const char *privacy = report_string(json, "privacy");
	const json_t *data = json_object_get(json, "data"), *item;
	char words[128] = "";
	size_t i, used = 0;

	json_array_foreach (data, i, item) {
		const char *word = json_string_value(item);
		int n = snprintf(words + used, sizeof(words) - used, "%s%s", used ? ", " : "",
				 word ? word : "?");

		if (n < 0 || (size_t)n >= sizeof(words) - used)
			break;
		used += (size_t)n;
	}
	return report_format("%s%s%s", words, *privacy ? ", up to " : "", privacy);
}

char *report_reason(const struct report_entry *e)
{
	uint64_t error = report_number(e->json, "errno");

	if (*e->refusal)
		return strdup(e->refusal);
	if (error && !*e->detail)
		return report_format("error %" PRIu64, error);
	return strdup(e->detail);
}
