/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/event.h"
#include "tests/unit/event-spec.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const struct enumeration_entry enumeration[] = {
	{ 0, 0, "NONE" },          { 0, 1, "ESTABLISHED" }, { 0, 7, "CLOSE \"7\"" },
	{ 0, UINT32_MAX, "LAST" }, { 1, 0, "OTHER" },
};

static void assert_json(struct json_text *t, const char *expected)
{
	json_t *parsed = json_loadb(t->bytes, t->size, JSON_REJECT_DUPLICATES, NULL);

	assert_int_equal(t->error, 0);
	assert_int_equal(t->size, strlen(expected));
	assert_memory_equal(t->bytes, expected, t->size);
	assert_non_null(parsed);
	json_decref(parsed);
	json_text_clear(t);
}

/* One field of a private event: bytes in, its JSON out. */
static const struct {
	uint32_t type, size;
	const char *bytes;
	const char *json;
} values[] = {
	{ SPEC_TYPE_U8, 1, "\xff", "255" },
	{ SPEC_TYPE_U16, 2, "\x39\x30", "12345" },
	{ SPEC_TYPE_U32, 4, "\xff\xff\xff\xff", "4294967295" },
	{ SPEC_TYPE_U64, 8, "\x01\0\0\0\0\0\x20\0", "9007199254740993" },
	{ SPEC_TYPE_U64, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "\"18446744073709551615\"" },
	{ SPEC_TYPE_S32, 4, "\xff\xff\xff\xff", "-1" },
	{ SPEC_TYPE_S64, 8, "\0\0\0\0\0\0\0\x80", "-9223372036854775808" },
	{ SPEC_TYPE_BOOL, 1, "\0", "false" },
	{ SPEC_TYPE_BOOL, 1, "\x02", "true" },
	{ SPEC_TYPE_CHARS, 8, "sshd\0xyz", "\"sshd\"" },
	{ SPEC_TYPE_CHARS, 4, "full", "\"full\"" },
	{ SPEC_TYPE_CHARS, 8, "a\"\\\x1b\n\xff\xc3", "\"a\\\"\\\\????\"" },
	{ SPEC_TYPE_CHARS, 4, "\xc3\xa4\0\0", "\"\xc3\xa4\"" },
	{ SPEC_TYPE_BYTES, 4, "\0\x01\xfe\xff", "\"0001feff\"" },
	{ SPEC_TYPE_IPV4, 4, "\xc0\0\x02\x01", "\"192.0.2.1\"" },
	{ SPEC_TYPE_IPV6, 16, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", "\"2001:db8::1\"" },
	{ SPEC_TYPE_IPV6, 16, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", "\"127.0.0.1\"" },
	{ SPEC_TYPE_IPV6, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\"::\"" },
	{ SPEC_TYPE_ENUM, 4, "\x01\0\0\0", "\"ESTABLISHED\"" },
	{ SPEC_TYPE_ENUM, 4, "\x02\0\0\0", "2" },
	{ SPEC_TYPE_ENUM, 4, "\x07\0\0\0", "\"CLOSE \\\"7\\\"\"" },
	{ SPEC_TYPE_ENUM, 4, "\xff\xff\xff\xff", "\"LAST\"" },
	{ SPEC_TYPE_NS, 8, "\0\xca\x9a\x3b\0\0\0\0", "1000000000" },
	{ SPEC_TYPE_CGROUP, 8, "\x2a\0\0\0\0\0\0\0", "42" },
	{ SPEC_TYPE_ERRNO, 4, "\0\0\0\0", "null" },
	{ SPEC_TYPE_ERRNO, 4, "\x6f\0\0\0", "\"ECONNREFUSED\"" },
	{ SPEC_TYPE_ERRNO, 4, "\xff\xff\0\0", "65535" },
	{ SPEC_TYPE_ERRNO, 4, "\xff\xff\xff\xff", "-1" },
};

static void test_values(void **state)
{
	static struct spec spec;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(values); i++) {
		struct event_format *f = NULL;
		struct json_text t = { 0 };
		char expected[128];

		event_spec(&spec, 0, values[i].size);
		event_spec_field(&spec, "field", values[i].type, values[i].size, SPEC_PRIVACY_SAFE);
		assert_int_equal(
			event_format_new(&spec, SPEC_PRIVACY_PII, enumeration, ELEMENTS(enumeration), &f), 0);
		assert_false(event_format_has_header(f));
		event_write(f, &t, values[i].bytes, values[i].size);
		snprintf(expected, sizeof(expected), "{\"field\":%s}", values[i].json);
		assert_json(&t, expected);
		event_format_free(f);
	}
}

