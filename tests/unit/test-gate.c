/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/fd.h"
#include "tests/unit/gate-fixture.h"
#include "tests/unit/event-spec.h"

#define ELEMENTS(array)          (sizeof(array) / sizeof((array)[0]))
#define CALL(method, parameters) "{\"method\":\"" method "\",\"parameters\":{" parameters "}}"
#define CALL_MORE(method, parameters) \
	"{\"method\":\"" method "\",\"parameters\":{" parameters "},\"more\":true}"
#define PROBE "io.bpfwarden.Probe."
#define SERVICE_ERROR(name, key, value) \
	"{\"error\":\"org.varlink.service." name "\",\"parameters\":{\"" key "\":\"" value "\"}}"

static void test_service(void **state)
{
	struct client c = client_new(*state);
	json_t *reply;

	client_call(&c, CALL("org.varlink.service.GetInfo", ""));
	reply = client_reply(&c);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(reply, "parameters"), "vendor")),
		"bpfwarden");
	assert_int_equal(json_array_size(json_object_get(json_object_get(reply, "parameters"), "interfaces")),
			 6);
	json_decref(reply);
	client_call(&c, CALL("org.varlink.service.GetInterfaceDescription",
			     "\"interface\":\"io.bpfwarden.Probe\""));
	reply = client_reply(&c);
	assert_non_null(strstr(
		json_string_value(json_object_get(json_object_get(reply, "parameters"), "description")),
		"interface io.bpfwarden.Probe\n"));
	json_decref(reply);
	client_free(&c);
}

/* Mistakes that are answered by the gate itself: the warden hears nothing of them. */
static const struct {
	const char *call;
	const char *reply;
} mistakes[] = {
	{ CALL("org.varlink.service.GetInterfaceDescription", "\"interface\":\"a.b\""),
	  SERVICE_ERROR("InterfaceNotFound", "interface", "a.b") },
	{ CALL("org.varlink.service.GetInterfaceDescription", ""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "interface") },
	{ CALL("org.example.Nothing", ""), SERVICE_ERROR("InterfaceNotFound", "interface", "org.example") },
	{ CALL("nothing", ""), SERVICE_ERROR("InterfaceNotFound", "interface", "nothing") },
	{ CALL(PROBE "Nothing", ""), SERVICE_ERROR("MethodNotFound", "method", PROBE "Nothing") },
	{ CALL(PROBE "list", ""), SERVICE_ERROR("MethodNotFound", "method", PROBE "list") },
	{ CALL(PROBE "List", ""), "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}" },
	{ CALL(PROBE "Run", "\"probe\":\"x\""),
	  "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}" },
	{ CALL_MORE(PROBE "List", "\"x\":1"), SERVICE_ERROR("InvalidParameter", "parameter", "x") },
	{ "{\"method\":\"" PROBE "List\",\"oneway\":true}",
	  SERVICE_ERROR("InvalidParameter", "parameter", "oneway") },
	{ "{\"method\":\"" PROBE "Detach\",\"upgrade\":true}",
	  SERVICE_ERROR("InvalidParameter", "parameter", "upgrade") },
	{ CALL(PROBE "Describe", ""), SERVICE_ERROR("InvalidParameter", "parameter", "probe") },
	{ CALL(PROBE "Describe", "\"probe\":\"x\",\"serial\":-1"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "serial") },
	{ CALL(PROBE "Describe", "\"probe\":\"a-name-that-is-longer-than-any-probe-of-this-world\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "probe") },
	{ CALL(PROBE "Describe", "\"probe\":\"a\\nb\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "probe") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"target\":\"user\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "target") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"target\":\"self:me\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "target") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"target\":\"unit:\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "target") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"target\":\"pid:1\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "target") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"data\":[]"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "data") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"data\":[\"all\"]"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "data") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"parameters\":{\"a\":-1}"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "parameters") },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"duration\":0"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "duration") },
	{ CALL(PROBE "Detach", "\"attachment\":\"0\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "attachment") },
	{ CALL(PROBE "Detach", "\"attachment\":\"1G\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "attachment") },
	{ CALL(PROBE "Detach", "\"attachment\":\"10000000000000000\""),
	  SERVICE_ERROR("InvalidParameter", "parameter", "attachment") },
	{ CALL("io.bpfwarden.Registry.Enroll", "\"signatures\":1,\"files\":1"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "files") },
	{ CALL("io.bpfwarden.Registry.Enroll", "\"signatures\":9,\"files\":1"),
	  SERVICE_ERROR("InvalidParameter", "parameter", "signatures") },
};

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);

	for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
		client_call(&c, mistakes[i].call);
		client_expect(&c, mistakes[i].reply);
	}
	assert_int_equal(f->n, 0);
	client_free(&c);
}

