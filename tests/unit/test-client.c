/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/histogram.h"
#include "client/cli/request.h"
#include "client/cli/units.h"
#include "common/refusal.h"
#include "tests/unit/client-fixture.h"

__attribute__((noinline)) static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_near(double value, double expected)
{
	if (fabs(value - expected) > expected * 1e-9)
		fail_msg("%.15g is not %.15g", value, expected);
}

/* ---- pure functions ---- */

static void test_histogram_percentiles(void **state)
{
	struct histogram h = {};

	(void)state;
	assert_near(histogram_percentile(&h, 0.5), 0);
	/* One value in (2^-1, 2^(-3/4)] s, which is bucket 117: the median is the geometric middle. */
	h.bucket[117] = 1;
	assert_near(histogram_percentile(&h, 0.5), exp2(116.5 / 4 - 30));
	assert_near(histogram_percentile(&h, 1), exp2(117.0 / 4 - 30));
	/* 90 of 100 are below: p90 is the upper end of their bucket, p99 nine tenths into the next. */
	h.bucket[117] = 90;
	h.bucket[121] = 10;
	assert_near(histogram_percentile(&h, 0.9), exp2(117.0 / 4 - 30));
	assert_near(histogram_percentile(&h, 0.99), exp2(120.9 / 4 - 30));
	/* Bucket 0 begins at nothing, so it is spread evenly. */
	h = (struct histogram){ .bucket[0] = 4 };
	assert_near(histogram_percentile(&h, 0.25), exp2(-30) / 4);
}

static void test_histogram_octaves(void **state)
{
	uint64_t octave[HISTOGRAM_OCTAVES];
	struct histogram h = {};

	(void)state;
	/* Upper-inclusive: bucket 4 ends at 2 ticks and belongs to octave 1, bucket 5 to octave 2. */
	h.bucket[0] = 1;
	h.bucket[1] = 2;
	h.bucket[4] = 4;
	h.bucket[5] = 8;
	h.bucket[BW_HISTOGRAM_BUCKETS - 1] = 16;
	histogram_octaves(&h, octave);
	assert_int_equal(octave[0], 1);
	assert_int_equal(octave[1], 6);
	assert_int_equal(octave[2], 8);
	assert_int_equal(octave[HISTOGRAM_OCTAVES - 1], 16);
	assert_near(histogram_octave_limit(1), exp2(-29));
}

static void test_histogram_json(void **state)
{
	static const char *const bad[] = { "{}", "{\"count\":1}",
					   "{\"count\":1,\"buckets\":[{\"index\":168,\"count\":1}]}",
					   "{\"count\":1,\"buckets\":[{\"index\":-1,\"count\":1}]}" };
	_cleanup_json_ json_t *good =
		json_loads("{\"count\":5,\"sum\":1.5,\"buckets\":[{\"index\":167,\"count\":5}]}", 0, NULL);
	struct histogram h;

	(void)state;
	assert_true(histogram_from_json(good, &h));
	assert_int_equal(h.count, 5);
	assert_int_equal(h.bucket[167], 5);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_json_ json_t *json = json_loads(bad[i], 0, NULL);

		assert_false(histogram_from_json(json, &h));
	}
}

static void test_units(void **state)
{
	char text[UNIT_TEXT_MAX];
	uint64_t n, since;

	(void)state;
	assert_true(unit_parse_duration("1h30m", &n) && n == 5400);
	assert_true(unit_parse_duration("90", &n) && n == 90);
	assert_false(unit_parse_duration("", &n) || unit_parse_duration("0s", &n) ||
		     unit_parse_duration("3x", &n) || unit_parse_duration("s", &n) ||
		     unit_parse_duration("99999999999999999999d", &n));
	assert_true(unit_parse_number("18446744073709551615", &n) && n == UINT64_MAX);
	assert_false(unit_parse_number("18446744073709551616", &n) || unit_parse_number("-1", &n));
	assert_true(unit_parse_time("@5", 0, &n) && n == 5000000000);
	assert_true(unit_parse_time("2s", 5000000000, &n) && n == 3000000000);
	assert_true(unit_parse_time("today", UINT64_C(1800000000) * 1000000000, &n));
	assert_true(n <= UINT64_C(1800000000) * 1000000000);
	assert_true(unit_parse_time("yesterday", n + 5, &since) && since < n);
	assert_true(n - since >= UINT64_C(23) * 3600 * 1000000000 &&
		    n - since <= UINT64_C(25) * 3600 * 1000000000);
	assert_false(unit_parse_time("tomorrow", 0, &n));
	assert_string_equal(unit_seconds(1.5e-3, text), "1.50 ms");
	assert_string_equal(unit_seconds(999.9e-6, text), "1.00 ms");
	assert_string_equal(unit_seconds(12e-9, text), "12 ns");
	assert_string_equal(unit_bytes(1536, text), "1.5 KiB");
	assert_string_equal(unit_remaining(3661, text), "1h01m");
}

