/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_sequence(const unsigned char *text, size_t size)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c;
	size_t n;

	if (!size)
		return 0;
	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xf0 && text[0] <= 0xf4)
		n = 4;
	else if (text[0] >= 0xe0 && text[0] < 0xf0)
		n = 3;
	else if (text[0] >= 0xc2 && text[0] < 0xe0)
		n = 2;
	else
		return 0;
	if (n > size)
		return 0;
	c = text[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3fU);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return n;
}

bool utf8_valid(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t n; size; p += n, size -= n) {
		n = utf8_sequence(p, size);
		if (!n)
			return false;
	}
	return true;
}

/* C0 and DEL, and C1 (U+0080 to U+009F), which some terminals obey like the escape sequences of two
 * characters that they stand for. */
static bool is_control(const unsigned char *p, size_t n)
{
	return (n == 1 && (*p < 0x20 || *p == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

/* U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: text that shows in another order than it is in.
 * U+2028 and U+2029: line breaks. */
static bool is_direction(const unsigned char *p, size_t n)
{
	if (n == 2)
		return p[0] == 0xd8 && p[1] == 0x9c;
	if (n != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

void utf8_make_printable(char *buffer, size_t size)
{
	unsigned char *p = (unsigned char *)buffer;
	size_t left;

	if (!size)
		return;
	buffer[size - 1] = '\0';
	for (left = size - 1; left && *p;) {
		size_t n = utf8_sequence(p, left);

		if (is_control(p, n) || is_direction(p, n))
			memset(p, '?', n);
		if (!n) {
			*p = '?';
			n = 1;
		}
		p += n;
		left -= n;
	}
}
