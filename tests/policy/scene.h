/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Random policies for tests of what is true of all of them. */
#include "tests/policy/draw.h"

/* The same rounds in every run, so that a failure can be repeated. */
#define SCENE_SEED         0x9e3779b97f4a7c15
#define SCENE_SECTIONS_MAX 8
#define SCENE_ROUNDS       2000
#define SCENE_REQUESTS     24

extern struct draw chance;

struct scene {
	struct drawn_section sections[SCENE_SECTIONS_MAX + 1];
	unsigned int n;
};

void draw_scene(struct scene *scene, bool only_allows);

/* From one file, or from several. These fail the test if the policy is refused. */
struct config *scene_read(const struct scene *scene, bool several);
struct policy *scene_load(const struct scene *scene, bool several);
struct policy *scene_load_shuffled(struct scene scene);

/* With one more section of this kind. */
struct policy *scene_load_with(struct scene scene, const char *kind);

/* Fails the test with the policy and the request. */
void fail_with(const struct policy *policy, const struct policy_request *q, const char *what);

/* That a decision leaves no more room than another; both are allowed. */
bool gives_no_more(const struct policy_decision *less, const struct policy_decision *more);
bool gives_the_same(const struct policy_decision *a, const struct policy_decision *b);
