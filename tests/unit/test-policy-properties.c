/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random policies and requests against a slow reference, and against the promises of bpfwarden.policy(5):
 * adding a deny or a limit never allows more, adding an allow never allows less, and order never matters.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/policy.h"

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define SECTIONS_MAX 8
#define WORDS_MAX    2
#define ROUNDS       4000
#define REQUESTS     12

static uint64_t random_state = 0x9e3779b97f4a7c15;

/* xorshift64*: the same rounds in every run, so that a failure can be repeated. */
static uint32_t pick(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1d) >> 33) % n;
}

enum { ACTION, CHANNEL, DATA, NAMESPACE, USER, GROUP, PROBE, TARGET, KEYS };

static const char *const key_names[KEYS] = { "action", "channel", "data",  "namespace",
					     "user",   "group",   "probe", "target" };
static const char *const words[KEYS][7] = {
	[ACTION] = { "attach", "enroll", "audit-read", "detach-any" },
	[CHANNEL] = { "production", "experimental" },
	[DATA] = { "aggregates", "events" },
	[NAMESPACE] = { "host", "container" },
	[USER] = { "1", "2", "3" },
	[GROUP] = { "1", "2", "3" },
	[PROBE] = { "*", "tcp.*", "*.rtt", "dns.latency", "t?p.rtt" },
	[TARGET] = { "self", "host", "user:1", "user:2", "unit:a*.service", "cgroup:/x", "cgroup:/x/a*" },
};
static const char *const actions[] = { "attach", "detach-any", "enroll", "promote", "revoke", "audit-read" };
static const char *const kinds[] = { "allow", "deny", "limit" };

struct model {
	const char *kind;
	char name[8];
	const char *words[KEYS][WORDS_MAX + 1]; /* no word: the key is not written */
	unsigned max_attachments;               /* of a limit */
	bool kernel_verified;                   /* so is this */
};

struct scene {
	struct model sections[SECTIONS_MAX];
	size_t n;
};

static size_t n_words(int key)
{
	size_t n = 0;

	while (n < COUNT(words[key]) && words[key][n])
		n++;
	return n;
}

static struct model random_section(const char *kind, size_t number)
{
	struct model model = { .kind = kind, .max_attachments = pick(20), .kernel_verified = !pick(3) };
	/* Few conditions, or nothing would ever match. */
	uint32_t often = 2 + pick(6);

	snprintf(model.name, sizeof(model.name), "%c%zu", 'a' + (char)pick(26), number);
	for (int key = 0; key < KEYS; key++) {
		if (pick(often) || (key == ACTION && strcmp(kind, "allow") != 0))
			continue;
		for (uint32_t i = 0, n = 1 + pick(WORDS_MAX); i < n; i++)
			model.words[key][i] = words[key][pick((uint32_t)n_words(key))];
	}
	/* An empty allow is refused. */
	if (!strcmp(kind, "allow") && !model.words[PROBE][0])
		model.words[PROBE][0] = "*";
	return model;
}

static struct scene random_scene(void)
{
	struct scene scene = { .n = pick(SECTIONS_MAX) };

	for (size_t i = 0; i < scene.n; i++)
		scene.sections[i] = random_section(kinds[pick(4) % 3], i);
	return scene;
}

static struct policy_request random_request(const gid_t gids[2])
{
	static const char *const probes[] = { "tcp.rtt", "dns.latency", "tcp.state", "net.drop" };
	static const char *const units[] = { "ab.service", "b.service" };
	static const char *const cgroups[] = { "/x", "/x/ab.service", "/y/ab.service/z", "/" };
	struct policy_request request = {
		.action = pick(3) ? POLICY_ATTACH : pick(COUNT(actions)),
		.uid = 1 + pick(3),
		.gids = gids,
		.n_gids = pick(3),
		.namespace = pick(_POLICY_NAMESPACE_MAX),
		.channel = !pick(4),
		.data = 1 + pick(3),
		.target_kind = pick(2) ? pick(_TARGET_KIND_MAX) : (uint32_t)TARGET_SELF,
		.target_uid = 1 + pick(3),
	};

