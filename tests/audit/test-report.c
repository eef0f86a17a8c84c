/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a report makes of records: escaping, durations, sums, joins, limits. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/audit-report/density.h"
#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/report.h"
#include "client/cli/audit-report/tally.h"
#include "client/cli/audit-report/tee.h"

#define S ((uint64_t)1000000000)

static char *written(void (*write)(FILE *, const char *), const char *text)
{
	char *buffer = NULL;
	size_t size;
	FILE *out = open_memstream(&buffer, &size);

	write(out, text);
	fclose(out);
	return buffer;
}

static void test_escaping(void **state)
{
	static const struct {
		const char *text, *html, *lines;
	} cases[] = {
		{ "<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;", NULL },
		{ "\" onload=\"x", "&quot; onload=&quot;x", NULL },
		{ "a & b &amp; c", "a &amp; b &amp;amp; c", NULL },
		{ "\xe2\x80\xaegpj.exe", "\\u{202e}gpj.exe", NULL },
		{ "a\xe2\x81\xa6"
		  "b\xe2\x81\xa9",
		  "a\\u{2066}b\\u{2069}", NULL },
		{ "\xd8\x9c\xe2\x80\x8f\xef\xbb\xbf", "\\u{61c}\\u{200f}\\u{feff}", NULL },
		{ "\xf3\xa0\x81\x81\xe2\x80\x8b", "\\u{e0041}\\u{200b}", NULL },
		{ "a\nb\tc\r", "a\\u{a}b\\u{9}c\\u{d}", "a\nb\tc\\u{d}" },
		{ "\x1b[2J\x7f", "\\u{1b}[2J\\u{7f}", NULL },
		{ "\xd7\x90\xd7\x91 \xc3\xa4 \xf0\x9f\x90\x9d", "\xd7\x90\xd7\x91 \xc3\xa4 \xf0\x9f\x90\x9d",
		  NULL },
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd", NULL },
		{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", NULL },
		{ "", "", NULL },
		{ NULL, "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_free_ char *html = written(html_text, cases[i].text),
				    *lines = written(html_lines, cases[i].text);

		assert_string_equal(html, cases[i].html);
		assert_string_equal(lines, cases[i].lines ? cases[i].lines : cases[i].html);
	}
}

static void test_units(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{ 0, "0 ms" },
		{ 999999, "0 ms" },
		{ S - 1, "999 ms" },
		{ S, "1.0 s" },
		{ 9990000000, "9.9 s" },
		{ 59 * S, "59 s" },
		{ 60 * S, "1 min 00 s" },
		{ 3599 * S, "59 min 59 s" },
		{ 3600 * S, "1 h 00 min" },
		{ 86399 * S, "23 h 59 min" },
		{ 90000 * S, "1 d 01 h" },
	};
	char text[HTML_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(*durations); i++)
		assert_string_equal(html_duration(durations[i].ns, text), durations[i].text);
	assert_string_equal(html_time(0, text), "1970-01-01 00:00:00");
	assert_string_equal(html_time(1795634003446498036, text), "2026-11-25 19:13:23");
	assert_string_equal(html_number(999, text), "999");
	assert_string_equal(html_number(1311, text), "1311");
	assert_string_equal(html_number(12345, text), "12\xe2\x80\xaf"
						      "345");
	assert_string_equal(html_number(UINT64_MAX, text), "18\xe2\x80\xaf"
							   "446\xe2\x80\xaf"
							   "744\xe2\x80\xaf"
							   "073\xe2\x80\xaf"
							   "709\xe2\x80\xaf"
							   "551\xe2\x80\xaf"
							   "615");
}

static void test_tally(void **state)
{
	struct tally_table table = TALLY_TABLE_INIT(2);
	struct tally *item;

	(void)state;
	assert_int_equal(tally_count(tally_get_one(&table, "a"), 1, 1, 10), 0);
	assert_int_equal(
		tally_count(tally_get(&table, (const char *const[TALLY_PARTS_MAX]){ "a", "b" }), 5, 2, 20),
		0);
	assert_int_equal(tally_count(tally_get_one(&table, "a"), 1, 3, 30), 0);
	assert_int_equal(tally_count(tally_get_one(&table, "ab"), 7, 4, 40), 0);
	assert_int_equal(tally_count(tally_get_one(&table, "c"), UINT64_MAX, 5, 50), 0);
	assert_int_equal(table.n, 2);
	assert_true(table.rest.n == UINT64_MAX);
	item = tally_get_one(&table, "a");
	assert_int_equal(item->n, 2);
	assert_int_equal(item->first_seq, 1);
	assert_int_equal(item->last_seq, 3);
	tally_sort(&table);
	assert_int_equal(table.items[0].n, 5);
	assert_string_equal(table.items[0].part[1], "b");
	tally_clear(&table);
}

static void test_density(void **state)
{
	struct density density = { 0 };
	uint64_t sum = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		density_add(&density, DENSITY_DENIALS, 5000 * S + i * S, 2);
	density_add(&density, DENSITY_DENIALS, 1, 1); /* a clock that went back */
	assert_int_equal(density.width, 4 * S);
	assert_int_equal(density.counts[DENSITY_DENIALS][0], 9);
	assert_int_equal(density_max(&density, DENSITY_DENIALS), 9);
	density_add(&density, DENSITY_DENIALS, INT64_MAX, UINT64_MAX);
	density_add(&density, DENSITY_DENIALS, INT64_MAX, 1);
	for (size_t i = 0; i < DENSITY_SPANS / 2; i++)
		sum += density.counts[DENSITY_DENIALS][i];
	assert_int_equal(sum, 2001);
	assert_true(density_max(&density, DENSITY_DENIALS) == UINT64_MAX);
	assert_int_equal(density_max(&density, DENSITY_CHANGES), 0);
}

/* ---- records ---- */

struct log {
	struct audit_report *report;
	uint64_t seq, time; /* of the next record */
};

static void begin(struct log *log, uint64_t since, uint64_t until, size_t rows)
{
	struct audit_report_options options = { .since = since, .until = until, .rows = rows };

	*log = (struct log){ .seq = 1, .time = 1000 * S };
	assert_int_equal(audit_report_new(&options, &log->report), 0);
}

/* One record a second. */
static uint64_t add(struct log *log, const char *kind, const char *verdict, const char *format, ...)
{
	char rest[1024], bytes[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(rest, sizeof(rest), format, arguments);
	va_end(arguments);
	snprintf(bytes, sizeof(bytes),
		 "{\"v\":1,\"seq\":%" PRIu64 ",\"kind\":\"%s\",\"time_ns\":%" PRIu64
		 ",\"boot\":\"b\",\"verdict\":\"%s\"%s}",
		 log->seq, kind, log->time, verdict, rest);
	log->time += S;
	assert_int_equal(audit_report_add(log->report, log->seq, bytes, strlen(bytes)), 0);
	return log->seq++;
}

#define WHO(user) ",\"requester\":{\"uid\":1001,\"user\":\"" user "\",\"comm\":\"<b>\",\"cgroup\":\"/\"}"

static void attach(struct log *log, const char *id, bool ok)
{
	uint64_t decision = add(log, "decision", "allow",
				WHO("alice") ",\"action\":\"attach\",\"probe\":\"tcp.state\",\"serial\":3,"
					     "\"rule\":\"users\",\"attachment\":\"%s\"",
				id);

	add(log, "outcome", ok ? "ok" : "failed",
	    WHO("alice") ",\"decision\":%" PRIu64 ",\"action\":\"attach\"%s", decision,
	    ok ? "" : ",\"refusal\":{\"name\":\"LoadFailed\",\"reason\":\"the kernel <refused>\"}");
}

static char *page_of(struct log *log)
{
	static const struct audit_report_about about = { .origin = "bpfwarden/h/0", .host = "h" };
	char *page = NULL;
	size_t size;
	FILE *out = open_memstream(&page, &size);

	assert_int_equal(audit_report_write(log->report, &about, out), 0);
	fclose(out);
	log->report = audit_report_free(log->report);
	return page;
}

static void expect_count(const char *page, const char *id, uint64_t n)
{
	char text[128];

	snprintf(text, sizeof(text), "<dd id=\"n-%s\">%" PRIu64 "</dd>", id, n);
	if (!strstr(page, text))
		fail_msg("%s is not %" PRIu64 ": %.60s", id, n,
			 strstr(page, id) ? strstr(page, id) : "absent");
}

static void expect(const char *page, const char *text)
{
	if (!strstr(page, text))
		fail_msg("\"%s\" is not in the page", text);
}

static void test_sums(void **state)
{
	_cleanup_free_ char *page = NULL;
	struct log log;
	uint64_t seq;

	(void)state;
	begin(&log, 0, 0, 0);
	add(&log, "start", "ok", ",\"action\":\"start\",\"detail\":\"bpfwarden 1\"");
	attach(&log, "a1", true);
	attach(&log, "a2", false);
	attach(&log, "a3", true);
	seq = add(&log, "decision", "allow", WHO("alice") ",\"action\":\"detach\",\"attachment\":\"a1\"");
	add(&log, "outcome", "ok",
	    ",\"decision\":%" PRIu64
	    ",\"action\":\"detach\",\"attachment\":\"a1\",\"detail\":\"detached by alice\"",
	    seq);
	add(&log, "end", "ok",
	    ",\"decision\":6,\"action\":\"detach\",\"attachment\":\"a3\",\"detail\":\"its time was over\"");
	seq = add(&log, "decision", "deny",
		  WHO("bob") ",\"action\":\"attach\",\"probe\":\"x\",\"rule\":\"default\"");
	add(&log, "denials", "deny",
	    ",\"decision\":%" PRIu64 ",\"count\":41" WHO("bob") ",\"rule\":\"default\"", seq);
	add(&log, "decision", "deny",
	    WHO("bob") ",\"action\":\"enroll\",\"rule\":\"default\",\"detail\":\"dry run\"");
	seq = add(&log, "decision", "allow",
		  WHO("root") ",\"action\":\"revoke\",\"probe\":\"tcp.state\",\"serial\":3,\"detail\":\"<"
			      "lost>\"");
	add(&log, "outcome", "ok",
	    WHO("root") ",\"decision\":%" PRIu64 ",\"action\":\"revoke\",\"detail\":\"<lost>\"", seq);
	add(&log, "change", "ok", ",\"action\":\"trust\",\"detail\":\"as before\"");
	add(&log, "read", "ok", WHO("ines") ",\"action\":\"audit-read\",\"detail\":\"Query\"");
	add(&log, "crash", "ok", ",\"action\":\"gate\",\"detail\":\"gone\"");
	page = page_of(&log);
	expect_count(page, "attachments", 2);
	expect_count(page, "failed", 1);
	expect_count(page, "users", 1);
	expect_count(page, "probes", 1);
	expect_count(page, "denials", 42);
	expect_count(page, "changes", 2);
	expect_count(page, "readings", 1);
	expect_count(page, "crashes", 1);
	expect_count(page, "records", 18);
	expect(page, "detached by alice");
	expect(page, "its time was over");
	expect(page, "the kernel &lt;refused&gt;");
	expect(page, "&lt;lost&gt;");
	expect(page, "<bdi>&lt;b&gt;</bdi>");
	/* a1 lasted from record 3 to record 9. */
	expect(page, "<td class=\"n\">6.0 s</td><td><bdi>detached by alice</bdi></td>");
	expect(page, "Nothing was checked.");
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "<lost>"));
}

