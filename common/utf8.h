/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Length in bytes of the well-formed UTF-8 sequence (RFC 3629: no surrogates, no overlong forms) at text, of
 * which size bytes are readable; 0 if there is none. */
size_t utf8_sequence(const unsigned char *text, size_t size);

/* True if all size bytes are well-formed UTF-8. */
bool utf8_valid(const char *text, size_t size);

/* Terminates the buffer and replaces, in place, control characters and malformed bytes by '?'. A sequence
 * that the buffer's end has cut is dropped. */
void utf8_make_printable(char *buffer, size_t size);
