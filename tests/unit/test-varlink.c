/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/limits.h"
#include "format/interface.h"
#include "format/varlink.h"

#define ELEMENTS(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(literal)   (literal), sizeof(literal) - 1
#define LEVELS_30        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define LEVELS_30_CLOSED "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

/* Each is an attack or a slip of a client; none may be taken for a call. */
static const struct {
	const char *why;
	const char *frame;
	size_t size;
} malformed[] = {
	{ "nothing", BYTES("") },
	{ "not JSON", BYTES("hello") },
	{ "an array", BYTES("[\"method\"]") },
	{ "a string", BYTES("\"method\"") },
	{ "no method", BYTES("{}") },
	{ "null method", BYTES("{\"method\":null}") },
	{ "method of another type", BYTES("{\"method\":1}") },
	{ "parameters of another type", BYTES("{\"method\":\"a.B\",\"parameters\":[]}") },
	{ "more of another type", BYTES("{\"method\":\"a.B\",\"more\":1}") },
	{ "oneway of another type", BYTES("{\"method\":\"a.B\",\"oneway\":\"true\"}") },
	{ "unknown member", BYTES("{\"method\":\"a.B\",\"extra\":true}") },
	{ "duplicate key", BYTES("{\"method\":\"a.B\",\"method\":\"a.C\"}") },
	{ "duplicate key below", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":1,\"x\":1}}") },
	{ "trailing bytes", BYTES("{\"method\":\"a.B\"}x") },
	{ "two objects", BYTES("{\"method\":\"a.B\"}{\"method\":\"a.B\"}") },
	{ "cut off", BYTES("{\"method\":\"a.B\"") },
	{ "bad UTF-8", BYTES("{\"method\":\"a.\xff\"}") },
	{ "overlong UTF-8", BYTES("{\"method\":\"a.\xc0\xaf\"}") },
	{ "a surrogate", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":\"\xed\xa0\x80\"}}") },
	{ "an escaped lone surrogate", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":\"\\ud800\"}}") },
	{ "\\u0000", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":\"\\u0000\"}}") },
	{ "\\u0000 in a key", BYTES("{\"method\":\"a.B\",\"parameters\":{\"\\u0000\":1}}") },
	{ "a NUL", BYTES("{\"method\":\"a.B\"\0}") },
	{ "a NUL behind a number", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":1\0}}") },
	{ "2^63", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":9223372036854775808}}") },
	{ "-2^63 - 1", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":-9223372036854775809}}") },
	{ "1e999", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":1e999}}") },
	{ "NaN", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":NaN}}") },
	{ "a control character", BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":\"\n\"}}") },
	{ "33 levels",
	  BYTES("{\"method\":\"a.B\",\"parameters\":{\"x\":" LEVELS_30 "[" LEVELS_30_CLOSED "]}}") },
};

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(malformed); i++) {
		struct varlink_call call = { 0 };

		if (varlink_call_parse(malformed[i].frame, malformed[i].size, &call) != -EBADMSG)
			fail_msg("accepted: %s", malformed[i].why);
		assert_null(call.root);
	}
}

static void test_too_large(void **state)
{
	static char frame[VARLINK_FRAME_MAX + 2];
	struct varlink_call call;
	static const char start[] = "{\"method\":\"a.B\"}";

	(void)state;
	memset(frame, ' ', sizeof(frame));
	memcpy(frame, start, sizeof(start) - 1);
	assert_int_equal(varlink_call_parse(frame, VARLINK_FRAME_MAX, &call), 0);
	varlink_call_clear(&call);
	assert_int_equal(varlink_call_parse(frame, VARLINK_FRAME_MAX + 1, &call), -EBADMSG);

	/* Nesting of 2048 levels and of the whole frame is found before the recursive parser sees it. */
	memset(frame, '[', sizeof(frame));
	assert_int_equal(varlink_call_parse(frame, 2048, &call), -EBADMSG);
	assert_int_equal(varlink_call_parse(frame, VARLINK_FRAME_MAX, &call), -EBADMSG);
}