/* Calls that are no calls end their connection, and no other. */
static void test_malformed(void **state)
{
	static const char *const frames[] = {
		"",
		"x",
		"[]",
		"{}",
		"{\"method\":\"a.B\",\"method\":\"a.B\"}",
		"{\"method\":\"a.B\",\"x\":\"\\u0000\"}",
		"{\"method\":\"a.\xff\"}",
		"{\"method\":\"a.B\",\"parameters\":{\"x\":9223372036854775808}}",
	};
	struct fixture *f = *state;
	struct client other = client_new(f);

	for (size_t i = 0; i < ELEMENTS(frames); i++) {
		struct client c = client_new(f);

		client_call(&c, frames[i]);
		client_expect_closed(&c);
		client_free(&c);
	}
	client_call(&other, mistakes[0].call);
	client_expect(&other, mistakes[0].reply);
	client_free(&other);
}

static void test_large_frame(void **state)
{
	static char bytes[1U << 20];
	struct fixture *f = *state;
	struct client c = client_new(f);

	memset(bytes, '{', sizeof(bytes));
	client_send(&c, bytes, sizeof(bytes));
	while (client_read(&c))
		fixture_run(f);
	client_free(&c);

	/* The largest that is allowed, in pieces, with another behind it in the same segment. */
	c = client_new(f);
	memset(bytes, ' ', VARLINK_FRAME_MAX);
	memcpy(bytes, mistakes[0].call, strlen(mistakes[0].call));
	bytes[VARLINK_FRAME_MAX] = '\0';
	strcpy(bytes + VARLINK_FRAME_MAX + 1, mistakes[0].call);
	client_send(&c, bytes, VARLINK_FRAME_MAX + 1 + strlen(mistakes[0].call) + 1);
	client_expect(&c, mistakes[0].reply);
	client_expect(&c, mistakes[0].reply);
	client_free(&c);
}

