/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What a run shows: events as a table whose columns follow the first event, a status line while nothing
 * happens, histograms redrawn in place. Escapes go to a terminal only.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"

struct display;

struct display *display_new(bool json, bool quiet); /* NULL: out of memory */
struct display *display_free(struct display *display);
DEFINE_CLEANUP(struct display *, display_free)

/* True if there is a terminal that wants a status line. */
bool display_live(const struct display *display);

/* The event's fields as Describe tells them, for units; a reference is taken. */
void display_fields(struct display *display, json_t *fields);

/* Prints one event, the text of a JSON object. */
void display_event(struct display *display, const char *event);

void display_lost(struct display *display, uint64_t events);

/* The line "12 s, 0 shown, 0 lost", or the block that replaces the one before. */
void display_status(struct display *display, uint64_t seconds);
void display_block(struct display *display, const json_t *read, uint64_t seconds);

/* Takes the status line or block away, so that other text can be printed. */
void display_clear(struct display *display);

/* Closes with histograms, counts and counters (read may be NULL) and what was shown. */
void display_summary(struct display *display, const json_t *read, uint64_t seconds);

uint64_t display_shown(const struct display *display);
uint64_t display_lost_total(const struct display *display);
