/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal's copies, received on a socket that speaks journald's side of the native protocol. */
#include "audit-fixture.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "audit/message-ids.h"

static char entry[4 << 20];
static size_t entry_size;

static int listen_at(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next entry, from the datagram or the sealed memfd in it; false if none waits. */
static bool receive(int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { entry, sizeof(entry) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return false;
	}
	entry_size = (size_t)n;
	if (CMSG_FIRSTHDR(&message)) {
		struct stat st;
		int memfd;

		memcpy(&memfd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(memfd));
		assert_int_equal(entry_size, 0);
		assert_int_equal(fcntl(memfd, F_GET_SEALS),
				 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
		assert_int_equal(fstat(memfd, &st), 0);
		entry_size = (size_t)st.st_size;
		assert_int_equal(pread(memfd, entry, sizeof(entry), 0), st.st_size);
		close(memfd);
	}
	return true;
}

/* A field of the entry, in a static buffer; NULL if it is not there. */
static const char *field(const char *key)
{
	static char value[2 << 20];
	size_t key_size = strlen(key), i = 0;

	while (i < entry_size) {
		const char *end = memchr(entry + i, '\n', entry_size - i);
		const char *equals = memchr(entry + i, '=', entry_size - i);
		size_t name_size, size;
		const char *start;

		assert_non_null(end);
		if (equals && equals < end) {
			name_size = (size_t)(equals - (entry + i));
			start = equals + 1;
			size = (size_t)(end - start);
		} else {
			uint64_t length;

			name_size = (size_t)(end - (entry + i));
			memcpy(&length, end + 1, sizeof(length));
			start = end + 1 + sizeof(length);
			size = le64toh(length);
			assert_int_equal(start[size], '\n');
		}
		if (name_size == key_size && !memcmp(entry + i, key, key_size)) {
			memcpy(value, start, size);
			value[size] = '\0';
			return value;
		}
		i = (size_t)(start + size + 1 - entry);
	}
	return NULL;
}

static void test_fields(void **state)
{
	struct audit_requester requester = { .uid = 1000,
					     .user = "ali\nce",
					     .loginuid = AUDIT_LOGINUID_UNSET };
	struct audit_record record = {
		.kind = AUDIT_DECISION,
		.verdict = AUDIT_DENY,
		.requester = &requester,
		.action = "attach",
		.probe = "tcp.state",
		.target_kind = "unit",
		.target = "shop.service",
		.rule = "containers",
		.refusal_code = REFUSAL_POLICY_DENIED,
		.refusal_reason = "no container may",
	};
	char *path = strdup(fixture_path(*state, "journal"));
	uint64_t before = fixture_now();
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);

	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	assert_false(receive(fd));
	fixture_commit(audit);
	assert_true(receive(fd));
	assert_string_equal(field("MESSAGE"), "ali?ce may not attach tcp.state for unit shop.service "
					      "(rule containers): no container may");
	assert_string_equal(field("MESSAGE_ID"), AUDIT_MESSAGE_DECISION_DENY);
	assert_string_equal(field("PRIORITY"), "5");
	assert_string_equal(field("SYSLOG_IDENTIFIER"), "bpfwardend");
	assert_string_equal(field("BPFWARDEN_SEQ"), "1");
	assert_string_equal(field("BPFWARDEN_KIND"), "decision");
	assert_string_equal(field("BPFWARDEN_VERDICT"), "deny");
	assert_string_equal(field("BPFWARDEN_UID"), "1000");
	assert_string_equal(field("BPFWARDEN_USER"), "ali\nce");
	assert_string_equal(field("BPFWARDEN_ACTION"), "attach");
	assert_string_equal(field("BPFWARDEN_PROBE"), "tcp.state");
	assert_string_equal(field("BPFWARDEN_TARGET"), "shop.service");
	assert_string_equal(field("BPFWARDEN_RULE"), "containers");
	assert_string_equal(field("BPFWARDEN_REFUSAL"), "PolicyDenied");
	assert_string_equal(field("BPFWARDEN_RECORD"), fixture_record(audit, 1));
	assert_null(field("BPFWARDEN_ATTACHMENT"));
	assert_int_equal(audit_journal_head(audit), 1);
	fixture_only_checkpoint_is_due(audit, before);
	audit_close(audit);
	close(fd);
	free(path);
}

static void test_every_class_has_its_id(void **state)
{
	static const struct {
		enum audit_kind kind;
		enum audit_verdict verdict;
		const char *id, *message, *action; /* NULL: attach */
	} cases[] = {
		{ AUDIT_DECISION, AUDIT_ALLOW, AUDIT_MESSAGE_DECISION_ALLOW, "bpfwardend may attach p: why" },
		{ AUDIT_OUTCOME, AUDIT_OK, AUDIT_MESSAGE_OUTCOME_OK,
		  "bpfwardend: attach p: done, attachment a1: why" },
		{ AUDIT_OUTCOME, AUDIT_FAILED, AUDIT_MESSAGE_OUTCOME_FAILED,
		  "bpfwardend: attach p: failed, attachment a1: why" },
		{ AUDIT_END, AUDIT_OK, AUDIT_MESSAGE_END_OK, "p ended, attachment a1: why" },
		{ AUDIT_END, AUDIT_FAILED, AUDIT_MESSAGE_END_FAILED, "p was lost, attachment a1: why" },
		{ AUDIT_CHANGE, AUDIT_OK, AUDIT_MESSAGE_CHANGE_OK,
		  "bpfwardend: attach p: done, attachment a1: why" },
		{ AUDIT_CHANGE, AUDIT_FAILED, AUDIT_MESSAGE_CHANGE_FAILED,
		  "bpfwardend: attach p: failed, attachment a1: why" },
		{ AUDIT_CHANGE, AUDIT_FAILED, AUDIT_MESSAGE_BEGUN_ANEW,
		  "bpfwardend: audit p: failed, attachment a1: why", "audit" },
		{ AUDIT_CHANGE, AUDIT_FAILED, AUDIT_MESSAGE_RESERVE_GONE,
		  "bpfwardend: audit-reserve p: failed, attachment a1: why", "audit-reserve" },
		{ AUDIT_CHANGE, AUDIT_OK, AUDIT_MESSAGE_RESERVE_BACK,
		  "bpfwardend: audit-reserve p: done, attachment a1: why", "audit-reserve" },
		{ AUDIT_CHANGE, AUDIT_OK, AUDIT_MESSAGE_RETENTION,
		  "bpfwardend: audit-retention p: done, attachment a1: why", "audit-retention" },
		{ AUDIT_CHANGE, AUDIT_OK, AUDIT_MESSAGE_CLOCK,
		  "bpfwardend: clock p: done, attachment a1: why", "clock" },
		{ AUDIT_START, AUDIT_VERDICT_NONE, AUDIT_MESSAGE_START, "bpfwardend started: why" },
		{ AUDIT_STOP, AUDIT_VERDICT_NONE, AUDIT_MESSAGE_STOP, "bpfwardend stopped: why" },
		{ AUDIT_CRASH, AUDIT_VERDICT_NONE, AUDIT_MESSAGE_CRASH, "a process of bpfwardend died: why" },
		{ AUDIT_READ, AUDIT_OK, AUDIT_MESSAGE_READ, "bpfwardend read the audit log: why" },
	};
	char *path = strdup(fixture_path(*state, "journal"));
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit_record record = {
			.kind = cases[i].kind,
			.verdict = cases[i].verdict,
			.action = cases[i].action ? cases[i].action : "attach",
			.probe = "p",
			.attachment = "a1",
			.detail = "why",
		};

		assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
		fixture_commit(audit);
		assert_true(receive(fd));
		assert_string_equal(field("MESSAGE_ID"), cases[i].id);
		assert_string_equal(field("MESSAGE"), cases[i].message);
	}
	audit_close(audit);
	close(fd);
	free(path);
}