static void test_cgroup_of_text(void **state)
{
	char path[16];

	(void)state;
	assert_true(cgroup_of_text("1:cpu:/a\n0::/b.slice\n", path, sizeof(path)));
	assert_string_equal(path, "/b.slice");
	assert_false(cgroup_of_text("1:cpu:/a\n", path, sizeof(path)));
	assert_false(cgroup_of_text("0::/longer-than-the-buffer\n", path, sizeof(path)));
}

static void test_membership(void **state)
{
	static const gid_t database[] = { 7, 8 }, process[] = { 8, 9 };

	(void)state;
	assert_int_equal(membership_compare(7, database, 2, process, 2), MEMBERSHIP_STALE);
	assert_int_equal(membership_compare(8, database, 2, process, 2), MEMBERSHIP_ACTIVE);
	assert_int_equal(membership_compare(9, database, 2, process, 2), MEMBERSHIP_ACTIVE);
	assert_int_equal(membership_compare(5, database, 2, process, 2), MEMBERSHIP_NONE);
}

/* ---- arguments ---- */

static void test_usage(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "lst", NULL), CLI_USAGE);
	assert_contains(f->err, "no verb \"lst\", did you mean \"list\"?");
	assert_int_equal(fixture_client(f, "registry", NULL), CLI_USAGE);
	assert_contains(f->err, "needs a second word: list, show, enroll, promote, revoke, accept-clock");
	assert_int_equal(fixture_client(f, "run", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "run", "a", "b", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "run", "a", "--", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "run", "a", "--host", "--unit", "b", NULL), CLI_USAGE);
	assert_contains(f->err, "more than one target");
	assert_int_equal(fixture_client(f, "run", "a", "--set", "b", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "run", "a", "--set", "b=1", "--set", "b=2", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "attach", "a", NULL), CLI_USAGE);
	assert_contains(f->err, "--for");
	assert_int_equal(fixture_client(f, "ps", "--dry-run", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "--dry-run", "ps", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "-o", "xml", "list", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "list", "--wrong", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "registry", "revoke", "tcp.state", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "run", "a", "-p", "4194304", NULL), CLI_NOT_FOUND);
	assert_int_equal(fixture_client(f, "run", "--help", NULL), CLI_OK);
	assert_contains(f->out, "--aggregates");
	/* None of this reached the daemon. */
	assert_string_equal(f->scenario->call, "");
}

static void test_attach_parameters(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "attach", "--set", "min=10ms", "tcp.state", "-U", "a.service",
					"--for", "1m", "--events", "--dry-run", NULL),
			 CLI_OK);
	assert_contains(
		f->scenario->call,
		"{\"method\":\"io.bpfwarden.Probe.Attach\",\"parameters\":{\"probe\":\"tcp.state\","
		"\"target\":"
		"\"unit:a.service\",\"data\":[\"events\"],\"parameters\":{\"min\":10000000},\"duration\":60,"
		"\"dry_run\":true}}");
	assert_int_equal(fixture_client(f, "registry", "revoke", "tcp.state-3", "--reason", "CVE", NULL),
			 CLI_OK);
	assert_contains(f->scenario->call,
			"{\"name\":\"tcp.state\",\"serial\":3,\"reason\":\"CVE\",\"dry_run\":false}");
	assert_int_equal(
		fixture_client(f, "audit", "list", "--since", "@5", "--user", "0", "-n", "3", "-r", NULL),
		CLI_OK);
	assert_contains(f->scenario->call, "{\"since\":5000000000,\"uid\":0,\"limit\":3,\"reverse\":true}");
}

/* ---- replies ---- */

