/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/slot.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "loaderd/loader/bpfcall.h"

#define CHANGES_MAX 4
#define STACK_SIZE  (64U << 10)

struct work {
	pthread_t thread;
	bool threaded;
	uint32_t slot;
	struct slot_change *change;
};

static void *work(void *userdata)
{
	struct work *w = userdata;
	struct slot_change *c = w->change;

	c->error = c->inner >= 0 ? bpfcall_map_update(c->outer, &w->slot, &c->inner)
				 : bpfcall_map_delete(c->outer, &w->slot);
	return NULL;
}

int slot_change(uint32_t slot, struct slot_change *changes, size_t n)
{
	struct work works[CHANGES_MAX] = { 0 };
	pthread_attr_t attr;
	bool threads;
	int r = 0;

	if (n > CHANGES_MAX)
		return -E2BIG;
	threads = n > 1 && !pthread_attr_init(&attr);
	if (threads)
		(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (size_t i = 0; i < n; i++) {
		works[i] = (struct work){ .slot = slot, .change = &changes[i] };
		/* The last one, and whatever finds no thread, is done here. */
		works[i].threaded =
			threads && i + 1 < n && !pthread_create(&works[i].thread, &attr, work, &works[i]);
		if (!works[i].threaded)
			(void)work(&works[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (works[i].threaded)
			(void)pthread_join(works[i].thread, NULL);
		if (changes[i].error < 0 && !r)
			r = changes[i].error;
	}
	if (threads)
		(void)pthread_attr_destroy(&attr);
	return r;
}
