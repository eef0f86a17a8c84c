/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What Read answers, for people: histograms as bars, counts as a table, rates, counters.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cgroup_names;

/* How to write on standard output. Sequences for the terminal are empty unless there is one that wants them.
 */
struct view_style {
	bool terminal;               /* standard output is one that can redraw */
	const char *heading, *plain; /* begins and ends a heading */
};

#define VIEW_BLOCKS_MAX 8  /* histograms with bars; the others are summed up */
#define VIEW_ROWS_MAX   40 /* of a table */

/* Everything is borrowed. */
struct view {
	struct view_style style;
	const json_t *schema;       /* NULL: numbers are shown without units */
	struct cgroup_names *names; /* NULL: cgroups are shown by their ids */
	const char *top;            /* --top KEY: a table of values instead of bars; NULL: none */
};

/* What is to be shown of one answer, which --top has regrouped already. */
struct view_data {
	const json_t *read;
	const json_t *before;      /* the answer that rates count from; NULL: from nothing */
	double seconds;            /* since then; negative: unknown */
	unsigned int width, lines; /* of the terminal; lines 0: as many as it takes */
};

struct view_style view_style(void);

/* Histograms, counts and counters. */
void view_print(const struct view *view, const struct view_data *data, FILE *out);

/* As JSON lines on stdout: {"histogram":…}, {"count":…}, {"counters":…}, {"total":…}. */
void view_print_json(const json_t *read);

/* Seconds since the attachment that was read began; negative: unknown. */
double view_age(const json_t *attachment);

/* An Attachment in one line of text on stderr: probe, target, rule, how long. */
void view_attached(const json_t *attachment);

/* Columns and lines of the terminal on stdout; 80 and 24 if it does not tell. */
void view_terminal(unsigned int *ret_columns, unsigned int *ret_lines);
