/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random policies and requests over all keys, against the reference and against the promises of
 * bpfwarden.policy(5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/glob.h"
#include "tests/policy/reference.h"
#include "tests/policy/scene.h"
#include "tests/policy/specs.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_reference(void **state)
{
	unsigned int n_allowed = 0, n_denied = 0, n_limited = 0, n_forced = 0, n_moved = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		_cleanup_(config_free_p) struct config *config = scene_read(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision decision;
			struct reference reference;
			const char *what;

			draw_request(&chance, &drawn);
			policy_decide(policy, &drawn.request, &decision);
			reference_decide(config, draw_names, &drawn.request, &reference);
			what = reference_differs(config, &drawn.request, &reference, &decision);
			if (what)
				fail_with(policy, &drawn.request, what);
			n_allowed += decision.allowed;
			n_denied += !decision.allowed && decision.parameter == POLICY_NO_PARAMETER &&
				    strcmp(reference.rule, POLICY_RULE_DEFAULT) != 0;
			n_forced += decision.parameter != POLICY_NO_PARAMETER;
			n_limited += decision.allowed &&
				     decision.limits.value[POLICY_MAX_ATTACHMENTS] != POLICY_UNLIMITED;
			for (uint32_t j = 0; decision.allowed && j < SPEC_PARAMS_MAX && drawn.request.spec;
			     j++)
				n_moved += j < drawn.request.spec->n_params && !drawn.request.parameters &&
					   decision.parameters[j] != drawn.request.spec->params[j].initial;
		}
	}
	printf("# allowed %u, denied by a section %u, for a parameter %u, limited %u, parameters moved %u\n",
	       n_allowed, n_denied, n_forced, n_limited, n_moved);
	/* The rounds must have met each kind of verdict often, or they prove nothing. */
	assert_true(n_allowed > 5000);
	assert_true(n_denied > 5000);
	assert_true(n_forced > 1000);
	assert_true(n_limited > 2000);
	assert_true(n_moved > 300);
}

static void check_added(const struct policy *before, const struct policy *deny, const struct policy *limit,
			const struct policy *allow, const struct policy_request *q)
{
	struct policy_decision was, is;

	policy_decide(before, q, &was);
	policy_decide(deny, q, &is);
	if (is.allowed && !was.allowed)
		fail_with(deny, q, "a deny allows more");
	if (is.allowed && !gives_no_more(&is, &was))
		fail_with(deny, q, "a deny widens limits");
	policy_decide(limit, q, &is);
	if (is.allowed && !was.allowed)
		fail_with(limit, q, "a limit allows more");
	if (is.allowed && !gives_no_more(&is, &was))
		fail_with(limit, q, "a limit widens limits");
	policy_decide(allow, q, &is);
	if (was.allowed && !is.allowed)
		fail_with(allow, q, "an allow allows less");
	if (was.allowed && (!gives_no_more(&was, &is) || !gives_no_more(&is, &was)))
		fail_with(allow, q, "an allow changes limits");
}

static void test_adding(void **state)
{
	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		_cleanup_(policy_free_p) struct policy *deny = scene_load_with(scene, "deny");
		_cleanup_(policy_free_p) struct policy *limit = scene_load_with(scene, "limit");
		_cleanup_(policy_free_p) struct policy *allow = scene_load_with(scene, "allow");

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;

			draw_request(&chance, &drawn);
			check_added(policy, deny, limit, allow, &drawn.request);
		}
	}
}

static void test_order(void **state)
{
	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		_cleanup_(policy_free_p) struct policy *shuffled = scene_load_shuffled(scene);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision a, b;

			draw_request(&chance, &drawn);
			policy_decide(policy, &drawn.request, &a);
			policy_decide(shuffled, &drawn.request, &b);
			if (!gives_the_same(&a, &b))
				fail_with(shuffled, &drawn.request, "order matters");
		}
	}
}

