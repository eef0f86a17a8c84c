// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * System calls of numbers known: syscalls COUNT makes COUNT of each below; syscalls spin MS calls getpgrp()
 *for so long, to see a part of them. Prints what cannot be known from COUNT:
 *	slept=N compat=yes|no		how many nanosleep() really did; whether there are calls by 32-bit
 *numbers called=N			of spin
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NO_SUCH_CALL 1000 /* of none of the architectures */

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static long voluntary_switches(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage) < 0)
		err(1, "getrusage");
	return usage.ru_nvcsw;
}

static void fail(const char *what, long result, int error)
{
	if (result != -1 || errno != error)
		err(1, "%s did not fail as it should", what);
}

/* With the signal pending before it waits, it ends at once; then its handler does by rt_sigreturn(). */
static void suspend(void)
{
	sigset_t none, one;

	sigemptyset(&none);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &one, NULL) < 0 || raise(SIGUSR1))
		err(1, "raise");
	fail("sigsuspend", sigsuspend(&none), EINTR);
}

/* A child that becomes another program, by a call that nobody else here uses. */
static void execute(char *self)
{
	char word[] = "leave", *arguments[] = { self, word, NULL }, *environment[] = { NULL };
	pid_t child = vfork();
	int status;

	if (child < 0)
		err(1, "vfork");
	if (child == 0) {
		syscall(SYS_execveat, AT_FDCWD, self, arguments, environment, 0);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child || status)
		errx(1, "the child failed");
}

/* getppid() by its number of 32-bit programs, 64, which is semget()'s of others. In a child, which the kernel
 * may kill for it. */
static int make_compat_calls(long count)
{
#if defined(__x86_64__)
	int status;
	pid_t child = fork();

	if (child < 0)
		err(1, "fork");
	if (child == 0) {
		for (long i = 0; i < count; i++) {
			long result = 64;

			__asm__ volatile("int $0x80"
					 : "+a"(result)::"memory", "cc", "r8", "r9", "r10", "r11");
			if (result < 1)
				_exit(1);
		}
		_exit(0);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
#else
	return 0;
#endif
}

static void spin(long milliseconds)
{
	struct timespec began, now;
	long called = 0;

	clock_gettime(CLOCK_MONOTONIC, &began);
	do {
		for (int i = 0; i < 100; i++, called++)
			syscall(SYS_getpgid, 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000 < milliseconds);
	printf("called=%ld\n", called);
}

int main(int argc, char **argv)
{
	/* Long enough that even an emulated machine is asleep before it is over. */
	const struct timespec pause = { .tv_nsec = 20000000 };
	const struct sigaction action = { .sa_handler = on_signal };
	long count = argc == 2 ? atol(argv[1]) : 0, slept = 0;
	int compat;

	if (argc == 2 && !strcmp(argv[1], "leave"))
		return 0;
	if (argc == 3 && !strcmp(argv[1], "spin")) {
		spin(atol(argv[2]));
		return 0;
	}
	if (count < 1)
		errx(2, "usage: syscalls COUNT | spin MS");
	if (sigaction(SIGUSR1, &action, NULL) < 0)
		err(1, "sigaction");
	for (long i = 0; i < count; i++) {
		long before = voluntary_switches();

		if (syscall(SYS_nanosleep, &pause, NULL) < 0)
			err(1, "nanosleep");
		slept += voluntary_switches() != before;
		syscall(SYS_getppid);
		fail("close", syscall(SYS_close, -1), EBADF);
		fail("an unknown call", syscall(NO_SUCH_CALL), ENOSYS);
		fail("no call", syscall(-1), ENOSYS);
		suspend();
		execute(argv[0]);
	}
	if (handled != count)
		errx(1, "not each signal was handled");
	compat = make_compat_calls(count);
	printf("slept=%ld compat=%s\n", slept, compat ? "yes" : "no");
	return 0;
}
