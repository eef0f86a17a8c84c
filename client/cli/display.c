/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/display.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "client/cli/view.h"
#include "common/limits.h"
#include "common/utf8.h"

#define COLUMNS_MAX (SPEC_FIELDS_MAX + 8)
#define CELL_MAX    192

struct column {
	char key[OBJECT_NAME_MAX], title[OBJECT_NAME_MAX];
	const char *type, *unit; /* of the field; "" unknown; borrowed from fields */
	size_t width;
};

struct display {
	bool json, quiet, live;
	json_t *fields;
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
	unsigned int
		drawn; /* lines of the block on the screen; the status line is one without its line break */
	uint64_t shown, lost;
	int64_t boot_to_real; /* ns */
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct display *display_new(bool json, bool quiet)
{
	struct display *display = calloc(1, sizeof(*display));

	if (display) {
		display->json = json;
		display->quiet = quiet;
		display->live = !json && !quiet && isatty(STDOUT_FILENO);
		display->boot_to_real = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	}
	return display;
}

struct display *display_free(struct display *display)
{
	if (display) {
		json_decref(display->fields);
		free(display);
	}
	return NULL;
}

bool display_live(const struct display *display)
{
	return display->live;
}

void display_fields(struct display *display, json_t *fields)
{
	json_decref(display->fields);
	display->fields = json_incref(fields);
}

/* Columns that say little to people; JSON has them. */
static bool column_hidden(const char *key)
{
	static const char *const hidden[] = { "cpu", "tid", "uid", "cgroup" };

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (!strcmp(key, hidden[i]))
			return true;
	return false;
}

static void column_title(struct column *column)
{
	snprintf(column->title, sizeof(column->title), "%s",
		 !strcmp(column->key, "tgid") ? "pid" : column->key);
	for (char *c = column->title; *c; c++)
		*c = (char)toupper((unsigned char)*c);
}

static void columns_from(struct display *display, const json_t *event)
{
	const char *key;
	json_t *value, *field;
	size_t i;

	json_object_foreach ((json_t *)event, key, value) {
		struct column *column = &display->columns[display->n_columns];

		if (column_hidden(key) || display->n_columns == COLUMNS_MAX)
			continue;
		snprintf(column->key, sizeof(column->key), "%s", key);
		utf8_make_printable(column->key, sizeof(column->key));
		column->type = column->unit = "";
		json_array_foreach (display->fields, i, field)
			if (!strcmp(cli_string(field, "name"), key)) {
				column->type = cli_string(field, "type");
				column->unit = cli_string(field, "unit");
			}
		column_title(column);
		column->width = text_width(column->title);
		/* Numbers of processes differ in length from line to line: as wide as the kernel's largest.
		 */
		if (!strcmp(column->title, "PID") && column->width < strlen("4194304"))
			column->width = strlen("4194304");
		display->n_columns++;
	}
}

static void cell_time(const struct display *display, json_int_t boot, char *cell)
{
	int64_t real = (int64_t)boot + display->boot_to_real;
	time_t seconds = (time_t)(real / 1000000000);
	struct tm tm;
	char text[32];

	if (!localtime_r(&seconds, &tm) || !strftime(text, sizeof(text), "%H:%M:%S", &tm))
		snprintf(text, sizeof(text), "?");
	snprintf(cell, CELL_MAX, "%s.%03d", text, (int)(real % 1000000000 / 1000000));
}

static void cell_integer(const struct display *display, const struct column *column, json_int_t value,
			 char *cell)
{
	if (!strcmp(column->key, "time"))
		cell_time(display, value, cell);
	else if (!strcmp(column->type, "ns") || !strcmp(column->unit, "ns"))
		unit_seconds((double)value * 1e-9, cell);
	else if (!strcmp(column->unit, "us"))
		unit_seconds((double)value * 1e-6, cell);
	else if (!strcmp(column->unit, "By") && value >= 0)
		unit_bytes((uint64_t)value, cell);
	else
		snprintf(cell, CELL_MAX, "%lld", (long long)value);
}

static void cell_text(const struct display *display, const struct column *column, const json_t *value,
		      char *cell)
{
	if (json_is_integer(value))
		cell_integer(display, column, json_integer_value(value), cell);
	else if (json_is_string(value))
		snprintf(cell, CELL_MAX, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(cell, CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		snprintf(cell, CELL_MAX, "%g", json_real_value(value));
	else
		snprintf(cell, CELL_MAX, "-");
	utf8_make_printable(cell, CELL_MAX);
}

static void print_padded(const struct display *display, size_t i, const char *text)
{
	const struct column *column = &display->columns[i];
	size_t width = text_width(text);

	fputs(text, stdout);
	if (i + 1 < display->n_columns)
		printf("%*s", (int)(column->width > width ? column->width - width : 0) + 2, "");
}

static void print_row(struct display *display, const json_t *event)
{
	char cells[COLUMNS_MAX][CELL_MAX];

	for (size_t i = 0; i < display->n_columns; i++) {
		struct column *column = &display->columns[i];
		size_t width;

		cell_text(display, column, json_object_get(event, column->key), cells[i]);
		width = text_width(cells[i]);
		column->width = width > column->width ? width : column->width;
	}
	if (display->shown == 0 && !display->quiet) {
		for (size_t i = 0; i < display->n_columns; i++)
			print_padded(display, i, display->columns[i].title);
		putchar('\n');
	}
	for (size_t i = 0; i < display->n_columns; i++)
		print_padded(display, i, cells[i]);
	putchar('\n');
}

void display_event(struct display *display, const char *event)
{
	_cleanup_json_ json_t *object = NULL;

	if (display->json) {
		printf("%s\n", event);
	} else {
		object = json_loads(event, 0, NULL);
		if (!json_is_object(object))
			return;
		display_clear(display);
		if (display->n_columns == 0)
			columns_from(display, object);
		print_row(display, object);
	}
	display->shown++;
}

void display_lost(struct display *display, uint64_t events)
{
	display->lost += events;
	if (display->json) {
		printf("{\"lost\":%llu}\n", (unsigned long long)events);
	} else if (!display->live) {
		cli_say("%llu events lost", (unsigned long long)events);
	}
}

void display_clear(struct display *display)
{
	if (!display->drawn)
		return;
	printf("\r");
	if (display->drawn > 1)
		printf("\x1b[%uA", display->drawn - 1);
	printf("\x1b[J");
	display->drawn = 0;
}

static void print_status(const struct display *display, FILE *out, uint64_t seconds)
{
	fprintf(out, "%llu s, %llu shown, %llu lost", (unsigned long long)seconds,
		(unsigned long long)display->shown, (unsigned long long)display->lost);
}

void display_status(struct display *display, uint64_t seconds)
{
	if (!display->live)
		return;
	display_clear(display);
	print_status(display, stdout, seconds);
	display->drawn = 1;
}

void display_block(struct display *display, const json_t *read, uint64_t seconds)
{
	_cleanup_free_ char *text = NULL;
	unsigned int columns, lines;
	size_t size;
	FILE *out;

	if (!display->live || !(out = open_memstream(&text, &size)))
		return;
	view_terminal(&columns, &lines);
	view_print(read, out, columns);
	if (fclose(out) != 0)
		return;
	display_clear(display);
	display->drawn = 1;
	for (const char *line = text; *line && display->drawn + 1 < lines;) {
		int length = (int)strcspn(line, "\n");

		printf("%.*s\n", length < (int)columns ? length : (int)columns, line);
		line += length + (line[length] == '\n');
		display->drawn++;
	}
	print_status(display, stdout, seconds);
}

void display_summary(struct display *display, const json_t *read, uint64_t seconds)
{
	unsigned int columns, lines;

	display_clear(display);
	if (display->json) {
		if (read)
			view_print_json(read);
		return;
	}
	view_terminal(&columns, &lines);
	if (read)
		view_print(read, stdout, columns);
	if (display->quiet)
		return;
	print_status(display, stdout, seconds);
	putchar('\n');
}

uint64_t display_shown(const struct display *display)
{
	return display->shown;
}

uint64_t display_lost_total(const struct display *display)
{
	return display->lost;
}
