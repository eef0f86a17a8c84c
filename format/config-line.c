/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/config-line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/utf8.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_character(char c)
{
	return is_lower(c) || is_digit(c) || c == '-';
}

static bool is_name_start(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c);
}

static bool is_name_character(char c)
{
	return is_name_start(c) || (c && strchr("._@-", c));
}

uint32_t config_line_characters(const char *from, const char *to)
{
	uint32_t n = 0;

	for (; from < to; from++)
		n += ((unsigned char)*from & 0xc0) != 0x80;
	return n;
}

__attribute__((format(printf, 3, 4))) static bool refuse(struct config_line *line, const char *at,
							 const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(line->error, sizeof(line->error), format, ap);
	va_end(ap);
	line->error_at = at;
	return false;
}

/* Characters that an editor does not show, or shows as a blank that is none: two lines that look the same
 * must be the same (CVE-2021-42574). */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00ad, 0x00ad }, { 0x034f, 0x034f },   { 0x061c, 0x061c },   { 0x115f, 0x1160 },
		{ 0x1680, 0x1680 }, { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x2000, 0x200f },
		{ 0x2028, 0x202f }, { 0x205f, 0x206f },   { 0x3000, 0x3000 },   { 0x3164, 0x3164 },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },
		{ 0x00a0, 0x00a0 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static uint32_t decode(const unsigned char *p, size_t n)
{
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static bool is_text(struct config_line *line)
{
	size_t n;

	for (const char *p = line->line.start; p < line->line.end; p += n) {
		uint32_t c;

		n = utf8_sequence((const unsigned char *)p, (size_t)(line->line.end - p));
		if (!n)
			return refuse(line, p, "byte 0x%02x is not UTF-8", (unsigned char)*p);
		c = decode((const unsigned char *)p, n);
		if (c == '\r')
			return refuse(line, p, "carriage return: lines end in a newline alone");
		if ((c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0))
			return refuse(line, p, "control character U+%04X", c);
		if (is_invisible(c))
			return refuse(line, p, "invisible character U+%04X", c);
	}
	return true;
}

/* The end of a run of characters of one kind; p itself if the first is not fit to start it. */
static const char *scan(const char *p, const char *end, bool (*is_start)(char), bool (*is_character)(char))
{
	if (p == end || !is_start(*p))
		return p;
	while (p < end && is_character(*p))
		p++;
	return p;
}

/* From its ']' on; whether it may be without a name is not a matter of the line. */
static bool finish_section(struct config_line *line, struct config_span kind, struct config_span name)
{
	const char *end = line->line.end, *last;

	if (name.end == end || *name.end != ']')
		return refuse(line, name.end, "']' expected behind the section's name");
	last = skip_blanks(name.end + 1, end);
	if (last != end)
		return refuse(line, last, "nothing may follow the section's ']'");
	line->type = CONFIG_LINE_SECTION;
	line->first = kind;
	line->second = name;
	return true;
}

static bool read_section(struct config_line *line, const char *p)
{
	const char *end = line->line.end;
	struct config_span kind, name;

	kind.start = p + 1;
	kind.end = scan(kind.start, end, is_lower, is_word_character);
	if (kind.end == kind.start)
		return refuse(line, kind.start,
			      "a section is written [kind name], kind in lower-case letters");
	name.start = name.end = kind.end;
	if (kind.end < end && *kind.end == ']')
		return finish_section(line, kind, name);
	name.start = skip_blanks(kind.end, end);
	name.end = scan(name.start, end, is_name_start, is_name_character);
	if (name.start == kind.end || name.end == name.start)
		return refuse(line, name.start,
			      "a section is written [kind name], name in letters, digits and ._@-");
	if (name.end - name.start >= OBJECT_NAME_MAX)
		return refuse(line, name.start, "the section's name is longer than %d bytes",
			      OBJECT_NAME_MAX - 1);
	return finish_section(line, kind, name);
}

static bool check_value(struct config_line *line, struct config_span value)
{
	if (value.start == value.end)
		return refuse(line, value.start, "a value is missing behind '='");
	if (value.end[-1] == '\\')
		return refuse(line, value.end - 1, "lines cannot be continued");
	for (const char *p = value.start; p < value.end; p++)
		if (*p == '#' && (p == value.start || is_blank(p[-1])))
			return refuse(line, p, "a comment needs a line of its own");
	return true;
}

static bool read_entry(struct config_line *line, const char *p)
{
	const char *end = line->line.end, *equals;
	struct config_span key = { p, scan(p, end, is_lower, is_word_character) }, value;

	if (key.end == key.start)
		return refuse(line, p, "'#', '[kind name]' or 'key = value' expected");
	equals = skip_blanks(key.end, end);
	if (equals == end || *equals != '=')
		return refuse(line, equals, "'=' expected behind the key");
	value.start = skip_blanks(equals + 1, end);
	for (value.end = end; value.end > value.start && is_blank(value.end[-1]);)
		value.end--;
	if (!check_value(line, value))
		return false;
	line->type = CONFIG_LINE_ENTRY;
	line->first = key;
	line->second = value;
	return true;
}

bool config_line_is_text(const char *start, const char *end, struct config_line *ret_line)
{
	*ret_line = (struct config_line){ .line = { start, end } };
	return is_text(ret_line);
}

bool config_line_read(const char *start, const char *end, struct config_line *ret_line)
{
	const char *p;

	*ret_line = (struct config_line){ .line = { start, end } };
	if (end - start > CONFIG_LINE_MAX)
		return refuse(ret_line, start, "the line is longer than %d bytes", CONFIG_LINE_MAX);
	if (!is_text(ret_line))
		return false;
	p = skip_blanks(start, end);
	if (p == end || *p == '#')
		return true;
	return *p == '[' ? read_section(ret_line, p) : read_entry(ret_line, p);
}
