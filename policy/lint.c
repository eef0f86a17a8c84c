/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is odd in a policy that can be loaded. */
#include "policy/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/cover.h"
#include "policy/rule.h"

#define BIT(n) (1U << (n))

struct finding {
	const struct rule *rule;
	char *sentence;
};

struct lint {
	const struct rule *rules;
	size_t n_rules;
	struct finding *findings;
	size_t n;
};

static int add(struct lint *lint, const struct rule *rule, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The sentence begins with the section. */
static int add(struct lint *lint, const struct rule *rule, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct finding *findings;
	char *sentence;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&text, format, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	findings = reallocarray(lint->findings, lint->n + 1, sizeof(*findings));
	if (!findings)
		return -ENOMEM;
	lint->findings = findings;
	if (asprintf(&sentence, "[%s %s] %s", rule_kind_name(rule->kind), rule->section->name, text) < 0)
		return -ENOMEM;
	findings[lint->n++] = (struct finding){ .rule = rule, .sentence = sentence };
	return 0;
}

static bool comes_before(const struct rule *a, const struct rule *b)
{
	int order = strcmp(a->section->file, b->section->file);

	return order ? order < 0 : a->section->line < b->section->line;
}

/* ---- sections without effect ---- */

/* Everybody whom it names is unknown: the reader has warned, and no other section is to blame. */
static bool is_for_nobody(const struct rule *rule)
{
	return (rule->keys & BIT(RULE_USER) && !rule->users.n) ||
	       (rule->keys & BIT(RULE_GROUP) && !rule->groups.n) ||
	       (rule->keys & BIT(RULE_TARGET) && !rule->n_targets);
}

/* All values of `set` in b are held by a as well. */
static bool set_is_narrower(const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < b->set.n; i++) {
		const struct rule_parameter *y = &b->set.list[i];
		size_t j = 0;

		for (; j < a->set.n; j++) {
			const struct rule_parameter *x = &a->set.list[j];

			if (!strcmp(x->name, y->name) && !strcmp(x->text, y->text) &&
			    (*y->text || (x->min >= y->min && x->max <= y->max)))
				break;
		}
		if (j == a->set.n)
			return false;
	}
	return true;
}

static bool limits_are_smaller(const struct rule *a, const struct rule *b)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		if (a->limits[i] > b->limits[i])
			return false;
	return set_is_narrower(a, b);
}

/* With a, b is as good as absent. */
static bool replaces(const struct rule *a, const struct rule *b)
{
	return rule_covers(a, b) && (a->kind != RULE_LIMIT || limits_are_smaller(a, b));
}

/* Of two that say the same, the later one is superfluous. */
static bool makes_superfluous(const struct rule *a, const struct rule *b)
{
	return a != b && a->kind == b->kind && replaces(a, b) && (comes_before(a, b) || !replaces(b, a));
}

static int check_effect(struct lint *lint, const struct rule *rule)
{
	if (is_for_nobody(rule))
		return 0;
	for (size_t i = 0; i < lint->n_rules; i++) {
		const struct rule *other = &lint->rules[i];
		const struct config_section *section = other->section;

		if (other->kind == RULE_DENY && rule->kind != RULE_DENY && rule_covers(other, rule))
			return add(lint, rule, "has no effect: [deny %s] (%s:%u) denies all that it %s",
				   section->name, section->file, section->line,
				   rule->kind == RULE_ALLOW ? "allows" : "limits");
		if (makes_superfluous(other, rule))
			return add(lint, rule, "changes nothing: [%s %s] (%s:%u) covers all of it",
				   rule_kind_name(other->kind), section->name, section->file, section->line);
	}
	return 0;
}

/* ---- wide grants ---- */

static bool has_glob(const struct rule_globs *globs, bool (*covers)(const char *, const char *),
		     const char *q)
{
	for (size_t i = 0; i < globs->n; i++)
		if (covers(globs->globs[i], q))
			return true;
	return false;
}

/* True if no condition singles out some callers: a pattern that fits everything does not. */
static bool is_for_everybody(const struct rule *rule)
{
	if (rule->keys & (BIT(RULE_USER) | BIT(RULE_GROUP)))
		return false;
	/* 65534 is nobody's: no allow can name it, and who bears it is always denied. */
	if (rule->keys & BIT(RULE_UID) &&
	    !(ranges_cover(&rule->uids, 0, 65533) && ranges_cover(&rule->uids, 65535, UINT32_MAX - 1)))
		return false;
	if (rule->keys & BIT(RULE_FROM_UNIT) && !has_glob(&rule->from_units, glob_covers, "*"))
		return false;
	return !(rule->keys & BIT(RULE_FROM_CGROUP)) ||
	       has_glob(&rule->from_cgroups, glob_covers_cgroup, "/*");
}

/* Groups of administrators are known by their names, which is what the policy says of them. */
static bool names_admins_only(const struct config_section *section)
{
	const struct config_entry *entry = config_entry(section, rule_key_name(RULE_GROUP));
	struct config_word word = {};

	if (!entry)
		return false;
	while (config_next_word(entry, &word))
		if (!strstr(word.text, "admin"))
			return false;
	return true;
}

