/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/cover.h"

#include <string.h>

#define BIT(n) (1U << (n))

/* What one '?' of the covering pattern may stand for: a '?', or all bytes of one character. */
static size_t symbol(const char *q, const char *end)
{
	const char *next = q + 1;

	while (next < end && ((unsigned char)*next & 0xc0) == 0x80)
		next++;
	return (size_t)(next - q);
}

/* glob_match() with the symbols of a pattern instead of a text. */
static bool covers_n(const char *p, const char *q, size_t n)
{
	const char *end = q + n, *star = NULL, *resume = NULL;

	for (;;) {
		if (*p == '*') {
			star = ++p;
			resume = q;
		} else if (q < end && *p == '?' && *q != '*') {
			p++;
			q += symbol(q, end);
		} else if (q < end && *p && *p == *q && *q != '*') {
			p++;
			q++;
		} else if (q == end && !*p) {
			return true;
		} else if (star && resume < end) {
			resume += symbol(resume, end);
			q = resume;
			p = star;
		} else {
			return false;
		}
	}
}

bool glob_covers(const char *p, const char *q)
{
	return covers_n(p, q, strlen(q));
}

bool glob_covers_cgroup(const char *p, const char *q)
{
	/* Only '/' is '/': what matches all of q has an ancestor that matches q up to one of them. */
	for (const char *slash = strchr(q, '/'); slash; slash = strchr(slash + 1, '/'))
		if (covers_n(p, q, slash == q ? 1 : (size_t)(slash - q)))
			return true;
	return glob_covers(p, q);
}

bool ranges_cover(const struct rule_ranges *ranges, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < ranges->n; i++) {
		const struct rule_range *range = &ranges->ranges[i];

		if (range->first > first || range->last < first)
			continue;
		/* The rest can only be in others, each of which begins a turn further right. */
		return range->last >= last || ranges_cover(ranges, range->last + 1, last);
	}
	return false;
}

static bool all_ranges(const struct rule_ranges *a, const struct rule_ranges *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!ranges_cover(a, b->ranges[i].first, b->ranges[i].last))
			return false;
	return true;
}

static bool has_id(const struct rule_ids *ids, uint32_t id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

static bool all_ids(const struct rule_ids *a, const struct rule_ids *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!has_id(a, b->ids[i]))
			return false;
	return true;
}

/* The uids of a hold for b, which may name them as ranges or as users. */
static bool covers_uid(const struct rule *a, const struct rule *b)
{
	if (b->keys & BIT(RULE_UID) && all_ranges(&a->uids, &b->uids))
		return true;
	if (!(b->keys & BIT(RULE_USER)))
		return false;
	for (size_t i = 0; i < b->users.n; i++)
		if (!ranges_cover(&a->uids, b->users.ids[i], b->users.ids[i]))
			return false;
	return true;
}

static bool all_globs(const struct rule_globs *a, const struct rule_globs *b,
		      bool (*covers)(const char *, const char *))
{
	for (size_t i = 0; i < b->n; i++) {
		size_t j = 0;

		while (j < a->n && !covers(a->globs[j], b->globs[i]))
			j++;
		if (j == a->n)
			return false;
	}
	return true;
}

static bool covers_signer(const struct rule_signer *a, const struct rule_signer *b)
{
	if (a->by_key != b->by_key)
		return false;
	return a->by_key ? !memcmp(a->key, b->key, DIGEST_SIZE) : glob_covers(a->subject, b->subject);
}

static bool all_signers(const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < b->n_signers; i++) {
		size_t j = 0;

		while (j < a->n_signers && !covers_signer(&a->signers[j], &b->signers[i]))
			j++;
		if (j == a->n_signers)
			return false;
	}
	return true;
}

static bool has_name(const struct rule_parameters *parameters, const char *name)
{
	for (size_t i = 0; i < parameters->n; i++)
		if (!strcmp(parameters->list[i].name, name))
			return true;
	return false;
}