static void test_checkpoint(void **state)
{
	char *path = strdup(fixture_path(*state, "journal"));
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);

	for (int i = 0; i < 3; i++)
		fixture_append(audit, 0, "p");
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(receive(fd));
		assert_null(field("BPFWARDEN_CHECKPOINT"));
	}
	assert_true(receive(fd));
	assert_string_equal(field("MESSAGE"), "the audit log is signed up to record 3");
	assert_string_equal(field("MESSAGE_ID"), AUDIT_MESSAGE_CHECKPOINT);
	assert_string_equal(field("PRIORITY"), "5");
	assert_string_equal(field("SYSLOG_IDENTIFIER"), "bpfwardend");
	assert_string_equal(field("BPFWARDEN_CHECKPOINT_SIZE"), "3");
	assert_string_equal(field("BPFWARDEN_CHECKPOINT"), audit_last_checkpoint(audit));
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	audit_close(audit);
	assert_false(receive(fd));
	close(fd);
	free(path);
}

static void test_large_record_by_memfd(void **state)
{
	static char detail[20 << 10];
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_CHANGE);
	char *path = strdup(fixture_path(*state, "journal"));
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);

	memset(detail, 'x', sizeof(detail) - 1);
	record.detail = detail;
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
	fixture_commit(audit);
	assert_true(receive(fd));
	assert_string_equal(field("BPFWARDEN_RECORD"), fixture_record(audit, 1));
	audit_close(audit);
	close(fd);
	free(path);
}

