/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGKILL at every step that changes a file: while a log is made, written, folded, closed. Whatever was
 * acknowledged before is there afterwards, nothing is there by halves, and the log goes on.
 */
#include "workload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS_MAX 2000 /* no scene has as many: it would never end */

struct scene {
	const char *name;
	bool anew; /* each time with an empty directory */
	void (*act)(struct workload *w);
};

static void commit(struct workload *w)
{
	struct refusal refusal = { 0 };

	if (workload_batch(w, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
}

static void act_create(struct workload *w)
{
	workload_open(w);
	commit(w);
	workload_close(w);
}

static void act_commit(struct workload *w)
{
	workload_open(w);
	workload_adopt(w, w->head, 0);
	for (int i = 0; i < 3; i++)
		commit(w);
	workload_close(w);
}

static void act_fold(struct workload *w)
{
	workload_open(w);
	workload_adopt(w, w->head, 0);
	commit(w);
	workload_fold(w);
	commit(w);
	workload_close(w);
}

static void act_rotate(struct workload *w)
{
	struct refusal refusal = { 0 };

	workload_open(w);
	workload_adopt(w, w->head, 0);
	commit(w);
	if (workload_rotate(w, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	commit(w);
	workload_close(w);
}

/* In a child, killed at this step. Whether it came to it. */
static bool run(const struct scene *scene, struct workload *w, uint64_t step)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		disk_start(w->directory);
		disk_fault(&(struct disk_fault){ .at = step });
		scene->act(w);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	if (status)
		fail_msg("%s: the child ended with %d", workload_context, status);
	return false;
}

static void play(const struct scene *scene)
{
	struct workload *w = NULL;
	uint64_t step;
	bool killed = true;

	for (step = 1; killed && step < STEPS_MAX; step++) {
		if (!w)
			w = workload_new(step);
		snprintf(workload_context, sizeof(workload_context), "%s, killed at step %llu, in %s",
			 scene->name, (unsigned long long)step, w->directory);
		killed = run(scene, w, step);
		w->audit = NULL; /* the child's */
		w->batches = NULL;
		workload_check(w, w->directory, w->head, w->reach);
		if (scene->anew)
			w = workload_free(w);
	}
	assert_true(step > 8 && step < STEPS_MAX);
	if (w)
		workload_free(w);
}

static void test_killed(void **state)
{
	play(*state);
}

static int install(void **state)
{
	(void)state;
	disk_install();
	return 0;
}

int main(void)
{
	static struct scene scenes[] = {
		{ "making a log", true, act_create },
		{ "commits", false, act_commit },
		{ "moving the write-ahead log into the database", false, act_fold },
		{ "beginning a segment", false, act_rotate },
	};
	struct CMUnitTest tests[sizeof(scenes) / sizeof(scenes[0])];

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		tests[i] = (struct CMUnitTest){ scenes[i].name, test_killed, NULL, NULL, &scenes[i] };
	return cmocka_run_group_tests(tests, install, NULL);
}
