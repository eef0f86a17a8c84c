/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enters the very sandbox of each process, as that process's user, and tries what its attacker would try
 * next. Everything here must end in SIGSYS. Run as root; prints the result lines of tests/vm/lib.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loaderd/process.h"
#include "loaderd/sandbox-lists.h"
#include "loaderd/sandbox.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define SURVIVED        77
#define NO_SANDBOX      78

enum {
	WARDEN = 1,
	GATE = 2,
	PARSER = 4,
	CHILD = 8, /* of the parser */
	LOADER = 16,
	RUNNER = 32,
	EVERY = 63,
};

static const struct {
	unsigned int bit;
	const char *name;
	enum message_side side;
	int (*then)(void); /* what is stacked upon the process's own */
} cells[] = {
	{ WARDEN, "warden", SIDE_WARDEN, NULL },
	{ GATE, "gate", SIDE_GATE, NULL },
	{ PARSER, "parser", SIDE_PARSER, NULL },
	{ CHILD, "parser's child", SIDE_PARSER, sandbox_enter_parser_child },
	{ LOADER, "loader", SIDE_LOADER, NULL },
	{ RUNNER, "runner", SIDE_LOADER, sandbox_enter_runner },
};

static long bpf(int command)
{
	union bpf_attr attr = { 0 };

	return syscall(SYS_bpf, command, &attr, sizeof(attr));
}

static long try_open(int arg)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, arg);
}

static long try_write_file(int arg)
{
	return syscall(SYS_unlinkat, AT_FDCWD, "/tmp/no such file", arg);
}

static long try_socket(int family)
{
	return syscall(SYS_socket, family, SOCK_STREAM, 0);
}

static long try_connect(int arg)
{
	return syscall(SYS_connect, -1, NULL, arg);
}

static long try_accept(int arg)
{
	return syscall(SYS_accept4, -1, NULL, NULL, arg);
}

static long try_ptrace(int arg)
{
	return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, arg);
}

static long try_read_process(int arg)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return syscall(SYS_process_vm_readv, getppid(), &iov, 1, &iov, 1, arg);
}

static long try_kill(int arg)
{
	return syscall(SYS_kill, getppid(), arg);
}

static long try_execve(int arg)
{
	char *const argv[] = { (char *)"sh", NULL };

	(void)arg;
	return syscall(SYS_execve, "/bin/sh", argv, NULL);
}

static long try_fork(int arg)
{
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, arg);
}

static long try_setuid(int uid)
{
	return syscall(SYS_setresuid, uid, uid, uid);
}

static long try_capset(int arg)
{
	return syscall(SYS_capset, NULL, NULL, arg);
}

static long try_unshare(int arg)
{
	return syscall(SYS_unshare, arg);
}

static long try_mount(int arg)
{
	return syscall(SYS_mount, "none", "/mnt", "tmpfs", arg, NULL);
}

static long try_io_uring(int arg)
{
	return syscall(SYS_io_uring_setup, 1, NULL, arg);
}

static long try_perf(int arg)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, arg);
}

static long try_pidfd_getfd(int arg)
{
	return syscall(SYS_pidfd_getfd, -1, 0, arg);
}

static long try_close(int fd)
{
	return syscall(SYS_close, fd);
}

static long try_bpf(int command)
{
	return bpf(command);
}

#ifdef __x86_64__
/* The numbers of another ABI must not lead around the filter. */
static long try_x32(int number)
{
	return syscall(0x40000000 | number);
}
#endif

