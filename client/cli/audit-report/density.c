/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-report/density.h"

#include <string.h>

#define WIDTH_MIN 1000000000 /* ns */

static void fold(struct density *density)
{
	for (size_t s = 0; s < _DENSITY_MAX; s++) {
		uint64_t *counts = density->counts[s];

		for (size_t i = 0; i < DENSITY_SPANS / 2; i++)
			counts[i] = counts[2 * i] + counts[2 * i + 1];
		memset(counts + DENSITY_SPANS / 2, 0, DENSITY_SPANS / 2 * sizeof(*counts));
	}
	density->width *= 2;
}

void density_add(struct density *density, enum density_series series, uint64_t time, uint64_t n)
{
	uint64_t *count;

	if (!density->width) {
		density->from = time;
		density->width = WIDTH_MIN;
	}
	if (time < density->from)
		time = density->from;
	while ((time - density->from) / density->width >= DENSITY_SPANS)
		fold(density);
	count = &density->counts[series][(time - density->from) / density->width];
	if (__builtin_add_overflow(*count, n, count))
		*count = UINT64_MAX;
}

uint64_t density_max(const struct density *density, enum density_series series)
{
	uint64_t most = 0;

	for (size_t i = 0; i < DENSITY_SPANS; i++)
		if (density->counts[series][i] > most)
			most = density->counts[series][i];
	return most;
}
