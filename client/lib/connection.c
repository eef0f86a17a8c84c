/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <fcntl.h>

#include "common/paths.h"
#include "client/lib/internal.h"
#include "common/limits.h"

struct bpfwarden {
	int fd;
	char *input;
	size_t start, end, size; /* unread bytes are input[start..end) of size */
	size_t scanned;          /* of them, bytes known to hold no NUL */
	bool closed;             /* nothing more will come */
};

uint64_t client_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int socket_address(const char *path, struct sockaddr_un *ret)
{
	if (!path)
		path = secure_getenv("BPFWARDEN_SOCKET");
	if (!path || !*path)
		path = PATH_CLIENT_SOCKET;
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

/* Only the connection's beginning may block, bounded by SO_SNDTIMEO (unix(7): the backlog is full). */
static int socket_connect(int fd, const struct sockaddr_un *address, unsigned int timeout)
{
	struct timeval wait = { .tv_sec = timeout / 1000, .tv_usec = (timeout % 1000) * 1000 };

	if (timeout && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	if (!timeout && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		if (errno != EINTR)
			return -errno;
	return fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int connection_open(const char *path, unsigned int timeout, struct bpfwarden **ret)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	struct sockaddr_un address;
	int r;

	r = socket_address(path, &address);
	if (r < 0)
		return r;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return -ENOMEM;
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		return -errno;
	r = socket_connect(connection->fd, &address, timeout);
	if (r < 0)
		return r;
	*ret = take_ptr(connection);
	return 0;
}

int bpfwarden_connect(const char *path, struct bpfwarden **ret)
{
	return connection_open(path, CLIENT_CALL_TIMEOUT, ret);
}

struct bpfwarden *bpfwarden_disconnect(struct bpfwarden *connection)
{
	if (connection) {
		close_fd(connection->fd);
		free(connection->input);
		free(connection);
	}
	return NULL;
}

int bpfwarden_fd(const struct bpfwarden *connection)
{
	return connection->fd;
}

/* Waits for events until the given time (UINT64_MAX: for ever). 0 or -EAGAIN. */
static int connection_wait(const struct bpfwarden *connection, short events, uint64_t until)
{
	struct pollfd poll_fd = { .fd = connection->fd, .events = events };

	for (;;) {
		uint64_t now = client_now();
		int timeout = until == UINT64_MAX ? -1 : until > now ? (int)(until - now) : 0;
		int r = poll(&poll_fd, 1, timeout);

		if (r > 0)
			return 0;
		if (r == 0)
			return -EAGAIN;
		if (errno != EINTR)
			return -errno;
	}
}

/* Sends bytes, descriptors with the first of them. */
static int connection_send(struct bpfwarden *connection, const char *bytes, size_t size, const int *fds,
			   size_t n_fds)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(PEER_FDS_MAX * sizeof(int))];
	} control = {};
	uint64_t until = client_now() + CLIENT_CALL_TIMEOUT;
	struct iovec part = { .iov_base = (char *)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (n_fds) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
	}
	while (part.iov_len) {
		ssize_t n = sendmsg(connection->fd, &message, MSG_NOSIGNAL);

		if (n >= 0) {
			part.iov_base = (char *)part.iov_base + n;
			part.iov_len -= (size_t)n;
			message.msg_control = NULL;
			message.msg_controllen = 0;
		} else if (errno == EAGAIN) {
			if (connection_wait(connection, POLLOUT, until) < 0)
				return -ETIMEDOUT;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static char *call_text(const char *method, const char *parameters, unsigned int flags)
{
	char *text;

	if (asprintf(&text, "{\"method\":\"%s\",\"parameters\":%s%s%s}", method, parameters,
		     flags & BPFWARDEN_CALL_MORE ? ",\"more\":true" : "",
		     flags & BPFWARDEN_CALL_ONEWAY ? ",\"oneway\":true" : "") < 0)
		return NULL;
	return text;
}

int bpfwarden_call(struct bpfwarden *connection, const char *method, const char *parameters,
		   unsigned int flags, const int *fds, size_t n_fds)
{
	_cleanup_json_ json_t *check = NULL;
	_cleanup_free_ char *text = NULL;

	if (!parameters)
		parameters = "{}";
	check = json_loads(parameters, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(check) ||
	    strspn(method, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") !=
		    strlen(method))
		return -EINVAL;
	if (n_fds > PEER_FDS_MAX)
		return -E2BIG;
	text = call_text(method, parameters, flags);
	if (!text)
		return -ENOMEM;
	if (strlen(text) + 1 > VARLINK_FRAME_MAX)
		return -EMSGSIZE;
	return connection_send(connection, text, strlen(text) + 1, fds, n_fds);
}

/* Makes room for at least one more byte behind end. */
static int input_reserve(struct bpfwarden *connection)
{
	size_t size;
	char *input;

	if (connection->end < connection->size)
		return 0;
	if (connection->start > connection->size / 2) {
		memmove(connection->input, connection->input + connection->start,
			connection->end - connection->start);
		connection->end -= connection->start;
		connection->start = 0;
		return 0;
	}
	size = connection->size ? connection->size * 2 : VARLINK_FRAME_MAX;
	if (size > CLIENT_REPLY_MAX)
		return -EBADMSG;
	input = realloc(connection->input, size);
	if (!input)
		return -ENOMEM;
	connection->input = input;
	connection->size = size;
	return 0;
}

static int input_read(struct bpfwarden *connection)
{
	ssize_t n;
	int r;

	if (connection->closed)
		return -ECONNRESET;
	r = input_reserve(connection);
	if (r < 0)
		return r;
	/* recv() without room for control messages: the kernel closes descriptors that nobody asked for. */
	n = recv(connection->fd, connection->input + connection->end, connection->size - connection->end, 0);
	if (n > 0) {
		connection->end += (size_t)n;
		return 0;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	connection->closed = true;
	return -ECONNRESET;
}

/* 0 with *ret set, or NULL if no whole message is in the buffer. */
static int input_next(struct bpfwarden *connection, struct bpfwarden_reply **ret)
{
	const char *begin = connection->input + connection->start;
	size_t unread = connection->end - connection->start;
	const char *nul = NULL;

	*ret = NULL;
	if (unread > connection->scanned)
		nul = memchr(begin + connection->scanned, 0, unread - connection->scanned);
	if (!nul) {
		connection->scanned = unread;
		return 0;
	}
	connection->start += (size_t)(nul - begin) + 1;
	connection->scanned = 0;
	if (connection->start == connection->end) {
		connection->start = connection->end = 0;
	}
	return reply_parse(begin, (size_t)(nul - begin), ret);
}

int bpfwarden_receive(struct bpfwarden *connection, int timeout, struct bpfwarden_reply **ret)
{
	uint64_t until = timeout < 0 ? UINT64_MAX : client_now() + (uint64_t)timeout;

	for (;;) {
		struct bpfwarden_reply *reply;
		int r = input_next(connection, &reply);

		if (r < 0)
			return r;
		if (reply) {
			*ret = reply;
			return 0;
		}
		r = input_read(connection);
		if (r == -EAGAIN)
			r = timeout == 0 ? -EAGAIN : connection_wait(connection, POLLIN, until);
		if (r < 0)
			return r;
	}
}
