/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What Read answers, for people.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Histograms, counts and counters, at most width columns wide. */
void view_print(const json_t *read, FILE *out, unsigned int width);

/* As JSON lines on stdout: {"histogram":…}, {"count":…}, {"counters":…}, {"total":…}. */
void view_print_json(const json_t *read);

/* An Attachment in one line of text on stderr: probe, target, rule, how long. */
void view_attached(const json_t *attachment);

/* Columns and lines of the terminal on stdout; 80 and 24 if it does not tell. */
void view_terminal(unsigned int *ret_columns, unsigned int *ret_lines);
