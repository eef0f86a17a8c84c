/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy goes by: loads in the last minute, the minute of the week, where a client runs, what is asked
 * before anything is known of a bundle, whom a section concerns, what is known of users. */
#include <errno.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loaderd/warden/warden.h"

static void test_window(void **state)
{
	struct load_rates rates = { 0 };

	(void)state;
	assert_int_equal(load_rates_count(&rates, 1000, 5), 0);
	load_rates_note(&rates, 1000, 5);
	load_rates_note(&rates, 1000, 5);
	load_rates_note(&rates, 1000, 40);
	load_rates_note(&rates, 1001, 41);
	assert_int_equal(load_rates_count(&rates, 1000, 41), 3);
	assert_int_equal(load_rates_count(&rates, 1001, 41), 1);
	assert_int_equal(load_rates_count(&rates, 1002, 41), 0);
	/* The whole second counts in which a minute ago lies. */
	assert_int_equal(load_rates_count(&rates, 1000, 65), 3);
	assert_int_equal(load_rates_count(&rates, 1000, 66), 1);
	assert_int_equal(load_rates_count(&rates, 1000, 100), 1);
	assert_int_equal(load_rates_count(&rates, 1000, 101), 0);
	assert_int_equal(load_rates_count(&rates, 1001, 101), 1);
	load_rates_note(&rates, 1000, 1000000);
	assert_int_equal(load_rates_count(&rates, 1000, 1000000), 1);
	assert_int_equal(load_rates_count(&rates, 1001, 1000000), 0);
	load_rates_done(&rates);
}

/* Whatever steps the time takes, the count is that of a list of all loads. */
static void test_against_list(void **state)
{
	static uint64_t seconds[4096];
	struct load_rates rates = { 0 };
	uint32_t random = 1;
	uint64_t now = 100;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 4096; i++) {
		uint64_t wanted = 0;

		random = random * 1664525 + 1013904223;
		now += random >> 24 < 200 ? 0 : random >> 26;
		if (random & 0x8000) {
			load_rates_note(&rates, 7, now);
			seconds[n++] = now;
		}
		for (size_t j = 0; j < n; j++)
			wanted += seconds[j] + 60 >= now;
		assert_int_equal(load_rates_count(&rates, 7, now), wanted);
	}
	load_rates_done(&rates);
}

/* Who has no row of their own is counted with the others who have none, and so never as too few. */
static void test_full(void **state)
{
	struct load_rates rates = { 0 };

	(void)state;
	for (uid_t uid = 1; uid <= LOAD_RATES_MAX + 2; uid++)
		load_rates_note(&rates, uid, 10);
	assert_int_equal(rates.n, LOAD_RATES_MAX);
	assert_int_equal(load_rates_count(&rates, 1, 10), 1);
	assert_int_equal(load_rates_count(&rates, LOAD_RATES_MAX + 1, 10), 2);
	assert_int_equal(load_rates_count(&rates, 5000, 10), 2);
	/* Rows are free again, but nobody moves from one count to the other while there is any. */
	load_rates_note(&rates, LOAD_RATES_MAX + 1, 69);
	load_rates_note(&rates, 5000, 71);
	assert_int_equal(load_rates_count(&rates, 5000, 71), 2);
	load_rates_note(&rates, 5000, 200);
	assert_int_equal(rates.n, 0);
	assert_int_equal(load_rates_count(&rates, 5000, 200), 1);
	assert_int_equal(load_rates_count(&rates, 5001, 200), 0);
	load_rates_done(&rates);
	assert_null(rates.list);
}

static void test_minute_of_week(void **state)
{
	static const struct {
		uint64_t seconds;
		uint32_t minute;
	} rows[] = {
		{ 0, 3 * 1440 },             /* 1970-01-01, a Thursday */
		{ 345599, POLICY_WEEK - 1 }, /* Sunday, 23:59:59 */
		{ 345600, 0 },               /* Monday, 00:00:00 */
		{ 345659, 0 },
		{ 345660, 1 },
		{ 951782399, 0 * 1440 + 23 * 60 + 59 },  /* 2000-02-28, a Monday, 23:59:59 */
		{ 1709210096, 3 * 1440 + 12 * 60 + 34 }, /* 2024-02-29, a Thursday, 12:34:56 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(minute_of_week(rows[i].seconds * 1000000000), rows[i].minute);
}

static void test_cgroup(void **state)
{
	static const struct {
		const char *text, *path;
		bool known;
	} rows[] = {
		{ "0::/system.slice/shop.service\n", "/system.slice/shop.service", true },
		{ "1:name=systemd:/x\n0::/\n", "/", true },
		{ "12:pids:/a\n0::/b/c\n", "/b/c", true },
		{ "0::/a..b/..c\n", "/a..b/..c", true },
		{ "0::/../shop.service\n", "/../shop.service", false }, /* above our namespace's root */
		{ "0::/..\n", "/..", false },
		{ "0::/a/../b\n", "/a/../b", false },
		{ "0::/cut", "/cut", false }, /* there was more */
		{ "0::/\xff\n", "/\xff", false },
		{ "0::/a\033b\n", "/a\033b", false },
		{ "0::\n", "", false },
		{ "0::a\n", "a", false },
		{ "4:cpu:/a\n", "", false },
		{ "", "", false },
	};
	char text[TARGET_NAME_MAX + 8], path[TARGET_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(facts_cgroup(rows[i].text, path), rows[i].known);
		assert_string_equal(path, rows[i].path);
	}
	/* As long as can be, and one more. */
	for (int longer = 0; longer < 2; longer++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "0::/", 4);
		strcpy(text + 3 + TARGET_NAME_MAX - 1 + longer, "\n");
		assert_int_equal(facts_cgroup(text, path), !longer);
		assert_int_equal(strlen(path), TARGET_NAME_MAX - 1);
	}
}