/* Takes what is there and returns how many entries followed `last` in order. */
static uint64_t drain(int fd, uint64_t last)
{
	while (receive(fd)) {
		if (field("BPFWARDEN_CHECKPOINT"))
			continue;
		last++;
		assert_int_equal(strtoull(field("BPFWARDEN_SEQ"), NULL, 10), last);
	}
	return last;
}

static void test_absent_journal_gets_it_later(void **state)
{
	char *path = strdup(fixture_path(*state, "journal"));
	struct audit *audit = fixture_open_with(*state, path);
	uint64_t now;
	int fd;

	for (int i = 0; i < 100; i++) {
		fixture_append(audit, 0, "p");
		fixture_commit(audit);
	}
	assert_int_equal(audit_journal_head(audit), 0);
	now = fixture_now();
	assert_int_equal(audit_tick(audit, now, NULL), 0);
	assert_in_range(audit_next_tick(audit), now + SECONDS(1), now + SECONDS(60));
	audit = audit_close(audit);

	/* A daemon started later knows what is missing. */
	fd = listen_at(path);
	audit = fixture_open_with(*state, path);
	for (uint64_t last = 0; audit_journal_head(audit) < 100;) {
		uint64_t before = audit_journal_head(audit);

		assert_int_equal(audit_tick(audit, audit_next_tick(audit), NULL), 0);
		assert_in_range(audit_journal_head(audit) - before, 1, AUDIT_JOURNAL_BATCH);
		last = drain(fd, last);
		assert_int_equal(last, audit_journal_head(audit));
	}
	assert_int_equal(audit_next_tick(audit), UINT64_MAX); /* it was signed when it was closed */
	audit = audit_close(audit);
	audit = fixture_open_with(*state, path);
	assert_int_equal(audit_journal_head(audit), 100);
	audit_close(audit);
	close(fd);
	free(path);
}

static void test_stuck_journal_does_not_block(void **state)
{
	char *path = strdup(fixture_path(*state, "journal"));
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);
	uint64_t last, head = 2000;

	/* Nobody reads: the queue (net.unix.max_dgram_qlen, or the buffer) is full long before. */
	for (uint64_t i = 0; i < head; i++) {
		fixture_append(audit, 0, "p");
		if (i % 50 == 49)
			fixture_commit(audit);
	}
	assert_int_equal(audit_head(audit), head);
	assert_in_range(audit_journal_head(audit), 1, head - 1);
	last = drain(fd, 0);
	assert_int_equal(last, audit_journal_head(audit));
	while (last < head) {
		assert_int_equal(audit_tick(audit, audit_next_tick(audit), NULL), 0);
		last = drain(fd, last);
	}
	assert_int_equal(last, head);
	audit_close(audit);
	close(fd);
	free(path);
}

/* journald is stopped, its socket with it, and comes back: what was recorded meanwhile follows, in order and
 * once. First somebody is there who does not listen any more, then nobody. */
static void test_restarted_journal(void **state)
{
	char *path = strdup(fixture_path(*state, "journal"));
	int fd = listen_at(path);
	struct audit *audit = fixture_open_with(*state, path);
	uint64_t last = 0;

	for (uint64_t round = 1; round <= 3; round++) {
		uint64_t now;

		fixture_append(audit, 0, "taken");
		fixture_commit(audit);
		last = drain(fd, last);
		assert_int_equal(last, audit_head(audit));
		close(fd);
		if (round % 2)
			assert_int_equal(unlink(path), 0);
		for (int i = 0; i < 10; i++) {
			fixture_append(audit, 0, "missed");
			fixture_commit(audit);
		}
		assert_int_equal(audit_journal_head(audit), last);
		/* One attempt was made and nobody was there; the next one comes by itself. */
		now = audit_next_tick(audit);
		assert_true(now != UINT64_MAX);
		unlink(path);
		fd = listen_at(path);
		while (audit_journal_head(audit) < audit_head(audit)) {
			now = audit_next_tick(audit);
			assert_int_equal(audit_tick(audit, now, NULL), 0);
			last = drain(fd, last);
		}
		assert_int_equal(last, audit_head(audit));
	}
	audit_close(audit);
	close(fd);
	free(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fields),
		TEST(test_every_class_has_its_id),
		TEST(test_checkpoint),
		TEST(test_large_record_by_memfd),
		TEST(test_absent_journal_gets_it_later),
		TEST(test_stuck_journal_does_not_block),
		TEST(test_restarted_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
