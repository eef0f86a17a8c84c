/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods of io.bpfwarden.Policy between a client and the warden, and what policy is about elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "tests/unit/gate-fixture.h"

#define ELEMENTS(array)          (sizeof(array) / sizeof((array)[0]))
#define CALL(method, parameters) "{\"method\":\"" method "\",\"parameters\":{" parameters "}}"
#define CALL_MORE(method, parameters) \
	"{\"method\":\"" method "\",\"parameters\":{" parameters "},\"more\":true}"
#define POLICY "io.bpfwarden.Policy."
#define PROBE  "io.bpfwarden.Probe."

/* What is wrong with the parameters of a call; the warden hears nothing of it. */
static const struct {
	const char *call;
	const char *parameter;
} mistakes[] = {
	{ CALL_MORE(POLICY "Explain", "\"user\":\"\""), "user" },
	{ CALL_MORE(POLICY "Explain", "\"user\":1000"), "user" },
	{ CALL_MORE(POLICY "Explain", "\"user\":\"a\\nb\""), "user" },
	{ CALL_MORE(POLICY "Explain", "\"user\":\"0123456789012345678901234567890123456789012345678901234567"
				      "890123\""),
	  "user" },
	{ CALL_MORE(POLICY "Explain", "\"groups\":[\"shop-dev\"]"), "groups" },
	{ CALL_MORE(POLICY "Explain", "\"groups\":[-1]"), "groups" },
	{ CALL_MORE(POLICY "Explain", "\"groups\":[4294967295]"), "groups" },
	{ CALL_MORE(POLICY "Explain", "\"groups\":[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,"
				      "9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,"
				      "4]"),
	  "groups" },
	{ CALL_MORE(POLICY "Explain", "\"namespace\":\"guest\""), "namespace" },
	{ CALL_MORE(POLICY "Explain", "\"namespace\":\"\""), "namespace" },
	{ CALL_MORE(POLICY "Explain", "\"from_cgroup\":\"\""), "from_cgroup" },
	{ CALL_MORE(POLICY "Explain", "\"from_cgroup\":\"a.slice\""), "from_cgroup" },
	{ CALL_MORE(POLICY "Explain", "\"action\":\"attached\""), "action" },
	{ CALL_MORE(POLICY "Explain", "\"minute\":-1"), "minute" },
	{ CALL_MORE(POLICY "Explain", "\"minute\":10080"), "minute" },
	{ CALL_MORE(POLICY "Explain", "\"probe\":\"a\\nb\""), "probe" },
	{ CALL_MORE(POLICY "Explain", "\"target\":\"pid:1\""), "target" },
	{ CALL_MORE(POLICY "Explain", "\"data\":[]"), "data" },
	{ CALL_MORE(POLICY "Explain", "\"privacy\":\"PII\""), "privacy" },
	{ CALL_MORE(POLICY "Explain", "\"parameters\":{\"a\":\"b\"}"), "parameters" },
	{ CALL_MORE(POLICY "Explain", "\"duration\":1"), "duration" },
	{ CALL_MORE(POLICY "Text", "\"at\":0"), "at" },
	{ CALL_MORE(POLICY "Text", "\"at\":-1"), "at" },
	{ CALL_MORE(POLICY "Text", "\"at\":5,\"on_disk\":true"), "at" },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"privacy\":\"\""), "privacy" },
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"privacy\":2"), "privacy" },
	{ CALL_MORE(PROBE "Run", "\"probe\":\"x\",\"privacy\":\"all\""), "privacy" },
	/* Only a question may be asked about what cannot be asked for. */
	{ CALL(PROBE "Attach", "\"probe\":\"x\",\"persist\":true"), "persist" },
};

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	char reply[256];

	for (size_t i = 0; i < ELEMENTS(mistakes); i++) {
		client_call(&c, mistakes[i].call);
		snprintf(reply, sizeof(reply),
			 "{\"error\":\"org.varlink.service.InvalidParameter\",\"parameters\":"
			 "{\"parameter\":\"%s\"}}",
			 mistakes[i].parameter);
		client_expect(&c, reply);
	}
	client_call(&c, CALL(POLICY "Explain", ""));
	client_expect(&c, "{\"error\":\"org.varlink.service.ExpectedMore\",\"parameters\":{}}");
	assert_int_equal(f->n, 0);
	client_free(&c);
}