static void test_call(void **state)
{
	static const struct {
		const char *frame;
		bool more, oneway, upgrade;
		size_t n_parameters;
	} cases[] = {
		{ "{\"method\":\"a.B\"}", false, false, false, 0 },
		{ "{\"method\":\"a.B\",\"parameters\":null}", false, false, false, 0 },
		{ "{\"method\":\"a.B\",\"parameters\":{}}", false, false, false, 0 },
		{ " {\"more\" : true, \"method\":\"a.B\" , \"parameters\":{\"x\":1,\"y\":\"]]\\\"[[\"}}\n",
		  true, false, false, 2 },
		{ "{\"oneway\":true,\"upgrade\":true,\"more\":false,\"method\":\"a.B\"}", false, true, true,
		  0 },
		{ "{\"method\":\"a.B\",\"parameters\":{\"x\":" LEVELS_30 LEVELS_30_CLOSED "}}", false, false,
		  false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct varlink_call call;

		assert_int_equal(varlink_call_parse(cases[i].frame, strlen(cases[i].frame), &call), 0);
		assert_string_equal(call.method, "a.B");
		assert_int_equal(call.more, cases[i].more);
		assert_int_equal(call.oneway, cases[i].oneway);
		assert_int_equal(call.upgrade, cases[i].upgrade);
		assert_int_equal(json_object_size(call.parameters), cases[i].n_parameters);
		varlink_call_clear(&call);
	}
}

struct input {
	const char *text;
	struct varlink_int number;
	bool flag;
	json_t *object, *array;
};

static const struct varlink_field fields[] = {
	{ "text", VARLINK_STRING, true, offsetof(struct input, text) },
	{ "number", VARLINK_INT, false, offsetof(struct input, number) },
	{ "flag", VARLINK_BOOL, false, offsetof(struct input, flag) },
	{ "object", VARLINK_OBJECT, false, offsetof(struct input, object) },
	{ "array", VARLINK_ARRAY, false, offsetof(struct input, array) },
};

static void test_parameters(void **state)
{
	static const struct {
		const char *parameters;
		const char *bad; /* NULL: accepted */
	} cases[] = {
		{ "{\"text\":\"x\"}", NULL },
		{ "{\"text\":\"x\",\"number\":-9223372036854775808,\"flag\":true,\"object\":{},\"array\":[]}",
		  NULL },
		{ "{\"text\":\"x\",\"number\":null,\"flag\":null,\"object\":null,\"array\":null}", NULL },
		{ "{}", "text" },
		{ "{\"text\":null}", "text" },
		{ "{\"text\":1}", "text" },
		{ "{\"text\":\"x\",\"number\":\"1\"}", "number" },
		{ "{\"text\":\"x\",\"number\":1.0}", "number" },
		{ "{\"text\":\"x\",\"number\":true}", "number" },
		{ "{\"text\":\"x\",\"flag\":0}", "flag" },
		{ "{\"text\":\"x\",\"object\":[]}", "object" },
		{ "{\"text\":\"x\",\"array\":{}}", "array" },
		{ "{\"text\":\"x\",\"Text\":\"x\"}", "Text" },
		{ "{\"text\":\"x\",\"a name that is too long\":null}", "a name that is " },
		{ "{\"text\":\"x\",\"\\u0007\":null}", "?" },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		json_t *parameters = json_loads(cases[i].parameters, 0, NULL);
		struct input in = { 0 };
		char bad[16] = "";

		assert_non_null(parameters);
		assert_int_equal(
			varlink_parameters(parameters, fields, ELEMENTS(fields), &in, bad, sizeof(bad)),
			!cases[i].bad);
		assert_string_equal(bad, cases[i].bad ? cases[i].bad : "");
		json_decref(parameters);
	}
}

static void test_parameter_values(void **state)
{
	json_t *parameters =
		json_loads("{\"text\":\"x\",\"number\":-5,\"flag\":true,\"array\":[1]}", 0, NULL);
	struct input in = { 0 };
	char bad[16];

	(void)state;
	assert_true(varlink_parameters(parameters, fields, ELEMENTS(fields), &in, bad, sizeof(bad)));
	assert_string_equal(in.text, "x");
	assert_true(in.number.present);
	assert_int_equal(in.number.value, -5);
	assert_true(in.flag);
	assert_null(in.object);
	assert_int_equal(json_array_size(in.array), 1);
	json_decref(parameters);
}

static void assert_text(struct json_text *t, const char *expected, size_t size)
{
	assert_int_equal(t->error, 0);
	assert_int_equal(t->size, size);
	assert_memory_equal(t->bytes, expected, size);
	json_text_clear(t);
}
/* With the frame's NUL. */
#define ASSERT_FRAME(t, literal) assert_text((t), (literal), sizeof(literal))

static void test_writing(void **state)
{
	struct json_text t = { 0 };
	json_t *parameters = json_pack("{s:i}", "x", 1);

	(void)state;
	varlink_reply_begin(&t);
	json_member_u64(&t, "a", 1);
	json_member_string(&t, "b", "", 1);
	json_member_bool(&t, "c", false);
	varlink_reply_end(&t, true);
	ASSERT_FRAME(&t, "{\"parameters\":{\"a\":1,\"c\":false},\"continues\":true}");

	varlink_reply_begin(&t);
	varlink_reply_end(&t, false);
	ASSERT_FRAME(&t, "{\"parameters\":{}}");

	varlink_write_error(&t, "org.varlink.service.ExpectedMore", NULL, NULL);
	ASSERT_FRAME(&t, "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}");

	varlink_write_error(&t, "a.B", "parameter", "\"\n\x7f\xff");
	ASSERT_FRAME(&t, "{\"error\":\"a.B\",\"parameters\":{\"parameter\":\"\\\"\\n\x7f?\"}}");

	assert_int_equal(varlink_write_call(&t, "a.B", parameters, VARLINK_CALL_MORE), 0);
	ASSERT_FRAME(&t, "{\"method\":\"a.B\",\"parameters\":{\"x\":1},\"more\":true}");
	assert_int_equal(varlink_write_call(&t, "a.B", NULL, VARLINK_CALL_ONEWAY), 0);
	ASSERT_FRAME(&t, "{\"method\":\"a.B\",\"oneway\":true}");
	json_decref(parameters);
}

static void test_numbers(void **state)
{
	static const struct {
		uint64_t u64;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 9, "9" },
		{ 10, "10" },
		{ 9007199254740993ULL, "9007199254740993" },
		{ INT64_MAX, "9223372036854775807" },
		{ (uint64_t)INT64_MAX + 1, "\"9223372036854775808\"" },
		{ UINT64_MAX, "\"18446744073709551615\"" },
	};
	struct json_text t = { 0 };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		json_append_u64(&t, cases[i].u64);
		assert_text(&t, cases[i].text, strlen(cases[i].text));
	}
	json_append_s64(&t, INT64_MIN);
	json_append_s64(&t, -1);
	json_append_s64(&t, INT64_MAX);
	assert_text(&t, BYTES("-9223372036854775808-19223372036854775807"));
	json_member_u64(&t, "x", UINT64_MAX);
	assert_text(&t, BYTES("\"x\":9223372036854775807"));
}

