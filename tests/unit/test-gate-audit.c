/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.bpfwarden.Audit between a client and the warden, and answers that are longer than a
 * client reads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/gate-fixture.h"

#define ELEMENTS(array)          (sizeof(array) / sizeof((array)[0]))
#define AUDIT                    "io.bpfwarden.Audit."
#define CALL(method, parameters) "{\"method\":\"" AUDIT method "\",\"parameters\":{" parameters "}}"
#define CALL_MORE(method, parameters) \
	"{\"method\":\"" AUDIT method "\",\"parameters\":{" parameters "},\"more\":true}"
#define DIGEST_TEXT "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100"
#define INVALID(parameter)                                                                               \
	"{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":{\"parameter\":\"" parameter \
	"\"}}"
#define EXPECTED_MORE "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}"

/* The warden hears nothing of these. */
static const struct {
	const char *call;
	const char *reply;
} mistakes[] = {
	{ CALL("Query", ""), EXPECTED_MORE },
	{ CALL_MORE("Query", "\"uid\":4294967295"), INVALID("uid") },
	{ CALL_MORE("Query", "\"uid\":-1"), INVALID("uid") },
	{ CALL_MORE("Query", "\"uid\":\"root\""), INVALID("uid") },
	{ CALL_MORE("Query", "\"since\":-1"), INVALID("since") },
	{ CALL_MORE("Query", "\"until\":-1"), INVALID("until") },
	{ CALL_MORE("Query", "\"from\":-1"), INVALID("from") },
	{ CALL_MORE("Query", "\"limit\":-1"), INVALID("limit") },
	{ CALL_MORE("Query", "\"attachment\":\"x\""), INVALID("attachment") },
	{ CALL_MORE("Query", "\"probe\":\"a-name-that-is-longer-than-any-probe-of-this-world\""),
	  INVALID("probe") },
	{ CALL_MORE("Query", "\"kind\":\"a-kind-too-long-\""), INVALID("kind") },
	{ CALL_MORE("Query", "\"verdict\":\"a\\nb\""), INVALID("verdict") },
	{ CALL_MORE("Query", "\"action\":\"an-action-that-is-too-long\""), INVALID("action") },
	{ CALL_MORE("Query", "\"follow\":1"), INVALID("follow") },
	{ CALL_MORE("Query", "\"follow\":true,\"reverse\":true"), INVALID("follow") },
	{ CALL_MORE("Query", "\"sequence\":1"), INVALID("sequence") },
	{ CALL("Head", "\"x\":1"), INVALID("x") },
	{ CALL("Checkpoints", ""), EXPECTED_MORE },
	{ CALL_MORE("Checkpoints", "\"above\":-1"), INVALID("above") },
	{ CALL_MORE("Checkpoints", "\"limit\":-1"), INVALID("limit") },
	{ CALL("Prove", "\"seq\":1"), INVALID("size") },
	{ CALL("Prove", "\"seq\":1,\"size\":0"), INVALID("size") },
	{ CALL("Prove", "\"seq\":1,\"size\":-1"), INVALID("size") },
	{ CALL("Prove", "\"size\":1"), INVALID("seq") },
	{ CALL("Prove", "\"seq\":0,\"size\":1"), INVALID("seq") },
	{ CALL("Prove", "\"seq\":-1,\"size\":1"), INVALID("seq") },
	{ CALL("Prove", "\"seq\":1,\"from\":1,\"size\":1"), INVALID("seq") },
	{ CALL("Prove", "\"from\":0,\"size\":1"), INVALID("from") },
	{ CALL("Prove", "\"from\":-1,\"size\":1"), INVALID("from") },
	{ CALL("Text", "\"digest\":\"" DIGEST_TEXT "\""), EXPECTED_MORE },
	{ CALL_MORE("Text", ""), INVALID("digest") },
	{ CALL_MORE("Text", "\"digest\":\"" DIGEST_TEXT "0\""), INVALID("digest") },
	{ CALL_MORE("Text", "\"digest\":\"x\""), INVALID("digest") },
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

static void answer_text(struct fixture *f, const struct record *to, const char *json)
{
	static struct message_text text = { .m.type = MESSAGE_REPLY_TEXT };

	text.length = (uint32_t)sprintf(text.text, "%s", json);
	warden_answer(f, to, &text.m, offsetof(struct message_text, text) + text.length, NULL, 0);
}

static void answer_next(struct fixture *f, const struct record *to, uint64_t next)
{
	struct message_next m = { .m.type = MESSAGE_REPLY_NEXT, .next = next };

	WARDEN_ANSWER(f, to, &m);
}

static void answer_pause(struct fixture *f, const struct record *to)
{
	struct message m = { .type = MESSAGE_REPLY_PAUSE };

	warden_answer(f, to, &m, sizeof(m), NULL, 0);
}

static void expect_end(struct fixture *f)
{
	int code;

	while (sd_event_get_state(f->event) != SD_EVENT_FINISHED &&
	       sd_event_get_exit_code(f->event, &code) < 0)
		fixture_run(f);
	assert_int_equal(code, 0);
}

static void test_query(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	client_call(&c, CALL_MORE("Query",
				  "\"since\":1,\"until\":2,\"from\":3,\"limit\":4,\"uid\":5,\"probe\":\"p\","
				  "\"verdict\":\"v\",\"action\":\"a\",\"attachment\":\"a\",\"kind\":\"k\""));
	r = warden_record(f, MESSAGE_AUDIT_QUERY);
	assert_int_equal(r->query.since, 1);
	assert_int_equal(r->query.until, 2);
	assert_int_equal(r->query.from, 3);
	assert_int_equal(r->query.limit, 4);
	assert_int_equal(r->query.uid, 5);
	assert_int_equal(r->query.attachment, 10);
	assert_int_equal(r->query.flags, 0);
	assert_string_equal(r->query.probe, "p");
	assert_string_equal(r->query.verdict, "v");
	assert_string_equal(r->query.action, "a");
	assert_string_equal(r->query.kind, "k");
	answer_text(f, r, "{\"seq\":1, \"a\":\"b\\n\"}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"line\":\"{\\\"seq\\\":1, \\\"a\\\":\\\"b\\\\n\\\"}\","
			  "\"record\":{\"seq\":1, \"a\":\"b\\n\"}},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");

	client_call(&c, CALL_MORE("Query", "\"reverse\":true"));
	r = warden_record(f, MESSAGE_AUDIT_QUERY);
	assert_int_equal(r->query.uid, UINT32_MAX);
	assert_int_equal(r->query.flags, MESSAGE_FLAG_REVERSE);
	answer_next(f, r, 7);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"next\":7}}");

	client_call(&c, CALL_MORE("Query", "\"follow\":true"));
	r = warden_record(f, MESSAGE_AUDIT_QUERY);
	assert_int_equal(r->query.flags, MESSAGE_FLAG_FOLLOW);
	client_free(&c);
	warden_record(f, MESSAGE_CLOSED);
}

static void test_others(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	client_call(&c, CALL("Head", ""));
	r = warden_record(f, MESSAGE_AUDIT_HEAD);
	answer_text(f, r, "{\"origin\":\"o\",\"last\":9}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"origin\":\"o\",\"last\":9}}");

	client_call(&c, CALL_MORE("Checkpoints", "\"above\":3,\"limit\":2"));
	r = warden_record(f, MESSAGE_AUDIT_CHECKPOINTS);
	assert_int_equal(r->checkpoints.above, 3);
	assert_int_equal(r->checkpoints.limit, 2);
	answer_text(f, r, "{\"checkpoint\":\"c\"}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"checkpoint\":\"c\"},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");

	client_call(&c, CALL("Prove", "\"seq\":3,\"size\":8"));
	r = warden_record(f, MESSAGE_AUDIT_PROVE);
	assert_int_equal(r->prove.seq, 3);
	assert_int_equal(r->prove.from, 0);
	assert_int_equal(r->prove.size, 8);
	answer_text(f, r, "{\"hashes\":[\"ab\"]}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"hashes\":[\"ab\"]}}");

	client_call(&c, CALL("Prove", "\"from\":3,\"size\":8"));
	r = warden_record(f, MESSAGE_AUDIT_PROVE);
	assert_int_equal(r->prove.seq, 0);
	assert_int_equal(r->prove.from, 3);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");

	client_call(&c, CALL_MORE("Text", "\"digest\":\"" DIGEST_TEXT "\""));
	r = warden_record(f, MESSAGE_AUDIT_TEXT);
	assert_int_equal(r->audit_text.digest[1], 0x11);
	assert_int_equal(r->audit_text.digest[16], 0xff);
	answer_text(f, r, "{\"part\":\"a\"}");
	answer_text(f, r, "{\"part\":\"b\"}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"part\":\"a\"},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{\"part\":\"b\"},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
}

/* The warden is told to go on at once if the client reads, and otherwise only when it does. */
static void test_pause(void **state)
{
	static char row[32768];
	struct fixture *f = *state;
	struct client c = client_new(f), other;
	struct record *r, query;

	client_call(&c, CALL_MORE("Query", "\"follow\":true"));
	query = *warden_record(f, MESSAGE_AUDIT_QUERY);
	answer_text(f, &query, "{\"seq\":1}");
	answer_pause(f, &query);
	r = warden_record(f, MESSAGE_GO_ON);
	assert_int_equal(r->m.connection, query.m.connection);
	assert_int_equal(r->m.call, query.m.call);
	client_expect(
		&c,
		"{\"parameters\":{\"line\":\"{\\\"seq\\\":1}\",\"record\":{\"seq\":1}},\"continues\":true}");

	/* More than the sockets hold. */
	snprintf(row, sizeof(row), "{\"a\":\"%032000d\"}", 0);
	for (int i = 0; i < 16; i++)
		answer_text(f, &query, row);
	answer_pause(f, &query);
	/* What another client asks for shows that all of it was handled. */
	other = client_new(f);
	client_call(&other, CALL("Head", ""));
	warden_record(f, MESSAGE_AUDIT_HEAD);
	for (int i = 0; i < 16; i++)
		json_decref(client_reply(&c));
	warden_record(f, MESSAGE_GO_ON);
	warden_end(f, &query);
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&other);
	client_free(&c);
}

/* Rows although the warden promised to wait, and a pause in an answer that has no rows. */
static void test_out_of_turn(void **state)
{
	static char row[32768];
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record query;

	client_call(&c, CALL_MORE("Query", ""));
	query = *warden_record(f, MESSAGE_AUDIT_QUERY);
	snprintf(row, sizeof(row), "{\"a\":\"%032000d\"}", 0);
	for (int i = 0; i < 16; i++)
		answer_text(f, &query, row);
	answer_pause(f, &query);
	answer_text(f, &query, row);
	expect_end(f);
	client_free(&c);
}

static void test_pause_without_rows(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);

	client_call(&c, CALL("Head", ""));
	answer_pause(f, warden_record(f, MESSAGE_AUDIT_HEAD));
	expect_end(f);
	client_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mistakes), TEST(test_query),       TEST(test_others),
		TEST(test_pause),    TEST(test_out_of_turn), TEST(test_pause_without_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
