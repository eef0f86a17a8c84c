/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The pieces that notes and what they sign are written in. Nothing has more than one spelling: what is read
 * is refused unless it is exactly what would be written. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of somebody's text, not NUL-terminated. */
struct text {
	const char *bytes;
	size_t size;
};

/* Takes what precedes the next separator, and the separator, off the front; false: there is none. */
bool text_take(struct text *text, char separator, struct text *ret);

/* Decimal digits without leading zeros. */
bool text_to_number(struct text text, uint64_t *ret);

/* RFC 4648, section 4, with padding: exactly size bytes. */
bool text_to_bytes(struct text text, void *ret, size_t size);
/* Its length without NUL, which is written, too. */
size_t text_from_bytes(const void *bytes, size_t size, char *ret);
#define TEXT_BASE64_MAX(size) (((size) + 2) / 3 * 4 + 1)
/* Of how many bytes it is the base64; 0: of none. */
size_t text_base64_size(struct text text);

/* A key's name: UTF-8, not empty, without spaces of Unicode's, control characters and '+'. */
bool text_is_name(struct text text);
