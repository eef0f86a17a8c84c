/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/policy.h"

#include <string.h>

struct unit {
	const char *suffix;
	uint64_t factor;
};

_Static_assert(POLICY_CPU_PERCENT == 10000, "a percent has as many parts as four decimals");
/* Behind the point of a percentage, so many digits at most. */
#define SHARE_DECIMALS 4

static const struct unit counts[] = { { "", 1 }, {} };
static const struct unit sizes[] = { { "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, {} };
static const struct unit durations[] = {
	{ "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 86400 * 1000 }, {}
};
static const struct unit shares[] = { { "%", POLICY_CPU_PERCENT }, {} }; /* the only ones with decimals */
/* A word instead of a number. That it is the smallest of all values makes one section that says it enough. */
static const struct unit requirements[] = { { "required", POLICY_REQUIRED }, {} };

static const struct {
	const char *name;
	const struct unit *units;
	const char *expected;
} limits[_POLICY_LIMIT_MAX] = {
	[POLICY_MAX_ATTACHMENTS] = { "max-attachments", counts, "a whole number is expected" },
	[POLICY_MAX_MEMORY] = { "max-memory", sizes,
				"a number of bytes is expected, or with K, M or G behind it: 16M" },
	[POLICY_MAX_EVENTS_PER_SECOND] = { "max-events-per-second", counts, "a whole number is expected" },
	[POLICY_MAX_DURATION] = { "max-duration", durations,
				  "a number with s, m, h or d behind it is expected: 8h" },
	[POLICY_MAX_LOADS_PER_MINUTE] = { "max-loads-per-minute", counts, "a whole number is expected" },
	[POLICY_MAX_PROGRAMS_PER_HOOK] = { "max-programs-per-hook", counts, "a whole number is expected" },
	[POLICY_MAX_CPU] = { "max-cpu", shares,
			     "a percentage of one CPU is expected, with up to four decimals: 0.5%" },
	[POLICY_KERNEL_VERIFIED] = { "kernel-verified", requirements, "'required' is expected" },
};

const char *policy_limit_name(uint32_t limit)
{
	return limit < _POLICY_LIMIT_MAX ? limits[limit].name : NULL;
}

static const struct unit *find_unit(const struct unit *units, const char *suffix)
{
	for (; units->suffix; units++)
		if (!strcmp(units->suffix, suffix))
			return units;
	return NULL;
}

/* Digits behind a point, as parts of the last decimal; moves *p behind them. False: there are none or too
 * many.
 */
static bool read_decimals(const char **p, uint64_t *ret)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; **p >= '0' && **p <= '9' && *p - start <= SHARE_DECIMALS; (*p)++)
		value = value * 10 + (unsigned)(**p - '0');
	if (*p == start || *p - start > SHARE_DECIMALS)
		return false;
	for (long n = *p - start; n < SHARE_DECIMALS; n++)
		value *= 10;
	*ret = value;
	return true;
}

const char *policy_limit_from_text(uint32_t limit, const char *text, uint64_t *ret_value)
{
	const struct unit *unit;
	const char *p = text;
	uint64_t value = 0, decimals = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (unsigned)(*p - '0'), &value))
			return "the number is too large";
	if (*p == '.' && p != text && limits[limit].units == shares && (p++, !read_decimals(&p, &decimals)))
		return limits[limit].expected;
	unit = find_unit(limits[limit].units, p);
	if ((p == text) != (limits[limit].units == requirements) || !unit)
		return limits[limit].expected;
	/* The largest number of all means that there is no limit. */
	if (__builtin_mul_overflow(value, unit->factor, &value) ||
	    __builtin_add_overflow(value, decimals, &value) || value == POLICY_UNLIMITED)
		return "the number is too large";
	*ret_value = value;
	return NULL;
}
