/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections between the daemon's processes: real sockets, and real other users where we are root. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/fd.h"
#include "loaderd/peer.h"

#define OTHER_UID 61234 /* somebody else; no account is needed */
#define RECORDS   100

/* One end is a struct peer on a loop, the other is a bare socket in the test's hand. */
struct fixture {
	sd_event *event;
	struct peer *peer;
	int fd;
	size_t n; /* records that the handler saw */
	uint64_t last_call;
	int kept;   /* descriptor that the handler took */
	int answer; /* what it returns */
	size_t n_closed;
	char reason[128];
	int open_fds;
};

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int on_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	struct fixture *f = userdata;

	(void)peer;
	f->n++;
	f->last_call = m->call;
	if (n_fds && f->kept < 0)
		f->kept = take_fd(fds[0]);
	return f->answer;
}

static void on_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct fixture *f = userdata;

	(void)peer;
	f->n_closed++;
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
}

static struct peer_options options_of(struct fixture *f, enum message_side self, enum message_side other)
{
	return (struct peer_options){ .self = self,
				      .other = other,
				      .record = on_record,
				      .closed = on_closed,
				      .userdata = f,
				      .uid = geteuid() };
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->open_fds = count_fds();
	f->fd = f->kept = -EBADF;
	assert_true(sd_event_new(&f->event) >= 0);
	*state = f;
	return 0;
}

/* Whatever a test did, no descriptor is left over. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int now;

	peer_free(f->peer);
	close_fd(f->fd);
	close_fd(f->kept);
	sd_event_unref(f->event);
	now = count_fds();
	if (now != f->open_fds)
		print_error("%d descriptors before the test, %d after it\n", f->open_fds, now);
	now -= f->open_fds;
	free(f);
	return now;
}

static void make(struct fixture *f, bool accepted, enum message_side self, enum message_side other)
{
	struct peer_options options = options_of(f, self, other);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->fd = pair[1];
	assert_int_equal(peer_new(f->event, pair[0], accepted, &options, &f->peer), 0);
}

/* Handles what is there, and returns. */
static void run(struct fixture *f)
{
	while (sd_event_run(f->event, 0) > 0)
		;
}

static ssize_t raw_send(int fd, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		struct cmsghdr *c;

		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	return sendmsg(fd, &mh, MSG_NOSIGNAL);
}

static void send_plain(int fd, uint32_t type, uint64_t call)
{
	struct message m = { .type = type, .size = sizeof(m), .call = call };

	assert_int_equal(raw_send(fd, &m, sizeof(m), NULL, 0), sizeof(m));
}

