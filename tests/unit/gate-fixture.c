/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/gate-fixture.h"

static int on_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	struct fixture *f = userdata;
	struct record *r = &f->records[f->n % RECORDS_MAX];

	(void)peer;
	assert_true(f->n - f->first < RECORDS_MAX && m->size <= sizeof(*r));
	memset(r, 0, sizeof(*r));
	memcpy(r, m, m->size);
	r->n_fds = n_fds;
	for (size_t i = 0; i < n_fds && i < RECORD_FDS_MAX; i++)
		r->fds[i] = take_fd(fds[i]);
	f->n++;
	return 0;
}

static void on_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct fixture *f = userdata;

	(void)peer;
	(void)reason;
	f->warden_closed = true;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct peer_options options = { .self = SIDE_WARDEN,
					      .other = SIDE_GATE,
					      .record = on_record,
					      .closed = on_closed,
					      .userdata = f,
					      .uid = getuid() };
	int fds[2];

	assert_non_null(f);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(sd_event_new(&f->event), 0);
	/* The gate first: it asks for credentials, which the greeting must carry. */
	assert_int_equal(gate_new(f->event, fds[0], getuid(), &f->gate), 0);
	assert_int_equal(peer_new(f->event, fds[1], true, &options, &f->warden), 0);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	gate_free(f->gate);
	peer_free(f->warden);
	sd_event_unref(f->event);
	free(f);
	return 0;
}

void fixture_run(struct fixture *f)
{
	int r = sd_event_run(f->event, 20000000);

	if (r <= 0)
		fail_msg("the gate has nothing to do: %d", r);
}

struct client client_new(struct fixture *f)
{
	struct message_connection m = { .m.type = MESSAGE_CONNECTION, .uid = getuid() };
	struct client c = { .f = f };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	c.fd = fds[0];
	c.number = m.m.connection = ++f->last_connection;
	assert_int_equal(PEER_SEND(f->warden, &m, &fds[1], 1), 0);
	close(fds[1]);
	return c;
}

void client_free(struct client *c)
{
	c->fd = close_fd(c->fd);
	free(c->bytes);
	c->bytes = NULL;
}

void client_send_fds(struct client *c, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = CMSG_SPACE(sizeof(int) * n_fds) };
	struct cmsghdr *m = CMSG_FIRSTHDR(&mh);

	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	memcpy(CMSG_DATA(m), fds, sizeof(int) * n_fds);
	assert_int_equal(sendmsg(c->fd, &mh, MSG_NOSIGNAL), size);
}

void client_send(struct client *c, const void *bytes, size_t size)
{
	while (size) {
		ssize_t n = send(c->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			fixture_run(c->f);
			continue;
		}
		if (n < 0) /* the gate has closed: what follows will see that */
			return;
		bytes = (const char *)bytes + n;
		size -= (size_t)n;
	}
}

void client_call(struct client *c, const char *call)
{
	client_send(c, call, strlen(call) + 1);
}

bool client_read(struct client *c)
{
	for (;;) {
		ssize_t n;

		if (c->capacity - c->size < 65536) {
			c->capacity = 2 * c->capacity + 65536;
			c->bytes = realloc(c->bytes, c->capacity);
			assert_non_null(c->bytes);
		}
		n = recv(c->fd, c->bytes + c->size, c->capacity - c->size, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		c->size += (size_t)n;
	}
}

static size_t next_frame(struct client *c)
{
	const char *end;

	while (!(end = c->size ? memchr(c->bytes, '\0', c->size) : NULL)) {
		size_t before = c->size;
		bool open = client_read(c);

		if (c->size != before)
			continue;
		if (!open)
			fail_msg("closed instead of a reply");
		fixture_run(c->f);
	}
	return (size_t)(end - c->bytes);
}

static void drop_frame(struct client *c, size_t n)
{
	c->size -= n + 1;
	memmove(c->bytes, c->bytes + n + 1, c->size);
}

json_t *client_reply(struct client *c)
{
	size_t n = next_frame(c);
	json_error_t error;
	json_t *reply = json_loadb(c->bytes, n, JSON_REJECT_DUPLICATES, &error);

	if (!reply)
		fail_msg("not JSON: %s in %s", error.text, c->bytes);
	drop_frame(c, n);
	return reply;
}

void client_expect(struct client *c, const char *reply)
{
	size_t n = next_frame(c);

	assert_string_equal(c->bytes, reply);
	drop_frame(c, n);
}

void client_expect_closed(struct client *c)
{
	while (client_read(c))
		fixture_run(c->f);
	if (c->size)
		fail_msg("a reply instead of the end: %.*s", (int)c->size, c->bytes);
	assert_int_equal(warden_record(c->f, MESSAGE_CLOSED)->m.connection, c->number);
}

struct record *warden_record(struct fixture *f, uint32_t type)
{
	struct record *r;

	while (f->first == f->n) {
		assert_false(f->warden_closed);
		fixture_run(f);
	}
	r = &f->records[f->first++ % RECORDS_MAX];
	assert_string_equal(message_name(r->m.type), message_name(type));
	return r;
}

void warden_answer(struct fixture *f, const struct record *to, struct message *m, size_t size, const int *fds,
		   size_t n_fds)
{
	m->connection = to->m.connection;
	m->call = to->m.call;
	assert_int_equal(peer_send(f->warden, m, size, fds, n_fds), 0);
}

void warden_end(struct fixture *f, const struct record *to)
{
	struct message m = { .type = MESSAGE_REPLY_END };

	warden_answer(f, to, &m, sizeof(m), NULL, 0);
}

size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}
