/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The second fence around files: Landlock, tried behind a seccomp filter that was widened to let openat(2)
 * through, as it would be if somebody added the call to a list by mistake.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loaderd/sandbox-lists.h"
#include "loaderd/sandbox.h"

const char *const sandbox_instrumentation[] = { "open", "openat", NULL };

static int enter_loader(void)
{
	return sandbox_enter(SIDE_LOADER);
}

static int enter_gate(void)
{
	return sandbox_enter(SIDE_GATE);
}

static int enter_warden(void)
{
	return sandbox_enter(SIDE_WARDEN);
}

/* 0, or the errno of an attempt to open a file that everybody may read; -1: no such end. */
static int open_behind(int (*enter)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter() < 0)
			_exit(255);
		_exit(open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	static const struct {
		const char *name;
		int (*enter)(void);
		int wanted;
	} rows[] = {
		{ "Landlock denies the gate every file", enter_gate, EACCES },
		{ "Landlock denies the loader every file", enter_loader, EACCES },
		{ "Landlock denies the runner every file", sandbox_enter_runner, EACCES },
		{ "Landlock denies the parser's child every file", sandbox_enter_parser_child, EACCES },
		{ "and the warden, which has none, opens it", enter_warden, 0 },
	};
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 0) {
		printf("skip Landlock: this kernel has none (%s)\n",
		       errno == ENOSYS ? "not built in" : "not enabled");
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int got = open_behind(rows[i].enter);

		if (got == rows[i].wanted)
			printf("ok %s\n", rows[i].name);
		else
			printf("not ok %s: errno %d, not %d\n", rows[i].name, got, rows[i].wanted);
		failed |= got != rows[i].wanted;
	}
	return failed;
}
