/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/control.h"

#define QUEUE_MAX (64U << 20)

/* A record that the socket would not take yet. */
struct queued {
	struct queued *next;
	size_t size, n_fds;
	int fds[PEER_FDS_MAX];
	uint8_t bytes[];
};

struct peer {
	struct peer_options options;
	sd_event_source *io;
	int fd;
	bool greeted; /* the other side's identity is proved */
	bool closed;
	struct queued *first, *last;
	size_t queued;
	uint8_t *buffer; /* one record, PEER_MESSAGE_MAX bytes */
};

static struct queued *queued_free(struct queued *q)
{
	for (size_t i = 0; q && i < q->n_fds; i++)
		close_fd(q->fds[i]);
	free(q);
	return NULL;
}

struct peer *peer_free(struct peer *peer)
{
	if (!peer)
		return NULL;
	while (peer->first) {
		struct queued *next = peer->first->next;

		queued_free(peer->first);
		peer->first = next;
	}
	sd_event_source_disable_unref(peer->io);
	close_fd(peer->fd);
	free(peer->buffer);
	free(peer);
	return NULL;
}

/* Reports the end once. The descriptor is closed at once so that the other side sees it, too. */
static void peer_end(struct peer *peer, const char *reason)
{
	if (peer->closed)
		return;
	peer->closed = true;
	peer->io = sd_event_source_disable_unref(peer->io);
	peer->fd = close_fd(peer->fd);
	peer->options.closed(peer, reason, peer->options.userdata);
}

static bool credentials_of(struct msghdr *mh, struct ucred *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(ret, CMSG_DATA(c), sizeof(*ret));
			return true;
		}
	return false;
}

/* One record: 1 handled, 0 nothing there, negative: the connection is to end for the reason in *ret. */
static int receive_one(struct peer *peer, const char **ret)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * PEER_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { .iov_base = peer->buffer, .iov_len = PEER_MESSAGE_MAX };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	const struct message *m = (const struct message *)(void *)peer->buffer;
	struct ucred ucred = { .uid = (uid_t)-1 };
	/* As many as the kernel could put there if it leaves the credentials out. */
	int fds[sizeof(control) / sizeof(int)], r = -EPROTO;
	size_t n_fds;
	ssize_t n;

	n = recvmsg(peer->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		*ret = n == 0 ? "end of file" : strerror(errno);
		return n == 0 ? -EPIPE : -errno;
	}
	n_fds = control_get_fds(&mh, fds);
	*ret = "a record that fits no row of the message table";
	if (!(mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    message_fits(m, (size_t)n, n_fds, peer->options.other, peer->options.self)) {
		r = 1;
		if (m->type == MESSAGE_HELLO) {
			if (credentials_of(&mh, &ucred) && ucred.uid == peer->options.uid) {
				peer->greeted = true;
			} else {
				*ret = "a greeting from another user";
				r = -EPERM;
			}
		} else if (!peer->greeted) {
			*ret = "no greeting";
			r = -EPERM;
		} else {
			r = peer->options.record(peer, m, fds, n_fds, peer->options.userdata);
			*ret = "a record that its receiver does not accept";
			r = r < 0 ? r : 1;
		}
	}
	for (size_t i = 0; i < n_fds; i++)
		close_fd(fds[i]);
	return r;
}

int peer_drain(struct peer *peer)
{
	const char *reason = NULL;
	int r;

	do {
		if (peer->closed)
			return -EPIPE;
		r = receive_one(peer, &reason);
	} while (r > 0);
	if (r < 0 && !peer->closed)
		peer_end(peer, reason);
	return r;
}