/* What the daemon writes of a refusal is what a client reads of it. */
static void test_refusal_round_trip(void **state)
{
	(void)state;
	for (uint32_t code = 1; code < _REFUSAL_MAX; code++) {
		struct refusal before, after;
		struct varlink_reply reply;
		struct json_text t = { 0 };

		refusal_set(&before, (enum refusal_code)code, "sub\"ject", "reason \xc3\xa4 of %u", code);
		if (code == REFUSAL_LIMIT_EXCEEDED) {
			before.used = 5;
			before.max = 4;
		}
		varlink_write_refusal(&t, &before);
		assert_int_equal(varlink_reply_parse(t.bytes, t.size - 1, VARLINK_FRAME_MAX, &reply), 0);
		assert_false(reply.continues);
		assert_true(varlink_reply_refusal(&reply, &after));
		assert_memory_equal(&before, &after, sizeof(before));
		varlink_reply_clear(&reply);
		json_text_clear(&t);
	}
}

static void test_reply_parse(void **state)
{
	static const struct {
		const char *frame;
		int r;
		bool continues;
		const char *error;
	} cases[] = {
		{ "{}", 0, false, NULL },
		{ "{\"parameters\":{\"x\":1},\"continues\":true}", 0, true, NULL },
		{ "{\"error\":\"a.B\",\"parameters\":null}", 0, false, "a.B" },
		{ "{\"error\":1}", -EBADMSG, false, NULL },
		{ "{\"parameters\":[]}", -EBADMSG, false, NULL },
		{ "{\"continues\":1}", -EBADMSG, false, NULL },
		{ "[]", -EBADMSG, false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct varlink_reply reply;

		assert_int_equal(varlink_reply_parse(cases[i].frame, strlen(cases[i].frame), 1024, &reply),
				 cases[i].r);
		if (cases[i].r < 0)
			continue;
		assert_int_equal(reply.continues, cases[i].continues);
		assert_non_null(reply.parameters);
		if (cases[i].error)
			assert_string_equal(reply.error, cases[i].error);
		else
			assert_null(reply.error);
		varlink_reply_clear(&reply);
	}
}

static void test_interfaces(void **state)
{
	(void)state;
	assert_int_equal(n_interfaces, 6);
	for (size_t i = 0; i < n_interfaces; i++) {
		char line[128];

		snprintf(line, sizeof(line), "interface %s\n", interfaces[i].name);
		assert_non_null(strstr(interfaces[i].description, line));
		assert_true(i == 0 || strcmp(interfaces[i - 1].name, interfaces[i].name) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_parameter_values),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refusal_round_trip),
		cmocka_unit_test(test_reply_parse),
		cmocka_unit_test(test_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
