/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The parts of a view: each takes the lines of the terminal that are left and returns how many it printed.
 */
#include "client/cli/view.h"

/* Blocks with bars, the largest first, as many as fit; the rest in one line. */
unsigned int view_histograms(const struct view *view, const struct view_data *data, unsigned int lines,
			     FILE *out);

/* Histograms as a table: one row a set of labels, with percentiles. */
unsigned int view_histogram_table(const struct view *view, const struct view_data *data, unsigned int lines,
				  FILE *out);

/* Counts as a table with rates and shares. */
unsigned int view_counts(const struct view *view, const struct view_data *data, unsigned int lines,
			 FILE *out);