/* Nothing said is nothing known: the warden fills in the caller, and the most that is allowed. */
static void test_explain_defaults(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	const struct message_explain *m;
	struct record *r;

	client_call(&c, CALL_MORE(POLICY "Explain", "\"probe\":\"tcp.state\""));
	r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
	m = &r->explain;
	assert_int_equal(m->flags, 0);
	assert_int_equal(m->action, POLICY_ATTACH);
	assert_string_equal(m->user, "");
	assert_int_equal(m->namespace, POLICY_NAMESPACE_UNKNOWN);
	assert_int_equal(m->n_groups, 0);
	assert_string_equal(m->cgroup, "");
	assert_int_equal(m->minute, UINT32_MAX);
	assert_string_equal(m->attach.probe, "tcp.state");
	assert_int_equal(m->attach.flags, 0);
	assert_int_equal(m->attach.data, 0);
	assert_int_equal(m->attach.privacy, POLICY_PRIVACY_MOST);
	assert_int_equal(m->attach.target_kind, TARGET_SELF);
	assert_int_equal(m->attach.n_parameters, 0);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
}

static void test_explain_everything(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	const struct message_explain *m;
	struct record *r;

	client_call(&c, CALL_MORE(POLICY "Explain",
				  "\"user\":\"alice\",\"groups\":[1000,27],\"namespace\":\"container\","
				  "\"from_cgroup\":\"/a.slice\",\"action\":\"detach-any\",\"probe\":\"x.y\","
				  "\"serial\":3,\"experimental\":true,\"target\":\"unit:shop.service\","
				  "\"data\":[\"events\"],\"privacy\":\"bound\",\"parameters\":{\"names\":2},"
				  "\"persist\":true,\"minute\":0,\"brief\":true,\"on_disk\":true"));
	r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
	m = &r->explain;
	assert_int_equal(m->flags, MESSAGE_FLAG_BRIEF | MESSAGE_FLAG_ON_DISK | MESSAGE_FLAG_KNOWN_GROUPS);
	assert_int_equal(m->action, POLICY_DETACH_ANY);
	assert_string_equal(m->user, "alice");
	assert_int_equal(m->namespace, POLICY_NAMESPACE_CONTAINER);
	assert_int_equal(m->n_groups, 2);
	assert_int_equal(m->groups[0], 1000);
	assert_int_equal(m->groups[1], 27);
	assert_string_equal(m->cgroup, "/a.slice");
	assert_int_equal(m->minute, 0);
	assert_string_equal(m->attach.probe, "x.y");
	assert_int_equal(m->attach.serial, 3);
	assert_int_equal(m->attach.flags, MESSAGE_FLAG_EXPERIMENTAL | MESSAGE_FLAG_PERSIST);
	assert_int_equal(m->attach.target_kind, TARGET_UNIT);
	assert_string_equal(m->attach.target, "shop.service");
	assert_int_equal(m->attach.data, MESSAGE_DATA_EVENTS);
	assert_int_equal(m->attach.privacy, SPEC_PRIVACY_BOUND);
	assert_int_equal(m->attach.n_parameters, 1);
	assert_string_equal(m->attach.parameters[0].name, "names");
	assert_int_equal(m->attach.parameters[0].value, 2);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");
	/* Known to be in no group at all is something else than nothing known. */
	client_call(&c, CALL_MORE(POLICY "Explain", "\"groups\":[]"));
	r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
	assert_int_equal(r->explain.flags, MESSAGE_FLAG_KNOWN_GROUPS);
	assert_int_equal(r->explain.n_groups, 0);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
}

/* Names become the numbers that the warden knows. */
static void test_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t namespace;
	} namespaces[] = { { "host", POLICY_NAMESPACE_HOST }, { "container", POLICY_NAMESPACE_CONTAINER } };
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;
	char call[256];

	for (uint32_t action = 0; action < _POLICY_ACTION_MAX; action++) {
		snprintf(call, sizeof(call), CALL_MORE(POLICY "Explain", "\"action\":\"%s\""),
			 policy_action_name(action));
		client_call(&c, call);
		r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
		assert_int_equal(r->explain.action, action);
		warden_end(f, r);
		client_expect(&c, "{\"parameters\":{}}");
	}
	for (size_t i = 0; i < ELEMENTS(namespaces); i++) {
		snprintf(call, sizeof(call), CALL_MORE(POLICY "Explain", "\"namespace\":\"%s\""),
			 namespaces[i].name);
		client_call(&c, call);
		r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
		assert_int_equal(r->explain.namespace, namespaces[i].namespace);
		warden_end(f, r);
		client_expect(&c, "{\"parameters\":{}}");
	}
	client_free(&c);
}

