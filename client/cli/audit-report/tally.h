/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Counts by name, or by several names together. A table has a limit; what comes beyond is counted as the
 * rest.
 */
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

#define TALLY_PARTS_MAX 4

struct tally {
	char *part[TALLY_PARTS_MAX]; /* NULL behind the last */
	uint64_t n;                  /* what is counted */
	uint64_t records, failed;    /* of these: records of their own; that failed */
	uint64_t duration;           /* ns, summed */
	uint64_t first_seq, last_seq, first_time, last_time;
	char *note; /* about the latest */
};

struct tally_table {
	struct tally *items;
	size_t n, allocated, max;
	uint32_t *slots; /* 1 + index into items */
	struct tally rest;
};

#define TALLY_TABLE_INIT(limit) \
	{                       \
		.max = (limit)  \
	}
void tally_clear(struct tally_table *table);

/* The count of these names, made if need be; the rest if the table is full. NULL: out of memory. The pointer
 * is good until the next call. */
struct tally *tally_get(struct tally_table *table, const char *const part[TALLY_PARTS_MAX]);
/* The same with only one name. */
struct tally *tally_get_one(struct tally_table *table, const char *name);

/* Counts n more by a record. -ENOMEM if item is NULL. */
int tally_count(struct tally *item, uint64_t n, uint64_t seq, uint64_t time);
/* -ENOMEM */
int tally_note(struct tally *item, const char *note);

/* Most first. Names cannot be looked up any more. */
void tally_sort(struct tally_table *table);
