/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/launcher-store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

#define STORE_MAX       8192
#define STORE_NAME_MAX  128
#define NOTIFY_FDS_MAX  16
#define NOTIFY_TEXT_MAX 4096

struct entry {
	char name[STORE_NAME_MAX];
	int fd;
};

struct launcher_store {
	sd_event_source *io;
	int fd;
	void (*ready)(pid_t pid, void *userdata);
	bool (*may_store)(pid_t pid, void *userdata);
	void *userdata;
	struct entry *entries;
	size_t n;
};

struct launcher_store *launcher_store_free(struct launcher_store *store)
{
	if (!store)
		return NULL;
	for (size_t i = 0; i < store->n; i++)
		close_fd(store->entries[i].fd);
	free(store->entries);
	sd_event_source_disable_unref(store->io);
	close_fd(store->fd);
	free(store);
	return NULL;
}

static int add(struct launcher_store *store, const char *name, int fd)
{
	if (store->n == STORE_MAX || strlen(name) >= STORE_NAME_MAX || strchr(name, ':'))
		return -ENOSPC;
	strcpy(store->entries[store->n].name, name);
	store->entries[store->n++].fd = fd;
	return 0;
}

static void remove_named(struct launcher_store *store, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < store->n; i++)
		if (!strcmp(store->entries[i].name, name))
			close_fd(store->entries[i].fd);
		else
			store->entries[kept++] = store->entries[i];
	store->n = kept;
}

/* Finds "KEY=value" on a line of its own; the value is copied. */
static bool find_value(const char *text, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (!strncmp(line, key, length) && line[length] == '=') {
			size_t n = strcspn(line + length + 1, "\n");

			if (n >= size)
				return false;
			memcpy(value, line + length + 1, n);
			value[n] = '\0';
			return true;
		}
	return false;
}

static void handle(struct launcher_store *store, pid_t pid, const char *text, int *fds, size_t n_fds)
{
	char value[STORE_NAME_MAX], name[STORE_NAME_MAX];
	bool named = find_value(text, "FDNAME", name, sizeof(name));

	if (find_value(text, "READY", value, sizeof(value)))
		store->ready(pid, store->userdata);
	if (!named || !store->may_store(pid, store->userdata))
		return;
	if (find_value(text, "FDSTORE", value, sizeof(value)))
		for (size_t i = 0; i < n_fds; i++)
			if (add(store, name, fds[i]) >= 0)
				fds[i] = -EBADF;
	if (find_value(text, "FDSTOREREMOVE", value, sizeof(value)))
		remove_named(store, name);
}

static int on_notify(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * NOTIFY_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[NOTIFY_TEXT_MAX + 1];
	struct iovec iov = { .iov_base = text, .iov_len = NOTIFY_TEXT_MAX };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	struct ucred ucred = { 0 };
	int fds[NOTIFY_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n;

	(void)source;
	(void)revents;
	n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	text[n] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&ucred, CMSG_DATA(c), sizeof(ucred));
		}
	}
	if (!(mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		handle(userdata, ucred.pid, text, fds, n_fds);
	/* The pipe of a BARRIER=1 is closed here, too: that is the answer which its sender waits for. */
	for (size_t i = 0; i < n_fds; i++)
		close_fd(fds[i]);
	return 0;
}

int launcher_store_new(sd_event *event, int fd, void (*ready)(pid_t pid, void *userdata),
		       bool (*may_store)(pid_t pid, void *userdata), void *userdata,
		       struct launcher_store **ret)
{
	struct launcher_store *store = calloc(1, sizeof(*store));
	int r, on = 1;

	if (!store) {
		close_fd(fd);
		return -ENOMEM;
	}
	*store = (struct launcher_store){
		.fd = fd, .ready = ready, .may_store = may_store, .userdata = userdata
	};
	store->entries = calloc(STORE_MAX, sizeof(*store->entries));
	r = store->entries ? 0 : -ENOMEM;
	if (r >= 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		r = -errno;
	if (r >= 0)
		r = sd_event_add_io(event, &store->io, fd, EPOLLIN, on_notify, store);
	if (r >= 0) /* before the deaths of children, whose last words must still be known */
		r = sd_event_source_set_priority(store->io, SD_EVENT_PRIORITY_IMPORTANT);
	if (r < 0) {
		launcher_store_free(store);
		return r;
	}
	*ret = store;
	return 0;
}

size_t launcher_store_size(const struct launcher_store *store)
{
	return store->n;
}

const char *launcher_store_get(const struct launcher_store *store, size_t i, int *ret_fd)
{
	*ret_fd = store->entries[i].fd;
	return store->entries[i].name;
}
