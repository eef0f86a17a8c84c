/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What a run shows: events as a table whose columns follow the first event, a status line while nothing
 * happens, aggregates redrawn in place; with --top, one table of the values of one label or field instead.
 * Sequences for the terminal go to a terminal only.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/cli/schema.h"
#include "common/cleanup.h"

struct display;

/* top: the KEY of --top, or NULL; borrowed. NULL: out of memory. */
struct display *display_new(bool json, bool quiet, const char *top);
struct display *display_free(struct display *display);
DEFINE_CLEANUP(struct display *, display_free)

/* True if there is a terminal that wants a status line. */
bool display_live(const struct display *display);

/* From now on there are events. schema may be NULL: numbers have no units; a reference is taken. by says what
 * the KEY of --top is. -ENOMEM. */
int display_begin(struct display *display, json_t *schema, enum schema_key by);

/* True if what is shown while it lasts comes from Read, also if there are events. */
bool display_wants_read(const struct display *display);

/* Prints or counts one event, the text of a JSON object. */
void display_event(struct display *display, const char *event);

void display_lost(struct display *display, uint64_t events);

/* The line "12 s, 0 shown, 0 lost" or the events counted so far, or the block of an answer; each replaces the
 * one before. */
void display_status(struct display *display, uint64_t seconds);
void display_block(struct display *display, const json_t *read, uint64_t seconds);

/* An answer to Read came just now: rates are of this moment. */
void display_answered(struct display *display, const json_t *read);

/* Takes the status line or block away, so that other text can be printed. */
void display_clear(struct display *display);

/* Closes with aggregates and counters (of the newest answer; read may be NULL) and what was shown. */
void display_summary(struct display *display, const json_t *read, uint64_t seconds);

uint64_t display_lost_total(const struct display *display);
