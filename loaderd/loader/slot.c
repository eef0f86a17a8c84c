/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/slot.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "loaderd/loader/bpfcall.h"

#define CHANGES_MAX 12 /* under way at once: far fewer than the unit may have tasks */
#define STACK_SIZE  (64U << 10)

/* One change. It is free again when the thread that makes it has ended and the caller has looked. */
struct work {
	bool running, watched;
	bool clear;
	int error;
	uint32_t slot;
	struct slot_change change;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct work works[CHANGES_MAX];
} slots = { .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER };

static void *run(void *userdata)
{
	struct work *w = userdata;
	int r = w->clear ? bpfcall_map_delete(w->change.outer, &w->slot)
			 : bpfcall_map_update(w->change.outer, &w->slot, &w->change.inner);

	pthread_mutex_lock(&slots.lock);
	w->error = r;
	w->running = false;
	pthread_cond_broadcast(&slots.ended);
	pthread_mutex_unlock(&slots.lock);
	return NULL;
}

static bool detached(struct work *w)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool made;

	if (pthread_attr_init(&attr))
		return false;
	made = !pthread_attr_setstacksize(&attr, STACK_SIZE) &&
	       !pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) &&
	       !pthread_create(&thread, &attr, run, w);
	(void)pthread_attr_destroy(&attr);
	return made;
}

/* Waits for room if too many changes are under way; without a thread it makes the change itself. */
static struct work *start(uint32_t slot, const struct slot_change *change, bool clear)
{
	struct work *w = NULL;

	pthread_mutex_lock(&slots.lock);
	while (!w) {
		for (int i = 0; i < CHANGES_MAX && !w; i++)
			if (!slots.works[i].running && !slots.works[i].watched)
				w = &slots.works[i];
		if (!w)
			pthread_cond_wait(&slots.ended, &slots.lock);
	}
	*w = (struct work){
		.running = true, .watched = true, .clear = clear, .slot = slot, .change = *change
	};
	pthread_mutex_unlock(&slots.lock);
	if (!detached(w))
		(void)run(w);
	return w;
}

static bool is_running(const struct work *w)
{
	bool running;

	pthread_mutex_lock(&slots.lock);
	running = w->running;
	pthread_mutex_unlock(&slots.lock);
	return running;
}

/* True when the slot has the map; the thread may then still wait. */
static bool is_there(const struct work *w, uint32_t id)
{
	uint32_t found = 0;

	return bpfcall_map_lookup(w->change.outer, &w->slot, &found) >= 0 && found == id;
}

static int watch(struct work *w)
{
	struct bpf_map_info info = { 0 };
	int r = bpfcall_map_info(w->change.inner, &info);

	while (is_running(w) && !(r >= 0 && is_there(w, info.id)))
		(void)sched_yield();
	pthread_mutex_lock(&slots.lock);
	r = w->running ? 0 : w->error;
	w->watched = false;
	pthread_mutex_unlock(&slots.lock);
	return r;
}

int slot_fill(uint32_t slot, const struct slot_change *changes, size_t n)
{
	struct work *works[CHANGES_MAX];
	int r = 0;

	if (n > CHANGES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++)
		works[i] = start(slot, &changes[i], false);
	for (size_t i = 0; i < n; i++) {
		int error = watch(works[i]);

		r = r < 0 ? r : error;
	}
	return r < 0 ? r : 0;
}

void slot_clear(uint32_t slot, const struct slot_change *changes, size_t n)
{
	struct work *works[CHANGES_MAX];

	for (size_t i = 0; i < n && i < CHANGES_MAX; i++)
		works[i] = start(slot, &changes[i], true);
	pthread_mutex_lock(&slots.lock);
	for (size_t i = 0; i < n && i < CHANGES_MAX; i++) {
		while (works[i]->running)
			pthread_cond_wait(&slots.ended, &slots.lock);
		works[i]->watched = false;
	}
	pthread_mutex_unlock(&slots.lock);
}