/* A frame must be whole FRAME_TIMEOUT after it was begun, however often a byte arrives. */
static void test_slow_frame(void **state)
{
	struct client c = client_new(*state);

	client_send(&c, "{", 1);
	client_expect_closed(&c);
	client_free(&c);
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct message_probe row = { .m.type = MESSAGE_REPLY_PROBE,
				     .name = "tcp.state",
				     .version = "1.0",
				     .summary = "Says \"hello\"\n",
				     .serial = 3,
				     .targets = 3,
				     .allowed = 1,
				     .data = 3,
				     .may = "self unit:shop*.service",
				     .channel = "production",
				     .signers = "standard  security",
				     .digest = { 0xab } };
	struct record *r;

	client_call(&c, CALL_MORE(PROBE "List", ""));
	r = warden_record(f, MESSAGE_LIST);
	assert_int_equal(r->m.connection, c.number);
	WARDEN_ANSWER(f, r, &row);
	/* Bytes that are no text must not reach the client as such. */
	memset(row.problem, 0xff, sizeof(row.problem));
	row.problem[3] = '\0';
	WARDEN_ANSWER(f, r, &row);
	warden_end(f, r);
#define PROBE_ROW                                                                              \
	"{\"parameters\":{\"probe\":{\"name\":\"tcp.state\",\"serial\":3,\"version\":\"1.0\"," \
	"\"summary\":\"Says "                                                                  \
	"\\\"hello\\\"?\",\"channel\":\"production\",\"signers\":[\"standard\",\"security\"]," \
	"\"digest\":\"ab00000000000000000000000000000000000000000000000000000000000000\","
	client_expect(&c, PROBE_ROW "\"targets\":[\"self\",\"user\"],\"allowed\":[\"self\"],"
				    "\"may\":[\"self\",\"unit:shop*.service\"],"
				    "\"data\":[\"aggregates\",\"events\"]}},\"continues\":true}");
	client_expect(&c,
		      PROBE_ROW "\"problem\":\"???\",\"targets\":[\"self\",\"user\"],\"allowed\":[\"self\"],"
				"\"may\":[\"self\",\"unit:shop*.service\"],"
				"\"data\":[\"aggregates\",\"events\"]}},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
	assert_int_equal(warden_record(f, MESSAGE_CLOSED)->m.connection, c.number);
}

static void test_attach_message(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct message_refusal refusal = { .m.type = MESSAGE_REPLY_REFUSAL };
	struct record *r;

	client_call(&c, CALL(PROBE "Attach",
			     "\"probe\":\"tcp.state\",\"serial\":7,\"target\":\"unit:shop.service\","
			     "\"data\":[\"events\"],\"parameters\":{\"minimum\":5},\"duration\":30,"
			     "\"experimental\":true,\"dry_run\":true"));
	r = warden_record(f, MESSAGE_ATTACH);
	assert_string_equal(r->attach.probe, "tcp.state");
	assert_int_equal(r->attach.serial, 7);
	assert_int_equal(r->attach.target_kind, TARGET_UNIT);
	assert_string_equal(r->attach.target, "shop.service");
	assert_int_equal(r->attach.data, MESSAGE_DATA_EVENTS);
	assert_int_equal(r->attach.n_parameters, 1);
	assert_string_equal(r->attach.parameters[0].name, "minimum");
	assert_int_equal(r->attach.parameters[0].value, 5);
	assert_int_equal(r->attach.duration, 30000);
	assert_int_equal(r->attach.flags, MESSAGE_FLAG_EXPERIMENTAL | MESSAGE_FLAG_DRY_RUN);
	refusal_set(&refusal.refusal, REFUSAL_LIMIT_EXCEEDED, "max-attachments", "four are enough");
	refusal.refusal.used = 4;
	refusal.refusal.max = 4;
	WARDEN_ANSWER(f, r, &refusal);
	client_expect(
		&c, "{\"error\":\"io.bpfwarden.LimitExceeded\",\"parameters\":{\"limit\":\"max-attachments\","
		    "\"reason\":\"four are enough\",\"used\":4,\"max\":4}}");
	client_free(&c);
}

/* Pipelined calls reach the warden one after another, each after the answer to the one before. */
static void test_pipelined(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	char bytes[1024];
	size_t size = 0;

	for (int i = 1; i <= 5; i++)
		size += (size_t)sprintf(bytes + size, CALL(PROBE "Detach", "\"attachment\":\"%d\""), i) + 1;
	client_send(&c, bytes, 70);
	client_send(&c, bytes + 70, size - 70);
	for (unsigned int i = 1; i <= 5; i++) {
		struct record *r = warden_record(f, MESSAGE_DETACH);

		assert_int_equal(r->id.id, i);
		assert_int_equal(f->first, f->n);
		warden_end(f, r);
		client_expect(&c, "{\"parameters\":{}}");
	}
	/* A byte at a time. */
	for (size_t i = 0; i < strlen(mistakes[0].call) + 1; i++) {
		client_send(&c, mistakes[0].call + i, 1);
		fixture_run(f);
	}
	client_expect(&c, mistakes[0].reply);
	client_free(&c);
}

/* Many frames in one segment are not all handled in one turn of the loop: another client gets in between. */
static void test_budget(void **state)
{
	struct fixture *f = *state;
	struct client greedy = client_new(f), other = client_new(f);
	static const char frame[] = "{\"method\":\"a.B\"}";
	size_t n = 1000;

	for (size_t i = 0; i < n; i++)
		client_send(&greedy, frame, sizeof(frame));
	client_call(&other, frame);
	client_expect(&other, SERVICE_ERROR("InterfaceNotFound", "interface", "a"));
	client_read(&greedy);
	assert_true(greedy.size < n * strlen(SERVICE_ERROR("InterfaceNotFound", "interface", "a")) / 2);
	for (size_t i = 0; i < n; i++)
		client_expect(&greedy, SERVICE_ERROR("InterfaceNotFound", "interface", "a"));
	client_free(&greedy);
	client_free(&other);
}

static void test_oneway(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	client_call(&c, "{\"method\":\"nothing.Here\",\"oneway\":true}");
	client_call(&c, "{\"method\":\"" PROBE
			"Detach\",\"parameters\":{\"attachment\":\"ff\"},\"oneway\":true}");
	r = warden_record(f, MESSAGE_DETACH);
	assert_int_equal(r->id.id, 255);
	warden_end(f, r);
	/* The first answer is that of the first call that wants one. */
	client_call(&c, mistakes[0].call);
	client_expect(&c, mistakes[0].reply);

	/* Sent and gone: it is still done. */
	client_call(&c,
		    "{\"method\":\"" PROBE "Detach\",\"parameters\":{\"attachment\":\"1\"},\"oneway\":true}");
	client_free(&c);
	assert_int_equal(warden_record(f, MESSAGE_DETACH)->id.id, 1);
	warden_record(f, MESSAGE_CLOSED);
}

static int memory_file(void)
{
	return fd_memfd_sealed("file", "x", 1);
}

static void test_descriptors_refused(void **state)
{
	struct fixture *f = *state;
	int fds[253], fd = memory_file();
	size_t before;
	static const struct {
		const char *bytes;
		size_t size, n_fds;
	} cases[] = {
#define FRAME(text) text, sizeof(text)
		{ FRAME(CALL_MORE(PROBE "List", "")), 1 },
		{ FRAME(CALL("org.varlink.service.GetInfo", "")), 253 },
		{ FRAME(CALL("no.Method", "")), 2 },
		{ FRAME("no call"), 2 },
		{ "{", 1, 3 }, /* only a part of a frame */
		{ FRAME(CALL("io.bpfwarden.Registry.Enroll", "\"signatures\":1,\"files\":1")), 74 },
		{ FRAME(CALL("io.bpfwarden.Registry.Enroll", "\"signatures\":1,\"files\":1") "\0" CALL("a.B",
												       "")),
		  3 },
	};

	for (size_t i = 0; i < ELEMENTS(fds); i++)
		fds[i] = fd;
	test_service(state); /* the loop has its own descriptors by then */
	warden_record(f, MESSAGE_CLOSED);
	before = count_fds();
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct client c = client_new(f);

		client_send_fds(&c, cases[i].bytes, cases[i].size, fds, cases[i].n_fds);
		client_expect_closed(&c);
		client_free(&c);
	}
	assert_int_equal(count_fds(), before);
	close(fd);
}

