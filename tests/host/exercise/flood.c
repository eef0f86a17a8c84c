// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Much of one thing, and nothing else that counts as a user's: flood UID WHAT COUNT, root. It becomes that
 *user after it has started.
 *
 *	fsyncs     fsync(2) on a file of /dev/shm, so many times
 *	calls      getppid(2), so many times
 *	processes  so many children, one after the other, that end at once; then it ends, too
 */
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int file;

/* A process that has changed its user is nobody's to look at, unless it says otherwise. */
static void become(uid_t uid)
{
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_DUMPABLE, 1) < 0)
		err(1, "becoming %u", uid);
}

static void make_file(void)
{
	char path[] = "/dev/shm/bpfwarden-XXXXXX";

	file = mkostemp(path, O_CLOEXEC);
	if (file < 0 || unlink(path) < 0)
		err(1, "%s", path);
}

static void fsyncs(long count)
{
	for (long i = 0; i < count; i++)
		if (fsync(file) < 0)
			err(1, "fsync");
}

static void calls(long count)
{
	for (long i = 0; i < count; i++)
		(void)syscall(SYS_getppid);
}

static void processes(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			err(1, "a process");
	}
}

static const struct {
	const char *name;
	void (*function)(long count);
} kinds[] = { { "fsyncs", fsyncs }, { "calls", calls }, { "processes", processes } };

int main(int argc, char **argv)
{
	long count = argc == 4 ? atol(argv[3]) : 0;

	if (count <= 0)
		errx(2, "usage: flood UID fsyncs|calls|processes COUNT");
	make_file();
	become((uid_t)strtoul(argv[1], NULL, 10));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(argv[2], kinds[i].name) == 0) {
			kinds[i].function(count);
			return 0;
		}
	errx(2, "%s is none of fsyncs, calls, processes", argv[2]);
}
