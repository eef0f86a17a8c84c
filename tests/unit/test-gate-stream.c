/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "common/fd.h"
#include "loaderd/gate/sequence.h"
#include "tests/unit/event-spec.h"
#include "tests/unit/gate-fixture.h"
#include "tests/unit/ring-fixture.h"

#define RUN   "{\"method\":\"io.bpfwarden.Probe.Run\",\"parameters\":{\"probe\":\"test.probe\"},\"more\":true}"
#define WATCH "{\"method\":\"io.bpfwarden.Probe.Watch\",\"parameters\":{\"attachment\":\"7\"},\"more\":true}"

static uint64_t events_per_second = UINT64_MAX; /* of the streams that begin */

/* Answers the client's call with a stream of attachment 7 on this ring. */
static void begin(struct fixture *f, struct client *c, const char *call, uint32_t type,
		  struct ring_fixture *ring)
{
	static struct message_stream m;
	int fds[2] = { fd_memfd_sealed("names", "", 0), ring->ring };
	struct record *r;
	json_t *reply;

	memset(&m, 0, sizeof(m));
	m.m.type = MESSAGE_REPLY_STREAM;
	m.a.id = 7;
	m.a.ring_size = ring->size;
	m.a.events_per_second = events_per_second;
	m.a.privacy_max = SPEC_PRIVACY_PII;
	event_spec(&m.spec, SPEC_HAS_DEMUX, sizeof(uint64_t));
	event_spec_field(&m.spec, "payload", SPEC_TYPE_U64, 8, SPEC_PRIVACY_SAFE);
	client_call(c, call);
	r = warden_record(f, type);
	warden_answer(f, r, &m.m, sizeof(m), fds, 2);
	warden_end(f, r);
	close(fds[0]);
	reply = client_reply(c);
	assert_non_null(json_object_get(json_object_get(reply, "parameters"), "attachment"));
	assert_true(json_is_true(json_object_get(reply, "continues")));
	json_decref(reply);
}

static void end(struct fixture *f, const char *reason)
{
	struct message_ended m = { .m.type = MESSAGE_ENDED, .id = 7 };

	strcpy(m.reason, reason);
	assert_int_equal(PEER_SEND(f->warden, &m, NULL, 0), 0);
}

/* What a watcher has seen of its stream. */
struct seen {
	int64_t events, lost, next; /* next: the payload that comes next if nothing is lost */
	bool ended;
};

/* Takes one reply into account: payload and what is lost fit together, at every moment. */
static void take(struct seen *s, json_t *reply)
{
	json_t *parameters = json_object_get(reply, "parameters"),
	       *event = json_object_get(parameters, "event");
	json_t *lost = json_object_get(parameters, "lost");

	assert_int_equal(json_is_true(json_object_get(reply, "continues")),
			 !json_object_get(parameters, "ended"));
	s->ended = json_object_get(parameters, "ended");
	if (event) {
		assert_int_equal(json_integer_value(json_object_get(event, "payload")), s->next);
		s->events++;
		s->next++;
	}
	if (lost) {
		assert_true(json_integer_value(lost) > 0);
		s->lost += json_integer_value(lost);
		s->next += json_integer_value(lost);
	}
	json_decref(reply);
}

static void take_until(struct client *c, struct seen *s, int64_t next)
{
	while (s->next < next && !s->ended)
		take(s, client_reply(c));
	assert_int_equal(s->next, next);
}

