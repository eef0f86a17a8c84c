// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Two tasks whose ids have the same low 16 bits, on one CPU: places UID COUNT. Both are the user's and wait;
 * in turn each is let go once, and waits again while the other one does, COUNT times each. Prints their ids.
 * Root, which chooses the ids; pid_max must allow for the second one.
 */
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACES   65536
#define PID_LAST 32000 /* the highest that is tried, below every pid_max */
#define TRIES    2000

struct task {
	pid_t pid;
	int go[2], gone[2];
};

/* Not as with fork(): -EEXIST if somebody has the id. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };
	long child = syscall(SYS_clone3, &args, sizeof(args));

	return child < 0 ? -errno : (pid_t)child;
}

static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		err(1, "becoming %u", uid);
}

/* Says that it is there, and waits until it is let go; ends with its parent. */
static void run(const struct task *t, uid_t uid)
{
	char byte = 0;

	become(uid);
	close(t->go[1]);
	while (write(t->gone[1], &byte, 1) == 1 && read(t->go[0], &byte, 1) == 1)
		;
	_exit(0);
}

/* Until it sleeps again. It has this process's CPU, so while this one runs it is off the CPU. */
static void wait_until_away(const struct task *t)
{
	char path[64], state = 0, byte;

	if (read(t->gone[0], &byte, 1) != 1)
		errx(1, "the task has ended");
	snprintf(path, sizeof(path), "/proc/%d/stat", t->pid);
	while (state != 'S') {
		FILE *f = fopen(path, "re");

		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			err(1, "%s", path);
		fclose(f);
		sched_yield();
	}
}

/* Returns when it waits. */
static int start(struct task *t, pid_t pid, uid_t uid)
{
	if (pipe(t->go) < 0 || pipe(t->gone) < 0)
		err(1, "pipe");
	t->pid = fork_as(pid);
	if (t->pid == 0)
		run(t, uid);
	if (t->pid > 0) {
		wait_until_away(t);
		return 0;
	}
	close(t->go[0]), close(t->go[1]), close(t->gone[0]), close(t->gone[1]);
	return t->pid;
}

static void end(struct task *t)
{
	kill(t->pid, SIGKILL);
	if (waitpid(t->pid, NULL, 0) != t->pid)
		err(1, "waitpid");
}

static void start_both(struct task *low, struct task *high, uid_t uid)
{
	int r = -EEXIST;

	for (pid_t pid = PID_LAST; pid > PID_LAST - TRIES && r == -EEXIST; pid--) {
		r = start(low, pid, uid);
		if (r < 0)
			continue;
		r = start(high, pid + PLACES, uid);
		if (r < 0)
			end(low);
	}
	if (r < 0)
		errx(1, "no pair of ids: %s", strerror(-r));
}

int main(int argc, char **argv)
{
	struct task low, high;
	cpu_set_t one;

	if (argc != 3)
		errx(2, "usage: %s UID COUNT", argv[0]);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		err(1, "sched_setaffinity");
	start_both(&low, &high, (uid_t)atol(argv[1]));
	for (long i = atol(argv[2]); i > 0; i--) {
		for (int n = 0; n < 2; n++) {
			struct task *t = n ? &high : &low;

			if (write(t->go[1], "", 1) != 1)
				err(1, "write");
			wait_until_away(t);
		}
	}
	printf("low=%d high=%d\n", low.pid, high.pid);
	end(&low);
	end(&high);
	return 0;
}