struct test_event {
	struct bw_event header;
	uint32_t state;
	uint8_t address[4];
	uint64_t duration;
};

static const struct test_event event = {
	.header = { .time = 5, .cgroup = 77, .sequence = 9, .cpu = 1, .tgid = 100, .tid = 101, .uid = 1000 },
	.state = 7,
	.address = { 127, 0, 0, 1 },
	.duration = 1500,
};

static void make_demux(struct spec *spec)
{
	event_spec(spec, SPEC_HAS_DEMUX, sizeof(struct test_event) - sizeof(struct bw_event));
	event_spec_field(spec, "state", SPEC_TYPE_ENUM, 4, SPEC_PRIVACY_SAFE);
	event_spec_field(spec, "address", SPEC_TYPE_IPV4, 4, SPEC_PRIVACY_PII);
	event_spec_field(spec, "duration", SPEC_TYPE_NS, 8, SPEC_PRIVACY_SAFE);
}

static void test_header_and_privacy(void **state)
{
	static struct spec spec;
	struct event_format *f = NULL;
	struct json_text t = { 0 };

	(void)state;
	make_demux(&spec);
	assert_int_equal(event_format_new(&spec, SPEC_PRIVACY_PII, enumeration, 4, &f), 0);
	assert_true(event_format_has_header(f));
	assert_int_equal(event_format_size(f), sizeof(event));
	event_write(f, &t, &event, sizeof(event));
	assert_json(&t, "{\"time\":5,\"cpu\":1,\"tgid\":100,\"tid\":101,\"uid\":1000,\"cgroup\":77,"
			"\"state\":\"CLOSE \\\"7\\\"\",\"address\":\"127.0.0.1\",\"duration\":1500}");
	event_write(f, &t, &event, sizeof(event) - 1);
	assert_int_equal(t.size, 0);
	event_format_free(f);

	/* What the caller may not see is not even there. */
	assert_int_equal(event_format_new(&spec, SPEC_PRIVACY_BOUND, NULL, 0, &f), 0);
	event_write(f, &t, &event, sizeof(event));
	assert_json(&t, "{\"time\":5,\"cpu\":1,\"tgid\":100,\"tid\":101,\"uid\":1000,\"cgroup\":77,"
			"\"state\":7,\"duration\":1500}");
	event_format_free(f);
}

/* A field named like one of the header's must not make a key appear twice. */
static void test_name_of_header(void **state)
{
	static struct spec spec;
	struct event_format *f = NULL;
	struct json_text t = { 0 };

	(void)state;
	event_spec(&spec, SPEC_HAS_DEMUX, 8);
	event_spec_field(&spec, "cgroup", SPEC_TYPE_CGROUP, 8, SPEC_PRIVACY_SAFE);
	assert_int_equal(event_format_new(&spec, SPEC_PRIVACY_PII, NULL, 0, &f), 0);
	event_write(f, &t, &event, sizeof(event));
	assert_json(&t, "{\"time\":5,\"cpu\":1,\"tgid\":100,\"tid\":101,\"uid\":1000,\"cgroup\":77}");
	event_format_free(f);
}

static void test_without_fields(void **state)
{
	static struct spec spec;
	struct event_format *f = NULL;
	struct json_text t = { 0 };

	(void)state;
	event_spec(&spec, 0, 2);
	assert_int_equal(event_format_new(&spec, SPEC_PRIVACY_PII, NULL, 0, &f), 0);
	event_write(f, &t, "\x01\xab\xcd", 3);
	assert_json(&t, "{\"bytes\":\"01abcd\"}");
	event_format_free(f);
}

static void test_aggregates(void **state)
{
	static struct spec spec;
	static struct message_histogram histogram = { .labels_size = 12 };
	static struct message_count count = { .labels_size = 12, .count = 8 };
	static const struct enumeration_entry side[] = { { 0, 1, "server" } };
	struct event_format *f = NULL;
	struct json_text t = { 0 };

	(void)state;
	event_spec(&spec, SPEC_HAS_DEMUX, 0);
	event_spec_label(&spec, "side", SPEC_TYPE_ENUM, 4);
	event_spec_label(&spec, "cgroup", SPEC_TYPE_CGROUP, 8);
	assert_int_equal(event_format_new(&spec, SPEC_PRIVACY_PII, side, 1, &f), 0);
	memcpy(histogram.labels, "\x01\0\0\0\x2a\0\0\0\0\0\0\0", 12);
	memcpy(count.labels, histogram.labels, 12);
	histogram.histogram.count = 4;
	histogram.histogram.sum = (5ULL << 30) + (1ULL << 29);
	histogram.histogram.bucket[0] = 1;
	histogram.histogram.bucket[BW_HISTOGRAM_BUCKETS - 1] = 3;
	event_write_histogram(f, &t, &histogram);
	assert_json(
		&t,
		"{\"labels\":{\"side\":\"server\",\"cgroup\":42},\"name\":\"test.duration\",\"unit\":\"s\","
		"\"count\":4,\"sum\":5.500000000,\"buckets\":[{\"index\":0,\"count\":1},"
		"{\"index\":167,\"count\":3}]}");
	event_write_count(f, &t, &count);
	assert_json(&t, "{\"labels\":{\"side\":\"server\",\"cgroup\":42},\"count\":8}");

	/* A row that says less, or more, than it holds. */
	count.labels_size = 4;
	event_write_count(f, &t, &count);
	assert_json(&t, "{\"labels\":{},\"count\":8}");
	count.labels_size = UINT32_MAX;
	event_write_count(f, &t, &count);
	assert_json(&t, "{\"labels\":{\"side\":\"server\",\"cgroup\":42},\"count\":8}");
	event_format_free(f);
}

