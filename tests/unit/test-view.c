/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people see of aggregates: regrouped, merged, sorted, named; and what must not reach their terminals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cgroup-names.h"
#include "client/cli/cli.h"
#include "client/cli/histogram.h"
#include "client/cli/regroup.h"
#include "client/cli/schema.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "client/cli/value.h"
#include "client/cli/view.h"

__attribute__((noinline)) static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* JSON with ' for ", and its text again in one order of keys. */
static json_t *json_of(const char *text)
{
	_cleanup_free_ char *quoted = strdup(text);
	json_t *json;

	for (char *c = quoted; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(quoted, 0, NULL);
	if (!json)
		fail_msg("not JSON: %s", text);
	return json;
}

static void assert_json(const json_t *value, const char *expected)
{
	_cleanup_json_ json_t *wanted = json_of(expected);
	_cleanup_free_ char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (!json_equal(value, wanted))
		fail_msg("%s is not %s", text, expected);
}

/* ---- regrouping ---- */

static void test_regroup(void **state)
{
	static const struct {
		const char *read, *label, *histograms, *counts;
	} cases[] = {
		{ "{}", "a", "[]", "[]" },
		{ "{'counts':[{'labels':{'a':'x','b':1},'count':2},{'labels':{'a':'y','b':1},'count':3},"
		  "{'labels':{'a':'x','b':2},'count':5}]}",
		  "a", "[]", "[{'labels':{'a':'x'},'count':7},{'labels':{'a':'y'},'count':3}]" },
		/* Values of different types that look alike are different ones. */
		{ "{'counts':[{'labels':{'a':'1'},'count':2},{'labels':{'a':1},'count':3},"
		  "{'labels':{'a':null},'count':4},{'labels':{'b':1},'count':5}]}",
		  "a", "[]",
		  "[{'labels':{'a':null},'count':9},{'labels':{'a':1},'count':3},"
		  "{'labels':{'a':'1'},'count':2}]" },
		/* Buckets add; histograms of different names stay apart. */
		{ "{'histograms':[{'labels':{'a':1,'b':1},'name':'n','unit':'s','count':3,'sum':0.5,"
		  "'buckets':[{'index':3,'count':1},{'index':9,'count':2}]},"
		  "{'labels':{'a':1,'b':2},'name':'n','unit':'s','count':4,'sum':0.25,"
		  "'buckets':[{'index':9,'count':4}]},"
		  "{'labels':{'a':1,'b':2},'name':'m','unit':'s','count':1,'sum':1.0,"
		  "'buckets':[{'index':167,'count':1}]}]}",
		  "a",
		  "[{'labels':{'a':1},'name':'n','unit':'s','count':7,'sum':0.75,"
		  "'buckets':[{'index':3,'count':1},{'index':9,'count':6}]},"
		  "{'labels':{'a':1},'name':'m','unit':'s','count':1,'sum':1.0,"
		  "'buckets':[{'index':167,'count':1}]}]",
		  "[]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_json_ json_t *read = json_of(cases[i].read), *copy = json_deep_copy(read),
				      *result = regroup(read, cases[i].label);

		assert_json(json_object_get(result, "histograms"), cases[i].histograms);
		assert_json(json_object_get(result, "counts"), cases[i].counts);
		assert_true(json_equal(read, copy));
	}
}

/* A merged histogram has the percentiles of all its values, not some mean of percentiles. */
static void test_regroup_percentiles(void **state)
{
	_cleanup_json_ json_t *read =
		json_of("{'histograms':[{'labels':{'a':1,'b':1},'name':'n','count':90,'sum':9.0,"
			"'buckets':[{'index':117,'count':90}]},{'labels':{'a':1,'b':2},'name':'n','count':10,"
			"'sum':11.0,'buckets':[{'index':121,'count':10}]}]}");
	_cleanup_json_ json_t *result = regroup(read, "a");
	struct histogram h;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(result, "histograms")), 1);
	assert_true(histogram_from_json(json_array_get(json_object_get(result, "histograms"), 0), &h));
	assert_int_equal(h.count, 100);
	assert_true(fabs(h.sum - 20) < 1e-9);
	assert_true(fabs(histogram_percentile(&h, 0.9) / exp2(117.0 / 4 - 30) - 1) < 1e-9);
	assert_true(fabs(histogram_percentile(&h, 0.99) / exp2(120.9 / 4 - 30) - 1) < 1e-9);
}

