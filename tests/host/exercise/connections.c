// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Opens TCP connections over the loopback: connections COUNT [refused] [PORT] [CONNECT_UID].
 * One process listens, accepts, sends eight bytes and closes; its child, as CONNECT_UID if given, connects,
 * reads them and closes, COUNT times. With "refused" nobody listens. Returns when the last socket has ended.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in address;

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

/* Waits for the other side's FIN, so that the socket's own end is not left to chance. */
static void drain(int fd)
{
	char bytes[64];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	close(fd);
}

static void serve(int listener, long count)
{
	for (long i = 0; i < count; i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0 || write(fd, "bpfward\n", 8) != 8)
			err(1, "accept");
		shutdown(fd, SHUT_WR);
		drain(fd);
	}
}

static void connect_all(long count, bool refused, uid_t uid)
{
	if (uid && (setgid(uid) < 0 || setuid(uid) < 0))
		err(1, "setuid");
	for (long i = 0; i < count; i++) {
		int fd = new_socket();
		int r = connect(fd, (struct sockaddr *)&address, sizeof(address));

		if (refused ? r == 0 || errno != ECONNREFUSED : r < 0)
			err(1, "connect");
		if (refused)
			close(fd);
		else
			drain(fd);
	}
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1;
	bool refused = argc > 2 && strcmp(argv[2], "refused") == 0;
	int shift = refused ? 1 : 0, listener = new_socket(), status;
	uid_t uid = argc > 3 + shift ? (uid_t)atol(argv[3 + shift]) : 0;
	socklen_t size = sizeof(address);
	pid_t pid;

	address = (struct sockaddr_in){ .sin_family = AF_INET,
					.sin_port =
						htons(argc > 2 + shift ? (uint16_t)atol(argv[2 + shift]) : 0),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    (!refused && listen(listener, 128) < 0) ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		err(1, "listen");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		close(listener);
		connect_all(count, refused, uid);
		return 0;
	}
	if (!refused)
		serve(listener, count);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		err(1, "waitpid");
	return WEXITSTATUS(status);
}