/* The other side must see the end, too. */
static void expect_end(struct fixture *f, const char *reason)
{
	struct message m = { .type = MESSAGE_LIST };
	char byte;

	run(f);
	assert_int_equal(f->n_closed, 1);
	assert_string_equal(f->reason, reason);
	while (recv(f->fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
	assert_int_equal(send(f->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(peer_send(f->peer, &m, sizeof(m), NULL, 0), -EPIPE);
	assert_int_equal(peer_drain(f->peer), -EPIPE);
}

#define MISFIT "a record that fits no row of the message table"

static void test_greeting(void **state)
{
	struct fixture *f = *state;

	make(f, false, SIDE_GATE, SIDE_WARDEN);
	send_plain(f->fd, MESSAGE_HELLO, 0);
	send_plain(f->fd, MESSAGE_REPLY_END, 7);
	run(f);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->last_call, 7);
	assert_int_equal(f->n_closed, 0);
}

static void test_no_greeting(void **state)
{
	struct fixture *f = *state;

	make(f, false, SIDE_GATE, SIDE_WARDEN);
	send_plain(f->fd, MESSAGE_REPLY_END, 7);
	expect_end(f, "no greeting");
	assert_int_equal(f->n, 0);
}

/* A greeting that was sent before anybody asked for credentials carries none: the kernel shows the overflow
 * uid. */
static void test_greeting_without_credentials(void **state)
{
	struct fixture *f = *state;
	struct peer_options options = options_of(f, SIDE_GATE, SIDE_WARDEN);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	f->fd = pair[1];
	send_plain(f->fd, MESSAGE_HELLO, 0);
	assert_int_equal(peer_new(f->event, pair[0], false, &options, &f->peer), 0);
	expect_end(f, "a greeting from another user");
}

/* Runs act(fd) in a child that is somebody else. */
static void as_other_user(void (*act)(int fd), int fd)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) < 0 ||
		    setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0)
			_exit(1);
		act(fd);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void greet(int fd)
{
	struct message m = { .type = MESSAGE_HELLO, .size = sizeof(m) };

	if (raw_send(fd, &m, sizeof(m), NULL, 0) != sizeof(m))
		_exit(2);
}

static bool need_root(void)
{
	if (geteuid() == 0)
		return true;
	print_message("skip: only root can become two users\n");
	skip();
	return false;
}

static void test_greeting_of_another_user(void **state)
{
	struct fixture *f = *state;

	if (!need_root())
		return;
	make(f, false, SIDE_GATE, SIDE_WARDEN);
	as_other_user(greet, f->fd);
	send_plain(f->fd, MESSAGE_REPLY_END, 7); /* of the right user, but too late */
	expect_end(f, "a greeting from another user");
	assert_int_equal(f->n, 0);
}

/* A second greeting is looked at as the first was. */
static void test_connection_that_changes_hands(void **state)
{
	struct fixture *f = *state;

	if (!need_root())
		return;
	make(f, false, SIDE_GATE, SIDE_WARDEN);
	send_plain(f->fd, MESSAGE_HELLO, 0);
	as_other_user(greet, f->fd);
	expect_end(f, "a greeting from another user");
}

static struct sockaddr_un address;

static void connect_there(int fd)
{
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(3);
}

static int accept_from(struct fixture *f, bool other_user)
{
	char directory[] = "/tmp/test-peer-XXXXXX";
	int listener, fd;

	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(listener, 4), 0);
	f->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (other_user)
		as_other_user(connect_there, f->fd);
	else
		connect_there(f->fd);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fd >= 0);
	close(listener);
	unlink(address.sun_path);
	rmdir(directory);
	return fd;
}

static void test_accepted(void **state)
{
	struct fixture *f = *state;
	struct peer_options options = options_of(f, SIDE_WARDEN, SIDE_GATE);
	struct message hello;

	assert_int_equal(peer_new(f->event, accept_from(f, false), true, &options, &f->peer), 0);
	assert_int_equal(recv(f->fd, &hello, sizeof(hello), MSG_DONTWAIT), sizeof(hello));
	assert_int_equal(hello.type, MESSAGE_HELLO);
	assert_int_equal(hello.size, sizeof(hello));
	send_plain(f->fd, MESSAGE_LIST, 5);
	assert_int_equal(peer_drain(f->peer), 0);
	assert_int_equal(f->n, 1);
	assert_int_equal(f->last_call, 5);
}

static void test_accepted_another_user(void **state)
{
	struct fixture *f = *state;
	struct peer_options options = options_of(f, SIDE_WARDEN, SIDE_GATE);
	struct message m;

	if (!need_root())
		return;
	assert_int_equal(peer_new(f->event, accept_from(f, true), true, &options, &f->peer), -EPERM);
	assert_null(f->peer);
	assert_int_equal(recv(f->fd, &m, sizeof(m), MSG_DONTWAIT), 0); /* closed, and never greeted */
}