static void test_histogram_max(void **state)
{
	struct histogram h = {};
	bool open;

	(void)state;
	assert_true(histogram_max(&h, &open) == 0 && !open);
	h.bucket[117] = h.bucket[120] = 1;
	assert_true(histogram_max(&h, &open) == 1 && !open);
	assert_int_equal(histogram_lines(&h), 1); /* both in (0.5 s, 1 s] */
	h.bucket[BW_HISTOGRAM_BUCKETS - 1] = 1;
	/* The last one is open: what is in it is longer than what the one before holds. */
	assert_true(histogram_max(&h, &open) == exp2((BW_HISTOGRAM_BUCKETS - 2) / 4.0 - 30) && open);
}

static void test_rank(void **state)
{
	static const uint64_t counts[] = { 9, 5, 5, 1 };
	_cleanup_json_ json_t *rows =
		json_of("[{'labels':{'a':'z'},'count':5},{'labels':{'a':'c'},'count':1},"
			"{'labels':{'a':'n'},'count':0},{'labels':{'a':'b'},'count':9},"
			"{'labels':{'a':'d'},'count':5},{'count':7}]");
	_cleanup_json_ json_t *before =
		json_of("[{'labels':{'a':'b'},'count':4},{'labels':{'a':'q'},'count':1}]");
	struct ranked *ranked;
	size_t n;

	(void)state;
	assert_int_equal(rank(rows, before, &ranked, &n), 0);
	assert_int_equal(n, 4); /* neither what is empty nor what has no labels */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ranked[i].count, counts[i]);
	assert_int_equal(ranked[0].before, 4);
	assert_int_equal(ranked[1].before, 0);
	assert_string_equal(cli_string(json_object_get(ranked[1].row, "labels"), "a"), "d");
	assert_string_equal(cli_string(json_object_get(ranked[2].row, "labels"), "a"), "z");
	ranked_free(ranked, n);
}

static void test_tally(void **state)
{
	_cleanup_(tally_free_p) struct tally *tally = tally_new("f");
	static const char *const events[] = { "{'f':'x'}", "{'f':1}", "{'f':'x','g':2}", "{}", "{'f':null}" };
	_cleanup_json_ json_t *read = NULL, *many = NULL;
	struct ranked *ranked;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		_cleanup_json_ json_t *event = json_of(events[i]);

		assert_int_equal(tally_add(tally, event), 0);
	}
	read = tally_read(tally);
	assert_json(read, "{'counts':[{'labels':{'f':'x'},'count':2},{'labels':{'f':null},'count':2},"
			  "{'labels':{'f':1},'count':1}]}");
	/* However many values there are, memory is bounded and nothing is lost. */
	for (int i = 0; i < 3 * TALLY_VALUES_MAX; i++) {
		_cleanup_json_ json_t *event = json_pack("{s:i}", "f", i);

		assert_int_equal(tally_add(tally, event), 0);
	}
	many = tally_read(tally);
	assert_int_equal(rank(json_object_get(many, "counts"), NULL, &ranked, &n), 0);
	assert_int_equal(n, TALLY_VALUES_MAX + 1);
	assert_string_equal(cli_string(json_object_get(ranked[0].row, "labels"), "f"), TALLY_OTHERS);
	/* 0 and all from 2 to TALLY_VALUES_MAX - 3 had room beside "x", 1 and null. */
	assert_int_equal(ranked[0].count, 2 * TALLY_VALUES_MAX + 2);
	ranked_free(ranked, n);
	assert_int_equal(json_array_size(json_object_get(read, "counts")), 3);
}

/* ---- names ---- */

static void test_cgroup_names(void **state)
{
	static const struct {
		const char *path, *expected;
	} cases[] = {
		{ "/", "/" },
		{ "", "/" },
		{ "/shop", "/shop" },
		{ "/shop/a", "shop/a" },
		{ "/x/shop/a", ".../shop/a" },
		{ "/system.slice/shop.service", "shop.service" },
		{ "/system.slice/shop.service/worker", "shop.service/worker" },
		{ "/user.slice/user-1000.slice", "user-1000.slice" },
		{ "/.service/a", ".service/a" },
		{ "/a\x1b[2J.service", "a?[2J.service" },
		{ "/x/a\xc2\x9b"
		  "2J\n",
		  "x/a??2J?" },
		{ "/system.slice/"
		  "docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
		  "...789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope" },
	};
	_cleanup_(cgroup_names_free_p) struct cgroup_names *names = cgroup_names_new();
	char text[CGROUP_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cgroup_shorten(cases[i].path, text);
		if (strlen(cases[i].path) < CGROUP_TEXT_MAX)
			assert_string_equal(text, cases[i].expected);
		else
			assert_true(strlen(text) < CGROUP_TEXT_MAX && !strncmp(text, "...", 3) &&
				    strstr(cases[i].path, text + 3));
	}
	assert_string_equal(cgroup_name(names, UINT64_MAX, text), "id 18446744073709551615");
	assert_string_equal(cgroup_name(NULL, 4711, text), "id 4711");
}

