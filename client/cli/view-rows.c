/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/view-rows.h"

#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/histogram.h"
#include "client/cli/regroup.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "client/cli/value.h"
#include "common/limits.h"

#define HEADERS_MAX (SPEC_LABELS_MAX + 10)
#define NARROW      110 /* columns of a terminal on which tables leave out what matters less */
#define SHARE_WIDTH 20  /* columns of a bar of 100 % */

/* The rows of one answer in their order, for as long as they are printed. */
struct rows {
	struct ranked *ranked;
	size_t n;
	uint64_t sum;
};

static struct rows rows_of(const struct view_data *data, const char *kind)
{
	struct rows rows = {};

	if (rank(json_object_get(data->read, kind), json_object_get(data->before, kind), &rows.ranked,
		 &rows.n) < 0)
		return (struct rows){};
	for (size_t i = 0; i < rows.n; i++)
		rows.sum += rows.ranked[i].count;
	return rows;
}

static void rows_clear(struct rows *rows)
{
	ranked_free(rows->ranked, rows->n);
}

static const char *rate_text(const struct view_data *data, uint64_t count, uint64_t before, char *text)
{
	/* A restarted attachment counts from nothing again. */
	uint64_t more = count > before ? count - before : 0;

	return unit_rate(data->seconds > 0 ? (double)more / data->seconds : -1, text);
}

/* "and 12 more: 345", of the rows from `from` on. */
static unsigned int print_rest(const struct view_data *data, const struct rows *rows, size_t from, FILE *out)
{
	uint64_t count = 0, before = 0;
	char rate[UNIT_TEXT_MAX];

	if (from >= rows->n)
		return 0;
	for (size_t i = from; i < rows->n; i++) {
		count += rows->ranked[i].count;
		before += rows->ranked[i].before;
	}
	fprintf(out, "and %zu more: %llu, %s\n", rows->n - from, (unsigned long long)count,
		rate_text(data, count, before, rate));
	return 1;
}

static const json_t *labels_of(const struct ranked *row)
{
	return json_object_get(row->row, "labels");
}

/* ---- histograms ---- */

static void print_labels(const struct view *view, const json_t *labels, FILE *out)
{
	char text[VALUE_TEXT_MAX], name[OBJECT_NAME_MAX];
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)labels, key, value) {
		struct value_kind kind = value_kind_of(json_object_get(view->schema, "labels"), key);

		fprintf(out, "  %s=%s", cli_printable_copy(key, name, sizeof(name)),
			value_text(&kind, value, view->names, text));
	}
}

static const char *max_text(const struct histogram *histogram, char text[UNIT_TEXT_MAX + 4])
{
	char limit[UNIT_TEXT_MAX];
	bool open;
	double max = histogram_max(histogram, &open);

	snprintf(text, UNIT_TEXT_MAX + 4, "%s %s", open ? ">" : "<=", unit_seconds(max, limit));
	return text;
}

static const char *mean_text(const struct histogram *histogram, char text[UNIT_TEXT_MAX])
{
	return unit_seconds(histogram->count ? histogram->sum / (double)histogram->count : 0, text);
}

static void print_block(const struct view *view, const struct view_data *data, const struct ranked *row,
			const struct histogram *histogram, FILE *out)
{
	static const double shares[] = { 0.5, 0.9, 0.99 };
	char text[UNIT_TEXT_MAX + 4];

	fprintf(out, "%s%s%s", view->style.heading, cli_string(row->row, "name"), view->style.plain);
	print_labels(view, labels_of(row), out);
	fprintf(out, "\n  %llu in all, %s ", (unsigned long long)row->count,
		rate_text(data, row->count, row->before, text));
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		fprintf(out, "  p%.0f %s", shares[i] * 100,
			unit_seconds(histogram_percentile(histogram, shares[i]), text));
	fprintf(out, "  max %s", max_text(histogram, text));
	fprintf(out, "  mean %s\n", mean_text(histogram, text));
	histogram_print(histogram, out, data->width);
}

unsigned int view_histograms(const struct view *view, const struct view_data *data, unsigned int lines,
			     FILE *out)
{
	struct rows rows = rows_of(data, "histograms");
	unsigned int used = 0;
	size_t i;

	for (i = 0; i < rows.n && i < VIEW_BLOCKS_MAX; i++) {
		struct histogram histogram;
		unsigned int height;

		if (!histogram_from_json(rows.ranked[i].row, &histogram))
			continue;
		/* An empty line, two of text, the bars, and the rest's. */
		height = histogram_lines(&histogram) + 2 + (i > 0);
		if (data->lines && i > 0 && used + height + 1 > lines)
			break;
		if (i > 0)
			putc('\n', out);
		print_block(view, data, &rows.ranked[i], &histogram, out);
		used += height;
	}
	used += print_rest(data, &rows, i, out);
	rows_clear(&rows);
	return used;
}

/* ---- tables ---- */

/* How many rows fit below a header and above the line of the rest. */
static size_t rows_that_fit(const struct view_data *data, const struct rows *rows, unsigned int lines)
{
	size_t fit = data->lines ? (lines > 3 ? lines - 2 : 1) : VIEW_ROWS_MAX;

	fit = fit < VIEW_ROWS_MAX ? fit : VIEW_ROWS_MAX;
	return fit < rows->n ? fit : rows->n;
}

/* The labels' titles after n others; all rows have the same labels. */
static void label_headers(const struct rows *rows, const char **headers, size_t n,
			  char titles[SPEC_LABELS_MAX][OBJECT_NAME_MAX])
{
	const char *key;
	json_t *value;
	size_t i = 0;

	json_object_foreach ((json_t *)labels_of(&rows->ranked[0]), key, value)
		if (i < SPEC_LABELS_MAX)
			headers[n + i] = value_title(key, titles[i], OBJECT_NAME_MAX), i++;
	/* A probe may count without labels. */
	if (i == 0)
		headers[n + i++] = "WHAT";
	headers[n + i] = NULL;
}