static struct policy *policy_of(const char *text)
{
	static const struct policy_resolver no_names;
	struct policy *policy;

	assert_int_equal(policy_new_from_text("test", text, strlen(text), &no_names, NULL, &policy), 0);
	return policy;
}

/* Before anybody looks at it, nothing is known of what shall be enrolled, not even its name. */
static void test_open_enrolment(void **state)
{
	static const struct {
		const char *text;
		bool allowed;
	} rows[] = {
		{ "[allow a]\nuser = 1000\naction = enroll\nprobe = tcp.*\nrole = shop\nmay-modify = yes\n",
		  true },
		{ "[allow a]\nuser = 1000\naction = enroll\nprobe = tcp.*\nchannel = experimental\n", false },
		{ "[allow a]\nuser = 1001\naction = enroll\nprobe = *\n", false },
		{ "[allow a]\nuser = 1000\naction = promote\nprobe = *\n", false },
		{ "[allow a]\nuser = 1000\naction = enroll\nprobe = *\n"
		  "[deny b]\nuser = 1000\naction = enroll\nprobe = tcp.*\n",
		  true },
		{ "[allow a]\nuser = 1000\naction = enroll\nprobe = *\n"
		  "[deny b]\nuser = 1000\naction = enroll\n",
		  false },
	};
	struct policy_request request = { .action = POLICY_ENROLL, .uid = 1000 };
	struct policy_decision decision;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *policy = policy_of(rows[i].text);

		policy_decide(policy, &request, &decision);
		assert_int_equal(decision.allowed, rows[i].allowed);
		/* All other actions have a probe that is known. */
		request.action = POLICY_PROMOTE;
		policy_decide(policy, &request, &decision);
		assert_string_equal(decision.rule, POLICY_RULE_INVALID_REQUEST);
		request.action = POLICY_ENROLL;
		policy_free(policy);
	}
}

static int note_concerning(void *userdata, const struct policy_explanation *e)
{
	if (e->concerns)
		strcat(strcat(userdata, " "), e->name);
	return 0;
}

/* Whatever else a section asks for, and whichever of its conditions is looked at first. */
static void test_concerns(void **state)
{
	struct policy *policy = policy_of("[allow a]\nuser = 1000\nprobe = x\nchannel = experimental\n"
					  "[allow b]\nuser = 1001\nprobe = x\nchannel = experimental\n"
					  "[allow c]\nuser = 1000\nnamespace = container\nprobe = x\n"
					  "[allow d]\nuser = 1000\nprobe = x\nfrom-unit = shop.service\n"
					  "[allow e]\nuid = 900-1100\naction = audit-read\n"
					  "[allow f]\nprobe = *\n"
					  "[deny g]\nuser = 1000\nprobe = x\nfrom-unit = shop.service\n");
	struct policy_request request = { .action = POLICY_ATTACH,
					  .uid = 1000,
					  .namespace = POLICY_NAMESPACE_HOST,
					  .probe = "any",
					  .data = POLICY_DATA_AGGREGATES };
	char text[64] = "";

	(void)state;
	(void)policy_explain(policy, &request, note_concerning, text);
	assert_string_equal(text, " a e f g"); /* where it comes from is not known */
	request.cgroup = "/system.slice/shop.service";
	text[0] = '\0';
	(void)policy_explain(policy, &request, note_concerning, text);
	assert_string_equal(text, " a d e f g");
	policy_free(policy);
}

/* A name service that fails, in place of the system's; -1: it has a user. */
static int service = -1;

int getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size, struct passwd **ret)
{
	snprintf(buffer, size, "somebody");
	*pw = (struct passwd){ .pw_name = buffer, .pw_uid = uid, .pw_gid = 4711 };
	*ret = service < 0 ? pw : NULL;
	return service < 0 ? 0 : service;
}

