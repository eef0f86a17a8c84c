// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Makes the kernel drop packets. datagrams COUNT closed: to a port where nobody listens. datagrams COUNT
 * full: to a socket of its own whose buffer is full. Sends over the loopback and returns when all are sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	long count = argc > 1 ? atol(argv[1]) : 1;
	socklen_t size = sizeof(address);
	char bytes[1000] = "";
	int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (receiver < 0 || sender < 0 || bind(receiver, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockname(receiver, (struct sockaddr *)&address, &size) < 0)
		err(1, "socket");
	if (argc > 2 && strcmp(argv[2], "full") == 0) {
		/* The kernel doubles this and enforces a minimum: two packets fit, the others do not. */
		setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &(int){ 1 }, sizeof(int));
		for (int i = 0; i < 8; i++)
			sendto(sender, bytes, sizeof(bytes), 0, (struct sockaddr *)&address, size);
	} else {
		close(receiver);
	}
	for (long i = 0; i < count; i++)
		if (sendto(sender, bytes, sizeof(bytes), 0, (struct sockaddr *)&address, size) < 0)
			err(1, "sendto");
	return 0;
}