/* Every value that b fits is one that some entry of a of the same name fits. */
static bool covers_parameter(const struct rule_parameters *a, const struct rule_parameter *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct rule_parameter *p = &a->list[i];

		if (!strcmp(p->name, b->name) && !strcmp(p->text, b->text) &&
		    (*b->text || (p->min <= b->min && p->max >= b->max)))
			return true;
	}
	return false;
}

static bool all_parameters(const struct rule *a, const struct rule *b)
{
	const struct rule_parameters *x = &a->parameters, *y = &b->parameters;

	/* An allow also matches where the probe has no such parameter; a deny does not. */
	if (rule_takes_away(a) && !rule_takes_away(b))
		return false;
	for (size_t i = 0; i < y->n; i++)
		if ((rule_takes_away(b) || has_name(x, y->list[i].name)) && !covers_parameter(x, &y->list[i]))
			return false;
	/* An allow asks for every name that it lists, so b must list them, too. */
	for (size_t i = 0; !rule_takes_away(a) && i < x->n; i++)
		if (!has_name(y, x->list[i].name))
			return false;
	return true;
}

static bool covers_target(const struct rule *a, const struct rule_target *x, const struct rule_target *y)
{
	if (x->kind == TARGET_HOST && !rule_takes_away(a))
		return true;
	if (x->kind != y->kind)
		return false;
	switch (x->kind) {
	case TARGET_USER:
		return x->uid == y->uid;
	case TARGET_UNIT:
		return glob_covers(x->glob, y->glob);
	case TARGET_CGROUP:
		return glob_covers_cgroup(x->glob, y->glob);
	default:
		return true;
	}
}

static bool all_targets(const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < b->n_targets; i++) {
		size_t j = 0;

		/* In an allow, host is every target: a deny of what is named cannot take that back. */
		if (b->targets[i].kind == TARGET_HOST && !rule_takes_away(b) && rule_takes_away(a))
			return false;
		while (j < a->n_targets && !covers_target(a, &a->targets[j], &b->targets[i]))
			j++;
		if (j == a->n_targets)
			return false;
	}
	return true;
}

/* A class is shown together with all below it: a deny of some matches from the lowest of them on, which in an
 * allow is the first. */
static bool covers_privacy(const struct rule *a, const struct rule *b)
{
	if (rule_takes_away(a))
		return (a->privacy & -a->privacy) <= (b->privacy & -b->privacy);
	return !(b->privacy & ~a->privacy);
}

/* Both have the key. */
static bool covers_key(const struct rule *a, const struct rule *b, enum rule_key key)
{
	switch (key) {
	case RULE_CHANNEL:
		return !(b->channels & ~a->channels);
	case RULE_DATA:
		return !(b->data & ~a->data);
	case RULE_PRIVACY:
		return covers_privacy(a, b);
	case RULE_PERSIST:
		return !(b->persist & ~a->persist);
	case RULE_KERNEL_VERIFIED:
		return !(b->kernel_verified & ~a->kernel_verified);
	case RULE_NAMESPACE:
		return !(b->namespaces & ~a->namespaces);
	case RULE_TIME:
		return all_ranges(&a->times, &b->times);
	case RULE_USER:
		return all_ids(&a->users, &b->users);
	case RULE_UID:
		return covers_uid(a, b);
	case RULE_GROUP:
		return all_ids(&a->groups, &b->groups);
	case RULE_PROBE:
		return all_globs(&a->probes, &b->probes, glob_covers);
	case RULE_VERSION:
		return all_globs(&a->versions, &b->versions, glob_covers);
	case RULE_ROLE:
		return all_globs(&a->roles, &b->roles, glob_covers);
	case RULE_SIGNER:
		return all_signers(a, b);
	case RULE_PROGRAM_TYPE:
		return !(b->program_types & ~a->program_types);
	case RULE_MAY_MODIFY:
		return !(b->may_modify & ~a->may_modify);
	case RULE_HOOK:
		return all_globs(&a->hooks, &b->hooks, glob_covers);
	case RULE_HELPER:
		/* Programs without any helper fit every allow and no deny. */
		return rule_takes_away(a) == rule_takes_away(b) &&
		       all_globs(&a->helpers, &b->helpers, glob_covers);
	case RULE_FROM_UNIT:
		return all_globs(&a->from_units, &b->from_units, glob_covers);
	case RULE_FROM_CGROUP:
		return all_globs(&a->from_cgroups, &b->from_cgroups, glob_covers_cgroup);
	case RULE_PARAMETER:
		return all_parameters(a, b);
	case RULE_TARGET:
		return all_targets(a, b);
	default:
		return false;
	}
}

