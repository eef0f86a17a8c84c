/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a policy says beyond yes and no: explanations, parameters, the most that is allowed, targets, times.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Collects explanations as one line each. */
static int print_explanation(void *userdata, const struct policy_explanation *explanation)
{
	char *p = userdata;

	p += strlen(p);
	p += sprintf(p, "%s %s %s:%u ", explanation->kind, explanation->name, explanation->file,
		     explanation->line);
	if (explanation->matched)
		sprintf(p, "matched\n");
	else
		sprintf(p, "%s:%u %s%s\n", explanation->key, explanation->key_line,
			explanation->value ? explanation->value : "by default",
			explanation->about_caller ? " of the caller" : "");
	return 0;
}

static int stop(void *userdata, const struct policy_explanation *explanation)
{
	(void)explanation;
	return ++*(int *)userdata == 2 ? 7 : 0;
}

static void assert_explained(const char *text, const struct policy_request *request, const char *expected)
{
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(text);
	char explained[1024] = "";

	assert_int_equal(policy_explain(policy, request, print_explanation, explained), 0);
	assert_string_equal(explained, expected);
}

static void test_explain(void **state)
{
	static const char text[] =
		"[limit l]\nmax-memory = 1M\n[deny d]\nprobe = dns.*\nuser = alice\n"
		"[allow b]\nuser = alice\n[allow c]\nprobe = *\ntarget = self\ndata = events\n"
		"[allow e]\ngroup = audit  ops\n[deny f]\naction = attach\nuid = 5-6\n";
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(text);
	struct policy_request request = ASK(USER(1001), EVENTS);
	int n = 0;

	(void)state;
	assert_explained(text, &request,
			 "allow b f:6 data:0 by default\nallow c f:8 target:10 self\n"
			 "allow e f:12 data:0 by default\ndeny d f:3 probe:4 dns.*\n"
			 "deny f f:14 uid:16 5-6 of the caller\nlimit l f:1 matched\n");
	assert_int_equal(policy_explain(policy, &request, stop, &n), 7);
	assert_int_equal(n, 2);
	request = (struct policy_request)ASK();
	assert_explained("[allow e]\ngroup = audit  ops\n", &request,
			 "allow e f:1 group:2 audit  ops of the caller\n");
	/* Nobody is told anything about what is no question. */
	request.data = 0;
	assert_explained(text, &request, "");
	/* Sections see parameters as they will be. */
	request = (struct policy_request)ASK();
	assert_explained("[allow a]\nparameter = names:known\n[limit b]\nset = names:none\n", &request,
			 "allow a f:1 parameter:2 names:known\nlimit b f:3 matched\n");
}

