/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 16

struct table {
	const char *const *headers;
	size_t n_columns, n_cells, size;
	char **cells; /* row by row */
};

struct table *table_new(const char *const *headers)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table) {
		table->headers = headers;
		while (table->n_columns < COLUMNS_MAX && headers[table->n_columns])
			table->n_columns++;
	}
	return table;
}

struct table *table_free(struct table *table)
{
	if (table) {
		for (size_t i = 0; i < table->n_cells; i++)
			free(table->cells[i]);
		free(table->cells);
		free(table);
	}
	return NULL;
}

void table_add(struct table *table, const char *text)
{
	if (table->n_cells == table->size) {
		size_t size = table->size ? 2 * table->size : 64;
		char **cells = realloc(table->cells, size * sizeof(*cells));

		if (!cells)
			return;
		table->cells = cells;
		table->size = size;
	}
	table->cells[table->n_cells++] = strdup(text);
}

void table_addf(struct table *table, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_add(table, text);
}

bool table_empty(const struct table *table)
{
	return table->n_cells == 0;
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static size_t column_width(const struct table *table, size_t column)
{
	size_t width = text_width(table->headers[column]);

	for (size_t i = column; i < table->n_cells; i += table->n_columns)
		if (table->cells[i] && text_width(table->cells[i]) > width)
			width = text_width(table->cells[i]);
	return width;
}

size_t text_fit(const char *line, size_t columns)
{
	const char *at = line;

	while (*at && *at != '\n') {
		if (at[0] == '\x1b' && at[1] == '[') {
			at += strcspn(at, "m\n");
			at += *at == 'm';
			continue;
		}
		if (((unsigned char)*at & 0xc0) != 0x80 && columns-- == 0)
			break;
		at++;
	}
	return (size_t)(at - line);
}

static void print_cell(const struct table *table, FILE *out, const char *text, size_t column, size_t width,
		       bool right)
{
	int padding = (int)(width - text_width(text));

	if (right)
		fprintf(out, "%*s", padding, "");
	fputs(text, out);
	if (column + 1 < table->n_columns)
		fprintf(out, "%*s", (right ? 0 : padding) + 2, "");
}

void table_print_to(const struct table *table, FILE *out, size_t right, const char *before_header,
		    const char *after_header)
{
	size_t n_rows = table->n_cells / table->n_columns, widths[COLUMNS_MAX];

	if (n_rows == 0)
		return;
	for (size_t column = 0; column < table->n_columns; column++)
		widths[column] = column_width(table, column);
	for (size_t row = 0; row <= n_rows; row++) {
		fputs(row == 0 ? before_header : "", out);
		for (size_t column = 0; column < table->n_columns; column++) {
			const char *text = row == 0 ? table->headers[column]
						    : table->cells[(row - 1) * table->n_columns + column];

			print_cell(table, out, text ? text : "", column, widths[column], column < right);
		}
		fprintf(out, "%s\n", row == 0 ? after_header : "");
	}
}

void table_print(const struct table *table)
{
	table_print_to(table, stdout, 0, "", "");
}