static void test_enroll(void **state)
{
	static const char call[] =
		CALL("io.bpfwarden.Registry.Enroll", "\"signatures\":1,\"files\":2,\"dry_run\":true");
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct message_probe row = { .m.type = MESSAGE_REPLY_PROBE, .name = "x.y", .channel = "production" };
	int fds[4] = { memory_file(), memory_file(), memory_file(), memory_file() };
	struct record *r;
	json_t *reply;
	int pipes[2];

	client_send_fds(&c, call, sizeof(call), fds, 4);
	r = warden_record(f, MESSAGE_ENROLL);
	assert_int_equal(r->enroll.n_signatures, 1);
	assert_int_equal(r->enroll.n_files, 2);
	assert_int_equal(r->enroll.flags, MESSAGE_FLAG_DRY_RUN);
	assert_int_equal(r->n_fds, 4);
	for (size_t i = 0; i < 4; i++)
		close(r->fds[i]);
	WARDEN_ANSWER(f, r, &row);
	warden_end(f, r);
	reply = client_reply(&c);
	assert_null(json_object_get(reply, "continues"));
	assert_non_null(json_object_get(json_object_get(reply, "parameters"), "bundle"));
	json_decref(reply);

	/* Too few, and something that is not a memory file. */
	client_send_fds(&c, call, sizeof(call), fds, 3);
	client_expect(&c, SERVICE_ERROR("InvalidParameter", "parameter", "files"));
	assert_int_equal(pipe(pipes), 0);
	close(fds[3]);
	fds[3] = pipes[0];
	client_send_fds(&c, call, sizeof(call), fds, 4);
	client_expect(&c, SERVICE_ERROR("InvalidParameter", "parameter", "files"));
	close(pipes[1]);
	for (size_t i = 0; i < 4; i++)
		close(fds[i]);
	client_free(&c);
}