static void test_run(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct ring_fixture ring;
	struct seen seen = { 0 };

	if (!ring_fixture_new(&ring, 65536, true))
		skip();
	begin(f, &c, RUN, MESSAGE_ATTACH, &ring);
	ring_fixture_produce(&ring, 1);
	client_expect(&c, "{\"parameters\":{\"event\":{\"time\":0,\"cpu\":0,\"tgid\":0,\"tid\":0,\"uid\":0,"
			  "\"cgroup\":0,"
			  "\"payload\":0}},\"continues\":true}");
	seen.next = 1;
	ring_fixture_produce(&ring, 100);
	take_until(&c, &seen, 101);
	/* Events that nobody was woken for are there before the end is told. */
	ring_fixture_produce(&ring, 50);
	end(f, "deadline");
	take_until(&c, &seen, 151);
	client_expect(&c, "{\"parameters\":{\"ended\":\"deadline\"}}");
	/* The connection serves further calls. */
	client_call(&c, "{\"method\":\"a.B\"}");
	json_decref(client_reply(&c));
	client_free(&c);
	assert_int_equal(warden_record(f, MESSAGE_CLOSED)->m.connection, 1);
	ring_fixture_free(&ring);
}

/* Without wake-ups the gate looks by itself. */
static void test_quiet_ring(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct ring_fixture ring;
	struct seen seen = { 0 };

	if (!ring_fixture_new(&ring, 65536, false))
		skip();
	begin(f, &c, RUN, MESSAGE_ATTACH, &ring);
	ring_fixture_produce(&ring, 10);
	take_until(&c, &seen, 10);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);
	ring_fixture_free(&ring);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A second's worth goes out at once, the rest as policy lets it, and nothing is lost as long as the ring has
 * room. Only the lower bound of the time is asserted: a slow machine takes longer. */
static void test_events_per_second(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct ring_fixture ring;
	struct seen seen = { 0 };
	double start;

	if (!ring_fixture_new(&ring, 1 << 20, true))
		skip();
	events_per_second = 1000;
	begin(f, &c, RUN, MESSAGE_ATTACH, &ring);
	events_per_second = UINT64_MAX;
	start = seconds();
	ring_fixture_produce(&ring, 3000);
	take_until(&c, &seen, 3000);
	assert_int_equal(seen.lost, 0);
	assert_true(seconds() - start > 1.9);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);
	ring_fixture_free(&ring);
}

/* What the kernel could not put into the ring is told with its exact number, in its place, also at the start.
 */
static void test_lost_in_kernel(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f), late = client_new(f);
	struct ring_fixture ring;
	struct seen seen = { 0 };

	if (!ring_fixture_new(&ring, 65536, false))
		skip();
	ring_fixture_produce(&ring, 100000);
	begin(f, &c, RUN, MESSAGE_ATTACH, &ring);
	take_until(&c, &seen, 65536 / 56);
	assert_int_equal(seen.lost, 0);
	ring_fixture_produce(&ring, 1);
	take_until(&c, &seen, 100001);
	assert_int_equal(seen.lost, 100000 - 65536 / 56);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);

	/* Who comes later takes the first number that it sees. */
	begin(f, &late, WATCH, MESSAGE_WATCH, &ring);
	ring_fixture_produce(&ring, 1);
	take_until(&late, &seen, 100002);
	client_free(&late);
	warden_record(f, MESSAGE_CLOSED);
	ring_fixture_free(&ring);
}

/* One watcher reads nothing while the other reads all: the slow one loses its own events only, and knows how
 * many. */
static void test_slow_watcher(void **state)
{
	struct fixture *f = *state;
	struct client fast = client_new(f), slow = client_new(f);
	struct ring_fixture ring;
	struct seen all = { 0 }, some = { 0 };
	const int64_t n = 30000;

	if (!ring_fixture_new(&ring, 65536, true))
		skip();
	begin(f, &fast, RUN, MESSAGE_ATTACH, &ring);
	begin(f, &slow, WATCH, MESSAGE_WATCH, &ring);
	for (int64_t i = 0; i < n; i += 500) {
		ring_fixture_produce(&ring, 500);
		take_until(&fast, &all, i + 500);
	}
	assert_int_equal(all.events, n);
	assert_int_equal(all.lost, 0);
	end(f, "revoked");
	take(&all, client_reply(&fast));
	assert_true(all.ended);
	take_until(&slow, &some, n);
	assert_true(some.lost > 0 && some.events + some.lost == n);
	client_expect(&slow, "{\"parameters\":{\"ended\":\"revoked\"}}");
	client_free(&fast);
	client_free(&slow);
	ring_fixture_free(&ring);
}

