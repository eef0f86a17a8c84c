/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How often programs were loaded for each user in the last minute. Memory is bounded, and what does not fit
 * is counted too high, never too low. */
#include <stdlib.h>
#include <string.h>

#include "loaderd/warden/warden.h"

/* One bucket a second, the running one and those of the minute before it: never too few are counted. */
static void advance(struct load_rate *rate, uint64_t second)
{
	if (second >= rate->newest + LOAD_RATE_BUCKETS)
		memset(rate->buckets, 0, sizeof(rate->buckets));
	else
		for (uint64_t s = rate->newest + 1; s <= second; s++)
			rate->buckets[s % LOAD_RATE_BUCKETS] = 0;
	if (second > rate->newest)
		rate->newest = second;
}

static uint64_t sum(const struct load_rate *rate)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LOAD_RATE_BUCKETS; i++)
		n += rate->buckets[i];
	return n;
}

/* The row of uid, NULL if it has none. Who loaded nothing in a minute is forgotten. */
static struct load_rate *find_rate(struct load_rates *rates, uid_t uid, uint64_t second)
{
	struct load_rate **p = &rates->list, *found = NULL;

	rates->n = 0;
	advance(&rates->others, second);
	while (*p) {
		struct load_rate *rate = *p;

		advance(rate, second);
		if (!sum(rate)) {
			*p = rate->next;
			free(rate);
			continue;
		}
		if (rate->uid == uid)
			found = rate;
		p = &rate->next;
		rates->n++;
	}
	return found;
}

/* All for whom there is no room are counted together, and so is who comes while there are any: nobody is
 * counted in two rows. */
void load_rates_note(struct load_rates *rates, uid_t uid, uint64_t second)
{
	struct load_rate *rate = find_rate(rates, uid, second);

	if (!rate && rates->n < LOAD_RATES_MAX && !sum(&rates->others)) {
		rate = calloc(1, sizeof(*rate));
		if (rate) {
			*rate = (struct load_rate){ .uid = uid, .newest = second, .next = rates->list };
			rates->list = rate;
		}
	}
	if (!rate)
		rate = &rates->others;
	rate->buckets[second % LOAD_RATE_BUCKETS]++;
}

uint64_t load_rates_count(struct load_rates *rates, uid_t uid, uint64_t second)
{
	const struct load_rate *rate = find_rate(rates, uid, second);

	return sum(rate ? rate : &rates->others);
}

void load_rates_done(struct load_rates *rates)
{
	while (rates->list) {
		struct load_rate *next = rates->list->next;

		free(rates->list);
		rates->list = next;
	}
}