static void test_read(void **state)
{
	static struct message_stream begin = { .m.type = MESSAGE_REPLY_STREAM, .kernel_verified = "no" };
	static struct message_histogram histogram = { .m.type = MESSAGE_REPLY_HISTOGRAM, .labels_size = 4 };
	struct message_counters counters = { .m.type = MESSAGE_REPLY_COUNTERS,
					     .counters = { .seen = 3, .submitted = 3 } };
	struct message_count count = { .m.type = MESSAGE_REPLY_COUNT, .labels_size = 4, .count = 6 };
	static const struct enumeration_entry names[] = { { 0, 0, "client" } };
	struct fixture *f = *state;
	struct client c = client_new(f);
	int fd = fd_memfd_sealed("names", names, sizeof(names));
	struct record *r;

	event_spec(&begin.spec, SPEC_HAS_DEMUX, 0);
	event_spec_label(&begin.spec, "side", SPEC_TYPE_ENUM, 4);
	begin.a.id = 0x1f;
	strcpy(begin.a.probe, "test.probe");
	histogram.histogram.count = histogram.histogram.bucket[4] = 1;
	client_call(&c, CALL(PROBE "Read", "\"attachment\":\"1f\""));
	r = warden_record(f, MESSAGE_READ);
	warden_answer(f, r, &begin.m, sizeof(begin), &fd, 1);
	WARDEN_ANSWER(f, r, &counters);
	counters.program_wide = 1;
	WARDEN_ANSWER(f, r, &counters);
	WARDEN_ANSWER(f, r, &histogram);
	WARDEN_ANSWER(f, r, &count);
	count.labels[0] = 1;
	WARDEN_ANSWER(f, r, &count);
	warden_end(f, r);
#define COUNTERS \
	"{\"seen\":3,\"submitted\":3,\"ring_full\":0,\"map_full\":0,\"filtered\":0,\"sampled_out\":0}"
	client_expect(
		&c, "{\"parameters\":{\"attachment\":{\"id\":\"000000000000001f\",\"probe\":\"test.probe\","
		    "\"serial\":0,"
		    "\"target\":\"self\",\"uid\":0,\"user\":\"\",\"since\":0,\"remaining\":0,\"data\":[],"
		    "\"privacy\":\"safe\",\"parameters\":{},"
		    "\"rule\":\"\",\"memory\":0,\"kernel_verified\":\"no\"},\"counters\":" COUNTERS
		    ",\"total\":" COUNTERS ",\"histograms\":[{\"labels\":{\"side\":\"client\"},"
		    "\"name\":\"test.duration\",\"unit\":\"s\",\"count\":1,\"sum\":0.000000000,"
		    "\"buckets\":[{\"index\":4,\"count\":1}]}],\"counts\":[{\"labels\":{\"side\":\"client\"},"
		    "\"count\":6},{\"labels\":{\"side\":1},\"count\":6}]}}");
	close(fd);
	client_free(&c);
}

/* Rows for a client that has gone, or for an earlier call, reach nobody. */
static void test_stale_rows(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f), other = client_new(f);
	struct record first, *r;

	client_call(&c, CALL_MORE(PROBE "List", ""));
	first = *warden_record(f, MESSAGE_LIST);
	warden_end(f, &first);
	client_expect(&c, "{\"parameters\":{}}");
	client_call(&c, CALL_MORE(PROBE "List", ""));
	r = warden_record(f, MESSAGE_LIST);
	warden_end(f, &first);
	client_call(&other, mistakes[0].call);
	client_expect(&other, mistakes[0].reply);
	assert_true(client_read(&c));
	assert_int_equal(c.size, 0);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);
	warden_end(f, r);
	client_call(&other, mistakes[0].call);
	client_expect(&other, mistakes[0].reply);
	client_free(&other);
}

/* A warden that answers what was not asked is not believed any more: the gate ends. */
static void test_wrong_row(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct message_probe row = { .m.type = MESSAGE_REPLY_PROBE };
	struct record *r;
	int code;

	client_call(&c, CALL(PROBE "Detach", "\"attachment\":\"1\""));
	r = warden_record(f, MESSAGE_DETACH);
	WARDEN_ANSWER(f, r, &row);
	while (sd_event_get_state(f->event) != SD_EVENT_FINISHED &&
	       sd_event_get_exit_code(f->event, &code) < 0)
		fixture_run(f);
	assert_int_equal(code, 0);
	client_free(&c);
}

/* Half a connection is enough for an answer. */
static void test_half_closed(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);

	client_call(&c, CALL(PROBE "Detach", "\"attachment\":\"1\""));
	shutdown(c.fd, SHUT_WR);
	warden_end(f, warden_record(f, MESSAGE_DETACH));
	client_expect(&c, "{\"parameters\":{}}");
	client_expect_closed(&c);
	client_free(&c);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_service),
		TEST(test_mistakes),
		TEST(test_malformed),
		TEST(test_large_frame),
		TEST(test_slow_frame),
		TEST(test_list),
		TEST(test_attach_message),
		TEST(test_pipelined),
		TEST(test_budget),
		TEST(test_oneway),
		TEST(test_descriptors_refused),
		TEST(test_enroll),
		TEST(test_read),
		TEST(test_stale_rows),
		TEST(test_wrong_row),
		TEST(test_half_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