	strcpy(request.probe, probes[pick(COUNT(probes))]);
	if (request.target_kind == TARGET_UNIT)
		strcpy(request.target_name, units[pick(COUNT(units))]);
	if (request.target_kind == TARGET_CGROUP)
		strcpy(request.target_name, cgroups[pick(COUNT(cgroups))]);
	return request;
}

/*
 * The reference: the man page's sentences, word by word and text by text, on the model instead of on what the
 * library compiled.
 */
static bool ref_cgroup(const char *glob, const char *path)
{
	char prefix[TARGET_NAME_MAX];

	for (size_t n = 1; n <= strlen(path); n++) {
		bool whole = path[n] == '/' || path[n] == '\0' || n == 1;

		memcpy(prefix, path, n);
		prefix[n] = '\0';
		if (whole && (n > 1 || path[1] == '\0' || !strcmp(glob, "/")) &&
		    !fnmatch(glob, prefix, FNM_NOESCAPE))
			return true;
	}
	return false;
}

static bool ref_component(const char *glob, const char *path)
{
	char copy[TARGET_NAME_MAX], *save = NULL;

	strcpy(copy, path);
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
		if (!fnmatch(glob, part, FNM_NOESCAPE))
			return true;
	return false;
}

static bool ref_target(const char *word, bool allow, const struct policy_request *q)
{
	uint32_t kind = q->target_kind;
	bool own = kind == TARGET_SELF || (kind == TARGET_USER && q->target_uid == q->uid);

	if (!strcmp(word, "self"))
		return own;
	if (!strcmp(word, "host"))
		return allow || kind == TARGET_HOST;
	if (!strncmp(word, "user:", 5))
		return (own && q->uid == (uid_t)atoi(word + 5)) ||
		       (kind == TARGET_USER && q->target_uid == (uid_t)atoi(word + 5));
	if (!strncmp(word, "unit:", 5) && kind == TARGET_UNIT)
		return !fnmatch(word + 5, q->target_name, FNM_NOESCAPE);
	if (!strncmp(word, "unit:", 5))
		return !allow && kind == TARGET_CGROUP && ref_component(word + 5, q->target_name);
	return kind == TARGET_CGROUP && ref_cgroup(word + 7, q->target_name);
}

static bool ref_has(uint32_t action, int key)
{
	switch (key) {
	case CHANNEL:
		return action == POLICY_ATTACH || action == POLICY_DETACH_ANY || action == POLICY_ENROLL ||
		       action == POLICY_PROMOTE;
	case DATA:
		return action == POLICY_ATTACH;
	case PROBE:
		return action != POLICY_AUDIT_READ;
	case TARGET:
		return action == POLICY_ATTACH || action == POLICY_DETACH_ANY;
	default:
		return true;
	}
}

static bool ref_word(int key, const char *word, bool allow, const struct policy_request *q)
{
	switch (key) {
	case ACTION:
		return !strcmp(word, actions[q->action]);
	case CHANNEL:
		return !strcmp(word, q->channel ? "experimental" : "production");
	case NAMESPACE:
		return q->namespace == POLICY_NAMESPACE_UNKNOWN
			       ? !allow
			       : !strcmp(word, q->namespace == POLICY_NAMESPACE_HOST ? "host" : "container");
	case USER:
		return q->uid == (uid_t)atoi(word);
	case GROUP:
		for (size_t i = 0; i < q->n_gids; i++)
			if (q->gids[i] == (gid_t)atoi(word))
				return true;
		return false;
	case PROBE:
		return !fnmatch(word, q->probe, FNM_NOESCAPE);
	default:
		return ref_target(word, allow, q);
	}
}