static void test_refusals(void **state)
{
	struct fixture *f = *state;

	for (uint32_t code = 1; code < _REFUSAL_MAX; code++) {
		fixture_reset(f);
		f->scenario->refuse_all = true;
		snprintf(f->scenario->reply, sizeof(f->scenario->reply),
			 "{\"error\":\"io.bpfwarden.%s\",\"parameters\":{\"%s\":\"the-subject\",\"reason\":"
			 "\"because \\u001b[2J of it\"}}",
			 refusal_name(code), refusal_subject_key(code));
		assert_int_equal(fixture_client(f, "list", NULL), refusal_exit_code(code));
		assert_contains(f->err, "(the-subject): because ?[2J of it");
		assert_int_equal(fixture_client(f, "run", "x", NULL), refusal_exit_code(code));
		assert_contains(f->err, "(the-subject)");
		assert_string_equal(f->out, "");
	}
}

static void test_protocol_errors(void **state)
{
	static const char *const bad[] = { "x", "[]", "{\"error\":1}", "{\"parameters\":[]}",
					   "{\"a\":1,\"a\":2}" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fixture_reset(f);
		f->scenario->refuse_all = true;
		strcpy(f->scenario->reply, bad[i]);
		assert_int_equal(fixture_client(f, "list", NULL), CLI_FAILED);
		assert_contains(f->err, "does not speak");
	}
	strcpy(f->scenario->reply, "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}");
	assert_int_equal(fixture_client(f, "list", NULL), CLI_UNSUPPORTED);
}

static void test_no_daemon(void **state)
{
	struct fixture *f = *state;
	char saved[sizeof(f->socket)];

	fixture_reset(f);
	strcpy(saved, f->socket);
	strcat(f->socket, "-none");
	assert_int_equal(fixture_client(f, "list", NULL), CLI_NO_DAEMON);
	assert_contains(f->err, "bpfwardend.socket");
	assert_int_equal(fixture_client(f, "run", "x", NULL), CLI_NO_DAEMON);
	assert_int_equal(fixture_client(f, NULL), CLI_NO_DAEMON);
	strcpy(f->socket, saved);
}

static void test_json_exact(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	strcpy(f->scenario->reply,
	       "{\"continues\":false, \"parameters\" :{\"z\":0.10, \"a\" : \"}{\\\"\\u00e9\"}}");
	assert_int_equal(fixture_client(f, "-o", "json", "list", NULL), CLI_OK);
	assert_string_equal(f->out, "{\"z\":0.10, \"a\" : \"}{\\\"\\u00e9\"}\n");
}

static void test_text_is_printable(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	strcpy(f->scenario->reply,
	       "{\"parameters\":{\"probe\":{\"name\":\"a\\u001bb\",\"serial\":1,\"allowed\":[\"self\"]}}}");
	assert_int_equal(fixture_client(f, "list", NULL), CLI_OK);
	assert_contains(f->out, "a?b-1");
	assert_int_equal(fixture_client(f, "list", "other", NULL), CLI_NOT_FOUND);
	assert_int_equal(fixture_client(f, NULL), CLI_OK);
	assert_contains(f->out, "you may use 1 of 1 probes");
}

static void test_prefixes(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "detach", "a1", NULL), CLI_USAGE);
	assert_contains(f->err, "2 attachments begin with \"a1\"");
	assert_int_equal(f->scenario->detaches, 0);
	assert_int_equal(fixture_client(f, "detach", "a1c", NULL), CLI_OK);
	assert_string_equal(f->scenario->detached, "a1c3");
	assert_int_equal(fixture_client(f, "detach", "f", "--dry-run", NULL), CLI_OK);
	assert_int_equal(f->scenario->detaches, 1);
	assert_int_equal(fixture_client(f, "detach", "zz", NULL), CLI_NOT_FOUND);
}

/* ---- runs ---- */

static void test_run_json(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->hold_last = true;
	f->scenario->submitted = 3;
	f->scenario->lost = 4;
	assert_int_equal(fixture_client(f, "-o", "json", "run", "tcp.state", "--", "true", NULL), CLI_OK);
	/* The third event came after the command's end, and after the counters said that there is one. */
	assert_contains(f->out,
			"{\"time\":1,\"cpu\":0,\"tgid\":7,\"n\":1,\"latency\":1500000}\n{\"lost\":4}\n");
	assert_contains(f->out, "\"n\":3,");
	assert_contains(f->out, "{\"histogram\":{\"labels\":{\"side\":\"client\"}");
	assert_contains(f->out, "{\"counters\":{\"seen\":7,\"submitted\":3,\"ring_full\":4,");
	assert_string_equal(f->scenario->detached, "ffff");
}

