/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is true of every answer to a question that leaves something open: policy_decide_most(),
 * policy_targets(). */
#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/policy/scene.h"
#include "tests/policy/specs.h"

#define BOTH (POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS)

struct tries {
	size_t n;
	struct {
		uint32_t data, privacy;
		bool kernel_verified;
	} list[32];
};

static uint32_t highest(const struct spec_field *fields, uint32_t n)
{
	uint32_t privacy = SPEC_PRIVACY_SAFE;

	for (uint32_t i = 0; i < n; i++)
		if (fields[i].privacy > privacy)
			privacy = fields[i].privacy;
	return privacy;
}

static void add_tries(const struct policy_request *q, uint32_t data, struct tries *tries)
{
	uint32_t labels = data & POLICY_DATA_AGGREGATES ? highest(q->spec->labels, q->spec->n_labels) : 0;
	uint32_t events = data & POLICY_DATA_EVENTS ? highest(q->spec->fields, q->spec->n_fields) : 0;
	uint32_t top = events > labels ? events : labels;

	if (q->privacy < top)
		top = q->privacy > labels ? q->privacy : labels;
	for (uint32_t privacy = top + 1; privacy-- > labels;)
		for (int verified = q->kernel_verified; verified < 2; verified++) {
			tries->list[tries->n].data = data;
			tries->list[tries->n].privacy = privacy;
			tries->list[tries->n++].kernel_verified = verified;
		}
}

/* From the most to the least: data first, then privacy, then with the kernel's verification. */
static void list_tries(const struct policy_request *q, struct tries *tries)
{
	uint32_t has = policy_data_of(q->spec, q->variant);

	tries->n = 0;
	if (q->data) {
		add_tries(q, q->data, tries);
		return;
	}
	add_tries(q, has, tries);
	if (has == BOTH) {
		add_tries(q, POLICY_DATA_AGGREGATES, tries);
		add_tries(q, POLICY_DATA_EVENTS, tries);
	}
}

/* A question about a bundle of which something is known, for data that it has. */
static bool draw_question(struct drawn_request *drawn)
{
	struct policy_request *q = &drawn->request;

	draw_request(&chance, drawn);
	q->action = POLICY_ATTACH;
	if (!q->spec || q->variant >= q->spec->n_variants)
		return false;
	q->data &= policy_data_of(q->spec, q->variant);
	if (draw(&chance, 2))
		q->data = 0;
	if (draw(&chance, 2))
		q->privacy = POLICY_PRIVACY_MOST;
	return true;
}

static size_t first_allowed(const struct policy *policy, const struct policy_request *asked,
			    const struct tries *tries)
{
	struct policy_request q = *asked;
	size_t i;

	for (i = 0; i < tries->n; i++) {
		struct policy_decision decision;

		q.data = tries->list[i].data;
		q.privacy = tries->list[i].privacy;
		q.kernel_verified = tries->list[i].kernel_verified;
		policy_decide(policy, &q, &decision);
		if (decision.allowed)
			break;
	}
	return i;
}

/* Of a denial, the reason is that of the most that only a parameter is in the way of, or of the most. */
static size_t first_limited(const struct policy *policy, const struct policy_request *asked,
			    const struct tries *tries)
{
	struct policy_request q = *asked;

	for (size_t i = 0; i < tries->n; i++) {
		struct policy_decision decision;

		q.data = tries->list[i].data;
		q.privacy = tries->list[i].privacy;
		q.kernel_verified = tries->list[i].kernel_verified;
		policy_decide(policy, &q, &decision);
		if (decision.parameter != POLICY_NO_PARAMETER)
			return i;
	}
	return 0;
}

/* What is explained of a denial that no section asked for is itself denied, and for want of an allow. */
static void check_least(const struct policy *policy, const struct policy_request *asked,
			const struct policy_request *denied)
{
	struct policy_request least = *denied;
	struct policy_decision decision;

	policy_request_least(asked, &least);
	policy_decide(policy, &least, &decision);
	if (least.privacy > denied->privacy || (least.data & denied->data) != least.data)
		fail_with(policy, &least, "the least is more than the most");
	if (strcmp(decision.rule, POLICY_RULE_DEFAULT) != 0)
		fail_with(policy, &least, "the least is not denied for the same reason");
}

/* How far down the list the answer is; the end of it if nothing is allowed. */
static size_t check_most(const struct policy *policy, const struct policy_request *asked)
{
	struct policy_request q = *asked;
	struct policy_decision most, decision;
	struct tries tries;
	size_t i, denied;

	list_tries(asked, &tries);
	i = first_allowed(policy, asked, &tries);
	policy_decide_most(policy, &q, &most);
	if (most.allowed != (i < tries.n))
		fail_with(policy, &q,
			  most.allowed ? "nothing is allowed" : "there is something that is allowed");
	if (most.allowed && (q.data != tries.list[i].data || q.privacy != tries.list[i].privacy ||
			     q.kernel_verified != tries.list[i].kernel_verified))
		fail_with(policy, &q, "something else is the most that is allowed");
	denied = first_limited(policy, asked, &tries);
	if (!most.allowed && (q.data != tries.list[denied].data || q.privacy != tries.list[denied].privacy))
		fail_with(policy, &q, "the denial is of something else");
	if (!strcmp(most.rule, POLICY_RULE_DEFAULT))
		check_least(policy, asked, &q);
	policy_decide(policy, &q, &decision);
	if (!gives_the_same(&decision, &most))
		fail_with(policy, &q, "decided otherwise if it is asked for");
	return i;
}

