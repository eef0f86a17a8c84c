/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* SHA-256 digests as text. */
#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"

/* Lower-case hexadecimal with NUL; returns buffer. */
const char *digest_to_hex(const uint8_t digest[DIGEST_SIZE], char buffer[DIGEST_HEX_MAX]);

/* Exactly 64 hexadecimal digits of either case; false, and nothing is written: it is something else. */
bool digest_from_hex(const char *text, uint8_t ret[DIGEST_SIZE]);
