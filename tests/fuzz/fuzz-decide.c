/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The input is chance: a policy that can be read is made of it, and requests that meet it. What is decided
 * about them is what the reference says, with each section more.
 */
#include <string.h>

#include "policy/policy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/policy/draw.h"
#include "tests/policy/reference.h"
#include "tests/policy/specs.h"

#define SECTIONS_MAX 5

static void check_requests(struct draw *d, const struct config *config, const struct policy *policy)
{
	for (int i = 0; i < 6; i++) {
		struct drawn_request drawn;
		struct policy_decision decision;
		struct reference reference;

		draw_request(d, &drawn);
		policy_decide(policy, &drawn.request, &decision);
		reference_decide(config, draw_names, &drawn.request, &reference);
		FUZZ_CHECK(!reference_differs(config, &drawn.request, &reference, &decision));
	}
}

static void run(struct draw *d, const char *text)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	struct refusal refusal = {};

	FUZZ_CHECK(config_new(REFUSAL_POLICY_INVALID, &config) == 0);
	FUZZ_CHECK(config_add_text(config, "f", text, strlen(text), &refusal) == 0);
	FUZZ_CHECK(policy_new_from_text("f", text, strlen(text), &draw_resolver, &refusal, &policy) == 0);
	check_requests(d, config, policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "allow", "allow", "allow", "deny", "limit", "limit" };
	struct draw d = { .bytes = data, .n = size, .state = size + 1 };
	char text[SECTIONS_MAX * DRAWN_SECTION_MAX] = "";

	specs_fill();
	for (unsigned int i = 0, n = 1 + draw(&d, SECTIONS_MAX); i < n; i++) {
		struct drawn_section section;

		draw_section(&d, kinds[draw(&d, sizeof(kinds) / sizeof(kinds[0]))], i, &section);
		strcat(text, section.text);
	}
	run(&d, text);
	return 0;
}
