/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/histogram.h"

#include <math.h>

#include "client/cli/units.h"

#define TICK_BITS     30 /* a tick is 2^-30 s */
#define SUB_BUCKETS   (1 << BW_HISTOGRAM_SCALE)
#define BAR_WIDTH_MIN 10

bool histogram_from_json(const json_t *json, struct histogram *ret)
{
	const json_t *buckets = json_object_get(json, "buckets"), *count = json_object_get(json, "count"),
		     *bucket;
	size_t i;

	if (!json_is_array(buckets) || !json_is_integer(count))
		return false;
	*ret = (struct histogram){ .count = (uint64_t)json_integer_value(count),
				   .sum = json_number_value(json_object_get(json, "sum")) };
	json_array_foreach (buckets, i, bucket) {
		json_int_t index = json_integer_value(json_object_get(bucket, "index"));

		if (index < 0 || index >= BW_HISTOGRAM_BUCKETS)
			return false;
		ret->bucket[index] += (uint64_t)json_integer_value(json_object_get(bucket, "count"));
	}
	return true;
}

/* Upper end of a bucket in seconds. */
static double bucket_limit(unsigned int i)
{
	return exp2((double)i / SUB_BUCKETS - TICK_BITS);
}

double histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t total = 0, below = 0;
	double rank;

	/* The sum of the buckets, not count: the daemon reads a histogram while the kernel adds to it. */
	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++)
		total += histogram->bucket[i];
	if (total == 0)
		return 0;
	rank = share * (double)total;
	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++) {
		uint64_t n = histogram->bucket[i];

		if (n && (double)(below + n) >= rank) {
			double part = (rank - (double)below) / (double)n;

			part = part < 0 ? 0 : part;
			if (i == 0)
				return part * bucket_limit(0);
			return bucket_limit(i - 1) * exp2(part / SUB_BUCKETS);
		}
		below += n;
	}
	return bucket_limit(BW_HISTOGRAM_BUCKETS - 1);
}

void histogram_octaves(const struct histogram *histogram, uint64_t octave[HISTOGRAM_OCTAVES])
{
	for (unsigned int k = 0; k < HISTOGRAM_OCTAVES; k++)
		octave[k] = 0;
	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++)
		octave[(i + SUB_BUCKETS - 1) / SUB_BUCKETS] += histogram->bucket[i];
}

double histogram_octave_limit(unsigned int octave)
{
	return exp2((double)octave - TICK_BITS);
}

void histogram_print(const struct histogram *histogram, FILE *out, unsigned int width)
{
	uint64_t octave[HISTOGRAM_OCTAVES], max = 0;
	unsigned int first = HISTOGRAM_OCTAVES, last = 0, bar = width > 40 ? width - 30 : BAR_WIDTH_MIN;

	histogram_octaves(histogram, octave);
	for (unsigned int k = 0; k < HISTOGRAM_OCTAVES; k++) {
		if (!octave[k])
			continue;
		first = k < first ? k : first;
		last = k;
		max = octave[k] > max ? octave[k] : max;
	}
	for (unsigned int k = first; k <= last && max; k++) {
		unsigned int length = (unsigned int)((double)octave[k] / (double)max * bar + 0.5);
		char limit[UNIT_TEXT_MAX];

		if (k + 2 <= last && !octave[k] && !octave[k + 1] && !octave[k + 2]) {
			for (; k + 1 <= last && !octave[k + 1];)
				k++;
			fputs("  ...\n", out);
			continue;
		}
		length = octave[k] && !length ? 1 : length;
		fprintf(out, "  <= %8s %12llu  ", unit_seconds(histogram_octave_limit(k), limit),
			(unsigned long long)octave[k]);
		for (unsigned int i = 0; i < length; i++)
			putc('#', out);
		putc('\n', out);
	}
}
