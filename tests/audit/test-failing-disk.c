/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk that is broken, full, over its quota or read-only at each step of opening, writing and folding the
 * log, once or for ever: what is refused is refused as AuditUnavailable and says why, what was acknowledged
 * stays readable meanwhile, the same handle works as soon as the disk does, and a power cut after all of that
 * loses nothing that was acknowledged.
 */
#include "workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 2000
#define LATER     2000000 /* µs: after all that is tried again within a second or so */

struct trouble {
	int error;
	const char *words[3]; /* one of them is in the reason */
	const char *name;
	bool for_ever;
	unsigned acts;   /* that can fail this way; 0: all */
	uint64_t stride; /* at each step, or at some: what differs is the word, not the way */
};

/* Nothing that gives space back wants any. */
#define TAKING (~(1U << DISK_DELETE))

static void check_refusal(const struct trouble *t, int r, const struct refusal *refusal)
{
	if (r != REFUSAL_AUDIT_UNAVAILABLE || refusal->code != REFUSAL_AUDIT_UNAVAILABLE)
		fail_msg("%s: returned %d: %s: %s", workload_context, r, refusal->subject, refusal->reason);
	assert_string_not_equal(refusal->subject, "");
	for (size_t i = 0; i < 3 && t->words[i]; i++)
		if (strstr(refusal->reason, t->words[i]))
			return;
	fail_msg("%s: the reason does not say it: %s: %s", workload_context, refusal->subject,
		 refusal->reason);
}

/* Opening is refused until the disk is well. */
static void open_somehow(const struct trouble *t, struct workload *w)
{
	struct refusal refusal = { 0 };
	int r = workload_try_open(w, &refusal);

	if (!r)
		return;
	assert_null(w->audit);
	check_refusal(t, r, &refusal);
	if (t->for_ever)
		check_refusal(t, workload_try_open(w, &refusal), &refusal);
	disk_fault(NULL);
	workload_open(w);
}

/* What was acknowledged can be read from a disk that takes nothing any more. One that fails once may do so
 * just then. */
static void read_anyway(const struct trouble *t, const struct workload *w)
{
	disk_suspend(!t->for_ever);
	workload_read(w);
	disk_suspend(false);
}

static void commit_unread(const struct trouble *t, struct workload *w)
{
	struct refusal refusal = { 0 };
	int r = workload_batch(w, &refusal);

	if (r)
		check_refusal(t, r, &refusal);
}

static void commit_somehow(const struct trouble *t, struct workload *w)
{
	commit_unread(t, w);
	read_anyway(t, w);
}

static void rotate_somehow(const struct trouble *t, struct workload *w)
{
	struct refusal refusal = { 0 };
	int r = workload_rotate(w, &refusal);

	if (r)
		check_refusal(t, r, &refusal);
}

static void check_after_power_cut(const struct workload *w, enum disk_loss loss)
{
	char target[128];

	workload_directory(target, "cut");
	disk_cut(disk_operations(), loss, w->seed, target);
	workload_check(w, target, w->head, 0);
	workload_remove(target);
}

/* The reserve is there again, and nothing but the time had to come. */
static void check_reserve(struct workload *w)
{
	struct refusal refusal = { 0 };

	if (audit_spare(w->audit)) {
		assert_int_equal(audit_admit(w->audit, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
		assert_string_equal(refusal.subject, "reserve");
		assert_true(audit_next_tick(w->audit) != UINT64_MAX);
		/* Twice: the commit that is due, and the look. */
		for (int i = 0; i < 2 && audit_spare(w->audit); i++)
			assert_int_equal(audit_tick(w->audit, audit_next_tick(w->audit) + LATER, NULL), 0);
	}
	assert_false(audit_spare(w->audit));
	assert_int_equal(audit_admit(w->audit, &refusal), 0);
	assert_int_equal(audit_commit(w->audit, NULL), 0);
	workload_adopt(w, w->head, 0);
}

/* With step n failing; whether there was one. */
static bool run(const struct trouble *t, struct workload *w, uint64_t step)
{
	struct refusal refusal = { 0 };
	bool faulted;

	disk_start(w->directory);
	disk_fault(&(struct disk_fault){
		.at = step, .for_ever = t->for_ever, .acts = t->acts, .error = t->error });
	open_somehow(t, w);
	workload_adopt(w, w->head, 0);
	for (int i = 0; i < 2; i++)
		commit_somehow(t, w);
	workload_fold(w);
	commit_somehow(t, w);
	rotate_somehow(t, w);
	/* Begun and not ended, a rotation has to open the segment again before anything can be read. */
	commit_unread(t, w);
	faulted = disk_faulted();
	/* The disk is well again: the very next request is served, by the same handle. */
	disk_fault(NULL);
	if (workload_batch(w, &refusal))
		fail_msg("%s: not recovered: %s: %s", workload_context, refusal.subject, refusal.reason);
	workload_read(w);
	check_reserve(w);
	check_after_power_cut(w, step % 2 ? DISK_LOSE_ALL : DISK_LOSE_PIECES);
	/* And while it is closed. */
	workload_close(w);
	disk_stop();
	workload_check(w, w->directory, w->head, 0);
	return faulted;
}

static void test_failing(void **state)
{
	const struct trouble *t = *state;
	struct workload *w = workload_new((uint64_t)t->error);
	uint64_t step = 1, runs = 0;
	bool faulted = true;

	for (; faulted && step < STEPS_MAX; step += t->stride) {
		/* Not too long a log, which is looked through again and again. */
		if (++runs % 12 == 0) {
			workload_free(w);
			w = workload_new(step);
		}
		snprintf(workload_context, sizeof(workload_context), "%s at step %llu, in %s", t->name,
			 (unsigned long long)step, w->directory);
		faulted = run(t, w, step);
	}
	assert_true(step > 8 && step < STEPS_MAX);
	workload_free(w);
}

static int install(void **state)
{
	(void)state;
	disk_install();
	return 0;
}

int main(void)
{
	static struct trouble troubles[] = {
		{ EIO, { "disk I/O error", "Input/output error" }, "EIO once", false, 0, 1 },
		{ EIO, { "disk I/O error", "Input/output error" }, "EIO for ever", true, 0, 3 },
		{ ENOSPC, { "disk is full", "No space left" }, "ENOSPC once", false, TAKING, 1 },
		{ ENOSPC, { "disk is full", "No space left" }, "ENOSPC for ever", true, TAKING, 3 },
		{ EDQUOT, { "Disk quota exceeded" }, "EDQUOT once", false, TAKING, 7 },
		{ EROFS, { "Read-only file system", "readonly database" }, "EROFS once", false, 0, 7 },
		{ EROFS, { "Read-only file system", "readonly database" }, "EROFS for ever", true, 0, 3 },
	};
	struct CMUnitTest tests[sizeof(troubles) / sizeof(troubles[0])];

	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		tests[i] = (struct CMUnitTest){ troubles[i].name, test_failing, NULL, NULL, &troubles[i] };
	return cmocka_run_group_tests(tests, install, NULL);
}
