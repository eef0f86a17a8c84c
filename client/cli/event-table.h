/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Events as a table: columns follow the first event and only grow, the header comes again when the terminal
 * has scrolled it away.
 */
#include <jansson.h>
#include <stdbool.h>

#include "client/cli/view.h"
#include "common/cleanup.h"

struct event_table;

/* view is borrowed: its schema, names and style. header: whether there is one. NULL: out of memory. */
struct event_table *event_table_new(const struct view *view, bool header);
struct event_table *event_table_free(struct event_table *table);
DEFINE_CLEANUP(struct event_table *, event_table_free)

/* Prints one event on standard output. */
void event_table_row(struct event_table *table, const json_t *event);
