// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Makes the kernel drop packets and returns when it has dropped them all.
 *
 *	datagrams COUNT closed                  to a port where nobody listens, over the loopback
 *	datagrams COUNT full [RECEIVER SENDER]  to a socket of its own whose buffer is full; the sockets of
 *these uids datagrams COUNT away ADDRESS            to the discard port of an address whose link is dead
 *
 * With "full" it prints how many of its datagrams the receiver's queue had no room for: dropped=N.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST 8 /* beside COUNT, until the buffer is full */

static char bytes[1000];

/* A socket belongs to whom its maker was when it was made. */
static int new_socket(uid_t uid)
{
	int fd;

	if (seteuid(uid) < 0)
		err(1, "seteuid");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || seteuid(getuid()) < 0)
		err(1, "socket");
	return fd;
}

static void send_all(int fd, long count, const struct sockaddr_in *to)
{
	/* What a dead link drops is reported as ENOBUFS only to who asked for it with IP_RECVERR. */
	for (long i = 0; i < count; i++)
		if (sendto(fd, bytes, sizeof(bytes), 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
			err(1, "sendto");
}

static uint32_t drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t size = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
		err(1, "SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

/* The softirq that delivers may run later than sendto(2): what was sent is either received or dropped. */
static void settle(int fd, long sent)
{
	long received = 0;

	while (received + drops(fd) < sent) {
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
			received++;
		else
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	printf("dropped=%u\n", drops(fd));
	/* What is still queued when a socket closes would be dropped, too. */
	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) >= 0)
		;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long count = argc > 1 ? atol(argv[1]) : 1;
	const char *what = argc > 2 ? argv[2] : "closed";
	uid_t receiver_uid = argc > 4 ? (uid_t)atol(argv[3]) : geteuid();
	uid_t sender_uid = argc > 4 ? (uid_t)atol(argv[4]) : geteuid();
	socklen_t size = sizeof(address);
	int receiver = new_socket(receiver_uid), sender = new_socket(sender_uid);

	if (bind(receiver, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(receiver, (struct sockaddr *)&address, &size) < 0)
		err(1, "bind");
	if (strcmp(what, "full") == 0) {
		/* The kernel doubles this and enforces a minimum: two packets fit, the others do not. */
		setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &(int){ 1 }, sizeof(int));
		send_all(sender, FIRST + count, &address);
		settle(receiver, FIRST + count);
		return 0;
	}
	if (strcmp(what, "away") == 0) {
		address.sin_port = htons(9);
		if (argc < 4 || inet_pton(AF_INET, argv[3], &address.sin_addr) != 1)
			errx(2, "usage: datagrams COUNT away ADDRESS");
	}
	close(receiver);
	send_all(sender, count, &address);
	return 0;
}