static void answer_text(struct fixture *f, const struct record *to, const char *text)
{
	static struct message_text m = { .m.type = MESSAGE_REPLY_TEXT };

	m.length = (uint32_t)strlen(text);
	memcpy(m.text, text, m.length);
	warden_answer(f, to, &m.m, offsetof(struct message_text, text) + m.length, NULL, 0);
}

/* A row of the warden is an object whose members are the reply's. */
static void test_rows(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	client_call(&c, CALL_MORE(POLICY "Explain", "\"probe\":\"x\""));
	r = warden_record(f, MESSAGE_POLICY_EXPLAIN);
	answer_text(f, r, "{\"decision\":{\"allowed\":true}}");
	answer_text(f, r, "{\"section\":{\"kind\":\"allow\"}}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"decision\":{\"allowed\":true}},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{\"section\":{\"kind\":\"allow\"}},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");
	client_call(&c, CALL_MORE(POLICY "Text", "\"at\":7"));
	r = warden_record(f, MESSAGE_POLICY_TEXT);
	assert_int_equal(r->policy_text.seq, 7);
	assert_int_equal(r->policy_text.flags, 0);
	answer_text(f, r, "{\"digest\":\"ab\",\"text\":\"[deny a]\\n\"}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"digest\":\"ab\",\"text\":\"[deny a]\\n\"},\"continues\":true}");
	client_expect(&c, "{\"parameters\":{}}");
	client_call(&c, CALL_MORE(POLICY "Text", "\"on_disk\":true"));
	r = warden_record(f, MESSAGE_POLICY_TEXT);
	assert_int_equal(r->policy_text.seq, 0);
	assert_int_equal(r->policy_text.flags, MESSAGE_FLAG_ON_DISK);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
}

static void test_reload(void **state)
{
	struct message_refusal refusal = { .m.type = MESSAGE_REPLY_REFUSAL };
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;

	client_call(&c, CALL(POLICY "Reload", "\"dry_run\":true"));
	r = warden_record(f, MESSAGE_POLICY_RELOAD);
	assert_int_equal(r->flags.flags, MESSAGE_FLAG_DRY_RUN);
	answer_text(f, r, "{\"digest\":\"ab\",\"changed\":false,\"ended\":[]}");
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{\"digest\":\"ab\",\"changed\":false,\"ended\":[]}}");
	client_call(&c, CALL(POLICY "Reload", ""));
	r = warden_record(f, MESSAGE_POLICY_RELOAD);
	assert_int_equal(r->flags.flags, 0);
	refusal_set(&refusal.refusal, REFUSAL_POLICY_INVALID, "/a.policy:3:1", "no");
	WARDEN_ANSWER(f, r, &refusal);
	client_expect(&c, "{\"error\":\"io.bpfwarden.PolicyInvalid\",\"parameters\":{\"place\":"
			  "\"/a.policy:3:1\",\"reason\":\"no\"}}");
	client_free(&c);
}

static void test_attach_privacy(void **state)
{
	struct fixture *f = *state;
	struct client c = client_new(f);
	struct record *r;
	char call[256];

	for (uint32_t privacy = 0; privacy < _SPEC_PRIVACY_MAX; privacy++) {
		snprintf(call, sizeof(call), CALL(PROBE "Attach", "\"probe\":\"x\",\"privacy\":\"%s\""),
			 spec_privacy_name(privacy));
		client_call(&c, call);
		r = warden_record(f, MESSAGE_ATTACH);
		assert_int_equal(r->attach.privacy, privacy);
		warden_end(f, r);
		client_expect(&c, "{\"parameters\":{}}");
	}
	client_call(&c, CALL(PROBE "Attach", "\"probe\":\"x\""));
	r = warden_record(f, MESSAGE_ATTACH);
	assert_int_equal(r->attach.privacy, POLICY_PRIVACY_MOST);
	warden_end(f, r);
	client_expect(&c, "{\"parameters\":{}}");
	client_free(&c);
}