/* What becomes of the parameters: allowed, "names threshold" in force; denied, for which parameter. */
#define GIVEN(names, threshold, bits) .parameters = (const uint64_t[]){ names, threshold }, .given = (bits)
static const struct {
	const char *policy;
	struct policy_request request;
	bool allowed;
	const char *rule;
	uint32_t parameter;
	uint64_t names, threshold;
} parameters[] = {
#define NONE POLICY_NO_PARAMETER
	{ "[allow a]\nuser = alice\n", ASK(), true, "a", NONE, 1, 100 },
	{ "[allow a]\nuser = alice\n", ASK(GIVEN(2, 7, 3)), true, "a", NONE, 2, 7 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:none\n", ASK(), true, "a", NONE, 0, 100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:all threshold:500-600\n", ASK(), true, "a", NONE,
	  2, 500 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:5-60\n", ASK(), true, "a", NONE, 1, 60 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:5-600\n", ASK(), true, "a", NONE, 1, 100 },
	/* What somebody asked for is not changed behind his back. */
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:none\n", ASK(GIVEN(1, 100, 1)), false, "b", 0, 1,
	  100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:none\n", ASK(GIVEN(1, 100, 2)), true, "a", NONE, 0,
	  100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:0-9\n", ASK(GIVEN(1, 10, 2)), false, "b", 1, 1,
	  10 },
	/* Several limits leave what all of them leave. */
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:0-80\n[limit c]\nset = threshold:50-1000\n",
	  ASK(), true, "a", NONE, 1, 80 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:0-40\n[limit c]\nset = threshold:50-1000\n",
	  ASK(), false, "c", 1, 1, 100 },
	{ "[allow a]\nuser = alice\n[limit c]\nset = names:none\n[limit b]\nset = names:all\n", ASK(), false,
	  "c", 0, 1, 100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:none\nuser = bob\n", ASK(), true, "a", NONE, 1,
	  100 },
	/* What the parameter does not have at all. */
	{ "[allow a]\nuser = alice\n[limit b]\nset = names:nobody\n", ASK(), false, "b", 0, 1, 100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = threshold:2000-3000\n", ASK(), false, "b", 1, 1, 100 },
	{ "[allow a]\nuser = alice\n[limit b]\nset = filter:x\n", ASK(), true, "a", NONE, 1, 100 },
	/* Unless allowed all the way, a value is not moved. */
	{ "[allow a]\nparameter = names:none\n[limit b]\nset = names:none\n", ASK(), false, "default", NONE,
	  0, 0 },
	{ "[allow a]\nparameter = names:none names:known\n[limit b]\nset = names:none\n", ASK(), true, "a",
	  NONE, 0, 100 },
	{ "[allow a]\nuser = alice\n[deny b]\nparameter = threshold:70-80\n[limit c]\nset = threshold:0-90\n",
	  ASK(), true, "a", NONE, 1, 90 },
	{ "[allow a]\nuser = alice\n[deny b]\nparameter = threshold:70-80\n[limit c]\nset = threshold:0-60\n",
	  ASK(), false, "b", NONE, 0, 0 },
	{ "[allow a]\nparameter = threshold:0-70 threshold:71-500\n[limit c]\nset = threshold:0-60\n", ASK(),
	  true, "a", NONE, 1, 60 },
	{ "[allow a]\nparameter = threshold:0-70 threshold:72-500\n[limit c]\nset = threshold:0-60\n", ASK(),
	  false, "default", NONE, 0, 0 },
	/* An enrolment has no parameters. */
	{ "[allow a]\naction = enroll\n[limit b]\nset = names:nobody\n", ASK(.action = POLICY_ENROLL), true,
	  "a", NONE, 0, 0 },
};

static void test_parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parameters); i++) {
		_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(parameters[i].policy);
		struct policy_decision d;

		policy_decide(policy, &parameters[i].request, &d);
		if (d.allowed != parameters[i].allowed || strcmp(d.rule, parameters[i].rule) != 0 ||
		    d.parameter != parameters[i].parameter || d.parameters[0] != parameters[i].names ||
		    d.parameters[1] != parameters[i].threshold)
			fail_msg("row %zu: %s by '%s' for %u, names %lu, threshold %lu", i,
				 d.allowed ? "allowed" : "denied", d.rule, d.parameter,
				 (unsigned long)d.parameters[0], (unsigned long)d.parameters[1]);
	}
}

static void test_bounds(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(
		"[allow a]\nuser = alice\n[limit b]\nset = threshold:0-80\nmax-memory = 1M\n"
		"[limit c]\nset = threshold:50-1000\n[limit d]\nset = threshold:0-1000\n");
	struct policy_request request = ASK(GIVEN(1, 90, 2));
	struct policy_decision decision;

	(void)state;
	policy_decide(policy, &request, &decision);
	assert_false(decision.allowed);
	assert_int_equal(decision.parameter, 1);
	assert_int_equal(decision.limits.bounds[1].min, 50);
	assert_int_equal(decision.limits.bounds[1].max, 80);
	assert_string_equal(decision.limits.bounds[1].section, "c");
	assert_int_equal(decision.limits.value[POLICY_MAX_MEMORY], 1 << 20);
	assert_true(decision.limits.bounds[0].max == UINT64_MAX);
	assert_string_equal(decision.limits.bounds[0].section, "");
}

