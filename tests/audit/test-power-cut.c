/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thousand power cuts. A log at work is interrupted anywhere, also while it is opened, closed or recovers
 * from the last cut: what is left opens, verifies, has every acknowledged record with the same bytes and no
 * half of a batch, and goes on. BPFWARDEN_TEST_SEED=N BPFWARDEN_TEST_CUTS=N repeat one run or add more.
 */
#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS     24 /* of work before a cut */
#define CUTS_EACH 10 /* different cuts of the same work */
#define CHAIN     10 /* works, one after the other, on what the last cut has left */

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

/* What was acknowledged at this moment, and where the log may end if the batch on its way made it. */
static void promised(const struct workload *w, uint64_t before, size_t moment, uint64_t *ret_acknowledged,
		     uint64_t *ret_head_max)
{
	*ret_acknowledged = *ret_head_max = before;
	for (size_t i = 0; i < w->n_batches; i++) {
		if (w->batches[i].acknowledged <= moment)
			*ret_acknowledged = w->batches[i].last;
		if (w->batches[i].began < moment)
			*ret_head_max = w->batches[i].last;
	}
}

struct cut {
	size_t moment;
	enum disk_loss loss;
	uint64_t seed, acknowledged, head_max;
	char directory[128];
};

static void cut(struct workload *w, uint64_t before, struct cut *ret)
{
	ret->moment = disk_random(&w->seed) % (disk_operations() + 1);
	ret->loss = disk_random(&w->seed) % _DISK_LOSS_MAX;
	ret->seed = disk_random(&w->seed);
	promised(w, before, ret->moment, &ret->acknowledged, &ret->head_max);
	workload_directory(ret->directory, "cut");
	disk_cut(ret->moment, ret->loss, ret->seed, ret->directory);
}

/* Said before it is looked at, so that a failure is below its seed. */
static void announce(uint64_t seed, const struct cut *c)
{
	snprintf(workload_context, sizeof(workload_context),
		 "BPFWARDEN_TEST_SEED=%llu: cut after %zu operations, lost: %s, in %s",
		 (unsigned long long)seed, c->moment, disk_loss_names[c->loss], c->directory);
}

/* A chain of works: each begins on what a power cut left of the one before, not recovered yet, and is cut
 * CUTS_EACH times. */
static void chain(uint64_t seed)
{
	struct workload *w = workload_new(seed);
	struct cut last = { 0 };

	for (int link = 0; link < CHAIN; link++) {
		uint64_t before;

		disk_start(w->directory);
		workload_open(w);
		workload_adopt(w, last.acknowledged, last.head_max);
		before = w->head;
		for (int i = 0; i < STEPS; i++)
			workload_step(w);
		workload_close(w);
		for (int i = 0; i < CUTS_EACH; i++) {
			struct cut c;

			cut(w, before, &c);
			announce(seed, &c);
			workload_check(w, c.directory, c.acknowledged, c.head_max);
			workload_remove(c.directory);
		}
		cut(w, before, &last);
		announce(seed, &last);
		workload_remove(w->directory);
		memcpy(w->directory, last.directory, sizeof(w->directory));
	}
	disk_stop();
	workload_free(w);
}

static void test_power_cuts(void **state)
{
	uint64_t seed = number("BPFWARDEN_TEST_SEED", 1), cuts = number("BPFWARDEN_TEST_CUTS", 1000);

	(void)state;
	for (uint64_t done = 0; done < cuts; done += (uint64_t)CHAIN * CUTS_EACH)
		chain(seed++);
}

static int install(void **state)
{
	(void)state;
	disk_install();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_cuts),
	};

	return cmocka_run_group_tests(tests, install, NULL);
}