/* What is shown of an attachment, and what no warden that keeps its promises sends. */
static void test_attachment_row(void **state)
{
	struct message_attachment row = { .m.type = MESSAGE_REPLY_ATTACHMENT,
					  .a = { .id = 10,
						 .data = MESSAGE_DATA_EVENTS,
						 .privacy_max = SPEC_PRIVACY_BOUND,
						 .parameters = { 1, UINT64_MAX } },
					  .kernel_verified = "no",
					  .n_parameters = 2,
					  .parameter_names = { "names", "a\nb" } };
	struct fixture *f = *state;
	struct client c = client_new(f);
	json_t *reply, *attachment;
	struct record *r;
	int code;

	client_call(&c, CALL_MORE(PROBE "Status", ""));
	r = warden_record(f, MESSAGE_STATUS);
	WARDEN_ANSWER(f, r, &row);
	reply = client_reply(&c);
	attachment = json_object_get(json_object_get(reply, "parameters"), "attachment");
	assert_string_equal(json_string_value(json_object_get(attachment, "privacy")), "bound");
	attachment = json_object_get(attachment, "parameters");
	assert_int_equal(json_object_size(attachment), 2);
	assert_int_equal(json_integer_value(json_object_get(attachment, "names")), 1);
	assert_int_equal(json_integer_value(json_object_get(attachment, "a?b")), INT64_MAX);
	json_decref(reply);
	row.a.privacy_max = 77;
	row.n_parameters = 0;
	WARDEN_ANSWER(f, r, &row);
	reply = client_reply(&c);
	attachment = json_object_get(json_object_get(reply, "parameters"), "attachment");
	assert_string_equal(json_string_value(json_object_get(attachment, "privacy")), "?");
	json_decref(reply);
	row.n_parameters = SPEC_PARAMS_MAX + 1;
	WARDEN_ANSWER(f, r, &row);
	while (sd_event_get_state(f->event) != SD_EVENT_FINISHED &&
	       sd_event_get_exit_code(f->event, &code) < 0)
		fixture_run(f);
	client_free(&c);
}

/* What was told is shown, and nothing of the program that was not. */
static void test_cost(void **state)
{
	struct message_attachment row = { .m.type = MESSAGE_REPLY_ATTACHMENT,
					  .kernel_verified = "no",
					  .costs = MESSAGE_COSTS_OWN,
					  .cpu = 64,
					  .counters = { .seen = 2, .submitted = 1, .ring_full = 1 },
					  .sharing = 3,
					  .program_cpu = 500,
					  .program = {
						  .seen = 9, .runs = 8, .self_ns = 70, .self_runs = 1 } };
	struct fixture *f = *state;
	struct client c = client_new(f);
	json_t *reply, *cost;
	struct record *r;

	client_call(&c, CALL_MORE(PROBE "Status", "\"cost\":true"));
	r = warden_record(f, MESSAGE_STATUS);
	assert_int_equal(r->status.flags, MESSAGE_FLAG_COST);
	for (int program = 0; program < 2; program++) {
		WARDEN_ANSWER(f, r, &row);
		reply = client_reply(&c);
		cost = json_object_get(json_object_get(json_object_get(reply, "parameters"), "attachment"),
				       "cost");
		assert_int_equal(json_integer_value(json_object_get(cost, "cpu")), 64);
		assert_int_equal(
			json_integer_value(json_object_get(json_object_get(cost, "counters"), "ring_full")),
			1);
		cost = json_object_get(cost, "program");
		assert_int_equal(json_object_size(cost), program ? 6 : 0);
		if (program) {
			assert_int_equal(json_integer_value(json_object_get(cost, "cpu")), 500);
			assert_int_equal(json_integer_value(json_object_get(cost, "timed")), 70);
			assert_int_equal(json_integer_value(json_object_get(cost, "attachments")), 3);
		}
		json_decref(reply);
		row.costs |= MESSAGE_COSTS_PROGRAM;
	}
	client_free(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cost),
		TEST(test_mistakes),
		TEST(test_explain_defaults),
		TEST(test_explain_everything),
		TEST(test_names),
		TEST(test_rows),
		TEST(test_reload),
		TEST(test_attach_privacy),
		TEST(test_attachment_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
