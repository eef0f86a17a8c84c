/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In the place of the parser's child, which looks at one hostile bundle: whoever takes it over has its user,
 * its two sandboxes, one socket and the memfds of the bundle, and with those no way to the loader and none to
 * load anything itself. Run as root; prints the result lines of tests/vm/lib.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "format/message.h"
#include "loaderd/process.h"
#include "loaderd/sandbox-lists.h"
#include "loaderd/sandbox.h"

#define SURVIVED   254
#define NO_SANDBOX 255

static uid_t parser_uid;

static void try_bpf(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SYSCALL };

	(void)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void try_socket(void)
{
	(void)socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static void try_open(void)
{
	(void)open(SOCKET_VERDICTS, O_RDWR | O_CLOEXEC);
}

/* How many of its descriptors take an order: the one to its parent does, where it means nothing. */
static void try_all_descriptors(void)
{
	struct message_load m = { .m = { .type = MESSAGE_LOAD, .size = sizeof(m) } };
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
	_exit(n);
}

/* As loaderd/parser/main.c leaves a child, with its standard streams on /dev/null. */
static void enter(int to, int memfd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (null < 0 || dup2(to, 1000) < 0 || dup2(memfd, 1001) < 0 || close_range(3, 999, 0) < 0 ||
	    close_range(1002, ~0U, 0) < 0 || setresgid(parser_uid, parser_uid, parser_uid) < 0 ||
	    setresuid(parser_uid, parser_uid, parser_uid) < 0 || sandbox_enter(SIDE_PARSER) < 0 ||
	    sandbox_enter_parser_child() < 0)
		_exit(NO_SANDBOX);
}

/* The wait status. */
static int in_its_place(void (*attempt)(void))
{
	int memfd = fd_memfd_sealed("manifest", "{}", 2), pair[2], status = -1;
	pid_t pid;

	if (memfd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		enter(pair[1], memfd);
		attempt();
		_exit(SURVIVED);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	close_fd(pair[0]);
	close_fd(pair[1]);
	close_fd(memfd);
	return status;
}

static int result(bool good, const char *name, int status)
{
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: wait status %#x\n", name, status);
	return good ? 0 : 1;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*attempt)(void);
	} deadly[] = {
		{ "a parser's child that calls bpf(2) is killed", try_bpf },
		{ "a parser's child that makes a socket is killed", try_socket },
		{ "a parser's child that opens the verdict socket is killed", try_open },
	};
	int failed = 0, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (sandbox_instrumentation[0]) {
		printf("skip the parser's child: a build without sanitizers\n");
		return 0;
	}
	if (process_uid(SIDE_PARSER, &parser_uid) < 0) {
		printf("not ok the parser's child: the parser has no user\n");
		return 1;
	}
	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++) {
		status = in_its_place(deadly[i].attempt);
		failed |= result(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, deadly[i].name, status);
	}
	status = in_its_place(try_all_descriptors);
	failed |= result(WIFEXITED(status) && WEXITSTATUS(status) == 1,
			 "of all descriptors, a parser's child can send on the one to its parent", status);
	return failed;
}
