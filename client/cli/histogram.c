/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/histogram.h"

#include <math.h>

#include "client/cli/units.h"

#define TICK_BITS     30 /* a tick is 2^-30 s */
#define SUB_BUCKETS   (1 << BW_HISTOGRAM_SCALE)
#define BAR_WIDTH_MIN 10
#define BAR_WIDTH_MAX 60

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

void histogram_add(struct histogram *sum, const struct histogram *more)
{
	sum->count += more->count;
	sum->sum += more->sum;
	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++)
		sum->bucket[i] += more->bucket[i];
}

json_t *histogram_buckets(const struct histogram *histogram)
{
	json_t *buckets = json_array();

	for (unsigned int i = 0; i < BW_HISTOGRAM_BUCKETS; i++) {
		json_t *bucket;

		if (!histogram->bucket[i])
			continue;
		bucket = json_pack("{s:i, s:I}", "index", (int)i, "count", (json_int_t)histogram->bucket[i]);
		if (json_array_append_new(buckets, bucket) < 0) {
			json_decref(buckets);
			return NULL;
		}
	}
	return buckets;
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

double histogram_max(const struct histogram *histogram, bool *ret_open)
{
	unsigned int last = BW_HISTOGRAM_BUCKETS;

	*ret_open = histogram->bucket[BW_HISTOGRAM_BUCKETS - 1] > 0;
	while (last > 0 && !histogram->bucket[last - 1])
		last--;
	/* Of what has no upper end, the lower one is known. */
	return last ? bucket_limit(*ret_open ? last - 2 : last - 1) : 0;
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

/* The first and the last octave that is not empty, and the largest count. False: all are empty. */
static bool octaves_span(const uint64_t octave[HISTOGRAM_OCTAVES], unsigned int *ret_first,
			 unsigned int *ret_last, uint64_t *ret_max)
{
	unsigned int first = HISTOGRAM_OCTAVES, last = 0;
	uint64_t max = 0;

	for (unsigned int k = 0; k < HISTOGRAM_OCTAVES; k++) {
		if (!octave[k])
			continue;
		first = k < first ? k : first;
		last = k;
		max = octave[k] > max ? octave[k] : max;
	}
	*ret_first = first;
	*ret_last = last;
	*ret_max = max;
	return max > 0;
}

unsigned int histogram_lines(const struct histogram *histogram)
{
	uint64_t octave[HISTOGRAM_OCTAVES], max;
	unsigned int first, last;

	histogram_octaves(histogram, octave);
	return octaves_span(octave, &first, &last, &max) ? last - first + 1 : 0;
}

void histogram_print(const struct histogram *histogram, FILE *out, unsigned int width)
{
	uint64_t octave[HISTOGRAM_OCTAVES], max;
	unsigned int first, last, bar = width > 40 ? width - 30 : BAR_WIDTH_MIN;

	bar = bar < BAR_WIDTH_MAX ? bar : BAR_WIDTH_MAX;
	histogram_octaves(histogram, octave);
	if (!octaves_span(octave, &first, &last, &max))
		return;
	for (unsigned int k = first; k <= last; k++) {
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
