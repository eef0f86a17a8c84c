/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Aggregates as Read answers them, regrouped and sorted; and events counted into the same form.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

/* The answer with its aggregates regrouped by one label: each value of it once, counts added and histograms
 * of one name merged, no other labels, the largest first. Rows without that label count as null. The rest of
 * the answer is as it was. The caller releases it; NULL: out of memory. */
json_t *regroup(const json_t *read, const char *label);

/* A row of histograms or counts, with what it counted and what it had counted at an earlier look. */
struct ranked {
	const json_t *row; /* borrowed */
	uint64_t count, before;
	char *key; /* name and labels: what makes it the same row in two answers */
};

/* The rows with something in them, the largest first and those of one size by their labels, so that the order
 * does not depend on the kernel's. before are the rows of an earlier answer, or NULL. The caller frees with
 * ranked_free(). -ENOMEM. */
int rank(const json_t *rows, const json_t *before, struct ranked **ret, size_t *ret_n);
void ranked_free(struct ranked *ranked, size_t n);

/* Counts events by the value of one field. */
struct tally;

#define TALLY_VALUES_MAX 4096 /* what is above counts as TALLY_OTHERS */
#define TALLY_OTHERS     "(other values)"

struct tally *tally_new(const char *field); /* borrows field; NULL: out of memory */
struct tally *tally_free(struct tally *tally);
DEFINE_CLEANUP(struct tally *, tally_free)

/* -ENOMEM. */
int tally_add(struct tally *tally, const json_t *event);

/* An answer like Read's: {"counts":[{"labels":{FIELD:…},"count":…}]}, printable if the events were. The
 * caller releases it; NULL: out of memory. */
json_t *tally_read(const struct tally *tally);
