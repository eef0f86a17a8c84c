// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Two processes hand one byte to and fro over pipes, COUNT times each way: switches COUNT. Prints what that
 * adds to the sum of both run_delays (ns), and how often they came to run, as the kernel counts in
 * /proc/PID/schedstat.
 */
#include <err.h>
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct waits {
	uint64_t delay, runs;
};

static struct waits waits_of(pid_t pid)
{
	uint64_t on_cpu;
	struct waits w;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64, &on_cpu, &w.delay, &w.runs) != 3)
		err(1, "%s", path);
	fclose(f);
	return w;
}

static void pass(int from, int to, long count)
{
	char byte = 0;

	for (long i = 0; i < count; i++)
		if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
			err(1, "pipe");
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 100000;
	struct waits before = waits_of(getpid()), ours,
		     childs; /* before: of whoever we were until execve(2) */
	int there[2], back[2], held[2], status;
	cpu_set_t one;
	char byte = 0;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (pipe(there) < 0 || pipe(back) < 0 || pipe(held) < 0 ||
	    sched_setaffinity(0, sizeof(one), &one) < 0)
		err(1, "setting up");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		pass(there[0], back[1], count);
		return read(held[0], &byte, 1) != 1; /* until the parent has read our numbers */
	}
	pass(back[0], there[1], count);
	ours = waits_of(getpid());
	childs = waits_of(pid);
	printf("run_delay=%" PRIu64 "\n", ours.delay - before.delay + childs.delay);
	printf("runs=%" PRIu64 "\n", ours.runs - before.runs + childs.runs);
	fflush(stdout);
	if (write(held[1], &byte, 1) != 1 || waitpid(pid, &status, 0) < 0)
		err(1, "waiting");
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
