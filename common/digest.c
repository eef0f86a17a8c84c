/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/digest.h"

#include <stdio.h>
#include <string.h>

const char *digest_to_hex(const uint8_t digest[DIGEST_SIZE], char buffer[DIGEST_HEX_MAX])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++)
		snprintf(buffer + 2 * i, 3, "%02x", digest[i]);
	return buffer;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool digest_from_hex(const char *text, uint8_t ret[DIGEST_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	if (strlen(text) != 2 * DIGEST_SIZE)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, digest, sizeof(digest));
	return true;
}
