/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The texts that records refer to by their SHA-256: each must be there, and be the one.
 */
#include "audit/verify/finding.h"
#include "audit/verify/source.h"

#define REFERENCES_MAX (1U << 20) /* different texts of one log */

struct reference {
	uint8_t digest[DIGEST_SIZE];
	uint64_t first, last; /* records that refer to it; first 0: this place of the table is free */
};

struct references {
	struct reference *table; /* by digest, open addressing; more than half of it is free */
	size_t n, capacity;
	uint64_t secret[2]; /* so that nobody can choose digests that share a place */
	size_t recent;      /* most records refer to what the one before did */
};

void references_clear(struct references *references);

/* Notes what a record refers to. -ENOMEM, -E2BIG. */
int references_note(struct references *references, uint64_t seq, const char *bytes, size_t size);

/* Asks the source for each, once all records were seen. */
int references_check(const struct references *references, struct audit_source *source,
		     struct findings *findings, struct refusal *refusal);