static int send_now(struct peer *peer, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
	CONTROL_FDS(PEER_FDS_MAX) control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	control_put_fds(&mh, control.bytes, fds, n_fds);
	if (sendmsg(peer->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct peer *peer = userdata;
	const char *reason = NULL;
	int r = 0;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT) {
		while (peer->first) {
			struct queued *q = peer->first;

			r = send_now(peer, q->bytes, q->size, q->fds, q->n_fds);
			if (r == -EAGAIN)
				break;
			if (r < 0) {
				peer_end(peer, strerror(-r));
				return 0;
			}
			peer->first = q->next;
			peer->queued -= q->size;
			queued_free(q);
		}
		if (!peer->first) {
			peer->last = NULL;
			(void)sd_event_source_set_io_events(peer->io, EPOLLIN);
		}
	}
	if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		/* A few records a turn, so that no peer keeps the loop for itself. */
		for (int i = 0; i < 16 && !peer->closed; i++) {
			r = receive_one(peer, &reason);
			if (r <= 0)
				break;
		}
		if (r < 0 && !peer->closed)
			peer_end(peer, reason);
	}
	return 0;
}

int peer_send(struct peer *peer, struct message *m, size_t size, const int *fds, size_t n_fds)
{
	struct queued *q;
	int r;

	if (peer->closed)
		return -EPIPE;
	m->size = (uint32_t)size;
	if (!message_fits(m, size, n_fds, peer->options.self, peer->options.other))
		return -EINVAL;
	if (!peer->first) {
		r = send_now(peer, m, size, fds, n_fds);
		if (r != -EAGAIN)
			return r;
	}
	if (peer->queued + size > QUEUE_MAX)
		return -ENOBUFS;
	q = calloc(1, sizeof(*q) + size);
	if (!q)
		return -ENOMEM;
	memcpy(q->bytes, m, size);
	q->size = size;
	for (; q->n_fds < n_fds; q->n_fds++) {
		q->fds[q->n_fds] = fcntl(fds[q->n_fds], F_DUPFD_CLOEXEC, 0);
		if (q->fds[q->n_fds] < 0) {
			queued_free(q);
			return -errno;
		}
	}
	if (peer->last)
		peer->last->next = q;
	else
		peer->first = q;
	peer->last = q;
	peer->queued += size;
	return sd_event_source_set_io_events(peer->io, EPOLLIN | EPOLLOUT);
}

size_t peer_queued(const struct peer *peer)
{
	return peer->queued;
}

/* An accepted connection knows its peer from SO_PEERCRED: the credentials of connect(2). */
static int check_accepted(int fd, uid_t uid)
{
	struct ucred ucred;
	socklen_t size = sizeof(ucred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
		return -errno;
	return ucred.uid == uid ? 0 : -EPERM;
}

int peer_new(sd_event *event, int fd, bool accepted, const struct peer_options *options, struct peer **ret)
{
	_cleanup_(peer_free_p) struct peer *peer = NULL;
	int r, on = 1, size = 4 << 20;

	peer = calloc(1, sizeof(*peer));
	if (!peer) {
		close_fd(fd);
		return -ENOMEM;
	}
	peer->fd = fd;
	peer->options = *options;
	peer->buffer = malloc(PEER_MESSAGE_MAX);
	if (!peer->buffer)
		return -ENOMEM;
	/* Best effort: without privilege the kernel caps this at wmem_max, and our own queue does the rest.
	 */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!accepted && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	if (accepted) {
		r = check_accepted(fd, options->uid);
		if (r < 0)
			return r;
		peer->greeted = true;
	}
	r = sd_event_add_io(event, &peer->io, fd, EPOLLIN, on_io, peer);
	if (r < 0)
		return r;
	if (accepted) {
		struct message hello = { .type = MESSAGE_HELLO };

		r = peer_send(peer, &hello, sizeof(hello), NULL, 0);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(peer);
	return 0;
}

int peer_connect(sd_event *event, const char *path, const struct peer_options *options, struct peer **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;
	int on = 1;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Before connect(2), so that no greeting can arrive without its credentials. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return peer_new(event, take_fd(fd), false, options, ret);
}
