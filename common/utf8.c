/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/utf8.h"

#include <stdint.h>

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

void utf8_make_printable(char *buffer, size_t size)
{
	unsigned char *p = (unsigned char *)buffer;
	size_t left;

	if (!size)
		return;
	buffer[size - 1] = '\0';
	for (left = size - 1; left && *p;) {
		size_t n = utf8_sequence(p, left);

		if (n == 1 && (*p < 0x20 || *p == 0x7f))
			*p = '?';
		if (!n) {
			*p = '?';
			n = 1;
		}
		p += n;
		left -= n;
	}
}
