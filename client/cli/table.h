/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Text in aligned columns, as wide as their widest cell.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cleanup.h"

struct table;

/* headers ends with NULL. NULL: out of memory. */
struct table *table_new(const char *const *headers);
struct table *table_free(struct table *table);
DEFINE_CLEANUP(struct table *, table_free)

/* Adds the next cell of the current row, from the left; a row is full when every column has one. Text is
 * copied. Cells that memory had no room for come out empty. */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool table_empty(const struct table *table);

/* Prints header and rows on stdout, nothing if there are no rows. */
void table_print(const struct table *table);

/* The same to out; column numbers below `right` are aligned to the right, and the header is between these two
 * texts, which take no room. */
void table_print_to(const struct table *table, FILE *out, size_t right, const char *before_header,
		    const char *after_header);

/* Columns of a terminal that UTF-8 text takes: its code points. */
size_t text_width(const char *text);

/* Bytes of a line, which ends at its line break or NUL, that so many columns of a terminal can show.
 * Sequences that only change how text looks (ESC [ ... m) take no room, and no sequence is cut. */
size_t text_fit(const char *line, size_t columns);