/* What is asked, and what it becomes. */
static const struct {
	const char *policy;
	struct policy_request request;
	bool allowed;
	uint32_t data, privacy;
	bool kernel_verified;
} mosts[] = {
#define AGGREGATES POLICY_DATA_AGGREGATES
#define ALL        (POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS)
#define MOST(...)  ASK(.data = 0, .privacy = POLICY_PRIVACY_MOST, ##__VA_ARGS__)
	{ "[allow a]\ndata = aggregates events\nprivacy = pii\n", MOST(), true, ALL, SPEC_PRIVACY_PII,
	  false },
	{ "[allow a]\ndata = aggregates events\n", MOST(), true, ALL, SPEC_PRIVACY_BOUND, false },
	{ "[allow a]\ndata = aggregates\nprivacy = pii\n", MOST(), true, AGGREGATES, SPEC_PRIVACY_BOUND,
	  false },
	{ "[allow a]\ndata = events\nprivacy = safe\n", MOST(), true, POLICY_DATA_EVENTS, SPEC_PRIVACY_SAFE,
	  false },
	/* Data goes first. */
	{ "[allow a]\ndata = events\nprivacy = pii\n[allow b]\ndata = events aggregates\n", MOST(), true, ALL,
	  SPEC_PRIVACY_BOUND, false },
	{ "[allow a]\ndata = aggregates\n[allow b]\ndata = events\nprivacy = pii\n", MOST(), true, AGGREGATES,
	  SPEC_PRIVACY_BOUND, false },
	/* Labels are always shown. */
	{ "[allow a]\ndata = aggregates\nprivacy = safe\n", MOST(), false, ALL, SPEC_PRIVACY_PII, false },
	{ "[allow a]\ndata = aggregates\n", ASK(), true, AGGREGATES, SPEC_PRIVACY_BOUND, false },
	{ "[allow a]\ndata = aggregates\nprivacy = safe\n", ASK(), false, AGGREGATES, SPEC_PRIVACY_BOUND,
	  false },
	/* Never more than was asked. */
	{ "[allow a]\ndata = aggregates events\nprivacy = pii\n", ASK(EVENTS), true, POLICY_DATA_EVENTS,
	  SPEC_PRIVACY_SAFE, false },
	{ "[allow a]\ndata = events\nprivacy = pii\n", ASK(BOTH), false, ALL, SPEC_PRIVACY_BOUND, false },
	/* Then with the kernel's own verification. */
	{ "[allow a]\nkernel-verified = yes\n", MOST(), true, AGGREGATES, SPEC_PRIVACY_BOUND, true },
	{ "[allow a]\nuser = alice\n[deny b]\nkernel-verified = no\n", MOST(), true, AGGREGATES,
	  SPEC_PRIVACY_BOUND, true },
	{ "[allow a]\nuser = alice\n[deny b]\nkernel-verified = yes\n", MOST(.kernel_verified = true), false,
	  ALL, SPEC_PRIVACY_PII, true },
	/* Of denials, that one for which less could not make up. */
	{ "[allow a]\ndata = aggregates events\n[limit b]\nset = names:none\n", MOST(GIVEN(1, 100, 1)), false,
	  ALL, SPEC_PRIVACY_BOUND, false },
	/* What is none of these questions. */
	{ "[allow a]\nuser = alice\n", ASK(.data = 0, .privacy = 3), false, 0, 3, false },
	{ "[allow a]\nuser = alice\n", ASK(.data = 4), false, 4, SPEC_PRIVACY_SAFE, false },
	{ "[allow a]\naction = revoke\n", MOST(.action = POLICY_REVOKE), true, 0, POLICY_PRIVACY_MOST,
	  false },
	{ "[allow a]\nuser = alice\n", MOST(.spec = NULL), false, ALL, SPEC_PRIVACY_PII, false },
};

static void test_most(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mosts); i++) {
		_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(mosts[i].policy);
		struct policy_request q = mosts[i].request;
		struct policy_decision most, same;

		policy_decide_most(policy, &q, &most);
		if (most.allowed != mosts[i].allowed || q.data != mosts[i].data ||
		    q.privacy != mosts[i].privacy || q.kernel_verified != mosts[i].kernel_verified)
			fail_msg("row %zu: %s, data %u, privacy %u, verified %d by '%s'", i,
				 most.allowed ? "allowed" : "denied", q.data, q.privacy, q.kernel_verified,
				 most.rule);
		/* The decision is the one about what the request became. */
		assert_null(q.facts);
		policy_decide(policy, &q, &same);
		assert_memory_equal(&same, &most, sizeof(same));
	}
}