static bool is_for_admins(const struct rule *rule)
{
	if (rule->keys & BIT(RULE_USER) && rule->users.n == 1 && rule->users.ids[0] == 0)
		return true;
	if (rule->keys & BIT(RULE_UID) && rule->uids.n == 1 && rule->uids.ranges[0].last == 0)
		return true;
	return names_admins_only(rule->section);
}

/* "group shop-dev" as the section writes it; 0 or -ENOMEM. */
static int whom(const struct rule *rule, char **ret)
{
	static const enum rule_key keys[] = { RULE_USER, RULE_UID, RULE_GROUP, RULE_FROM_UNIT,
					      RULE_FROM_CGROUP };
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct config_entry *entry = config_entry(rule->section, rule_key_name(keys[i]));
		char *longer;

		if (!entry)
			continue;
		if (asprintf(&longer, "%s%s%s %s", text ? text : "", text ? ", " : "", entry->key,
			     entry->value) < 0)
			return -ENOMEM;
		free(text);
		text = longer;
	}
	if (!text)
		text = strdup("everybody");
	if (!text)
		return -ENOMEM;
	*ret = take_ptr(text);
	return 0;
}

static bool has_target(const struct rule *rule, uint32_t kind)
{
	for (size_t i = 0; i < rule->n_targets; i++)
		if (rule->targets[i].kind == kind)
			return true;
	return false;
}

static bool is_for_every_probe(const struct rule *rule)
{
	return !(rule->keys & BIT(RULE_PROBE)) || has_glob(&rule->probes, glob_covers, "*");
}

static bool shows_everything(const struct rule *rule)
{
	return rule->actions & BIT(POLICY_ATTACH) && rule->data & POLICY_DATA_EVENTS &&
	       rule->privacy & BIT(SPEC_PRIVACY_PII) && has_target(rule, TARGET_HOST);
}

static bool lets_modify(const struct rule *rule)
{
	return rule->actions & (BIT(POLICY_ATTACH) | BIT(POLICY_ENROLL) | BIT(POLICY_PROMOTE)) &&
	       rule->may_modify & BIT(1) && is_for_every_probe(rule);
}

static bool lets_one_publish(const struct rule *rule)
{
	return rule->actions & BIT(POLICY_ENROLL) && rule->actions & BIT(POLICY_PROMOTE) &&
	       !(rule->keys & (BIT(RULE_ROLE) | BIT(RULE_SIGNER)));
}

/* Users make cgroups of any name below their own service manager, so what may begin with anything can be any
 * user's. NULL: there is no such pattern. */
static const char *find_cgroup_of_anybody(const struct rule *rule)
{
	for (size_t i = 0; i < rule->from_cgroups.n; i++) {
		const char *glob = rule->from_cgroups.globs[i];

		if (glob[0] == '*' || (glob[0] == '/' && glob[1] == '*'))
			return glob;
	}
	return NULL;
}

static int check_width(struct lint *lint, const struct rule *rule)
{
	const char *cgroup = find_cgroup_of_anybody(rule);
	_cleanup_free_ char *who = NULL;
	int r = 0;

	if (rule->kind != RULE_ALLOW || is_for_nobody(rule))
		return 0;
	if (is_for_everybody(rule))
		r = add(lint, rule, "is for everybody: no user, uid, group, from-unit or from-cgroup");
	else if (cgroup)
		r = add(lint, rule, "takes whom '%s' fits, and every user can make such a cgroup", cgroup);
	if (r || is_for_admins(rule))
		return r;
	r = whom(rule, &who);
	if (!r && shows_everything(rule))
		r = add(lint, rule, "shows personal data in events of the whole host to %s", who);
	if (!r && lets_modify(rule))
		r = add(lint, rule, "lets %s have programs that can modify, of any probe", who);
	if (!r && lets_one_publish(rule))
		r = add(lint, rule, "lets %s enroll and promote what any role has signed", who);
	return r;
}

/* ---- the report ---- */

static int compare_findings(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->rule != y->rule)
		return comes_before(x->rule, y->rule) ? -1 : 1;
	return strcmp(x->sentence, y->sentence);
}

static int check(struct lint *lint)
{
	int r = 0;

	for (size_t i = 0; !r && i < lint->n_rules; i++) {
		r = check_effect(lint, &lint->rules[i]);
		if (!r)
			r = check_width(lint, &lint->rules[i]);
	}
	if (!r && lint->n)
		qsort(lint->findings, lint->n, sizeof(*lint->findings), compare_findings);
	return r;
}

int policy_lint(const struct policy *policy,
		int (*callback)(void *userdata, const char *file, uint32_t line, const char *sentence),
		void *userdata)
{
	struct lint lint = {};
	int r;

	lint.rules = policy_rules(policy, &lint.n_rules);
	r = check(&lint);
	for (size_t i = 0; !r && i < lint.n; i++) {
		const struct finding *finding = &lint.findings[i];

		r = callback(userdata, finding->rule->section->file, finding->rule->section->line,
			     finding->sentence);
	}
	for (size_t i = 0; i < lint.n; i++)
		free(lint.findings[i].sentence);
	free(lint.findings);
	return r;
}