static void test_period(void **state)
{
	_cleanup_free_ char *page = NULL;
	struct log log;

	(void)state;
	/* Attachments at 1001, 1003 and 1006 s; of the period is what happens from 1005 to 1007 s. */
	begin(&log, 1005 * S, 1007 * S, 0);
	attach(&log, "a1", true);
	attach(&log, "a2", true);
	add(&log, "end", "ok",
	    ",\"action\":\"detach\",\"attachment\":\"a1\",\"detail\":\"before the period\"");
	attach(&log, "a3", true);
	add(&log, "end", "ok", ",\"action\":\"detach\",\"attachment\":\"a2\",\"detail\":\"in the period\"");
	attach(&log, "a4", true);
	add(&log, "end", "ok",
	    ",\"action\":\"detach\",\"attachment\":\"a3\",\"detail\":\"behind the period\"");
	add(&log, "crash", "ok", ",\"action\":\"gate\",\"detail\":\"gone\"");
	page = page_of(&log);
	expect_count(page, "attachments", 1);
	expect_count(page, "before", 1);
	expect_count(page, "crashes", 0);
	expect_count(page, "records", 3);
	expect(page, "in the period");
	expect(page, "behind the period");
	assert_null(strstr(page, "before the period"));
}

static void test_limits(void **state)
{
	_cleanup_free_ char *page = NULL;
	struct log log;

	(void)state;
	begin(&log, 0, 0, 3);
	for (unsigned i = 0; i < 5; i++) {
		attach(&log, "a", true);
		add(&log, "end", "ok", ",\"action\":\"detach\",\"attachment\":\"a\",\"detail\":\"end %u\"",
		    i);
	}
	for (unsigned i = 0; i < 5; i++)
		add(&log, "change", "ok", ",\"action\":\"trust\",\"detail\":\"change %u\"", i);
	page = page_of(&log);
	expect_count(page, "attachments", 5);
	expect_count(page, "changes", 5);
	expect(page, "This table shows 3 attachments; <b>2 more are not shown</b>");
	expect(page, "This table shows 3 changes; <b>2 more are not shown</b>");
	expect(page, "end 2");
	assert_null(strstr(page, "end 3"));
}

