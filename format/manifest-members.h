/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The members of manifest.json as tables, read by the reader and the writer alike, so that both always agree.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/spec.h"

enum member_kind {
	MEMBER_TEXT,    /* string ↔ char array of size bytes */
	MEMBER_U32,     /* integer ↔ uint32_t */
	MEMBER_U64,     /* integer ↔ uint64_t */
	MEMBER_ENUM,    /* string ↔ uint32_t by name and value */
	MEMBER_DIGEST,  /* 64 lower-case hexadecimal digits ↔ 32 bytes */
	MEMBER_FLAG,    /* boolean ↔ bit of a uint32_t */
	MEMBER_SET,     /* array of strings ↔ bits of a uint32_t by name and value */
	MEMBER_FILE,    /* string ↔ uint32_t, index into spec.files; absent ↔ UINT32_MAX */
	MEMBER_OBJECT,  /* object ↔ the members of sub at offset */
	MEMBER_OBJECTS, /* array of objects ↔ array of structs of size bytes, members of sub */
	MEMBER_NUMBERS, /* array of integers ↔ array of uint32_t */
	MEMBER_TEXTS,   /* array of strings ↔ array of char arrays of size bytes */
};

struct member {
	const char *name; /* NULL ends a table */
	enum member_kind kind;
	bool optional;       /* left out when it is zero, empty or without any non-zero member */
	size_t offset, size; /* within the struct */
	size_t count_offset; /* arrays: of the uint32_t that counts the entries */
	uint32_t max;        /* arrays: of entries; FLAG: the bit */
	const struct member *sub;
	const char *(*to_name)(uint32_t value);
	bool (*from_name)(const char *name, uint32_t *ret);
};

/* Of struct spec, without "type", in the order in which they are written. */
extern const struct member manifest_members[];

/* True if an optional member is to be left out of the manifest. base: the struct that holds it. */
bool member_absent(const struct member *member, const void *base);
