/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-report/html.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/utf8.h"

#define NS         ((uint64_t)1000000000)
#define NARROW_GAP "\xe2\x80\xaf" /* U+202F */

static uint32_t decode(const unsigned char *text, size_t length)
{
	uint32_t c = length == 1 ? *text : *text & (0xffU >> (length + 1));

	for (size_t i = 1; i < length; i++)
		c = c << 6 | (text[i] & 0x3fU);
	return c;
}

/* Controls, spaces that are none, joiners, directional marks, embeddings, overrides and isolates, variation
 * selectors and tags: Unicode's general categories Cc and Cf, and what else has no shape. */
static bool invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },          { 0x7f, 0x9f },       { 0xad, 0xad },       { 0x34f, 0x34f },
		{ 0x600, 0x605 },     { 0x61c, 0x61c },     { 0x6dd, 0x6dd },     { 0x70f, 0x70f },
		{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x200b, 0x200f },
		{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0x3164, 0x3164 },   { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0x110bd, 0x110bd },
		{ 0x110cd, 0x110cd }, { 0x13430, 0x1345f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static const char *entity(uint32_t c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

static void write_text(FILE *out, const char *text, bool lines)
{
	size_t size = text ? strlen(text) : 0, length;

	for (size_t i = 0; i < size; i += length ? length : 1) {
		uint32_t c;

		length = utf8_sequence((const unsigned char *)text + i, size - i);
		if (!length) {
			fputs("\xef\xbf\xbd", out);
			continue;
		}
		c = decode((const unsigned char *)text + i, length);
		if (entity(c))
			fputs(entity(c), out);
		else if (lines && (c == '\n' || c == '\t'))
			fputc((int)c, out);
		else if (invisible(c))
			fprintf(out, "\\u{%" PRIx32 "}", c);
		else
			fwrite(text + i, 1, length, out);
	}
}

void html_text(FILE *out, const char *text)
{
	write_text(out, text, false);
}

void html_lines(FILE *out, const char *text)
{
	write_text(out, text, true);
}

void html_value(FILE *out, const char *text)
{
	fputs("<bdi>", out);
	html_text(out, text);
	fputs("</bdi>", out);
}

const char *html_time(uint64_t ns, char *buffer)
{
	time_t seconds = (time_t)(ns / NS);
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(buffer, HTML_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buffer, HTML_TEXT_MAX, "@%" PRIu64, ns / NS);
	return buffer;
}

const char *html_duration(uint64_t ns, char *buffer)
{
	uint64_t s = ns / NS;

	if (s >= 86400)
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 " d %02" PRIu64 " h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 " h %02" PRIu64 " min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
	else if (s >= 10)
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 " s", s);
	else if (s >= 1)
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " s", s, ns % NS / (NS / 10));
	else
		snprintf(buffer, HTML_TEXT_MAX, "%" PRIu64 " ms", ns / 1000000);
	return buffer;
}

const char *html_number(uint64_t n, char *buffer)
{
	char digits[21];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), used = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0 && length > 4)
			used += snprintf(buffer + used, (size_t)(HTML_TEXT_MAX - used), NARROW_GAP);
		buffer[used++] = digits[i];
	}
	buffer[used] = 0;
	return buffer;
}