static void test_most(void **state)
{
	unsigned int n_first = 0, n_later = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		_cleanup_(policy_free_p) struct policy *deny = scene_load_with(scene, "deny");
		_cleanup_(policy_free_p) struct policy *limit = scene_load_with(scene, "limit");

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision decision;
			size_t at;

			if (!draw_question(&drawn))
				continue;
			at = check_most(policy, &drawn.request);
			/* More sections that take away never give what comes earlier. */
			if (check_most(deny, &drawn.request) < at || check_most(limit, &drawn.request) < at)
				fail_with(deny, &drawn.request, "a deny or limit gives more");
			policy_decide_most(policy, &drawn.request, &decision);
			n_first += decision.allowed && !at;
			n_later += decision.allowed && at;
		}
	}
	printf("# the most of all %u, less than that %u\n", n_first, n_later);
	assert_true(n_first > 500);
	assert_true(n_later > 200);
}

/* What has nothing that could be left open is decided as it is. */
static void test_nothing_open(void **state)
{
	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		struct drawn_request drawn;
		struct policy_request q;
		struct policy_decision decision, most;

		draw_request(&chance, &drawn);
		if (draw(&chance, 4))
			drawn.request.action = 1 + draw(&chance, _POLICY_ACTION_MAX);
		else
			drawn.request.privacy = _SPEC_PRIVACY_MAX + draw(&chance, 2);
		if (drawn.request.action == POLICY_ATTACH && drawn.request.privacy < _SPEC_PRIVACY_MAX)
			continue;
		q = drawn.request;
		policy_decide(policy, &q, &decision);
		policy_decide_most(policy, &q, &most);
		if (!gives_the_same(&decision, &most))
			fail_with(policy, &q, "decided otherwise");
		assert_int_equal(q.data, drawn.request.data);
		assert_int_equal(q.privacy, drawn.request.privacy);
		assert_int_equal(q.kernel_verified, drawn.request.kernel_verified);
	}
}

struct listed {
	const struct policy *policy;
	const struct policy_request *request;
	bool host;
	unsigned int n;
};

static void assert_target_allowed(const struct listed *listed, uint32_t kind, const char *target,
				  uint32_t data)
{
	struct policy_request q = *listed->request;
	struct policy_decision decision;

	q.target_kind = kind;
	if (kind == TARGET_USER)
		q.target_uid = strcmp(target, "user:*") != 0
				       ? (uid_t)strtoul(strchr(target, ':') + 1, NULL, 10)
				       : 4294967294U; /* one of whom no section speaks */
	q.data = data;
	q.privacy = POLICY_PRIVACY_MOST;
	policy_decide_most(listed->policy, &q, &decision);
	if (!decision.allowed)
		fail_with(listed->policy, &q, "a target is listed that is denied");
}

static int note_target(void *userdata, uint32_t kind, const char *target, uint32_t data)
{
	struct listed *listed = userdata;

	listed->n++;
	listed->host |= kind == TARGET_HOST;
	assert_true(data && !(data & ~BOTH));
	if (kind == TARGET_UNIT || kind == TARGET_CGROUP) /* patterns */
		return 0;
	for (uint32_t bit = POLICY_DATA_AGGREGATES; bit <= POLICY_DATA_EVENTS; bit <<= 1)
		if (data & bit)
			assert_target_allowed(listed, kind, target, bit);
	return 0;
}

/* The whole host is allowed by sections that name it, so it is listed if and only if it is allowed. */
static void check_targets(struct listed *listed)
{
	struct policy_request q = *listed->request;
	struct policy_decision decision;

	assert_int_equal(policy_targets(listed->policy, listed->request, note_target, listed), 0);
	q.target_kind = TARGET_HOST;
	q.data = 0;
	q.privacy = POLICY_PRIVACY_MOST;
	policy_decide_most(listed->policy, &q, &decision);
	if (decision.allowed && !listed->host)
		fail_with(listed->policy, &q, "the host is allowed and not listed");
}

static void test_targets(void **state)
{
	unsigned int n_listed = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct listed listed = { .policy = policy, .request = &drawn.request };

			if (!draw_question(&drawn))
				continue;
			check_targets(&listed);
			n_listed += listed.n;
		}
	}
	printf("# targets listed %u\n", n_listed);
	assert_true(n_listed > 500);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_nothing_open),
		cmocka_unit_test(test_targets),
	};

	printf("# seed %#" PRIx64 "\n", (uint64_t)SCENE_SEED);
	specs_fill();
	return cmocka_run_group_tests_name("policy-most", tests, NULL, NULL);
}