static void test_misfits(void **state)
{
	static struct {
		struct message m;
		char more[PEER_MESSAGE_MAX];
	} record;
	static const struct {
		uint32_t type, size, sent;
	} rows[] = {
		{ MESSAGE_NONE, sizeof(struct message), sizeof(struct message) },
		{ MESSAGE_REPLY_END, sizeof(struct message), sizeof(struct message) }, /* the warden's own */
		{ MESSAGE_LOAD, sizeof(struct message_load), sizeof(struct message_load) },
		{ MESSAGE_LIST, sizeof(struct message), sizeof(struct message) - 1 },
		{ MESSAGE_LIST, sizeof(struct message) + 1, sizeof(struct message) + 1 },
		{ MESSAGE_LIST, sizeof(struct message) + 1, sizeof(struct message) },
		{ MESSAGE_LIST, sizeof(struct message), 1 },
		{ UINT32_MAX, sizeof(struct message), sizeof(struct message) },
		{ MESSAGE_ENROLL, sizeof(struct message_enroll),
		  sizeof(struct message_enroll) },                        /* no files */
		{ MESSAGE_LIST, sizeof(struct message), sizeof(record) }, /* longer than any record */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fixture *f;

		setup(state);
		f = *state;
		make(f, true, SIDE_WARDEN, SIDE_GATE);
		record.m = (struct message){ .type = rows[i].type, .size = rows[i].size };
		assert_int_equal(raw_send(f->fd, &record, rows[i].sent, NULL, 0), rows[i].sent);
		send_plain(f->fd, MESSAGE_LIST, 1); /* is not read any more */
		expect_end(f, MISFIT);
		assert_int_equal(f->n, 0);
		assert_int_equal(teardown(state), 0);
	}
}

/* What the handler does not take is closed; what it refuses ends the connection. */
static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	struct message_enroll m = { .m = { .type = MESSAGE_ENROLL, .size = sizeof(m) } };
	int fds[3] = { 0, 1, 2 };

	make(f, true, SIDE_WARDEN, SIDE_GATE);
	assert_int_equal(raw_send(f->fd, &m, sizeof(m), fds, 3), sizeof(m));
	run(f);
	assert_int_equal(f->n, 1);
	assert_true(f->kept >= 0);
	assert_int_equal(fcntl(f->kept, F_GETFD), FD_CLOEXEC);
	f->answer = -EPROTO;
	assert_int_equal(raw_send(f->fd, &m, sizeof(m), fds, 3), sizeof(m));
	expect_end(f, "a record that its receiver does not accept");
}

/* Too many for the row, and too many for the receiver's buffer: then the kernel truncates. */
static void test_too_many_descriptors(void **state)
{
	static const size_t counts[] = { 1 + SIGNATURES_MAX + BUNDLE_FILES_MAX + 1, PEER_FDS_MAX + 40, 253 };
	struct message_enroll m = { .m = { .type = MESSAGE_ENROLL, .size = sizeof(m) } };
	int fds[253] = { 0 };

	for (size_t i = 0; i < 3; i++) {
		struct fixture *f;

		setup(state);
		f = *state;
		make(f, true, SIDE_WARDEN, SIDE_GATE);
		assert_int_equal(raw_send(f->fd, &m, sizeof(m), fds, counts[i]), sizeof(m));
		expect_end(f, MISFIT);
		assert_int_equal(f->n, 0);
		assert_int_equal(teardown(state), 0);
	}
}

/* A receiver without room for the descriptors must not take the record for one with fewer. */
static void test_no_room_for_descriptors(void **state)
{
	struct fixture *f = *state;
	struct message_enroll m = { .m = { .type = MESSAGE_ENROLL, .size = sizeof(m) } };
	struct rlimit before, few;
	int fds[6] = { 0, 0, 0, 0, 0, 0 }, next;

	make(f, true, SIDE_WARDEN, SIDE_GATE);
	assert_int_equal(raw_send(f->fd, &m, sizeof(m), fds, 6), sizeof(m));
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ (rlim_t)next + 3, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	run(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_end(f, MISFIT);
	assert_int_equal(f->n, 0);
}

static int numbered_memfd(uint64_t number)
{
	int fd = fd_memfd_sealed("number", &number, sizeof(number));

	assert_true(fd >= 0);
	return fd;
}

/* Fills the socket, so that what is sent from now on waits in the queue. Returns how many records that took.
 */
static size_t fill(struct fixture *f)
{
	static struct message_text m = { .m = { .type = MESSAGE_REPLY_TEXT } };
	size_t n = 0;

	while (!peer_queued(f->peer)) {
		assert_int_equal(PEER_SEND(f->peer, &m, NULL, 0), 0);
		n++;
	}
	return n;
}

/* Receives a record with one descriptor, in which a number stands. */
static void receive_number(struct fixture *f, uint64_t expected)
{
	static struct message_stream m;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes) };
	uint64_t number = 0;
	int fd;

	run(f);
	assert_int_equal(recvmsg(f->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), sizeof(m));
	assert_int_equal(m.m.call, expected);
	assert_non_null(CMSG_FIRSTHDR(&mh));
	assert_int_equal(CMSG_FIRSTHDR(&mh)->cmsg_len, CMSG_LEN(sizeof(fd)));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
	assert_int_equal(pread(fd, &number, sizeof(number), 0), sizeof(number));
	assert_int_equal(number, expected * 3);
	close(fd);
}