static void test_run_text(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->hold_last = true;
	f->scenario->submitted = 3;
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--", "sh", "-c", "exit 3", NULL), CLI_OK);
	assert_contains(f->err, "tcp.state-3 on self, events, allowed by \"users\", for at most 1h");
	assert_contains(f->err, "the command ended with status 3");
	assert_contains(f->out, "    PID  N  LATENCY\n");
	assert_contains(f->out, "      7  3  1.50 ms\n");
	assert_contains(f->out, "p50");
	assert_contains(f->out, "3 shown, 0 lost");
	assert_null(strchr(f->out, '\x1b'));
}

static void test_run_top(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->hold_last = true;
	f->scenario->submitted = 3;
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--top", "tgid", "--", "true", NULL), CLI_OK);
	assert_contains(f->out, "COUNT  ");
	assert_contains(f->out, "/s  100.0%  ####################  7\n");
	assert_contains(f->out, "3 counted, 0 lost");
	assert_null(strstr(f->out, "LATENCY"));
	fixture_reset(f);
	f->scenario->hold_last = true;
	f->scenario->submitted = 3;
	assert_int_equal(
		fixture_client(f, "-o", "json", "run", "tcp.state", "--top", "latency", "--", "true", NULL),
		CLI_OK);
	assert_contains(f->out, "{\"count\":{\"labels\":{\"latency\":1500000},\"count\":3}}\n");
	assert_null(strstr(f->out, "\"time\""));
}

/* Told before anything is attached, with what there is. */
static void test_run_top_unknown(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--top", "colour", NULL), CLI_USAGE);
	assert_contains(f->err,
			"--top: tcp.state has no \"colour\" here; it has labels side; event fields time, "
			"cpu, tgid, tid, uid, cgroup, n, latency\n");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--events", "--top", "side", NULL), CLI_USAGE);
	assert_contains(f->err, "it has event fields time, ");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--aggregates", "--top", "n", NULL),
			 CLI_USAGE);
	assert_contains(f->err, "it has labels side\n");
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--schema", NULL), CLI_USAGE);
	assert_contains(f->err, "--schema is for -o json");
	assert_int_equal(f->scenario->runs, 0);
	assert_int_equal(fixture_client(f, "read", "ffff", "--top", "n", NULL), CLI_USAGE);
	assert_contains(f->err, "it has labels side\n");
	/* The attachment has no aggregates. */
	assert_int_equal(fixture_client(f, "watch", "ffff", "--top", "side", NULL), CLI_USAGE);
	assert_contains(f->err, "it has event fields time, ");
}

static void test_schema(void **state)
{
	static const char *const latency =
		"{\"name\":\"latency\",\"type\":\"ns\",\"unit\":\"ns\",\"privacy\":\"safe\"}";
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->end_run = true;
	assert_int_equal(fixture_client(f, "-o", "json", "run", "tcp.state", "--schema", NULL), CLI_OK);
	assert_int_equal(
		strncmp(f->out, "{\"schema\":{\"version\":1,\"probe\":\"tcp.state\",\"serial\":3,", 52), 0);
	assert_contains(f->out, latency);
	assert_contains(f->out, "\"clock\":\"boottime\"");
	assert_contains(f->out, "\"labels\":[]"); /* no aggregates, no labels */
	assert_int_equal(fixture_client(f, "-o", "json", "read", "ffff", "--schema", NULL), CLI_OK);
	assert_contains(f->out, "\"event\":[],\"labels\":[{\"name\":\"side\",");
	assert_contains(f->out, "}}\n{\"attachment\":{");
	assert_int_equal(fixture_client(f, "-o", "json", "read", "ffff", NULL), CLI_OK);
	assert_null(strstr(f->out, "schema"));
}

static void test_run_reconnects(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->break_run = f->scenario->hold_last = f->scenario->refuse_watch = true;
	f->scenario->submitted = 3;
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--", "true", NULL), CLI_OK);
	assert_int_equal(f->scenario->runs, 1);
	assert_int_equal(f->scenario->watches, 2);
	assert_contains(f->err, "broke and came back");
	assert_null(strstr(strstr(f->err, "broke and came back") + 1, "broke and came back"));
	assert_null(strstr(f->err, "events lost"));
	assert_contains(f->out, "3 shown, 0 lost");
	assert_int_equal(f->scenario->detaches, 1);
}