static bool ref_data(const char *const *values, bool allow, uint32_t data)
{
	bool aggregates = false, events = false;

	for (; *values; values++) {
		aggregates |= !strcmp(*values, "aggregates");
		events |= !strcmp(*values, "events");
	}
	if (allow)
		return (aggregates || !(data & POLICY_DATA_AGGREGATES)) &&
		       (events || !(data & POLICY_DATA_EVENTS));
	return (aggregates && data & POLICY_DATA_AGGREGATES) || (events && data & POLICY_DATA_EVENTS);
}

static bool ref_match(const struct model *model, const struct policy_request *q)
{
	static const char *const defaults[KEYS][2] = { [ACTION] = { "attach" },
						       [CHANNEL] = { "production" },
						       [DATA] = { "aggregates" },
						       [TARGET] = { "self" } };
	bool allow = !strcmp(model->kind, "allow");

	for (int key = 0; key < KEYS; key++) {
		const char *const *values = model->words[key];
		bool matched = false;

		if (!*values && allow)
			values = defaults[key];
		if (!*values || (allow && !ref_has(q->action, key)))
			continue;
		if (!ref_has(q->action, key))
			return false;
		if (key == DATA)
			matched = ref_data(values, allow, q->data);
		for (; key != DATA && *values; values++)
			matched |= ref_word(key, *values, allow, q);
		if (!matched)
			return false;
	}
	return true;
}

/* The first name of the sections of a kind that match, or NULL. */
static const char *ref_first(const struct scene *scene, const char *kind, const struct policy_request *q)
{
	const char *first = NULL;

	for (size_t i = 0; i < scene->n; i++) {
		const struct model *model = &scene->sections[i];

		if (!strcmp(model->kind, kind) && ref_match(model, q) &&
		    (!first || strcmp(model->name, first) < 0))
			first = model->name;
	}
	return first;
}

static uint64_t ref_limit(const struct scene *scene, const struct policy_request *q)
{
	uint64_t limit = POLICY_UNLIMITED;

	for (size_t i = 0; i < scene->n; i++) {
		const struct model *model = &scene->sections[i];

		if (!strcmp(model->kind, "limit") && ref_match(model, q) && model->max_attachments < limit)
			limit = model->max_attachments;
	}
	return limit;
}

static bool ref_kernel_verified(const struct scene *scene, const struct policy_request *q)
{
	for (size_t i = 0; i < scene->n; i++)
		if (!strcmp(scene->sections[i].kind, "limit") && scene->sections[i].kernel_verified &&
		    ref_match(&scene->sections[i], q))
			return true;
	return false;
}

static int no_name(void *userdata, const char *name, uint32_t *ret_id)
{
	(void)userdata;
	(void)name;
	(void)ret_id;
	return 1;
}

static struct policy *load(const struct scene *scene)
{
	static const struct policy_resolver resolver = { .user = no_name, .group = no_name };
	struct policy *policy = NULL;
	struct refusal refusal = {};
	char text[8192], *p = text;

	*p = '\0';
	for (size_t i = 0; i < scene->n; i++) {
		const struct model *model = &scene->sections[i];

		p += sprintf(p, "[%s %s]\n", model->kind, model->name);
		for (int key = 0; key < KEYS; key++) {
			if (!model->words[key][0])
				continue;
			p += sprintf(p, "%s =", key_names[key]);
			for (size_t j = 0; model->words[key][j]; j++)
				p += sprintf(p, " %s", model->words[key][j]);
			p += sprintf(p, "\n");
		}
		if (!strcmp(model->kind, "limit"))
			p += sprintf(p, "max-attachments = %u\n%s", model->max_attachments,
				     model->kernel_verified ? "kernel-verified = required\n" : "");
	}
	if (policy_new_from_text("f", text, (size_t)(p - text), &resolver, &refusal, &policy))
		fail_msg("%s: %s\n%s", refusal.subject, refusal.reason, text);
	return policy;
}

static unsigned n_allowed, n_denied_by_section, n_limited, n_required;

