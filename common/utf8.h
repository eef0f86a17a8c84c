/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Length in bytes of the well-formed UTF-8 sequence (RFC 3629: no surrogates, no overlong forms) at text, of
 * which size bytes are readable; 0 if there is none. */
size_t utf8_sequence(const unsigned char *text, size_t size);

/* True if all size bytes are well-formed UTF-8. */
bool utf8_valid(const char *text, size_t size);

/* Terminates the buffer and replaces, in place, each byte of control characters (C0, DEL, C1), of characters
 * that change the direction of text, and of what is malformed by '?'. A sequence that the buffer's end has
 * cut is malformed, too. */
void utf8_make_printable(char *buffer, size_t size);