static void test_refused(void **state)
{
	static const struct enumeration_entry unsorted[] = { { 1, 0, "B" }, { 0, 0, "A" } };
	static const struct enumeration_entry twice[] = { { 0, 1, "A" }, { 0, 1, "B" } };
	static const struct enumeration_entry control[] = { { 0, 1, "A\n" } };
	static struct enumeration_entry endless[1];
	static struct spec spec;
	struct event_format *f = NULL;

	(void)state;
	make_demux(&spec);
	memset(endless[0].name, 'x', sizeof(endless[0].name));
	assert_int_equal(event_format_new(&spec, 2, unsorted, 2, &f), -EINVAL);
	assert_int_equal(event_format_new(&spec, 2, twice, 2, &f), -EINVAL);
	assert_int_equal(event_format_new(&spec, 2, control, 1, &f), -EINVAL);
	assert_int_equal(event_format_new(&spec, 2, endless, 1, &f), -EINVAL);
	spec.fields[2].offset = spec.event_size - 4;
	assert_int_equal(event_format_new(&spec, 2, NULL, 0, &f), -EINVAL);
	make_demux(&spec);
	spec.n_fields = SPEC_FIELDS_MAX + 1;
	assert_int_equal(event_format_new(&spec, 2, NULL, 0, &f), -EINVAL);
	make_demux(&spec);
	event_spec_label(&spec, "wide", SPEC_TYPE_CHARS, LABELS_SIZE_MAX + 1);
	assert_int_equal(event_format_new(&spec, 2, NULL, 0, &f), -EINVAL);
	assert_null(f);
}

static void test_description(void **state)
{
	static struct spec spec;
	struct json_text t = { 0 };

	(void)state;
	make_demux(&spec);
	event_spec_label(&spec, "side", SPEC_TYPE_U8, 1);
	spec.n_params = 2;
	spec.params[0] = (struct spec_param){ "minimum", "ns", SPEC_TYPE_U64, 0, 8, 1, 9, 5 };
	spec.params[1] =
		(struct spec_param){ "names", "", SPEC_TYPE_U32, 8, 4, 0, 1, 1, 2, { "none", "full" } };
	JSON_APPEND_LITERAL(&t, "{");
	event_write_description(&t, &spec);
	JSON_APPEND_LITERAL(&t, "}");
	assert_json(
		&t,
		"{\"licence\":\"GPL-2.0-only\",\"memory\":4096,\"event\":["
		"{\"name\":\"state\",\"type\":\"enum\",\"privacy\":\"safe\"},"
		"{\"name\":\"address\",\"type\":\"ipv4\",\"privacy\":\"pii\"},"
		"{\"name\":\"duration\",\"type\":\"ns\",\"privacy\":\"safe\"}],"
		"\"labels\":[{\"name\":\"side\",\"type\":\"u8\",\"privacy\":\"safe\"}],"
		"\"parameters\":[{\"name\":\"minimum\",\"type\":\"u64\",\"unit\":\"ns\",\"min\":1,\"max\":9,"
		"\"default\":5},{\"name\":\"names\",\"type\":\"u32\",\"min\":0,\"max\":1,\"default\":1,"
		"\"values\":[\"none\",\"full\"]}],"
		"\"programs\":[{\"variant\":\"v1\",\"name\":\"state\",\"hook\":\"raw_tp/sys_enter\","
		"\"helpers\":[1,5],\"may_modify\":false}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),         cmocka_unit_test(test_header_and_privacy),
		cmocka_unit_test(test_name_of_header), cmocka_unit_test(test_without_fields),
		cmocka_unit_test(test_aggregates),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
