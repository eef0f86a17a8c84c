/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What policy_lint() says of a section that could go: without it every decision is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/policy/scene.h"
#include "tests/policy/specs.h"

struct needless {
	const struct scene *scene;
	bool sections[SCENE_SECTIONS_MAX + 1];
	unsigned int n;
};

/* "[allow a1] changes nothing: …" */
static int note_needless(void *userdata, const char *file, uint32_t line, const char *sentence)
{
	struct needless *needless = userdata;

	(void)file;
	(void)line;
	if (!strstr(sentence, "] has no effect: ") && !strstr(sentence, "] changes nothing: "))
		return 0;
	for (unsigned int i = 0; i < needless->scene->n; i++) {
		const char *header = needless->scene->sections[i].text;

		if (!strncmp(sentence, header, strcspn(header, "\n"))) {
			needless->sections[i] = true;
			needless->n++;
		}
	}
	return 0;
}

static void check_without(const struct policy *policy, const struct scene *scene, unsigned int i)
{
	struct scene rest = *scene;

	rest.sections[i] = rest.sections[--rest.n];
	_cleanup_(policy_free_p) struct policy *without = scene_load(&rest, false);

	for (int request = 0; request < 4 * SCENE_REQUESTS; request++) {
		struct drawn_request drawn;
		struct policy_decision with, then;

		draw_request(&chance, &drawn);
		policy_decide(policy, &drawn.request, &with);
		policy_decide(without, &drawn.request, &then);
		/* Only attaching is limited. */
		if (with.allowed != then.allowed ||
		    (with.allowed && drawn.request.action == POLICY_ATTACH &&
		     (!gives_no_more(&with, &then) || !gives_no_more(&then, &with)))) {
			printf("without %s", scene->sections[i].text);
			fail_with(policy, &drawn.request, "a section that is said to be needless is missed");
		}
	}
}

static void test_needless_sections(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (int round = 0; round < SCENE_ROUNDS; round++) {
		struct scene scene;
		draw_scene(&scene, false);
		_cleanup_(policy_free_p) struct policy *policy = scene_load(&scene, false);
		struct needless needless = { .scene = &scene };

		assert_int_equal(policy_lint(policy, note_needless, &needless), 0);
		for (unsigned int i = 0; i < scene.n; i++)
			if (needless.sections[i])
				check_without(policy, &scene, i);
		n += needless.n;
	}
	printf("# needless sections %u\n", n);
	assert_true(n > 2000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needless_sections),
	};

	printf("# seed %#" PRIx64 "\n", (uint64_t)SCENE_SEED);
	specs_fill();
	return cmocka_run_group_tests_name("policy-needless", tests, NULL, NULL);
}
