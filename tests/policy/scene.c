/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct draw chance = { .state = SCENE_SEED };

static void add_section(struct scene *scene, const char *kind)
{
	draw_section(&chance, kind, scene->n, &scene->sections[scene->n]);
	scene->n++;
}

/* More allows than others, or nothing would ever be allowed. */
void draw_scene(struct scene *scene, bool only_allows)
{
	static const char *const kinds[] = { "allow", "allow", "allow", "deny", "limit", "limit" };

	for (scene->n = 0; scene->n < SCENE_SECTIONS_MAX;)
		add_section(scene, only_allows ? "allow" : kinds[draw(&chance, COUNT(kinds))]);
}

struct config *scene_read(const struct scene *scene, bool several)
{
	struct config *config = NULL;
	char text[SCENE_SECTIONS_MAX * DRAWN_SECTION_MAX] = "";

	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	for (unsigned int i = 0; i < scene->n; i++) {
		struct refusal refusal = {};

		strcat(text, scene->sections[i].text);
		if (i + 1 < scene->n && !(several && draw(&chance, 2)))
			continue;
		if (config_add_text(config, scene->sections[i].name, text, strlen(text), &refusal))
			fail_msg("%s: %s", refusal.subject, refusal.reason);
		*text = '\0';
	}
	return config;
}

struct policy *scene_load(const struct scene *scene, bool several)
{
	_cleanup_(config_free_p) struct config *config = scene_read(scene, several);
	struct policy *policy = NULL;
	struct refusal refusal = {};

	if (policy_new_from_config(config, &draw_resolver, &refusal, &policy)) {
		for (unsigned int i = 0; i < scene->n; i++)
			printf("%s", scene->sections[i].text);
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	}
	(void)take_ptr(config);
	return policy;
}

struct policy *scene_load_with(struct scene scene, const char *kind)
{
	add_section(&scene, kind);
	return scene_load(&scene, false);
}

struct policy *scene_load_shuffled(struct scene scene)
{
	for (unsigned int i = scene.n; i > 1; i--) {
		unsigned int j = draw(&chance, i);
		struct drawn_section section = scene.sections[j];

		scene.sections[j] = scene.sections[i - 1];
		scene.sections[i - 1] = section;
	}
	return scene_load(&scene, true);
}

void fail_with(const struct policy *policy, const struct policy_request *q, const char *what)
{
	size_t size;

	printf("%s\naction %u uid %u spec %s variant %u data %u privacy %u persist %d verified %d target %u "
	       "%u '%s' "
	       "cgroup %s roles %s minute %u given %x\n",
	       policy_text(policy, &size), q->action, q->uid, q->spec ? q->spec->name : "unknown", q->variant,
	       q->data, q->privacy, q->persist, q->kernel_verified, q->target_kind, q->target_uid,
	       q->target_name, q->cgroup ? q->cgroup : "unknown", q->roles ? q->roles : "unknown", q->minute,
	       q->given);
	for (uint32_t i = 0; q->spec && i < q->spec->n_params; i++)
		printf("%s = %" PRIu64 "\n", q->spec->params[i].name,
		       q->parameters ? q->parameters[i] : q->spec->params[i].initial);
	fail_msg("%s", what);
}

bool gives_no_more(const struct policy_decision *less, const struct policy_decision *more)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		if (less->limits.value[i] > more->limits.value[i])
			return false;
	for (uint32_t i = 0; i < SPEC_PARAMS_MAX; i++)
		if (less->limits.bounds[i].min < more->limits.bounds[i].min ||
		    less->limits.bounds[i].max > more->limits.bounds[i].max)
			return false;
	return true;
}

bool gives_the_same(const struct policy_decision *a, const struct policy_decision *b)
{
	return a->allowed == b->allowed && !strcmp(a->rule, b->rule) && a->parameter == b->parameter &&
	       gives_no_more(a, b) && gives_no_more(b, a) &&
	       !memcmp(a->limits.section, b->limits.section, sizeof(a->limits.section)) &&
	       !memcmp(a->parameters, b->parameters, sizeof(a->parameters));
}
