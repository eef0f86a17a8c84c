/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * How much happened when, in a fixed number of spans of equal length. The spans grow twofold whenever a time
 * lies beyond the last one, so the whole of any period fits.
 */
#include <stddef.h>
#include <stdint.h>

#define DENSITY_SPANS 256 /* even */

enum density_series {
	DENSITY_ATTACHMENTS = 0,
	DENSITY_DENIALS,
	DENSITY_CHANGES,
	DENSITY_TROUBLE, /* crashes, gaps */
	_DENSITY_MAX,
};

struct density {
	uint64_t from, width; /* ns; width 0: nothing yet */
	uint64_t counts[_DENSITY_MAX][DENSITY_SPANS];
};

/* A time before the first one counts as that. */
void density_add(struct density *density, enum density_series series, uint64_t time, uint64_t n);
uint64_t density_max(const struct density *density, enum density_series series);
