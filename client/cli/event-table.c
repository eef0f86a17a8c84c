/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/event-table.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/value.h"
#include "common/limits.h"
#include "common/utf8.h"

#define COLUMNS_MAX (SPEC_FIELDS_MAX + 8)

struct column {
	char key[OBJECT_NAME_MAX], title[OBJECT_NAME_MAX];
	struct value_kind kind; /* its name is key */
	size_t width;
};

struct event_table {
	const struct view *view;
	bool header;
	struct column columns[COLUMNS_MAX];
	size_t n_columns;
	unsigned int until_header; /* rows; 0: the next one has a header above it */
	int64_t boot_to_real;      /* ns */
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct event_table *event_table_new(const struct view *view, bool header)
{
	struct event_table *table = calloc(1, sizeof(*table));

	if (table) {
		table->view = view;
		table->header = header;
		table->boot_to_real = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	}
	return table;
}

struct event_table *event_table_free(struct event_table *table)
{
	free(table);
	return NULL;
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

static void columns_from(struct event_table *table, const json_t *event)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)event, key, value) {
		struct column *column = &table->columns[table->n_columns];
		size_t width;

		if (column_hidden(key) || table->n_columns == COLUMNS_MAX)
			continue;
		snprintf(column->key, sizeof(column->key), "%s", key);
		column->kind = value_kind_of(json_object_get(table->view->schema, "event"), column->key);
		value_title(key, column->title, sizeof(column->title));
		column->width = text_width(column->title);
		width = value_width(&column->kind);
		column->width = width > column->width ? width : column->width;
		table->n_columns++;
	}
}

static void time_text(const struct event_table *table, json_int_t boot, char *text)
{
	int64_t real = (int64_t)boot + table->boot_to_real;
	time_t seconds = (time_t)(real / 1000000000);
	char clock[32];
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(clock, sizeof(clock), "%H:%M:%S", &tm))
		snprintf(clock, sizeof(clock), "?");
	snprintf(text, VALUE_TEXT_MAX, "%s.%03d", clock, (int)(real % 1000000000 / 1000000));
}

static void cell_text(const struct event_table *table, const struct column *column, const json_t *value,
		      char *text)
{
	if (!strcmp(column->key, "time") && json_is_integer(value))
		time_text(table, json_integer_value(value), text);
	else
		value_text(&column->kind, value, table->view->names, text);
}

static void print_cell(const struct event_table *table, size_t i, const char *text)
{
	const struct column *column = &table->columns[i];
	size_t width = text_width(text);
	int padding = (int)(column->width > width ? column->width - width : 0);
	bool right = value_is_number(&column->kind) && strcmp(column->key, "time") != 0;

	if (right)
		printf("%*s", padding, "");
	fputs(text, stdout);
	if (i + 1 < table->n_columns)
		printf("%*s", (right ? 0 : padding) + 2, "");
}

static void print_header(struct event_table *table)
{
	const struct view_style *style = &table->view->style;
	unsigned int columns, lines;

	fputs(style->heading, stdout);
	for (size_t i = 0; i < table->n_columns; i++)
		print_cell(table, i, table->columns[i].title);
	printf("%s\n", style->plain);
	/* Where nothing scrolls, once is enough. */
	table->header = style->terminal;
	view_terminal(&columns, &lines);
	table->until_header = lines > 4 ? lines - 2 : 2;
}

void event_table_row(struct event_table *table, const json_t *event)
{
	char cells[COLUMNS_MAX][VALUE_TEXT_MAX];

	if (table->n_columns == 0)
		columns_from(table, event);
	for (size_t i = 0; i < table->n_columns; i++) {
		struct column *column = &table->columns[i];
		size_t width;

		cell_text(table, column, json_object_get(event, column->key), cells[i]);
		width = text_width(cells[i]);
		column->width = width > column->width ? width : column->width;
	}
	if (table->header && table->until_header == 0)
		print_header(table);
	table->until_header -= table->until_header > 0;
	for (size_t i = 0; i < table->n_columns; i++)
		print_cell(table, i, cells[i]);
	putchar('\n');
}
