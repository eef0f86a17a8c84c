/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/view.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/units.h"
#include "client/cli/view-rows.h"

struct view_style view_style(void)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct view_style style = { .heading = "", .plain = "" };

	style.terminal = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
	/* https://no-color.org: any value but an empty one. */
	if (style.terminal && (!no_color || !*no_color)) {
		style.heading = "\x1b[1m";
		style.plain = "\x1b[0m";
	}
	return style;
}

double view_age(const json_t *attachment)
{
	uint64_t since = cli_number(attachment, "since");
	struct timespec now;
	double age;

	clock_gettime(CLOCK_REALTIME, &now);
	age = (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - (double)since * 1e-9;
	return since && age > 0 ? age : -1;
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

static unsigned int less(unsigned int lines, unsigned int used)
{
	return lines > used ? lines - used : 0;
}

void view_print(const struct view *view, const struct view_data *data, FILE *out)
{
	const json_t *counters = json_object_get(data->read, "counters"),
		     *total = json_object_get(data->read, "total");
	/* The lines below the aggregates stay on the screen. */
	unsigned int lines = less(data->lines, json_is_object(counters) + json_is_object(total));
	unsigned int used = view->top ? view_histogram_table(view, data, lines, out)
				      : view_histograms(view, data, lines, out);

	if (used && json_array_size(json_object_get(data->read, "counts"))) {
		putc('\n', out);
		used++;
	}
	view_counts(view, data, less(lines, used), out);
	print_counters("counters", counters, out);
	print_counters("of the whole probe", total, out);
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
