/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/store-private.h"

#include <time.h>

/* µs, as audit_tick() is told the time. */
static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

bool store_make_room(struct store *store, int error)
{
	return reserve_is_want(error) &&
	       reserve_give_up(&store->reserve, &store->directory, error, monotonic());
}

int store_spare(const struct store *store)
{
	return store->reserve.held ? 0 : store->reserve.error;
}

void store_look(struct store *store, uint64_t now)
{
	reserve_look(&store->reserve, &store->directory, now);
}

uint64_t store_next_look(const struct store *store)
{
	return store->reserve.held ? UINT64_MAX : store->reserve.again;
}

const char *store_directory(const struct store *store)
{
	return store->directory.path;
}