static void test_run_ended(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->end_run = true;
	assert_int_equal(fixture_client(f, "run", "tcp.state", NULL), CLI_OK);
	assert_contains(f->err, "the attachment ended: revoked by root");
	assert_contains(f->out, "2 shown");
	assert_int_equal(f->scenario->detaches, 0);
}

static void test_run_no_command(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	f->scenario->submitted = 2;
	assert_int_equal(fixture_client(f, "run", "tcp.state", "--", "/nonexistent/program", NULL),
			 CLI_FAILED);
	assert_contains(f->err, "cannot start /nonexistent/program");
	assert_int_equal(f->scenario->detaches, 1);
}

static void test_run_epipe(void **state)
{
	struct fixture *f = *state;

	fixture_reset(f);
	assert_int_equal(fixture_client_epipe(f, "-q", "run", "tcp.state", NULL), CLI_FAILED);
	assert_string_equal(f->err, "");
	assert_int_equal(f->scenario->detaches, 1);
	assert_int_equal(fixture_client_epipe(f, "ps", NULL), CLI_FAILED);
	assert_string_equal(f->err, "");
}

/* ---- library ---- */

static void test_library_call(void **state)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	struct fixture *f = *state;
	char large[70000];

	fixture_reset(f);
	assert_int_equal(bpfwarden_connect("/nonexistent", &connection), -ENOENT);
	assert_int_equal(bpfwarden_connect(f->socket, &connection), 0);
	assert_int_equal(bpfwarden_call(connection, "a.B", "[]", 0, NULL, 0), -EINVAL);
	assert_int_equal(bpfwarden_call(connection, "a.B\",", "{}", 0, NULL, 0), -EINVAL);
	memset(large, ' ', sizeof(large));
	memcpy(large, "{", 1);
	strcpy(large + sizeof(large) - 2, "}");
	assert_int_equal(bpfwarden_call(connection, "a.B", large, 0, NULL, 0), -EMSGSIZE);
	assert_int_equal(bpfwarden_receive(connection, 0, &reply), -EAGAIN);
	assert_int_equal(bpfwarden_call(connection, "a.B", NULL, 0, NULL, 0), 0);
	assert_int_equal(bpfwarden_receive(connection, 60000, &reply), 0);
	assert_string_equal(bpfwarden_reply_parameters(reply), "{}");
	assert_null(bpfwarden_reply_error_name(reply));
	assert_false(bpfwarden_reply_continues(reply));
}

static int stop_at_first(void *userdata, const char *event)
{
	snprintf(userdata, 128, "%s", event);
	return 1;
}

static void test_library_stream(void **state)
{
	_cleanup_(bpfwarden_stream_free_p) struct bpfwarden_stream *stream = NULL;
	struct bpfwarden_options options = BPFWARDEN_OPTIONS_INIT;
	struct bpfwarden_handlers handlers = BPFWARDEN_HANDLERS_INIT;
	struct fixture *f = *state;
	char event[128];

	fixture_reset(f);
	assert_int_equal(bpfwarden_run(f->socket, &options, &handlers, &stream), -EINVAL);
	options.probe = "tcp.state";
	handlers.event = stop_at_first;
	handlers.userdata = event;
	assert_int_equal(bpfwarden_run(f->socket, &options, &handlers, &stream), 0);
	assert_int_equal(bpfwarden_stream_loop(stream), 0);
	assert_string_equal(event, "{\"time\":1,\"cpu\":0,\"tgid\":7,\"n\":1,\"latency\":1500000}");
	assert_string_equal(bpfwarden_stream_id(stream), "ffff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histogram_percentiles),
		cmocka_unit_test(test_histogram_octaves),
		cmocka_unit_test(test_histogram_json),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_cgroup_of_text),
		cmocka_unit_test(test_membership),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_attach_parameters),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_protocol_errors),
		cmocka_unit_test(test_no_daemon),
		cmocka_unit_test(test_json_exact),
		cmocka_unit_test(test_text_is_printable),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_run_json),
		cmocka_unit_test(test_run_text),
		cmocka_unit_test(test_run_top),
		cmocka_unit_test(test_run_top_unknown),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_run_reconnects),
		cmocka_unit_test(test_run_ended),
		cmocka_unit_test(test_run_no_command),
		cmocka_unit_test(test_run_epipe),
		cmocka_unit_test(test_library_call),
		cmocka_unit_test(test_library_stream),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