static void test_events_without_fields(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy =
		policy_fixture_load("[allow a]\ndata = events\nprivacy = bound\n");
	static struct spec spec;
	struct policy_request request = MOST(.spec = &spec, EVENTS);
	struct policy_decision decision;

	(void)state;
	spec = policy_fixture_probe;
	spec.n_fields = 0;
	policy_decide_most(policy, &request, &decision);
	assert_false(decision.allowed);
	assert_int_equal(request.privacy, SPEC_PRIVACY_PII);
}

static void test_data_of(void **state)
{
	static struct spec spec;

	(void)state;
	spec = policy_fixture_probe;
	assert_int_equal(policy_data_of(&spec, 0), ALL);
	assert_int_equal(policy_data_of(&spec, 1), POLICY_DATA_EVENTS);
	spec.event_size = 0;
	assert_int_equal(policy_data_of(&spec, 0), POLICY_DATA_AGGREGATES);
	assert_int_equal(policy_data_of(&spec, 1), 0);
	spec.variants[0].maps[0].kind = SPEC_MAP_EVENTS;
	assert_int_equal(policy_data_of(&spec, 0), POLICY_DATA_EVENTS);
	spec.variants[0].maps[0].kind = SPEC_MAP_STATE;
	assert_int_equal(policy_data_of(&spec, 0), 0);
}

static int print_target(void *userdata, uint32_t kind, const char *target, uint32_t data)
{
	char *p = userdata;

	assert_int_equal(strncmp(target, target_kind_name(kind), strlen(target_kind_name(kind))), 0);
	sprintf(p + strlen(p), "%s %u\n", target, data);
	return strstr(target, "stop") ? 5 : 0;
}

static void assert_targets(const char *text, const struct policy_request *request, const char *expected)
{
	_cleanup_(policy_free_p) struct policy *policy = policy_fixture_load(text);
	char targets[512] = "";

	policy_targets(policy, request, print_target, targets);
	assert_string_equal(targets, expected);
}

static void test_targets(void **state)
{
	_cleanup_(policy_free_p) struct policy *policy =
		policy_fixture_load("[allow a]\ntarget = unit:stop.service self\n");
	static struct spec users;
	struct policy_request request = ASK(HOST, .data = 0, .privacy = 77);
	char text[64] = "";

	(void)state;
	assert_targets("", &request, "");
	assert_targets("[allow a]\nuser = alice\n", &request, "self 1\n");
	assert_targets("[allow a]\ntarget = self unit:shop*.service user:bob cgroup:/a/* cgroup:*b host\n"
		       "data = aggregates events\n",
		       &request,
		       "self 3\nunit:shop*.service 3\nuser:1001 3\ncgroup:/a/* 3\ncgroup:*b 3\nhost 3\n");
	/* Each once, and only those of sections for this caller. */
	assert_targets("[allow a]\ntarget = self self\n[allow b]\ntarget = self unit:b.service\nuser = bob\n"
		       "[allow c]\nuser = alice\ntarget = unit:b.service unit:c.service self\n"
		       "[allow d]\nuser = alice\ntarget = unit:c.service\ndata = events\n",
		       &request, "self 1\nunit:b.service 1\nunit:c.service 1\n");
	/* What a deny takes back is not told, nor what this probe cannot filter by. */
	assert_targets("[allow a]\ntarget = self unit:shop*.service host\n[deny b]\ntarget = unit:*\n",
		       &request, "self 1\nhost 1\n");
	assert_targets("[allow a]\ntarget = self host cgroup:/a/\n[deny b]\nuser = alice\n", &request, "");
	users = policy_fixture_probe;
	users.targets = 1U << TARGET_SELF | 1U << TARGET_USER;
	request.spec = &users;
	assert_targets("[allow a]\ntarget = self unit:shop*.service user:bob host\n", &request,
		       "self 1\nuser:1001 1\nuser:* 1\n");
	assert_targets("[allow a]\ntarget = self unit:shop*.service user:bob\n", &request,
		       "self 1\nuser:1001 1\n");
	/* Who may see everything may see what there is of it, unless something takes it back. */
	assert_targets("[allow a]\ntarget = host\n", &request, "self 1\nuser:* 1\n");
	assert_targets("[allow a]\ntarget = host\n[allow b]\ntarget = self\n", &request,
		       "self 1\nuser:* 1\n");
	assert_targets("[allow a]\ntarget = host\n[deny b]\ntarget = self\n", &request, "user:* 1\n");
	/* Events are all of it, though the other data would not be. */
	assert_targets("[allow a]\ndata = events\n", &request, "self 2\n");
	request.spec = &policy_fixture_probe;
	assert_int_equal(policy_targets(policy, &request, print_target, text), 5);
	assert_string_equal(text, "unit:stop.service 1\n");
}

