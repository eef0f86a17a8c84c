/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A reader for DER (ITU-T X.690), just strict enough to look at a signature before a full ASN.1 library does:
 * definite and minimal lengths, single-byte tags, strings in primitive form, bounded depth. It allocates
 * nothing and copies nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DER_INTEGER              0x02
#define DER_BIT_STRING           0x03
#define DER_OCTET_STRING         0x04
#define DER_NULL                 0x05
#define DER_OID                  0x06
#define DER_SEQUENCE             0x30
#define DER_SET                  0x31
#define DER_CONTEXT(n)           (0xa0 | (n)) /* constructed */
#define DER_CONTEXT_PRIMITIVE(n) (0x80 | (n))

#define DER_DEPTH_MAX 32

/* Bytes that belong to somebody else. */
struct der {
	const uint8_t *bytes;
	size_t size;
};

struct der_item {
	uint8_t tag;
	struct der body;
	struct der whole; /* with tag and length */
};

/* Takes the first item off `in`; false, and nothing taken, if there is none or it is malformed. */
bool der_next(struct der *in, struct der_item *ret);

/* The same if the item has this tag. */
bool der_take(struct der *in, uint8_t tag, struct der_item *ret);

bool der_equal(struct der a, struct der b);

/* True if the bytes are exactly one well-formed item, with everything inside of it well-formed too. Returns
 * in *ret_problem (static text) what is wrong otherwise. */
bool der_check(const void *bytes, size_t size, const char **ret_problem);