static void test_narrower_targets(void **state)
{
	unsigned int n_allowed = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, true);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision wide, narrow;

			draw_request(&chance, &drawn);
			policy_decide(policy, &drawn.request, &wide);
			if (!draw_narrower(&chance, &drawn.request))
				continue;
			policy_decide(policy, &drawn.request, &narrow);
			if (wide.allowed && !narrow.allowed)
				fail_with(policy, &drawn.request,
					  "a part is denied of what is allowed whole");
			n_allowed += wide.allowed;
		}
	}
	printf("# allowed %u\n", n_allowed);
	assert_true(n_allowed > 200);
}

static void check_bounds(const struct policy *policy, const struct policy_request *q,
			 const struct policy_decision *decision)
{
	for (uint32_t i = 0; i < q->spec->n_params; i++) {
		const struct spec_param *p = &q->spec->params[i];
		uint64_t value = decision->parameters[i],
			 asked = q->parameters ? q->parameters[i] : p->initial;
		const struct policy_bound *b = &decision->limits.bounds[i];

		if (value < p->min || value > p->max)
			fail_with(policy, q, "a parameter is outside what the probe takes");
		if (value < b->min || value > b->max)
			fail_with(policy, q, "a parameter is outside its bounds");
		if (value != asked && (q->given & (1U << i) || (asked >= b->min && asked <= b->max)))
			fail_with(policy, q, "a parameter is moved without need");
	}
}

static void test_forced_parameters(void **state)
{
	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision decision, again;

			draw_request(&chance, &drawn);
			policy_decide(policy, &drawn.request, &decision);
			if (!decision.allowed || drawn.request.action != POLICY_ATTACH)
				continue;
			check_bounds(policy, &drawn.request, &decision);
			/* What came of it is allowed if it is asked for. */
			memcpy(drawn.parameters, decision.parameters, sizeof(drawn.parameters));
			drawn.request.parameters = drawn.parameters;
			drawn.request.given = (1U << drawn.request.spec->n_params) - 1;
			policy_decide(policy, &drawn.request, &again);
			if (!again.allowed)
				fail_with(policy, &drawn.request, "what is put in force is not allowed");
		}
	}
}

/* Makes one thing unknown that the action has; false if it was not known. */
static bool forget(struct policy_request *q)
{
	struct policy_request before = *q;

	switch (draw(&chance, q->action == POLICY_ATTACH ? 6 : 4)) {
	case 0:
		q->namespace = POLICY_NAMESPACE_UNKNOWN;
		return before.namespace != POLICY_NAMESPACE_UNKNOWN;
	case 1:
		q->cgroup = NULL;
		return before.cgroup;
	case 2:
		q->roles = NULL;
		return before.roles;
	case 3:
		q->signers = NULL;
		q->n_signers = 0;
		return before.signers;
	case 4:
		q->spec = NULL;
		q->parameters = NULL;
		q->given = 0;
		return before.spec;
	default:
		q->variant = SPEC_VARIANTS_MAX;
		return before.spec && before.variant < before.spec->n_variants;
	}
}

static void test_unknown_facts(void **state)
{
	unsigned int n_allowed = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision known, unknown;

			draw_request(&chance, &drawn);
			policy_decide(policy, &drawn.request, &known);
			if (!forget(&drawn.request))
				continue;
			policy_decide(policy, &drawn.request, &unknown);
			if (unknown.allowed && (!known.allowed || !gives_no_more(&unknown, &known)))
				fail_with(policy, &drawn.request, "what is not known allows more");
			n_allowed += unknown.allowed;
		}
	}
	printf("# allowed %u\n", n_allowed);
	assert_true(n_allowed > 200);
}

/* Whether a bundle could be enrolled is asked before it was looked at: that must not refuse what would be
 * allowed. */
