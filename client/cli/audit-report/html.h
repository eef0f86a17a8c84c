/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Text of anybody's choosing in a page: it stays text, and what would be invisible or would reorder its
 * surroundings is shown by its number.
 */
#include <stdint.h>
#include <stdio.h>

/* Fit for content and for attributes in double quotes. NULL is nothing. What is not UTF-8 becomes U+FFFD. */
void html_text(FILE *out, const char *text);
/* The same, isolated: text from right to left keeps to itself. */
void html_value(FILE *out, const char *text);

/* The same without isolation, line feeds and tabs being what they are: for <pre>. */
void html_lines(FILE *out, const char *text);

#define HTML_TEXT_MAX 64
/* Each writes into buffer (HTML_TEXT_MAX bytes) and returns it: "2026-01-31 10:00:00" in UTC; "1 h 03 min";
 * "1 234 567" with no-break spaces. */
const char *html_time(uint64_t ns, char *buffer);
const char *html_duration(uint64_t ns, char *buffer);
const char *html_number(uint64_t n, char *buffer);
