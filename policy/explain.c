/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules say beyond yes and no. */
#include <stdio.h>
#include <string.h>

#include "policy/policy-internal.h"

#define BIT(n) (1U << (n))

/* Whether the caller is one that the rule is about, whatever is asked. */
static bool concerns_caller(const struct rule *rule, const struct policy_request *request)
{
	for (enum rule_key key = 0; key < _RULE_KEY_MAX; key++)
		if (key != RULE_ACTION && rule_rows[key].about_caller && rule->keys & BIT(key) &&
		    !rule_rows[key].holds(rule, request))
			return false;
	return true;
}

static struct policy_explanation explain_rule(const struct rule *rule, const struct policy_request *request)
{
	enum rule_key key = rule_match(rule, request);
	struct policy_explanation explanation = { .kind = rule_kind_name(rule->kind),
						  .name = rule->section->name,
						  .file = rule->section->file,
						  .line = rule->section->line,
						  .matched = key == _RULE_KEY_MAX,
						  .concerns = concerns_caller(rule, request) };
	const struct config_entry *entry;

	if (explanation.matched)
		return explanation;
	entry = config_entry(rule->section, rule_key_name(key));
	explanation.about_caller = rule_rows[key].about_caller;
	explanation.key = rule_key_name(key);
	explanation.value = entry ? entry->value : NULL;
	explanation.key_line = entry ? entry->line : 0;
	return explanation;
}

int policy_explain(const struct policy *policy, const struct policy_request *request,
		   int (*callback)(void *userdata, const struct policy_explanation *explanation),
		   void *userdata)
{
	struct policy_bound bounds[SPEC_PARAMS_MAX];
	struct question question;

	if (!policy_request_is_valid(request))
		return 0;
	question_init(&question, request);
	question_bound(policy, &question, bounds);
	for (size_t i = 0; i < policy->n_rules; i++) {
		struct policy_explanation explanation = explain_rule(&policy->rules[i], &question.request);
		int r = callback(userdata, &explanation);

		if (r)
			return r;
	}
	return 0;
}

#define SOMEBODY 4294967294U /* a user of whom no policy speaks */

/* Asks for a target of a rule as it is written, patterns and all. False if it is none that can be asked for.
 */
static bool ask_for(const struct rule_target *target, struct policy_request *request)
{
	const char *glob = target->glob ? target->glob : "";
	/* A pattern for cgroups need not begin at the root. */
	const char *root = target->kind == TARGET_CGROUP && *glob != '/' ? "/" : "";
	int n = snprintf(request->target_name, sizeof(request->target_name), "%s%s", root, glob);

	request->target_kind = target->kind;
	request->target_uid = target->uid;
	return n >= 0 && (size_t)n < sizeof(request->target_name) &&
	       (!request->spec || request->spec->targets & BIT(target->kind));
}

/* Whether the rule allows some data of the target that it names. Of several rules with this target, only
 * those that do count. */
static bool names_target(const struct rule *rule, const struct rule_target *target,
			 const struct policy_request *request)
{
	struct question question;

	question_init(&question, request);
	if (!ask_for(target, &question.request))
		return false;
	question.request.privacy = SPEC_PRIVACY_SAFE;
	for (uint32_t data = POLICY_DATA_AGGREGATES; data <= POLICY_DATA_EVENTS; data++)
		for (uint32_t verified = request->kernel_verified; verified <= 1; verified++) {
			question.request.data = data;
			question.request.kernel_verified = verified;
			if (policy_request_is_valid(&question.request) &&
			    rule_match(rule, &question.request) == _RULE_KEY_MAX)
				return true;
		}
	return false;
}

static bool is_same(const struct rule_target *a, const struct rule_target *b)
{
	return a->kind == b->kind && a->uid == b->uid &&
	       (!a->glob || !strcmp(a->glob, b->glob)); /* both have one, or neither */
}

/* Some rule before this one, or this one before this target, has named it. */
static bool is_repeated(const struct policy *policy, const struct rule *rule,
			const struct rule_target *target, const struct policy_request *request)
{
	for (const struct rule *r = policy->rules; r <= rule; r++)
		for (size_t i = 0; i < r->n_targets && &r->targets[i] != target; i++)
			if (is_same(&r->targets[i], target) &&
			    (r == rule || names_target(r, target, request)))
				return true;
	return false;
}