/* A sole watcher that does not read lets the ring fill; what it has not got is there for the next one. */
static void test_unread_stays(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f), next = client_new(f);
	struct ring_fixture ring;
	struct seen seen = { 0 };
	json_t *reply;
	int64_t first;

	if (!ring_fixture_new(&ring, 1 << 20, true))
		skip();
	begin(f, &c, RUN, MESSAGE_ATTACH, &ring);
	ring_fixture_produce(&ring, 8000);
	for (int i = 0; i < 50; i++)
		fixture_run(f);
	client_read(&c);
	while (memchr(c.bytes, '\0', c.size))
		take(&seen, client_reply(&c));
	assert_true(seen.next > 0 && seen.next < 8000);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);

	begin(f, &next, WATCH, MESSAGE_WATCH, &ring);
	reply = client_reply(&next);
	first = json_integer_value(
		json_object_get(json_object_get(json_object_get(reply, "parameters"), "event"), "payload"));
	json_decref(reply);
	assert_true(first > 0 && first <= seen.next);
	seen.next = first + 1;
	take_until(&next, &seen, 8000);
	client_free(&next);
	ring_fixture_free(&ring);
}

/* Names that the warden could still change, or that are no names: that client goes, the gate stays. */
static void test_bad_names(void **state)
{
	static struct message_stream m = { .m.type = MESSAGE_REPLY_STREAM, .a.id = 7 };
	struct fixture *f = *state;

	event_spec(&m.spec, SPEC_HAS_DEMUX, 8);
	for (int i = 0; i < 3; i++) {
		struct client c = client_new(f);
		int fd = i == 0   ? memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING)
			 : i == 1 ? fd_memfd_sealed("odd", "x", 1)
				  : fd_memfd_sealed("ok", "", 0);

		m.spec.n_labels = i == 2 ? UINT32_MAX : 0;
		client_call(&c, WATCH);
		warden_answer(f, warden_record(f, MESSAGE_WATCH), &m.m, sizeof(m), &fd, 1);
		client_expect_closed(&c);
		client_free(&c);
		close(fd);
	}
	assert_false(f->warden_closed);
}

static void test_sequence(void **state)
{
	static const struct {
		uint32_t cpu;
		uint64_t number;
		int64_t zero, any; /* what is missing before it, counted from 0 or from the first */
	} cases[] = {
		{ 0, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 4, 2, 2 },   { 0, 3, -1, -1 }, { 0, 5, 0, 0 },
		{ 3, 7, 7, 0 }, { 3, 8, 0, 0 }, { 100, 2, 2, 0 }, { 0, 6, 0, 0 },   { 8191, 0, 0, 0 },
	};
	struct sequence *zero, *any;
	int64_t gap;

	(void)state;
	assert_int_equal(sequence_new(true, &zero), 0);
	assert_int_equal(sequence_new(false, &any), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sequence_next(zero, cases[i].cpu, cases[i].number, &gap), 0);
		assert_int_equal(gap, cases[i].zero);
		assert_int_equal(sequence_next(any, cases[i].cpu, cases[i].number, &gap), 0);
		assert_int_equal(gap, cases[i].any);
	}
	assert_int_equal(sequence_next(any, 8192, 0, &gap), -EBADMSG);
	assert_int_equal(sequence_next(any, UINT32_MAX, 0, &gap), -EBADMSG);
	sequence_free(zero);
	sequence_free(any);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_run),
		TEST(test_quiet_ring),
		TEST(test_events_per_second),
		TEST(test_lost_in_kernel),
		TEST(test_slow_watcher),
		TEST(test_unread_stays),
		TEST(test_bad_names),
		cmocka_unit_test(test_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