static void test_before_the_bundle_is_known(void **state)
{
	unsigned int n_allowed = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);

		for (int i = 0; i < SCENE_REQUESTS; i++) {
			struct drawn_request drawn;
			struct policy_decision known, unknown;

			draw_request(&chance, &drawn);
			drawn.request.action = draw(&chance, 2) ? POLICY_ENROLL : POLICY_PROMOTE;
			policy_decide(policy, &drawn.request, &known);
			drawn.request.spec = NULL;
			drawn.request.roles = NULL;
			drawn.request.signers = NULL;
			drawn.request.n_signers = 0;
			policy_decide(policy, &drawn.request, &unknown);
			if (known.allowed && !unknown.allowed)
				fail_with(policy, &drawn.request,
					  "a bundle that is allowed is refused unseen");
			n_allowed += known.allowed;
		}
	}
	printf("# allowed %u\n", n_allowed);
	assert_true(n_allowed > 200);
}

static void test_next_change(void **state)
{
	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		struct drawn_request drawn;
		struct policy_decision now, later;
		uint32_t minute, n;

		draw_request(&chance, &drawn);
		minute = drawn.request.minute;
		n = policy_next_change(policy, minute);
		assert_true(n == UINT32_MAX || (n >= 1 && n <= POLICY_WEEK));
		policy_decide(policy, &drawn.request, &now);
		if (n > POLICY_WEEK)
			n = POLICY_WEEK;
		/* Some minutes on the way, and always the last. */
		for (uint32_t i = 1; i < n;
		     i = i + 1 < n && i + 200 >= n ? n - 1 : i + 1 + draw(&chance, 200)) {
			drawn.request.minute = (minute + i) % POLICY_WEEK;
			policy_decide(policy, &drawn.request, &later);
			if (!gives_the_same(&now, &later))
				fail_with(policy, &drawn.request, "changes its mind before it said");
		}
	}
}

/* Up to n of these, the first before all. */
static void draw_text(const char *first, const char *const *parts, uint32_t n_parts, uint32_t n, char *text)
{
	strcpy(text, first);
	for (uint32_t i = draw(&chance, n + 1); i; i--)
		strcat(text, parts[draw(&chance, n_parts)]);
}

/* Whether the pattern matches the path or one above it. */
static bool fits_path(const char *pattern, const char *path)
{
	char above[64];

	for (size_t n = strlen(path); n; n--) {
		snprintf(above, sizeof(above), "%.*s", (int)n, path);
		if ((path[n] == '\0' || path[n] == '/' || n == 1) && reference_glob(pattern, above))
			return true;
	}
	return false;
}

static void test_patterns(void **state)
{
	static const char *const pattern_parts[] = { "a", "b", "/", "*", "?", "\xc3\xa9", "/a" };
	static const char *const components[] = { "/a", "/b", "/ab", "/\xc3\xa9", "/aba" };
	unsigned int n_matches = 0;

	(void)state;
	for (int round = 0; round < 50 * SCENE_ROUNDS; round++) {
		char pattern[64], path[64];

		draw_text(draw(&chance, 4) ? "/" : "*", pattern_parts, COUNT(pattern_parts), 8, pattern);
		draw_text("", components, COUNT(components), 5, path);
		if (!*path)
			strcpy(path, "/");
		if (glob_match(pattern, path, strlen(path)) != reference_glob(pattern, path))
			fail_msg("'%s' and '%s'", pattern, path);
		if (glob_match_path(pattern, path) != fits_path(pattern, path))
			fail_msg("'%s' and the path '%s'", pattern, path);
		n_matches += fits_path(pattern, path);
	}
	printf("# matches %u\n", n_matches);
	assert_true(n_matches > 5000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_adding),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_narrower_targets),
		cmocka_unit_test(test_forced_parameters),
		cmocka_unit_test(test_unknown_facts),
		cmocka_unit_test(test_before_the_bundle_is_known),
		cmocka_unit_test(test_next_change),
		cmocka_unit_test(test_patterns),
	};

	printf("# seed %#" PRIx64 "\n", (uint64_t)SCENE_SEED);
	specs_fill();
	return cmocka_run_group_tests_name("policy-properties", tests, NULL, NULL);
}