/* In no group is who does not exist, and not who could not be asked about. */
static void test_groups(void **state)
{
	static const struct {
		int service, result;
	} rows[] = { { 0, 1 },         { ENOENT, 1 },    { ESRCH, 1 }, { ECONNREFUSED, -EIO },
		     { EMFILE, -EIO }, { ENOMEM, -EIO }, { EIO, -EIO } };
	gid_t *gids = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		service = rows[i].service;
		assert_int_equal(names_owner(1000, NULL, 10000, &gids, &n), rows[i].result);
		assert_null(gids);
	}
	service = -1;
	assert_int_equal(names_owner(1000, NULL, 10000, &gids, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(gids[0], 4711);
	free(gids);
	/* A name that is another's, or nobody's. */
	assert_int_equal(names_owner(0, "root", 10000, &gids, &n), 0);
	free(gids);
	gids = NULL;
	assert_int_equal(names_owner(1000, "root", 10000, &gids, &n), 1);
	assert_int_equal(names_owner(1000, "no-such-user", 10000, &gids, &n), 1);
	assert_null(gids);
}

static void test_numbers(void **state)
{
	static const char *const names[] = { "",    "-1",         "+1",          " 1",   "1 ",
					     "0x1", "4294967295", "99999999999", "alice" };
	uid_t uid = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(names_number(names[i], &uid));
	assert_int_equal(uid, 7);
	assert_true(names_number("4294967294", &uid));
	assert_int_equal(uid, 4294967294U);
}

/* Whatever somebody does to the clock, what is known goes on with the one that nobody can set. */
static void test_known_time(void **state)
{
	static const struct {
		uint64_t real, boottime, known;
	} steps[] = {
		{ 1000, 0, 1000 },  { 1010, 10, 1010 }, { 500, 20, 1020 }, /* turned back */
		{ 505, 25, 1025 },  { 1030, 30, 1030 },                    /* and put right */
		{ 9000, 40, 9000 },                                        /* a mistake */
		{ 1050, 50, 9010 }, { 1060, 60, 9020 }, { 9019, 60, 9020 },
		{ 9021, 60, 9021 }, { 9000, 50, 9021 }, /* of another boot: nothing is known of the time
							   between */
	};
	struct known_time known = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		assert_int_equal(known_time_at(&known, steps[i].real, steps[i].boottime), steps[i].known);
}

static void test_jump(void **state)
{
	struct known_time seen = { 1000, 10 };

	(void)state;
	assert_int_equal(known_time_jump(&seen, 1500, 510), 0); /* asleep, too */
	assert_int_equal(known_time_jump(&seen, 1400, 610), -200);
	assert_int_equal(known_time_jump(&seen, 1500, 710), 0);
	assert_int_equal(known_time_jump(&seen, 9000, 720), 7490);
	assert_int_equal(known_time_jump(&seen, 0, 720), -9000);
}

/* Runs of 1000 ns: over a second, a thousand of them are a millisecond, which is a thousand millionths. */
static void test_cost_share(void **state)
{
	static const struct {
		uint64_t own, seen, filtered, runs, timed, window;
		uint32_t sharing;
		uint64_t share;
	} rows[] = {
		{ 1000, 1000, 0, 1000, 10, 1000000000, 1, 1000 },
		{ 1000, 1000, 0, 1000, 10, 500000000, 1, 2000 },
		{ 300, 1000, 700, 1000, 10, 1000000000, 1, 1000 }, /* alone with what matches nobody */
		{ 300, 1000, 400, 1000, 10, 1000000000, 2, 500 },  /* the other has 300 as well */
		{ 0, 1000, 400, 1000, 10, 1000000000, 2, 200 },
		{ 600, 1000, 400, 1000, 10, 1000000000, 2, 800 }, /* together with the one above: all of it */
		{ 0, 0, 0, 1000, 10, 1000000000, 4, 250 },        /* nothing but runs */
		{ 2000, 1000, 0, 1000, 10, 1000000000, 1, 1000 }, /* counted while it was read */
		{ 1000, 1000, 0, 1000, 0, 1000000000, 1, 0 },     /* none was timed */
		{ 1000, 1000, 0, 1000, 10, 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* What was counted before does not matter. */
		struct cost before = {
			.read = 77,
			.own = { .seen = 5 },
			.program = { .seen = 6, .filtered = 1, .runs = 7, .self_runs = 1, .self_ns = 99999 }
		};
		struct cost now = before;

		now.read += rows[i].window;
		now.own.seen += rows[i].own;
		now.program.seen += rows[i].seen;
		now.program.filtered += rows[i].filtered;
		now.program.runs += rows[i].runs;
		now.program.self_runs += rows[i].timed;
		now.program.self_ns += rows[i].timed * 1000;
		assert_int_equal(cost_share(&now, &before, rows[i].sharing), rows[i].share);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window),   cmocka_unit_test(test_against_list),
		cmocka_unit_test(test_full),     cmocka_unit_test(test_minute_of_week),
		cmocka_unit_test(test_cgroup),   cmocka_unit_test(test_open_enrolment),
		cmocka_unit_test(test_concerns), cmocka_unit_test(test_groups),
		cmocka_unit_test(test_numbers),  cmocka_unit_test(test_known_time),
		cmocka_unit_test(test_jump),     cmocka_unit_test(test_cost_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