static const struct attempt {
	const char *name;
	long (*act)(int arg);
	int arg;
	unsigned int who;
} attempts[] = {
	{ "opens a file", try_open, 0, GATE | CHILD | LOADER | RUNNER },
	{ "removes a file", try_write_file, 0, EVERY & ~WARDEN },
	{ "makes a network socket", try_socket, AF_INET, GATE | CHILD | LOADER | RUNNER },
	{ "makes a netlink socket", try_socket, AF_NETLINK, GATE | CHILD | LOADER | RUNNER },
	{ "connects", try_connect, 0, GATE | CHILD | RUNNER },
	{ "accepts a connection", try_accept, 0, GATE | PARSER | CHILD | RUNNER },
	{ "traces a process", try_ptrace, 0, EVERY },
	{ "reads another process's memory", try_read_process, 0, EVERY },
	{ "takes another process's descriptor", try_pidfd_getfd, 0, EVERY },
	{ "signals a process", try_kill, 0, GATE | CHILD | RUNNER },
	{ "executes a program", try_execve, 0, EVERY },
	{ "forks", try_fork, 0, GATE | CHILD | RUNNER },
	{ "becomes root", try_setuid, 0, EVERY },
	{ "sets capabilities", try_capset, 0, EVERY & ~LOADER },
	{ "unshares a namespace", try_unshare, 0x10000000, EVERY },
	{ "mounts", try_mount, 0, EVERY },
	{ "sets up an io_uring", try_io_uring, 0, EVERY },
	{ "opens a performance counter", try_perf, 0, EVERY },
	{ "creates a map", try_bpf, BPF_MAP_CREATE, EVERY & ~(LOADER | RUNNER) },
	{ "loads a program", try_bpf, BPF_PROG_LOAD, EVERY & ~(LOADER | RUNNER) },
	{ "opens any program by its id", try_bpf, BPF_PROG_GET_FD_BY_ID, EVERY },
	{ "opens any map by its id", try_bpf, BPF_MAP_GET_FD_BY_ID, EVERY },
	{ "opens any link by its id", try_bpf, BPF_LINK_GET_FD_BY_ID, EVERY },
	{ "pins a map", try_bpf, BPF_OBJ_PIN, EVERY },
	{ "opens a pinned map", try_bpf, BPF_OBJ_GET, EVERY },
	{ "attaches a program to a cgroup", try_bpf, BPF_PROG_ATTACH, EVERY },
	{ "creates a link", try_bpf, BPF_LINK_CREATE, EVERY & ~LOADER },
	{ "changes a link", try_bpf, BPF_LINK_UPDATE, EVERY },
	{ "loads BTF", try_bpf, BPF_BTF_LOAD, EVERY },
	{ "attaches to a tracepoint", try_bpf, BPF_RAW_TRACEPOINT_OPEN, EVERY & ~LOADER },
	{ "reads a map", try_bpf, BPF_MAP_LOOKUP_ELEM, EVERY & ~LOADER },
	{ "deletes from a map", try_bpf, BPF_MAP_DELETE_ELEM, EVERY & ~LOADER },
	{ "freezes a map", try_bpf, BPF_MAP_FREEZE, EVERY & ~(LOADER | RUNNER) },
	{ "asks about an object", try_bpf, BPF_OBJ_GET_INFO_BY_FD, EVERY & ~LOADER },
	{ "closes a descriptor", try_close, 3, RUNNER },
#ifdef __x86_64__
	{ "uses the numbers of another ABI", try_x32, SYS_getpid, EVERY },
#endif
};

/* Enters the cell in a child and acts there. The wait status. */
static int in_cell(size_t cell, const struct attempt *a)
{
	int status = -1;
	pid_t pid;
	uid_t uid;

	if (process_uid(cells[cell].side, &uid) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 ||
		    sandbox_enter(cells[cell].side) < 0 || (cells[cell].then && cells[cell].then() < 0))
			_exit(NO_SANDBOX);
		if (a)
			(void)a->act(a->arg);
		/* A child that should not exist says it, too: nothing of a success goes unseen. */
		_exit(SURVIVED);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

static int try_all(size_t cell)
{
	size_t n = 0;
	int failed = 0, status;

	status = in_cell(cell, NULL);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != SURVIVED) {
		printf("not ok the %s's sandbox: cannot be entered, status %#x\n", cells[cell].name, status);
		return 1;
	}
	for (size_t i = 0; i < ELEMENTS(attempts); i++) {
		if (!(attempts[i].who & cells[cell].bit))
			continue;
		n++;
		status = in_cell(cell, &attempts[i]);
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			continue;
		printf("not ok the %s that %s is killed: wait status %#x\n", cells[cell].name,
		       attempts[i].name, status);
		failed = 1;
	}
	if (!failed)
		printf("ok the %s is killed at each of %zu attempts\n", cells[cell].name, n);
	return failed;
}

int main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sandbox_instrumentation[0]) {
		printf("skip sandboxes: a build without sanitizers, whose run-time needs calls of its own\n");
		return 0;
	}
	for (size_t cell = 0; cell < ELEMENTS(cells); cell++)
		failed |= try_all(cell);
	return failed;
}