static bool has_glob_for_all(const struct rule_globs *globs)
{
	for (size_t i = 0; i < globs->n; i++)
		if (glob_covers(globs->globs[i], "*"))
			return true;
	return false;
}

/* What a asks by this key holds for whatever b matches, although b does not ask. Allows always ask for what
 * has a default, so there a is a deny or limit, which what is not known satisfies as well. */
static bool holds_anyway(const struct rule *a, const struct rule *b, enum rule_key key)
{
	switch (key) {
	case RULE_CHANNEL:
		return a->channels == BIT(_POLICY_CHANNEL_MAX) - 1;
	case RULE_DATA:
		return a->data == (POLICY_DATA_AGGREGATES | POLICY_DATA_EVENTS);
	case RULE_PRIVACY:
		return a->privacy & BIT(SPEC_PRIVACY_SAFE);
	case RULE_PERSIST:
		return a->persist == 3;
	case RULE_KERNEL_VERIFIED:
		return a->kernel_verified == 3;
	case RULE_MAY_MODIFY:
		return a->may_modify == 3;
	case RULE_NAMESPACE:
		return rule_takes_away(a) &&
		       a->namespaces == (BIT(POLICY_NAMESPACE_HOST) | BIT(POLICY_NAMESPACE_CONTAINER));
	case RULE_TIME:
		return ranges_cover(&a->times, 0, POLICY_WEEK - 1);
	case RULE_UID:
		return covers_uid(a, b) || ranges_cover(&a->uids, 0, UINT32_MAX - 1);
	case RULE_PROBE:
		return has_glob_for_all(&a->probes);
	default:
		return false;
	}
}

/* A deny or limit does not match where a request has not what it asks for. */
static bool never_matches(const struct rule *rule, uint32_t action)
{
	for (uint32_t keys = rule_takes_away(rule) ? rule->keys : 0; keys; keys &= keys - 1)
		if (!rule_action_has(action, (enum rule_key)__builtin_ctz(keys)))
			return true;
	return false;
}

/* Of requests for this action that b matches, a matches all. */
static bool covers_action(const struct rule *a, const struct rule *b, uint32_t action)
{
	for (uint32_t keys = a->keys & ~BIT(RULE_ACTION); keys; keys &= keys - 1) {
		enum rule_key key = (enum rule_key)__builtin_ctz(keys);
		bool covered;

		if (!rule_action_has(action, key))
			covered = !rule_takes_away(a);
		else if (b->keys & BIT(key))
			covered = covers_key(a, b, key);
		else
			covered = holds_anyway(a, b, key);
		if (!covered)
			return never_matches(b, action);
	}
	return true;
}

/* Actions that a section can match. */
static uint32_t actions_of(const struct rule *rule)
{
	if (rule->kind == RULE_LIMIT)
		return BIT(POLICY_ATTACH);
	return rule->keys & BIT(RULE_ACTION) ? rule->actions : BIT(_POLICY_ACTION_MAX) - 1;
}

bool rule_covers(const struct rule *a, const struct rule *b)
{
	uint32_t actions = actions_of(b);

	if (actions & ~actions_of(a))
		return false;
	for (uint32_t action = 0; action < _POLICY_ACTION_MAX; action++)
		if (actions & BIT(action) && !covers_action(a, b, action))
			return false;
	return true;
}