static void test_continuity(void **state)
{
	_cleanup_free_ char *page = NULL;
	struct log log;

	(void)state;
	begin(&log, 0, 0, 0);
	add(&log, "start", "ok", ",\"action\":\"start\",\"detail\":\"one\"");
	add(&log, "decision", "allow",
	    WHO("alice") ",\"action\":\"attach\",\"probe\":\"p\",\"attachment\":\"a1\"");
	add(&log, "start", "ok", ",\"action\":\"start\",\"detail\":\"two\"");
	add(&log, "stop", "ok", ",\"action\":\"stop\"");
	log.time += 99 * S;
	add(&log, "start", "ok", ",\"action\":\"start\",\"detail\":\"three\"");
	log.seq += 3;
	log.time -= 50 * S;
	add(&log, "change", "ok", ",\"action\":\"clock\"");
	assert_int_equal(audit_report_add(log.report, log.seq, "{\"seq\"", 6), 0);
	page = page_of(&log);
	expect(page, "the run before has no stop record: nothing was recorded for up to 1.0 s");
	expect(page, "three; nothing ran for 1 min 40 s");
	expect(page, "3 records are missing: 6 to 8");
	expect(page, "the clock went back by 49 s");
	expect(page, "record 10 is not one of this format");
	expect(page, "no outcome");
	expect(page, "Do not rely on this report");
}

