/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include "audit/tree/note.h"
#include "audit/tree/text.h"

#define NOTE_ED25519        1 /* signed-note, "Signature types" */
#define NOTE_SIGNATURE_SIZE 64
#define NOTE_SIGNATURES_MAX 100 /* of one note that is verified */

#define NOTE_DASH "\u2014 " /* what each line of a signature begins with */

/* What the first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key) are. */
int note_key_hash(const char *name, const uint8_t public[NOTE_PUBLIC_SIZE], uint32_t *ret);

static inline uint32_t note_get_u32(const uint8_t bytes[4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* UTF-8 without control characters other than newline. */
bool note_is_clean(struct text text);