static void check_reference(const struct scene *scene, const struct policy_request *request,
			    const struct policy_decision *decision)
{
	const char *deny = ref_first(scene, "deny", request), *allow = ref_first(scene, "allow", request);

	assert_int_equal(decision->allowed, !deny && allow);
	assert_string_equal(decision->rule, deny ? deny : allow ? allow : "default");
	n_denied_by_section += !!deny;
	if (!decision->allowed)
		return;
	n_allowed++;
	assert_true(decision->limits.value[POLICY_MAX_ATTACHMENTS] == ref_limit(scene, request));
	assert_int_equal(decision->limits.value[POLICY_KERNEL_VERIFIED] == POLICY_REQUIRED,
			 ref_kernel_verified(scene, request));
	n_required += decision->limits.value[POLICY_KERNEL_VERIFIED] == POLICY_REQUIRED;
	n_limited += decision->limits.value[POLICY_MAX_ATTACHMENTS] != POLICY_UNLIMITED;
}

/* The scene with one more section of this kind. */
static struct policy *load_with(const struct scene *scene, const char *kind)
{
	struct scene more = *scene;

	more.sections[more.n] = random_section(kind, more.n);
	more.n++;
	return load(&more);
}

static struct policy *load_shuffled(struct scene scene)
{
	for (size_t i = scene.n; i > 1; i--) {
		size_t j = pick((uint32_t)i);
		struct model model = scene.sections[j];

		scene.sections[j] = scene.sections[i - 1];
		scene.sections[i - 1] = model;
	}
	return load(&scene);
}

static void check_promises(const struct policy_request *request, const struct policy_decision *before,
			   const struct policy *deny, const struct policy *limit, const struct policy *allow,
			   const struct policy *shuffled)
{
	struct policy_decision after;

	policy_decide(deny, request, &after);
	assert_true(before->allowed || !after.allowed);
	policy_decide(limit, request, &after);
	assert_int_equal(after.allowed, before->allowed);
	assert_true(after.limits.value[POLICY_MAX_ATTACHMENTS] <=
		    before->limits.value[POLICY_MAX_ATTACHMENTS]);
	assert_true(after.limits.value[POLICY_KERNEL_VERIFIED] <=
		    before->limits.value[POLICY_KERNEL_VERIFIED]);
	policy_decide(allow, request, &after);
	assert_true(!before->allowed || after.allowed);
	if (before->allowed)
		assert_memory_equal(&after.limits, &before->limits, sizeof(after.limits));
	policy_decide(shuffled, request, &after);
	assert_int_equal(after.allowed, before->allowed);
	assert_string_equal(after.rule, before->rule);
	assert_memory_equal(&after.limits, &before->limits, sizeof(after.limits));
}

static void test_properties(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct scene scene = random_scene();
		_cleanup_(policy_free_p) struct policy *policy = load(&scene);
		_cleanup_(policy_free_p) struct policy *deny = load_with(&scene, "deny");
		_cleanup_(policy_free_p) struct policy *limit = load_with(&scene, "limit");
		_cleanup_(policy_free_p) struct policy *allow = load_with(&scene, "allow");
		_cleanup_(policy_free_p) struct policy *shuffled = load_shuffled(scene);

		for (int i = 0; i < REQUESTS; i++) {
			const gid_t gids[2] = { 1 + pick(3), 1 + pick(3) };
			struct policy_request request = random_request(gids);
			struct policy_decision decision;

			policy_decide(policy, &request, &decision);
			check_reference(&scene, &request, &decision);
			check_promises(&request, &decision, deny, limit, allow, shuffled);
		}
	}
	/* The rounds must have met each kind of verdict often, or they prove nothing. */
	assert_true(n_allowed > 1000);
	assert_true(n_denied_by_section > 1000);
	assert_true(n_limited > 300);
	assert_true(n_required > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties),
	};

	return cmocka_run_group_tests_name("policy-properties", tests, NULL, NULL);
}
