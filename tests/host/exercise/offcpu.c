// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Leaves the CPU in three ways: offcpu SLEEPS VFORKS SPIN_MS. Sleeps so many times, waits uninterruptibly for
 * so many children that sleep once each, and shares one CPU with a child for so many milliseconds of CPU
 * time. Prints its id, when it began, had slept, had waited and ended, how often the kernel says that it left
 * the CPU of its own accord in either time (on a busy machine what it waits for may be over before it comes
 * to that), and how often it was switched out against its will.
 */
#include <err.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void doze(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	if (nanosleep(&millisecond, NULL) < 0)
		err(1, "nanosleep");
}

static void spin(long milliseconds)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < milliseconds);
}

/* The parent waits in the kernel until the child is gone, killable only. */
static void wait_for_vfork(void)
{
	pid_t child = vfork();

	if (child < 0)
		err(1, "vfork");
	if (child == 0) {
		doze();
		_exit(0);
	}
	while (waitpid(child, NULL, 0) != child)
		;
}

static struct rusage used(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		err(1, "getrusage");
	return usage;
}

int main(int argc, char **argv)
{
	struct rusage before, after_sleep, after_wait, after;
	uint64_t began, slept, waited, ended;
	cpu_set_t one;
	pid_t child;

	if (argc != 4)
		errx(2, "usage: %s SLEEPS VFORKS SPIN_MS", argv[0]);
	before = used();
	began = now();
	for (long i = atol(argv[1]); i > 0; i--)
		doze();
	slept = now();
	after_sleep = used();
	for (long i = atol(argv[2]); i > 0; i--)
		wait_for_vfork();
	waited = now();
	after_wait = used();
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		err(1, "sched_setaffinity");
	child = fork();
	if (child < 0)
		err(1, "fork");
	spin(atol(argv[3]));
	if (child == 0)
		_exit(0);
	ended = now();
	after = used();
	printf("tid=%d began=%" PRIu64 " slept=%" PRIu64 " waited=%" PRIu64 " ended=%" PRIu64
	       " sleeps=%ld waits=%ld involuntary=%ld\n",
	       getpid(), began, slept, waited, ended, after_sleep.ru_nvcsw - before.ru_nvcsw,
	       after_wait.ru_nvcsw - after_sleep.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw);
	return 0;
}
