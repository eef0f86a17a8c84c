/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A base-2 exponential histogram of scale 2 as the daemon sends it (type Histogram of io.bpfwarden.Probe):
 * bucket 0 counts values up to 2^-30 s, bucket i > 0 those in (2^((i-1)/4 - 30), 2^(i/4 - 30)] s.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/include/bpfwarden/abi.h"

#define HISTOGRAM_OCTAVES (BW_HISTOGRAM_BUCKETS / 4 + 1)

struct histogram {
	uint64_t count;
	double sum; /* seconds */
	uint64_t bucket[BW_HISTOGRAM_BUCKETS];
};

/* False: not a Histogram. */
bool histogram_from_json(const json_t *json, struct histogram *ret);

/* Adds all that more counted. */
void histogram_add(struct histogram *sum, const struct histogram *more);

/* Its buckets as the daemon sends them, without empty ones. The caller releases it; NULL: out of memory. */
json_t *histogram_buckets(const struct histogram *histogram);

/* The upper end, in seconds, of the last bucket that is not empty: no value is larger, except in the last of
 * all, which has no upper end, and then *ret_open is true. 0 for an empty histogram. */
double histogram_max(const struct histogram *histogram, bool *ret_open);

/* The value, in seconds, that a share of the values does not exceed; within a bucket values are taken to be
 * spread evenly on the logarithmic scale. 0 for an empty histogram. */
double histogram_percentile(const struct histogram *histogram, double share);

/* Buckets as powers of two: octave 0 up to one tick, octave k up to 2^k ticks. */
void histogram_octaves(const struct histogram *histogram, uint64_t octave[HISTOGRAM_OCTAVES]);
double histogram_octave_limit(unsigned int octave); /* its upper end, in seconds */

/* Prints bars, one line an octave from the first to the last that is not empty; several empty ones are "...".
 * histogram_lines() is the most that these can be. */
void histogram_print(const struct histogram *histogram, FILE *out, unsigned int width);
unsigned int histogram_lines(const struct histogram *histogram);
