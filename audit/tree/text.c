/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/text.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/utf8.h"

#define BYTES_MAX 96 /* of what is decoded: a key or a signature with what precedes it */

bool text_take(struct text *text, char separator, struct text *ret)
{
	const char *end = text->size ? memchr(text->bytes, separator, text->size) : NULL;

	if (!end)
		return false;
	ret->bytes = text->bytes;
	ret->size = (size_t)(end - text->bytes);
	text->size -= ret->size + 1;
	text->bytes = end + 1;
	return true;
}

bool text_to_number(struct text text, uint64_t *ret)
{
	uint64_t number = 0;

	if (!text.size || (text.bytes[0] == '0' && text.size > 1))
		return false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.bytes[i];

		if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(c - '0'), &number))
			return false;
	}
	*ret = number;
	return true;
}

size_t text_from_bytes(const void *bytes, size_t size, char *ret)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)ret, bytes, (int)size);
}

bool text_to_bytes(struct text text, void *ret, size_t size)
{
	unsigned char bytes[TEXT_BASE64_MAX(BYTES_MAX)];
	char again[TEXT_BASE64_MAX(BYTES_MAX)];

	if (size > BYTES_MAX || text.size != TEXT_BASE64_MAX(size) - 1)
		return false;
	if (EVP_DecodeBlock(bytes, (const unsigned char *)text.bytes, (int)text.size) < (int)size)
		return false;
	/* EVP_DecodeBlock() lets blanks, other padding and bits that do not count pass. */
	text_from_bytes(bytes, size, again);
	if (memcmp(again, text.bytes, text.size))
		return false;
	memcpy(ret, bytes, size);
	return true;
}

static bool is_base64_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
	       c == '/';
}

size_t text_base64_size(struct text text)
{
	size_t padding = 0;

	if (!text.size || text.size % 4)
		return 0;
	while (padding < 2 && text.bytes[text.size - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.size - padding; i++)
		if (!is_base64_digit(text.bytes[i]))
			return 0;
	return text.size / 4 * 3 - padding;
}

/* White_Space of Unicode's PropList.txt, beyond ASCII, and control characters from U+0080 to U+009F. */
static bool is_space_or_control(const unsigned char *c, size_t size)
{
	static const char *const spaces[] = {
		"\u00a0", "\u1680", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
	};

	if (size == 2 && c[0] == 0xc2 && c[1] < 0xa0)
		return true;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
		if (strlen(spaces[i]) == size && !memcmp(c, spaces[i], size))
			return true;
	/* U+2000 to U+200A */
	return size == 3 && c[0] == 0xe2 && c[1] == 0x80 && c[2] <= 0x8a;
}

bool text_is_name(struct text text)
{
	const unsigned char *p = (const unsigned char *)text.bytes;
	size_t left = text.size;

	for (size_t n; left; p += n, left -= n) {
		n = utf8_sequence(p, left);
		if (!n || *p <= ' ' || *p == 0x7f || *p == '+' || is_space_or_control(p, n))
			return false;
	}
	return text.size > 0;
}