static void test_values(void **state)
{
	static const struct {
		const char *name, *type, *unit, *json, *text;
		bool number;
	} cases[] = {
		{ "d", "ns", "", "[1500000]", "1.50 ms", true },
		{ "d", "u32", "us", "[250]", "250 us", true },
		{ "d", "u64", "By", "[4096]", "4.0 KiB", true },
		{ "n", "u32", "", "[12]", "12", true },
		{ "e", "errno", "", "[null]", "-", false },
		{ "e", "errno", "", "['ECONNREFUSED']", "ECONNREFUSED", false },
		{ "s", "enum", "", "['SYN_SENT']", "SYN_SENT", false },
		{ "family", "u32", "", "[2]", "IPv4", false },
		{ "family", "u32", "", "[10]", "IPv6", false },
		{ "family", "u32", "", "[7]", "7", false },
		{ "remote_port", "u16", "", "[54321]", "54321", false },
		{ "b", "bool", "", "[true]", "yes", false },
		{ "cgroup", "", "", "[77]", "id 77", false },
		{ "c", "chars", "", "['a\\u001b[31mb\\u009bc\\u202ed']", "a?[31mb??c???d", false },
		{ "gone", "u32", "", "[]", "-", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_json_ json_t *array = json_of(cases[i].json);
		struct value_kind kind = { cases[i].name, cases[i].type, cases[i].unit };
		char text[VALUE_TEXT_MAX];

		assert_string_equal(value_text(&kind, json_array_get(array, 0), NULL, text), cases[i].text);
		assert_int_equal(value_is_number(&kind), cases[i].number);
	}
}

static void test_rates(void **state)
{
	char text[UNIT_TEXT_MAX];

	(void)state;
	assert_string_equal(unit_rate(-1, text), "-");
	assert_string_equal(unit_rate(0.5, text), "0.50/s");
	assert_string_equal(unit_rate(9.996, text), "10.0/s");
	assert_string_equal(unit_rate(1234.4, text), "1234/s");
}

/* A line is cut between characters, and what only changes its look takes no room. */
static void test_text_fit(void **state)
{
	static const struct {
		const char *line;
		size_t columns, bytes;
	} cases[] = {
		{ "abc", 2, 2 },
		{ "abc", 3, 3 },
		{ "ab\ncd", 9, 2 },
		{ "\x1b[1mabc\x1b[0m", 2, 6 },
		{ "\x1b[1mabc\x1b[0m", 3, 11 },
		{ "\xc3\xa9\xc3\xa9z", 2, 4 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(text_fit(cases[i].line, cases[i].columns), cases[i].bytes);
}

/* ---- the view ---- */

static char *print(const struct view *view, const struct view_data *data)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	view_print(view, data, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* count label sets "0", "1", … of counts 1, 2, … */
static json_t *many_rows(const char *kind, int count)
{
	json_t *rows = json_array();

	for (int i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		json_array_append_new(rows, json_pack("{s:{s:s}, s:s, s:i, s:f, s:[{s:i, s:i}]}", "labels",
						      "a", name, "name", "h", "count", i + 1, "sum", 1.0,
						      "buckets", "index", 100, "count", i + 1));
	}
	return json_pack("{s:o}", kind, rows);
}

static void test_view_counts(void **state)
{
	struct view view = { .style = { .heading = "", .plain = "" } };
	_cleanup_json_ json_t *read = json_of("{'counts':[{'labels':{'cgroup':5,'what':'exit'},'count':25},"
					      "{'labels':{'cgroup':5,'what':'exec'},'count':75}]}");
	_cleanup_json_ json_t *before =
		json_of("{'counts':[{'labels':{'cgroup':5,'what':'exec'},'count':55}]}");
	struct view_data data = { .read = read, .seconds = 10, .width = 80 };
	_cleanup_free_ char *whole = print(&view, &data), *since = NULL, *unknown = NULL;

	(void)state;
	assert_string_equal(whole, "COUNT    RATE  SHARE                        CGROUP  WHAT\n"
				   "   75  7.50/s  75.0%  ###############       id 5    exec\n"
				   "   25  2.50/s  25.0%  #####                 id 5    exit\n");
	data.before = before;
	since = print(&view, &data);
	assert_contains(since, "   75  2.00/s  75.0%");
	data = (struct view_data){ .read = read, .seconds = -1, .width = 80 };
	unknown = print(&view, &data);
	assert_contains(unknown, "   75     -  75.0%");
}

static void test_view_rest(void **state)
{
	struct view view = { .style = { .heading = "", .plain = "" } };
	_cleanup_json_ json_t *counts = many_rows("counts", 50), *histograms = many_rows("histograms", 12);
	struct view_data data = { .read = counts, .seconds = 1, .width = 80 };
	_cleanup_free_ char *rows = print(&view, &data), *few = NULL, *blocks = NULL, *small = NULL,
			    *top = NULL, *narrow = NULL;
	unsigned int lines = 0;

	(void)state;
	/* 1 + … + 10 */
	assert_contains(rows, "\nand 10 more: 55, 55.0/s\n");
	data.lines = 10;
	few = print(&view, &data);
	for (const char *c = few; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 10);
	assert_contains(few, "\nand 42 more: ");
	data = (struct view_data){ .read = histograms, .seconds = 1, .width = 80 };
	blocks = print(&view, &data);
	assert_contains(blocks, "h  a=11\n  12 in all, 12.0/s   p50 ");
	assert_contains(blocks, "\nand 4 more: 10, 10.0/s\n");
	data.lines = 8;
	small = print(&view, &data);
	assert_contains(small, "\nand 10 more: ");
	view.top = "a";
	data.lines = 0;
	top = print(&view, &data);
	assert_contains(top, "COUNT    RATE  SHARE  ");
	assert_contains(top, "   12  12.0/s  15.4%  ");
	assert_null(strchr(top, '#'));
	/* On a narrow screen less, so that the labels stay on it. */
	data.lines = 8;
	narrow = print(&view, &data);
	assert_contains(narrow, "P50      P99         MAX  A\n");
}

/* The order of what is shown, and the sequences in it, are ours alone. */
static void test_view_hostile(void **state)
{
	struct view view = { .style = { .heading = "<", .plain = ">" } };
	_cleanup_json_ json_t *read =
		json_of("{'counts':[{'labels':{'c\\u001b]0;x':'\\u001b[2J\\u009b\\r'},"
			"'count':1}],'histograms':[{'labels':{'c\\u001b7':'\\u001b[H\\n'},"
			"'name':'h','count':1,'sum':1.0,'buckets':[]}]}");
	_cleanup_free_ char *raw = json_dumps(read, 0);
	_cleanup_json_ json_t *printable = cli_printable_text(raw);
	struct view_data data = { .read = printable, .seconds = 1, .width = 80 };
	_cleanup_free_ char *text = print(&view, &data);

	(void)state;
	assert_contains(text, "c?7=?[H?\n");
	assert_contains(text, "?[2J???\n");
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f));
}

static void test_schema(void **state)
{
	_cleanup_json_ json_t *description =
		json_of("{'probe':{'name':'p','serial':2},'event':[{'name':'a','type':'ns','privacy':'safe'},"
			"{'name':'b','type':'u16','unit':'x','privacy':'bound'},"
			"{'name':'c','type':'ipv6','privacy':'pii'}],"
			"'labels':[{'name':'b','type':'chars','privacy':'safe'}]}");
	_cleanup_json_ json_t *all = schema_new(description, true, true, NULL),
			      *bound = schema_new(description, true, false, "bound"),
			      *none = schema_new(description, false, true, NULL);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(all, "event")), 9);
	assert_json(json_array_get(json_object_get(all, "event"), 6),
		    "{'name':'a','type':'ns','unit':'ns','privacy':'safe'}");
	assert_int_equal(json_array_size(json_object_get(bound, "event")), 8);
	assert_int_equal(json_array_size(json_object_get(none, "event")), 0);
	assert_int_equal(schema_key(all, "b"), SCHEMA_LABEL);
	assert_int_equal(schema_key(bound, "b"), SCHEMA_FIELD);
	assert_int_equal(schema_key(all, "c"), SCHEMA_FIELD);
	assert_int_equal(schema_key(bound, "c"), SCHEMA_NONE); /* it is not shown, so it cannot be counted */
	assert_int_equal(schema_key(none, "a"), SCHEMA_NONE);
	assert_null(schema_new(NULL, true, true, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regroup),       cmocka_unit_test(test_regroup_percentiles),
		cmocka_unit_test(test_histogram_max), cmocka_unit_test(test_rank),
		cmocka_unit_test(test_tally),         cmocka_unit_test(test_cgroup_names),
		cmocka_unit_test(test_values),        cmocka_unit_test(test_rates),
		cmocka_unit_test(test_text_fit),      cmocka_unit_test(test_view_counts),
		cmocka_unit_test(test_view_rest),     cmocka_unit_test(test_view_hostile),
		cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
