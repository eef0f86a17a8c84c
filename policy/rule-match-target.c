/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions on units and cgroups: where the caller runs, and whose events it asks for. */
#include "policy/rule-match.h"

#include <string.h>

#include "policy/glob.h"

#define SLICE ".slice"

/* systemd puts '_' before the name of a unit that the kernel would take for a file of its own, such as
 * "_cpu.service", and before one that begins so: cg_escape() of its cgroup-util.c. */
static const char *unescape(const char *component, size_t *n)
{
	bool escaped = *n && *component == '_';

	*n -= escaped;
	return component + escaped;
}

/* A unit's cgroup bears its name. Somebody else's cgroup may bear it too, so this serves denies only. */
static bool match_component(const char *glob, const char *path)
{
	while (*path) {
		const char *name;
		size_t n, length;

		path++;
		length = n = strcspn(path, "/");
		name = unescape(path, &length);
		if (n && (glob_match(glob, path, n) || (length < n && glob_match(glob, name, length))))
			return true;
		path += n;
	}
	return false;
}

static bool match_unit(const struct rule *rule, const char *glob, const struct policy_request *request)
{
	if (request->target_kind == TARGET_UNIT)
		return glob_match(glob, request->target_name, strlen(request->target_name));
	return rule_takes_away(rule) && request->target_kind == TARGET_CGROUP &&
	       match_component(glob, request->target_name);
}

/* Whose events the request is about if that is one user's, (uid_t)-1 otherwise. */
static uid_t request_owner(const struct policy_request *request)
{
	if (request->target_kind == TARGET_SELF)
		return request->uid;
	return request->target_kind == TARGET_USER ? request->target_uid : (uid_t)-1;
}

static bool match_one_target(const struct rule *rule, const struct rule_target *target,
			     const struct policy_request *request)
{
	switch (target->kind) {
	case TARGET_SELF:
		return request_owner(request) == request->uid;
	case TARGET_USER:
		return request_owner(request) == target->uid;
	case TARGET_UNIT:
		return match_unit(rule, target->glob, request);
	case TARGET_CGROUP:
		/* A pattern that matches a cgroup matches everything below it, because such a target shows
		 * that, too. */
		return request->target_kind == TARGET_CGROUP &&
		       glob_match_path(target->glob, request->target_name);
	case TARGET_HOST:
		/* Who may see everything may see any part; who may not see everything at once may see parts.
		 */
		return !rule_takes_away(rule) || request->target_kind == TARGET_HOST;
	default:
		return rule_takes_away(rule);
	}
}

bool rule_match_target(const struct rule *rule, const struct policy_request *request)
{
	for (size_t i = 0; i < rule->n_targets; i++)
		if (match_one_target(rule, &rule->targets[i], request))
			return true;
	return false;
}

/* The first component that is no slice: the service manager makes that, while what is below may be made by
 * whoever runs there. n 0: the caller is in no unit. */
static const char *unit_of(const char *path, size_t *ret_n)
{
	size_t n = 0;

	while (*path == '/') {
		path++;
		n = strcspn(path, "/");
		if (n < strlen(SLICE) || memcmp(path + n - strlen(SLICE), SLICE, strlen(SLICE)) != 0)
			break;
		path += n;
		n = 0;
	}
	*ret_n = n;
	return unescape(path, ret_n);
}

bool rule_match_from_unit(const struct rule *rule, const struct policy_request *request)
{
	const char *unit;
	size_t n;

	if (!request->cgroup)
		return rule_takes_away(rule);
	unit = unit_of(request->cgroup, &n);
	return n && rule_match_globs(&rule->from_units, unit, n);
}

bool rule_match_from_cgroup(const struct rule *rule, const struct policy_request *request)
{
	if (!request->cgroup)
		return rule_takes_away(rule);
	for (size_t i = 0; i < rule->from_cgroups.n; i++)
		if (glob_match_path(rule->from_cgroups.globs[i], request->cgroup))
			return true;
	return false;
}