/* Calls back if the target is allowed, which takes more than one rule. */
static int report_target(const struct policy *policy, const struct rule_target *target,
			 const struct policy_request *request,
			 int (*callback)(void *userdata, uint32_t kind, const char *target, uint32_t data),
			 void *userdata)
{
	struct policy_request asked = *request;
	struct policy_decision decision;
	char text[TARGET_NAME_MAX + 16];

	ask_for(target, &asked);
	asked.data = 0;
	asked.privacy = POLICY_PRIVACY_MOST;
	policy_decide_most(policy, &asked, &decision);
	if (!decision.allowed)
		return 0;
	if (target->kind == TARGET_USER && target->uid == SOMEBODY)
		snprintf(text, sizeof(text), "user:*");
	else if (target->kind == TARGET_USER)
		snprintf(text, sizeof(text), "user:%u", target->uid);
	else
		snprintf(text, sizeof(text), "%s%s%s", target_kind_name(target->kind),
			 target->glob ? ":" : "", target->glob ? target->glob : "");
	return callback(userdata, target->kind, text, asked.data);
}

static bool is_named(const struct policy *policy, const struct rule_target *target,
		     const struct policy_request *request)
{
	for (size_t i = policy->kinds[RULE_ALLOW]; i < policy->kinds[RULE_ALLOW + 1]; i++)
		for (size_t j = 0; j < policy->rules[i].n_targets; j++)
			if (is_same(&policy->rules[i].targets[j], target) &&
			    names_target(&policy->rules[i], target, request))
				return true;
	return false;
}

/* Who may see the whole host may see all parts of it; of a probe that cannot show the whole, these are what
 * there is to name. */
static int report_parts(const struct policy *policy, const struct policy_request *request,
			int (*callback)(void *userdata, uint32_t kind, const char *target, uint32_t data),
			void *userdata)
{
	static char any[] = "*", root[] = "/";
	static const struct rule_target parts[] = { { .kind = TARGET_SELF },
						    { .kind = TARGET_USER, .uid = SOMEBODY },
						    { .kind = TARGET_UNIT, .glob = any },
						    { .kind = TARGET_CGROUP, .glob = root } };
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (request->spec->targets & BIT(parts[i].kind) && !is_named(policy, &parts[i], request))
			r = report_target(policy, &parts[i], request, callback, userdata);
	return r;
}

int policy_targets(const struct policy *policy, const struct policy_request *request,
		   int (*callback)(void *userdata, uint32_t kind, const char *target, uint32_t data),
		   void *userdata)
{
	int r = 0;

	for (size_t i = policy->kinds[RULE_ALLOW]; i < policy->kinds[RULE_ALLOW + 1]; i++) {
		const struct rule *rule = &policy->rules[i];

		for (size_t j = 0; !r && j < rule->n_targets; j++)
			if (names_target(rule, &rule->targets[j], request) &&
			    !is_repeated(policy, rule, &rule->targets[j], request))
				r = report_target(policy, &rule->targets[j], request, callback, userdata);
	}
	if (!r && request->spec && !(request->spec->targets & BIT(TARGET_HOST)))
		r = report_parts(policy, request, callback, userdata);
	return r;
}

/* Minutes from now until the next time that this one comes. */
static uint32_t until(uint32_t now, uint32_t minute)
{
	uint32_t distance = (minute % POLICY_WEEK + POLICY_WEEK - now) % POLICY_WEEK;

	return distance ? distance : POLICY_WEEK;
}

static uint32_t next_change(const struct rule_ranges *times, uint32_t minute)
{
	uint32_t next = UINT32_MAX;
	/* Ranges have gaps between them, but what ends with the week may go on with the next. */
	bool goes_on =
		times->n && !times->ranges[0].first && times->ranges[times->n - 1].last == POLICY_WEEK - 1;

	for (size_t i = 0; i < times->n; i++) {
		uint32_t begin = until(minute, times->ranges[i].first);
		uint32_t end = until(minute, times->ranges[i].last + 1);

		if ((i > 0 || !goes_on) && begin < next)
			next = begin;
		if ((i + 1 < times->n || !goes_on) && end < next)
			next = end;
	}
	return next;
}

uint32_t policy_next_change(const struct policy *policy, uint32_t minute)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < policy->n_rules; i++) {
		uint32_t change = next_change(&policy->rules[i].times, minute % POLICY_WEEK);

		next = change < next ? change : next;
	}
	return next;
}