static void send_numbers(struct fixture *f)
{
	for (uint64_t i = 0; i < RECORDS; i++) {
		static struct message_stream m;
		int fd = numbered_memfd(i * 3);

		m.m = (struct message){ .type = MESSAGE_REPLY_STREAM, .call = i };
		assert_int_equal(PEER_SEND(f->peer, &m, &fd, 1), 0);
		close(fd); /* the queue has its own */
	}
	assert_true(peer_queued(f->peer) >= RECORDS * sizeof(struct message_stream));
}

/* A reader that takes its time loses nothing and mixes nothing up, descriptors included. */
static void test_queue(void **state)
{
	struct fixture *f = *state;
	static struct message_text text;
	struct message hello;
	size_t n;

	make(f, true, SIDE_WARDEN, SIDE_GATE);
	n = fill(f);
	send_numbers(f);
	assert_int_equal(recv(f->fd, &hello, sizeof(hello), MSG_DONTWAIT), sizeof(hello));
	for (; n; n--) {
		run(f);
		assert_int_equal(recv(f->fd, &text, sizeof(text), MSG_DONTWAIT), sizeof(text));
	}
	for (uint64_t i = 0; i < RECORDS; i++)
		receive_number(f, i);
	run(f);
	assert_int_equal(peer_queued(f->peer), 0);
	assert_int_equal(f->n_closed, 0);
}

/* What still waits when the connection ends is let go of: the count in teardown() says so. */
static void test_queue_of_a_dead_peer(void **state)
{
	struct fixture *f = *state;

	make(f, true, SIDE_WARDEN, SIDE_GATE);
	(void)fill(f);
	send_numbers(f);
	f->fd = close_fd(f->fd);
	run(f);
	assert_int_equal(f->n_closed, 1);
}

static void test_queue_has_a_bound(void **state)
{
	struct fixture *f = *state;
	struct message_text *m = calloc(1, sizeof(*m));
	size_t n = 0;
	int r;

	assert_non_null(m);
	make(f, true, SIDE_WARDEN, SIDE_GATE);
	do {
		m->m.type = MESSAGE_REPLY_TEXT;
		r = PEER_SEND(f->peer, m, NULL, 0);
	} while (r == 0 && ++n < 2000);
	assert_int_equal(r, -ENOBUFS);
	assert_true(peer_queued(f->peer) <= 64U << 20);
	assert_true(peer_queued(f->peer) > (64U << 20) - 2 * sizeof(*m));
	free(m);
}

/* Neither does a process send what the other would end the connection for. */
static void test_own_mistakes(void **state)
{
	struct fixture *f = *state;
	struct message_connection m = { .m = { .type = MESSAGE_CONNECTION } };
	struct message other = { .type = MESSAGE_LIST };
	int fd = 0;

	make(f, true, SIDE_WARDEN, SIDE_GATE);
	assert_int_equal(PEER_SEND(f->peer, &m, NULL, 0), -EINVAL);
	assert_int_equal(peer_send(f->peer, &other, sizeof(other), NULL, 0), -EINVAL);
	assert_int_equal(PEER_SEND(f->peer, &m, &fd, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_greeting),
		TEST(test_no_greeting),
		TEST(test_greeting_without_credentials),
		TEST(test_greeting_of_another_user),
		TEST(test_connection_that_changes_hands),
		TEST(test_accepted),
		TEST(test_accepted_another_user),
		cmocka_unit_test(test_misfits), /* a fixture a row */
		TEST(test_descriptors),
		cmocka_unit_test(test_too_many_descriptors), /* a fixture a row */
		TEST(test_no_room_for_descriptors),
		TEST(test_queue),
		TEST(test_queue_of_a_dead_peer),
		TEST(test_queue_has_a_bound),
		TEST(test_own_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