#define AT(day, hour, minute) (((day)*24 + (hour)) * 60 + (minute))
static const struct {
	const char *time;
	uint32_t minute;
	bool holds;
	uint32_t next;
} times[] = {
	{ "mon-fri/08:00-18:00", AT(0, 8, 0), true, 600 },
	{ "mon-fri/08:00-18:00", AT(0, 7, 59), false, 1 },
	{ "mon-fri/08:00-18:00", AT(0, 17, 59), true, 1 },
	{ "mon-fri/08:00-18:00", AT(0, 18, 0), false, 14 * 60 },
	{ "mon-fri/08:00-18:00", AT(4, 18, 0), false, 62 * 60 },
	{ "mon-fri/08:00-18:00", AT(5, 9, 0), false, 47 * 60 },
	{ "sun", AT(6, 0, 0), true, 24 * 60 },
	{ "sun", AT(0, 0, 0), false, 6 * 24 * 60 },
	{ "sat-mon", AT(5, 0, 0), true, 3 * 24 * 60 },
	{ "sat-mon", AT(0, 23, 59), true, 1 },
	{ "sat-mon", AT(1, 0, 0), false, 4 * 24 * 60 },
	{ "22:00-06:00", AT(6, 23, 0), true, 7 * 60 },
	{ "22:00-06:00", AT(0, 5, 59), true, 1 },
	{ "22:00-06:00", AT(0, 6, 0), false, 16 * 60 },
	{ "sun/22:00-06:00", AT(0, 5, 0), true, 60 },
	{ "sun/22:00-06:00", AT(6, 5, 0), false, 17 * 60 },
	{ "mon/22:00-06:00", AT(0, 5, 0), false, 17 * 60 },
	{ "fri/22:00-00:00", AT(4, 23, 59), true, 1 },
	{ "fri/22:00-00:00", AT(5, 0, 0), false, AT(6, 22, 0) },
	{ "fri/22:00-24:00", AT(4, 23, 59), true, 1 },
	{ "00:00-24:00", AT(3, 3, 3), true, UINT32_MAX },
	{ "mon-sun", AT(3, 3, 3), true, UINT32_MAX },
	{ "tue/10:00-11:00 tue/11:00-12:00", AT(1, 10, 30), true, 90 },
};

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		char text[128];
		_cleanup_(policy_free_p) struct policy *policy = NULL;
		struct policy_request request = ASK(.minute = times[i].minute);
		struct policy_decision decision;

		snprintf(text, sizeof(text), "[allow a]\ntime = %s\n", times[i].time);
		policy = policy_fixture_load(text);
		policy_decide(policy, &request, &decision);
		if (decision.allowed != times[i].holds)
			fail_msg("%s at %u", times[i].time, times[i].minute);
		if (policy_next_change(policy, times[i].minute) != times[i].next)
			fail_msg("%s changes %u minutes after %u", times[i].time,
				 policy_next_change(policy, times[i].minute), times[i].minute);
	}
}

static void test_next_change(void **state)
{
	_cleanup_(policy_free_p) struct policy *none = policy_fixture_load("[allow a]\nuser = alice\n");
	_cleanup_(policy_free_p) struct policy *some = policy_fixture_load(
		"[allow a]\nuser = alice\n[deny b]\ntime = sun\n[limit c]\ntime = mon\nmax-memory = 1\n");

	(void)state;
	assert_int_equal(policy_next_change(none, 0), UINT32_MAX);
	assert_int_equal(policy_next_change(some, 0), 24 * 60);
	assert_int_equal(policy_next_change(some, AT(1, 0, 0)), 5 * 24 * 60);
	assert_int_equal(policy_next_change(some, AT(6, 0, 0)), 24 * 60);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_events_without_fields),
		cmocka_unit_test(test_data_of),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_next_change),
	};

	return cmocka_run_group_tests_name("policy-answers", tests, NULL, NULL);
}
