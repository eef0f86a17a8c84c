/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/view.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "client/cli/cli.h"
#include "client/cli/histogram.h"
#include "client/cli/units.h"

static void print_labels(const json_t *labels, FILE *out)
{
	const char *separator = "", *key;
	json_t *value;

	fprintf(out, "{");
	json_object_foreach ((json_t *)labels, key, value) {
		if (json_is_string(value))
			fprintf(out, "%s%s=%s", separator, key, json_string_value(value));
		else if (json_is_integer(value))
			fprintf(out, "%s%s=%lld", separator, key, (long long)json_integer_value(value));
		else
			fprintf(out, "%s%s=%s", separator, key,
				json_is_true(value)    ? "true"
				: json_is_false(value) ? "false"
						       : "-");
		separator = ", ";
	}
	fprintf(out, "}");
}

static void print_histogram(const json_t *json, FILE *out, unsigned int width)
{
	static const double shares[] = { 0.5, 0.9, 0.99 };
	struct histogram histogram;
	char text[UNIT_TEXT_MAX];

	if (!histogram_from_json(json, &histogram))
		return;
	fprintf(out, "%s ", cli_string(json, "name"));
	print_labels(json_object_get(json, "labels"), out);
	fprintf(out, "  n=%llu", (unsigned long long)histogram.count);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		fprintf(out, "  p%.0f %s", shares[i] * 100,
			unit_seconds(histogram_percentile(&histogram, shares[i]), text));
	if (histogram.count)
		fprintf(out, "  mean %s", unit_seconds(histogram.sum / (double)histogram.count, text));
	putc('\n', out);
	histogram_print(&histogram, out, width);
}

static void print_counters(const char *name, const json_t *counters, FILE *out)
{
	if (!json_is_object(counters))
		return;
	fprintf(out,
		"%s: %llu seen, %llu submitted, %llu lost (ring full %llu, map full %llu), %llu filtered, "
		"%llu sampled out\n",
		name, (unsigned long long)cli_number(counters, "seen"),
		(unsigned long long)cli_number(counters, "submitted"),
		(unsigned long long)(cli_number(counters, "ring_full") + cli_number(counters, "map_full")),
		(unsigned long long)cli_number(counters, "ring_full"),
		(unsigned long long)cli_number(counters, "map_full"),
		(unsigned long long)cli_number(counters, "filtered"),
		(unsigned long long)cli_number(counters, "sampled_out"));
}

void view_print(const json_t *read, FILE *out, unsigned int width)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(read, "histograms"), i, row)
		print_histogram(row, out, width);
	json_array_foreach (json_object_get(read, "counts"), i, row) {
		fprintf(out, "%12llu  ", (unsigned long long)cli_number(row, "count"));
		print_labels(json_object_get(row, "labels"), out);
		putc('\n', out);
	}
	print_counters("counters", json_object_get(read, "counters"), out);
	print_counters("of the whole probe", json_object_get(read, "total"), out);
}

static void print_json_line(const char *name, const json_t *value)
{
	_cleanup_free_ char *text = value && !json_is_null(value)
					    ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15))
					    : NULL;

	if (text)
		printf("{\"%s\":%s}\n", name, text);
}

void view_print_json(const json_t *read)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(read, "histograms"), i, row)
		print_json_line("histogram", row);
	json_array_foreach (json_object_get(read, "counts"), i, row)
		print_json_line("count", row);
	print_json_line("counters", json_object_get(read, "counters"));
	print_json_line("total", json_object_get(read, "total"));
}

void view_attached(const json_t *attachment)
{
	char remaining[UNIT_TEXT_MAX], data[64];
	const char *privacy = cli_string(attachment, "privacy");
	bool hidden;

	/* Aggregates have no fields that could be left out. */
	cli_join(json_object_get(attachment, "data"), data, sizeof(data));
	hidden = *privacy && strcmp(privacy, "pii") != 0 && strstr(data, "events");
	cli_say("%s-%llu on %s, %s%s%s, allowed by \"%s\", for at most %s (id %s)",
		cli_string(attachment, "probe"), (unsigned long long)cli_number(attachment, "serial"),
		cli_string(attachment, "target"), data, hidden ? " without fields above " : "",
		hidden ? privacy : "", cli_string(attachment, "rule"),
		unit_remaining(cli_number(attachment, "remaining"), remaining), cli_string(attachment, "id"));
}

void view_terminal(unsigned int *ret_columns, unsigned int *ret_lines)
{
	struct winsize size = {};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	*ret_columns = size.ws_col;
	*ret_lines = size.ws_row;
}
