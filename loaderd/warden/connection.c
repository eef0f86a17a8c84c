/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepts clients, learns from the kernel who they are, and hands the socket, of which it has not read a
 * byte, to the gate with a number. The gate can name numbers, nothing else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loaderd/warden/warden.h"

#define GROUPS_MAX 65536

struct connection *connection_ref(struct connection *c)
{
	if (c)
		c->refs++;
	return c;
}

struct connection *connection_unref(struct connection *c)
{
	if (!c || --c->refs)
		return NULL;
	readings_free(c);
	free(c->gids);
	free(c);
	return NULL;
}

static int read_groups(int fd, gid_t primary, struct connection *c)
{
	socklen_t size = 64 * sizeof(gid_t);
	gid_t *gids = NULL;

	/* SO_PEERGROUPS says ERANGE and the size that it needs when the buffer is too small. */
	for (int attempt = 0; attempt < 3; attempt++) {
		gid_t *larger = realloc(gids, size + sizeof(gid_t));

		if (!larger) {
			free(gids);
			return -ENOMEM;
		}
		gids = larger;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids + 1, &size) == 0) {
			gids[0] = primary;
			c->gids = gids;
			c->n_gids = 1 + size / sizeof(gid_t);
			return 0;
		}
		if (errno != ERANGE || size > GROUPS_MAX * sizeof(gid_t))
			break;
	}
	free(gids);
	return -EIO;
}

static int identify(int fd, struct connection **ret)
{
	_cleanup_(connection_unref_p) struct connection *c = calloc(1, sizeof(*c));
	struct ucred ucred;
	socklen_t size = sizeof(ucred);
	int r;

	if (!c)
		return -ENOMEM;
	c->refs = 1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0)
		return -errno;
	c->uid = ucred.uid;
	c->pid = ucred.pid;
	c->loginuid = AUDIT_LOGINUID_UNSET;
	r = read_groups(fd, ucred.gid, c);
	if (r < 0)
		return r;
	facts_read(fd, c);
	*ret = take_ptr(c);
	return 0;
}

static size_t count_connections(struct warden *w, uid_t uid, size_t *ret_all)
{
	size_t n = 0, all = 0;

	for (struct connection *c = w->connections; c; c = c->next, all++)
		n += c->uid == uid;
	*ret_all = all;
	return n;
}

/* A flood from one uid must not take the places of others, and root must always get in. */
static bool has_room(struct warden *w, uid_t uid)
{
	size_t all, mine = count_connections(w, uid, &all);

	if (uid == 0)
		return all < CONNECTIONS_MAX + CONNECTIONS_ROOT_RESERVE && mine < CONNECTIONS_PER_UID_MAX;
	return all < CONNECTIONS_MAX && mine < CONNECTIONS_PER_UID_MAX;
}

static int introduce(struct warden *w, int fd)
{
	_cleanup_(connection_unref_p) struct connection *c = NULL;
	struct message_connection m = { .m = { .type = MESSAGE_CONNECTION } };
	struct ucred ucred;
	socklen_t size = sizeof(ucred);
	int r;

	/* The cap first: it is one system call, where the facts are a dozen. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) < 0 || !has_room(w, ucred.uid))
		return -EAGAIN;
	r = identify(fd, &c);
	if (r < 0)
		return r;
	names_of_uid(c->uid, c->user, sizeof(c->user));
	c->number = ++w->next_connection;
	m.m.connection = c->number;
	m.uid = c->uid;
	r = PEER_SEND(w->gate, &m, &fd, 1);
	if (r < 0)
		return r;
	c->next = w->connections;
	w->connections = take_ptr(c);
	return 0;
}

static int on_client(sd_event_source *source, int listener, uint32_t revents, void *userdata)
{
	struct warden *w = userdata;
	_cleanup_close_ int fd = -EBADF;

	(void)source;
	(void)revents;
	if (!w->gate)
		return 0;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		(void)sd_event_source_set_ratelimit(w->client_accept, 0, 0);
		(void)introduce(w, fd);
		return 0;
	}
	/* Out of descriptors or memory: level-triggered waiting would spin, so look again in a moment. */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		(void)sd_event_source_set_ratelimit(w->client_accept, 100000, 1);
	return 0;
}

int connections_listen(struct warden *w, int listener)
{
	return sd_event_add_io(w->event, &w->client_accept, listener, EPOLLIN, on_client, w);
}

void connections_pause(struct warden *w, bool pause)
{
	if (w->client_accept)
		(void)sd_event_source_set_enabled(w->client_accept, pause ? SD_EVENT_OFF : SD_EVENT_ON);
}

struct connection *client_find(struct warden *w, uint64_t number)
{
	struct connection *c = w->connections;

	while (c && c->number != number)
		c = c->next;
	return c;
}

void client_close(struct warden *w, struct connection *c)
{
	struct connection **p = &w->connections;
	uint64_t number = c->number;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	connection_unref(c);
	listings_forget(w, number);
	headings_forget(w, number);
	attached_unwatch(w, number);
}

void connections_close_all(struct warden *w)
{
	while (w->connections)
		client_close(w, w->connections);
}
