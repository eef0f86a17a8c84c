/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the loader believes of a runner. Before its first record a runner is the loader's own code; after it,
 * a light skeleton may have made of it what it likes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/cleanup.h"
#include "loaderd/loader/runner.h"
#include "loaderd/loader/verify.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct ends {
	int loader, runner;
};

static struct ends make_ends(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	return (struct ends){ pair[0], pair[1] };
}

static void end(struct ends *e)
{
	close_fd(e->loader);
	close_fd(e->runner);
}

static void say(int fd, const void *bytes, size_t size, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[4] = { fd, fd, fd, fd };

	assert_true(n_fds <= COUNT(fds));
	if (n_fds) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(n_fds * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&mh)), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &mh, MSG_NOSIGNAL), size);
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static const struct {
	const char *name;
	struct runner_result result;
	size_t size, n_fds; /* size 0: the whole record */
	uint32_t verified;  /* what comes of it, or: */
	const char *subject;
} firsts[] = {
	{ "not verified", { .step = RUNNER_RUN, .verified = VERIFIED_NO }, 0, 0, VERIFIED_NO, NULL },
	{ "by the builtin keyring",
	  { .step = RUNNER_RUN, .verified = VERIFIED_BUILTIN },
	  0,
	  0,
	  VERIFIED_BUILTIN,
	  NULL },
	{ "no key, and it was demanded",
	  { .error = -ENOKEY, .step = RUNNER_SIGNATURE, .verified = VERIFIED_NO },
	  0,
	  0,
	  VERIFIED_NO,
	  NULL },
	/* A refusal is no yes whatever else it says. */
	{ "no key, and a yes",
	  { .error = -ENOKEY, .step = RUNNER_SIGNATURE, .verified = VERIFIED_BPF },
	  0,
	  0,
	  VERIFIED_NO,
	  NULL },
	{ "a bad signature",
	  { .error = -EKEYREJECTED, .step = RUNNER_SIGNATURE, .verified = VERIFIED_BPF },
	  0,
	  0,
	  0,
	  "kernel signature" },
	{ "no such program", { .error = -EINVAL, .step = RUNNER_LOADER_PROGRAM }, 0, 0, 0, "skeleton" },
	{ "a keyring that does not exist",
	  { .step = RUNNER_RUN, .verified = _VERIFIED_MAX },
	  0,
	  0,
	  0,
	  "hand over" },
	{ "the second record first",
	  { .step = RUNNER_HAND_OVER, .verified = VERIFIED_BPF },
	  0,
	  2,
	  0,
	  "hand over" },
	{ "with descriptors", { .step = RUNNER_RUN, .verified = VERIFIED_BPF }, 0, 1, 0, "hand over" },
	{ "too short", { .step = RUNNER_RUN, .verified = VERIFIED_BPF }, 12, 0, 0, "hand over" },
	{ "an error that is none",
	  { .error = 1, .step = RUNNER_RUN, .verified = VERIFIED_BPF },
	  0,
	  0,
	  0,
	  "hand over" },
};

static void test_first_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(firsts); i++) {
		struct ends e = make_ends();
		struct refusal refusal = { 0 };
		uint32_t verified = _VERIFIED_MAX;
		int before = count_fds(), r;

		say(e.runner, &firsts[i].result, firsts[i].size ?: sizeof(firsts[i].result), firsts[i].n_fds);
		r = runner_verified(e.loader, &verified, &refusal);
		if (r != (firsts[i].subject ? REFUSAL_LOAD_FAILED : 0) ||
		    strcmp(refusal.subject, firsts[i].subject ?: "") != 0)
			fail_msg("%s: %d, %s: %s", firsts[i].name, r, refusal.subject, refusal.reason);
		assert_int_equal(verified, r ? _VERIFIED_MAX : firsts[i].verified);
		assert_int_equal(count_fds(), before);
		end(&e);
	}
}

static void test_silence(void **state)
{
	struct ends e = make_ends();
	struct refusal refusal = { 0 };
	uint32_t verified = _VERIFIED_MAX;

	(void)state;
	e.runner = close_fd(e.runner);
	assert_int_equal(runner_verified(e.loader, &verified, &refusal), REFUSAL_LOAD_FAILED);
	assert_string_equal(refusal.subject, "runner");
	assert_int_equal(verified, _VERIFIED_MAX);
	end(&e);
}

/* Whatever the second record says of verification, nobody asks it. */
static void test_second_record(void **state)
{
	const struct runner_result first = { .step = RUNNER_RUN, .verified = VERIFIED_NO };
	const struct runner_result second = { .step = RUNNER_HAND_OVER, .verified = VERIFIED_BPF };
	struct ends e = make_ends();
	struct refusal refusal = { 0 };
	uint32_t verified;
	int fds[2];

	(void)state;
	say(e.runner, &first, sizeof(first), 0);
	say(e.runner, &second, sizeof(second), 2);
	assert_int_equal(runner_verified(e.loader, &verified, &refusal), 0);
	assert_int_equal(verified, VERIFIED_NO);
	assert_int_equal(runner_collect(e.loader, fds, 2, &refusal), 0);
	assert_int_equal(verified, VERIFIED_NO);
	close_fd(fds[0]);
	close_fd(fds[1]);
	end(&e);
}

static void test_wrong_second_records(void **state)
{
	const struct runner_result second = { .step = RUNNER_HAND_OVER };
	const struct runner_result refused = { .error = -EINVAL, .step = RUNNER_RUN };
	struct refusal refusal = { 0 };
	int fds[3];

	(void)state;
	for (size_t n = 0; n < 5; n++) {
		struct ends e = make_ends();
		int before = count_fds();

		say(e.runner, n == 4 ? &refused : &second, sizeof(second), n);
		assert_int_equal(runner_collect(e.loader, fds, 3, &refusal),
				 n == 3 ? 0 : REFUSAL_LOAD_FAILED);
		for (size_t i = 0; n == 3 && i < 3; i++)
			close_fd(fds[i]);
		if (n != 3)
			assert_string_equal(refusal.subject, n == 4 ? "run" : "hand over");
		assert_int_equal(count_fds(), before);
		end(&e);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_record),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_second_record),
		cmocka_unit_test(test_wrong_second_records),
	};

	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