static void label_cells(const struct view *view, const struct rows *rows, size_t row, struct table *table)
{
	char text[VALUE_TEXT_MAX];
	const char *key;
	json_t *first;
	size_t i = 0;

	json_object_foreach ((json_t *)labels_of(&rows->ranked[0]), key, first) {
		struct value_kind kind = value_kind_of(json_object_get(view->schema, "labels"), key);

		if (!*kind.type)
			kind = value_kind_of(json_object_get(view->schema, "event"), key);
		if (i++ < SPEC_LABELS_MAX)
			table_add(table,
				  value_text(&kind, json_object_get(labels_of(&rows->ranked[row]), key),
					     view->names, text));
	}
	if (i == 0)
		table_add(table, "all");
}

/* Lines that do not fit are cut where the screen is redrawn, and what they end with are the labels. */
static bool is_narrow(const struct view_data *data)
{
	return data->lines && data->width < NARROW;
}

static const char *share_bar(const struct view_data *data, uint64_t part, uint64_t all,
			     char bar[SHARE_WIDTH + 1])
{
	unsigned int width = is_narrow(data) ? SHARE_WIDTH / 2 : SHARE_WIDTH;
	unsigned int length = all ? (unsigned int)((double)part / (double)all * width + 0.5) : 0;

	for (unsigned int i = 0; i < width; i++)
		bar[i] = i < length ? '#' : ' ';
	bar[width] = 0;
	return bar;
}

static void count_cells(const struct view_data *data, const struct rows *rows, size_t i, struct table *table)
{
	const struct ranked *row = &rows->ranked[i];
	char text[UNIT_TEXT_MAX];

	table_addf(table, "%llu", (unsigned long long)row->count);
	table_add(table, rate_text(data, row->count, row->before, text));
	table_addf(table, "%.1f%%", rows->sum ? 100 * (double)row->count / (double)rows->sum : 0);
}

unsigned int view_counts(const struct view *view, const struct view_data *data, unsigned int lines, FILE *out)
{
	const char *headers[HEADERS_MAX] = { "COUNT", "RATE", "SHARE", "" };
	char titles[SPEC_LABELS_MAX][OBJECT_NAME_MAX], bar[SHARE_WIDTH + 1];
	_cleanup_(table_free_p) struct table *table = NULL;
	struct rows rows = rows_of(data, "counts");
	size_t fit = rows_that_fit(data, &rows, lines);
	unsigned int used = 0;

	if (rows.n) {
		label_headers(&rows, headers, 4, titles);
		table = table_new(headers);
	}
	for (size_t i = 0; table && i < fit; i++) {
		count_cells(data, &rows, i, table);
		table_add(table, share_bar(data, rows.ranked[i].count, rows.sum, bar));
		label_cells(view, &rows, i, table);
	}
	if (table) {
		table_print_to(table, out, 3, view->style.heading, view->style.plain);
		used = (unsigned int)fit + 1 + print_rest(data, &rows, fit, out);
	}
	rows_clear(&rows);
	return used;
}

static void duration_cells(const struct view_data *data, const struct ranked *row, struct table *table)
{
	char text[UNIT_TEXT_MAX + 4];
	struct histogram histogram;

	if (!histogram_from_json(row->row, &histogram))
		histogram = (struct histogram){};
	table_add(table, unit_seconds(histogram_percentile(&histogram, 0.5), text));
	if (!is_narrow(data))
		table_add(table, unit_seconds(histogram_percentile(&histogram, 0.9), text));
	table_add(table, unit_seconds(histogram_percentile(&histogram, 0.99), text));
	table_add(table, max_text(&histogram, text));
	if (!is_narrow(data))
		table_add(table, mean_text(&histogram, text));
}

unsigned int view_histogram_table(const struct view *view, const struct view_data *data, unsigned int lines,
				  FILE *out)
{
	static const char *const wide[] = { "COUNT", "RATE", "SHARE", "P50", "P90", "P99", "MAX", "MEAN" },
				 *const narrow[] = { "COUNT", "RATE", "SHARE", "P50", "P99", "MAX" };
	size_t n = is_narrow(data) ? sizeof(narrow) / sizeof(narrow[0]) : sizeof(wide) / sizeof(wide[0]);
	const char *headers[HEADERS_MAX];
	char titles[SPEC_LABELS_MAX][OBJECT_NAME_MAX];
	_cleanup_(table_free_p) struct table *table = NULL;
	struct rows rows = rows_of(data, "histograms");
	size_t fit = rows_that_fit(data, &rows, lines ? lines - 1 : 0); /* its name is a line, too */
	unsigned int used = 0;

	memcpy(headers, is_narrow(data) ? narrow : wide, n * sizeof(headers[0]));
	if (rows.n) {
		label_headers(&rows, headers, n, titles);
		table = table_new(headers);
	}
	for (size_t i = 0; table && i < fit; i++) {
		count_cells(data, &rows, i, table);
		duration_cells(data, &rows.ranked[i], table);
		label_cells(view, &rows, i, table);
	}
	if (table) {
		fprintf(out, "%s\n", cli_string(rows.ranked[0].row, "name"));
		table_print_to(table, out, n, view->style.heading, view->style.plain);
		used = (unsigned int)fit + 2 + print_rest(data, &rows, fit, out);
	}
	rows_clear(&rows);
	return used;
}