/* ---- what is verified is what is reported ---- */

static int three_rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		      struct refusal *refusal)
{
	(void)source;
	(void)refusal;
	for (uint64_t seq = from ? from : 1; seq <= 3; seq++) {
		char bytes[128];
		int n = snprintf(bytes, sizeof(bytes),
				 "{\"v\":1,\"seq\":%" PRIu64 ",\"kind\":\"read\",\"time_ns\":%" PRIu64
				 ",\"verdict\":\"ok\"}",
				 seq, seq * S);
		struct audit_source_row row = { .seq = seq, .bytes = bytes, .size = (size_t)n };
		int r = fn(&row, userdata);

		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

static int count_row(const struct audit_source_row *row, void *userdata)
{
	uint64_t *last = userdata;

	assert_int_equal(row->seq, *last + 1);
	return ++*last == 3 ? 1 : 0;
}

static void test_tee(void **state)
{
	static const struct audit_source_calls calls = { .rows = three_rows };
	struct audit_source inner = { .calls = &calls };
	_cleanup_free_ char *page = NULL;
	struct audit_tee tee;
	uint64_t last = 0;
	struct log log;

	(void)state;
	begin(&log, 0, 0, 0);
	audit_tee_init(&tee, &inner, log.report);
	assert_null(tee.source.calls->segments);
	assert_null(tee.source.calls->prove);
	assert_int_equal(tee.source.calls->rows(&tee.source, 0, count_row, &last, NULL), 0);
	assert_int_equal(last, 3);
	page = page_of(&log);
	expect_count(page, "readings", 3);
	expect_count(page, "records", 3);
}

static void test_too_many(void **state)
{
	_cleanup_free_ char *page = NULL, *few = NULL;
	struct log log;

	(void)state;
	begin(&log, 0, 0, 3);
	for (unsigned i = 0; i < 3; i++)
		attach(&log, "a", true);
	few = page_of(&log);
	assert_null(strstr(few, "Too much happened"));
	begin(&log, 0, 0, 3);
	for (unsigned i = 0; i < 4; i++)
		attach(&log, "a", true);
	page = page_of(&log);
	expect(page, "Too much happened for single marks: each column counts 1.0 s.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escaping),   cmocka_unit_test(test_units),
		cmocka_unit_test(test_tally),      cmocka_unit_test(test_sums),
		cmocka_unit_test(test_period),     cmocka_unit_test(test_limits),
		cmocka_unit_test(test_continuity), cmocka_unit_test(test_density),
		cmocka_unit_test(test_tee),        cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
