/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/policy/reference.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/policy/reference-facts.h"

#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))
#define DAY_MINUTES (24 * 60)

struct question {
	const struct policy_request *request;
	reference_names *names;
	uint64_t from[SPEC_PARAMS_MAX],
		to[SPEC_PARAMS_MAX]; /* the values of each parameter, and all between */
	struct facts facts, above;   /* room for one key, and for a path */
};

static size_t character(const char *p)
{
	size_t n = 1;

	while (((unsigned char)p[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Walks with all ways to read the pattern at once. */
bool reference_glob(const char *pattern, const char *text)
{
	bool at[TARGET_NAME_MAX + 1] = { true };
	size_t n = strlen(text);

	for (; *pattern; pattern++) {
		bool to[TARGET_NAME_MAX + 1] = { false };

		for (size_t i = 0; i <= n; i++) {
			if (*pattern == '*' && (to[i] |= at[i]) && i < n)
				to[i + character(text + i)] = true;
			if (*pattern == '?' && at[i] && i < n)
				to[i + character(text + i)] = true;
			if (*pattern != '*' && *pattern != '?' && at[i] && text[i] == *pattern)
				to[i + 1] = true;
		}
		memcpy(at, to, sizeof(at));
	}
	return at[n];
}

static bool in_window(const char *word, uint32_t minute)
{
	static const char days[] = "montuewedthufrisatsun";
	uint32_t day = minute / DAY_MINUTES, time = minute % DAY_MINUTES, yesterday = (day + 6) % 7;
	uint32_t first = 0, last = 6, h, m, end_h, end_m, from = 0, to = DAY_MINUTES;
	const char *clock = word;

	if (islower((unsigned char)*word)) {
		first = last = (uint32_t)(strstr(days, (char[]){ word[0], word[1], word[2], 0 }) - days) / 3;
		if (word[3] == '-')
			last = (uint32_t)(strstr(days, (char[]){ word[4], word[5], word[6], 0 }) - days) / 3;
		clock = strchr(word, '/') ? strchr(word, '/') + 1 : "";
	}
	if (sscanf(clock, "%u:%u-%u:%u", &h, &m, &end_h, &end_m) == 4) {
		from = h * 60 + m;
		to = end_h * 60 + end_m;
	}
#define LISTED(d) (first <= last ? first <= (d) && (d) <= last : first <= (d) || (d) <= last)
	if (from < to)
		return LISTED(day) && from <= time && time < to;
	return (LISTED(day) && from <= time) || (LISTED(yesterday) && time < to);
}

static bool is_id(struct question *a, const char *word, uint32_t id)
{
	uint32_t named;

	if (isdigit((unsigned char)*word) && word[strspn(word, "0123456789")] == '\0')
		return strtoul(word, NULL, 10) == id;
	return a->names(word, &named) && named == id;
}

static bool in_range(const char *word, const char *id)
{
	const char *dash = strchr(word, '-');
	unsigned long n = strtoul(id, NULL, 10), first = strtoul(word, NULL, 10);

	return first <= n && n <= (dash ? strtoul(dash + 1, NULL, 10) : first);
}

static bool has_component(const char *pattern, const char *path)
{
	char copy[TARGET_NAME_MAX], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
		if (reference_glob(pattern, part) ||
		    (*part == '_' && part[1] && reference_glob(pattern, part + 1)))
			return true;
	return false;
}

static bool fits_target(struct question *a, const char *word, bool allow)
{
	const struct policy_request *q = a->request;
	uint32_t kind = q->target_kind;
	bool one_user = kind == TARGET_SELF || kind == TARGET_USER;
	uid_t owner = kind == TARGET_SELF ? q->uid : q->target_uid;

	if (!strcmp(word, "self"))
		return one_user && owner == q->uid;
	if (!strcmp(word, "host"))
		return allow || kind == TARGET_HOST;
	if (!strncmp(word, "user:", 5))
		return one_user && is_id(a, word + 5, owner);
	if (!strncmp(word, "unit:", 5) && kind == TARGET_UNIT)
		return reference_glob(word + 5, q->target_name);
	if (!strncmp(word, "unit:", 5))
		return !allow && kind == TARGET_CGROUP && has_component(word + 5, q->target_name);
	if (kind != TARGET_CGROUP)
		return false;
	a->above.n = 0;
	facts_add_ancestors(q->target_name, &a->above);
	for (size_t i = 0; i < a->above.n; i++)
		if (reference_glob(word + 7, a->above.text[i]))
			return true;
	return false;
}

/* "names:none" and "threshold:1-5" about a parameter of this name; a value that it does not have is no
 * number. */
static bool read_parameter(const char *word, const struct spec_param *param, uint64_t *ret_min,
			   uint64_t *ret_max)
{
	size_t n = strlen(param->name);

	if (strncmp(word, param->name, n) != 0 || word[n] != ':')
		return false;
	word += n + 1;
	*ret_min = 1;
	*ret_max = 0;
	for (uint32_t i = 0; i < param->n_values; i++)
		if (!strcmp(word, param->values[i]))
			*ret_min = *ret_max = i;
	if (isdigit((unsigned char)*word) && sscanf(word, "%" SCNu64 "-%" SCNu64, ret_min, ret_max) == 1)
		*ret_max = *ret_min;
	return true;
}

/* 1 if some word covers this value, 0 if none does, -1 if no word is about the parameter. */
static int covers(const struct config_entry *entry, const struct spec_param *param, uint64_t value)
{
	struct config_word word = { .next = 0 };
	uint64_t min, max;
	int r = -1;

	while (config_next_word(entry, &word))
		if (read_parameter(word.text, param, &min, &max))
			r = r == 1 || (min <= value && value <= max);
	return r;
}

static bool parameter_holds(struct question *a, const struct config_entry *entry, bool allow)
{
	for (uint32_t i = 0; i < a->request->spec->n_params; i++) {
		const struct spec_param *param = &a->request->spec->params[i];
		struct config_word word = { .next = 0 };
		uint64_t min, max, from = a->from[i], to = a->to[i];

		/* Whatever is not covered begins at an end of the values or behind what a word covers. */
		if (allow && (!covers(entry, param, from) || !covers(entry, param, to)))
			return false;
		while (config_next_word(entry, &word)) {
			if (!read_parameter(word.text, param, &min, &max))
				continue;
			if (allow && from <= max && max < to && !covers(entry, param, max + 1))
				return false;
			if (!allow && (min > max || (min <= to && max >= from)))
				return true;
		}
	}
	return allow;
}

static bool fits(struct question *a, const char *key, const char *word, const char *fact, bool allow)
{
	if (!strcmp(key, "target"))
		return fits_target(a, word, allow);
	if (!strcmp(key, "time"))
		return in_window(word, a->request->minute);
	if (!strcmp(key, "uid"))
		return in_range(word, fact);
	if (!strcmp(key, "user") || !strcmp(key, "group"))
		return is_id(a, word, (uint32_t)strtoul(fact, NULL, 10));
	if (!strcmp(key, "signer") && (!strncmp(word, "key:", 4) || !strncmp(fact, "key:", 4)))
		return !strcasecmp(word, fact);
	if (!strcmp(key, "privacy") && allow) /* pii covers bound covers safe */
		return !strcmp(word, "pii") || !strcmp(fact, "safe") || !strcmp(word, fact);
	return reference_glob(word, fact);
}

static const struct key {
	const char *name;
	const char *actions; /* which have it: the first letters of "attach", "detach-any", "enroll",
				"promote", "revoke", "audit-read" as u and "policy-reload" as l; E and P if
				the bundle is known */
	facts_adder *add;
	const char *by_default; /* in an allow */
	bool all;               /* an allow must cover all facts, not one of them */
} keys[] = {
	{ "action", "adeprul", facts_add_request, "attach", false },
	{ "namespace", "adeprul", facts_add_caller, NULL, false },
	{ "time", "adeprul", facts_add_caller, NULL, false },
	{ "user", "adeprul", facts_add_caller, NULL, false },
	{ "uid", "adeprul", facts_add_caller, NULL, false },
	{ "group", "adeprul", facts_add_caller, NULL, false },
	{ "from-unit", "adeprul", facts_add_caller, NULL, false },
	{ "from-cgroup", "adeprul", facts_add_caller, NULL, false },
	{ "channel", "adep", facts_add_bundle, "production", false },
	{ "probe", "adepr", facts_add_bundle, NULL, false },
	{ "version", "aEP", facts_add_bundle, NULL, false },
	{ "role", "aEP", facts_add_bundle, NULL, false },
	{ "signer", "aEP", facts_add_signers, NULL, false },
	{ "program-type", "aEP", facts_add_bundle, NULL, true },
	{ "may-modify", "aEP", facts_add_bundle, "no", false },
	{ "hook", "aEP", facts_add_bundle, NULL, true },
	{ "helper", "aEP", facts_add_bundle, NULL, true },
	{ "data", "a", facts_add_request, "aggregates", true },
	{ "privacy", "a", facts_add_request, "bound", true },
	{ "persist", "a", facts_add_request, "no", false },
	{ "kernel-verified", "a", facts_add_request, NULL, false },
	{ "parameter", "a", NULL, NULL, false },
	{ "target", "ad", facts_add_request, "self", false },
};

static bool has(const struct policy_request *q, const struct key *key)
{
	char letter = "adeprul"[q->action];

	return strchr(key->actions, letter) || (q->spec && strchr(key->actions, toupper(letter)));
}

static bool key_holds(struct question *a, const struct key *key, const struct config_entry *entry, bool allow)
{
	bool all = allow && key->all;
	struct facts *f = &a->facts;

	if (!strcmp(key->name, "parameter"))
		return a->request->spec ? parameter_holds(a, entry, allow) : !allow;
	f->n = 0;
	f->unknown = false;
	key->add(key->name, a->request, f);
	if (f->unknown)
		return !allow;
	for (size_t i = 0; i < f->n; i++) {
		struct config_word word = { .next = 0 };
		bool found = false;

		while (!found && config_next_word(entry, &word))
			found = fits(a, key->name, word.text, f->text[i], allow);
		if (found != all)
			return found;
	}
	return all;
}

static bool matches(struct question *a, const struct config_section *section)
{
	bool allow = !strcmp(section->kind, "allow"), limit = !strcmp(section->kind, "limit");

	for (const struct key *key = keys; key < keys + COUNT(keys); key++) {
		const struct config_entry *entry = config_entry(section, key->name);
		char text[16] = "";
		const struct config_entry by_default = { .value = text };

		if (!entry && allow && key->by_default) {
			snprintf(text, sizeof(text), "%s", key->by_default);
			entry = &by_default;
		}
		if (!entry || (limit && !strcmp(key->name, "kernel-verified")))
			continue;
		if (!has(a->request, key) && allow)
			continue;
		if (!has(a->request, key) || !key_holds(a, key, entry, allow))
			return false;
	}
	return true;
}

/* The first by name of the sections of a kind that match. */
static const char *first(struct question *a, const struct config *config, const char *kind)
{
	const char *name = NULL;

	for (size_t i = 0; i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);

		if (!strcmp(section->kind, kind) && matches(a, section) &&
		    (!name || strcmp(section->name, name) < 0))
			name = section->name;
	}
	return name;
}

static uint64_t amount(const char *text)
{
	static const struct {
		char suffix;
		uint64_t factor;
	} units[] = { { 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 }, { 's', 1000 },
		      { 'm', 60000 },   { 'h', 3600000 }, { 'd', 86400000 } };
	char *end;
	uint64_t n = strtoull(text, &end, 10); /* "required" is none: 0 */

	if (strchr(text, '%'))
		return (uint64_t)(strtod(text, NULL) * 10000 + 0.5); /* millionths */
	for (size_t i = 0; i < COUNT(units); i++)
		if (isdigit((unsigned char)*text) && *end == units[i].suffix)
			n *= units[i].factor;
	return n;
}

static void narrow(const struct config_entry *set, const struct spec_param *param, uint64_t *min,
		   uint64_t *max)
{
	struct config_word word = { .next = 0 };
	uint64_t a, b;

	while (config_next_word(set, &word)) {
		if (!read_parameter(word.text, param, &a, &b))
			continue;
		*min = a > *min ? a : *min;
		*max = b < *max ? b : *max;
	}
}

static void apply_limits(struct question *a, const struct config *config, struct reference *ret)
{
	for (uint32_t i = 0; i < _POLICY_LIMIT_MAX; i++)
		ret->limits[i] = POLICY_UNLIMITED;
	for (uint32_t i = 0; i < SPEC_PARAMS_MAX; i++) {
		ret->min[i] = 0;
		ret->max[i] = UINT64_MAX;
	}
	for (size_t i = 0; i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);

		if (strcmp(section->kind, "limit") != 0 || !matches(a, section))
			continue;
		for (uint32_t j = 0; j < _POLICY_LIMIT_MAX; j++) {
			const struct config_entry *entry = config_entry(section, policy_limit_name(j));

			if (entry && amount(entry->value) < ret->limits[j])
				ret->limits[j] = amount(entry->value);
		}
		for (uint32_t j = 0; a->request->spec && j < a->request->spec->n_params; j++)
			if (config_entry(section, "set"))
				narrow(config_entry(section, "set"), &a->request->spec->params[j],
				       &ret->min[j], &ret->max[j]);
	}
}

static void as_it_came(struct question *a)
{
	const struct policy_request *q = a->request;

	for (uint32_t i = 0; q->spec && i < q->spec->n_params; i++)
		a->from[i] = a->to[i] = q->parameters ? q->parameters[i] : q->spec->params[i].initial;
}

/* Moves each parameter that was not given to the nearest bound; false if one cannot be or was given. */
static bool move_parameters(struct question *a, struct reference *ret)
{
	const struct policy_request *q = a->request;

	for (uint32_t i = 0; q->spec && q->action == POLICY_ATTACH && i < q->spec->n_params; i++) {
		const struct spec_param *param = &q->spec->params[i];
		uint64_t value = q->parameters ? q->parameters[i] : param->initial, moved = value;

		moved = moved < ret->min[i] ? ret->min[i] : moved > ret->max[i] ? ret->max[i] : moved;
		if (ret->min[i] > ret->max[i] || (moved != value && q->given & (1U << i)) ||
		    (moved != value && (moved < param->min || moved > param->max))) {
			ret->parameter = i;
			return false;
		}
		a->from[i] = moved < value ? moved : value;
		a->to[i] = moved < value ? value : moved;
		ret->parameters[i] = moved;
	}
	return true;
}

void reference_decide(const struct config *config, reference_names *names,
		      const struct policy_request *request, struct reference *ret)
{
	const char *deny, *allow;
	struct question a; /* large: only what is needed is set */

	*ret = (struct reference){ .parameter = POLICY_NO_PARAMETER, .rule = POLICY_RULE_OVERFLOW_UID };
	if (request->uid == 65534)
		return;
	a.request = request;
	a.names = names;
	as_it_came(&a);
	apply_limits(&a, config, ret);
	if (!move_parameters(&a, ret))
		as_it_came(&a);
	deny = first(&a, config, "deny");
	allow = first(&a, config, "allow");
	ret->rule = deny ? deny : allow ? allow : POLICY_RULE_DEFAULT;
	if (deny || !allow)
		ret->parameter = POLICY_NO_PARAMETER;
	if (ret->parameter != POLICY_NO_PARAMETER)
		return;
	ret->allowed = allow && !deny;
	apply_limits(&a, config, ret);
}

static bool is_limit_that_sets(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config_n_sections(config); i++) {
		const struct config_section *section = config_section(config, i);

		if (!strcmp(section->kind, "limit") && !strcmp(section->name, name))
			return config_entry(section, "set");
	}
	return false;
}

const char *reference_differs(const struct config *config, const struct policy_request *request,
			      const struct reference *reference, const struct policy_decision *decision)
{
	bool about_parameter = reference->parameter != POLICY_NO_PARAMETER;

	if (decision->allowed != reference->allowed)
		return "verdict";
	if (!decision->allowed && decision->parameter != reference->parameter)
		return "parameter";
	if (about_parameter ? !is_limit_that_sets(config, decision->rule)
			    : strcmp(decision->rule, reference->rule) != 0)
		return "rule";
	if (!decision->allowed && !about_parameter)
		return NULL;
	if (memcmp(decision->limits.value, reference->limits, sizeof(reference->limits)) != 0)
		return "limits";
	for (uint32_t i = 0; request->spec && request->action == POLICY_ATTACH && i < request->spec->n_params;
	     i++) {
		const struct policy_bound *bound = &decision->limits.bounds[i];

		if (bound->min > bound->max && reference->min[i] > reference->max[i])
			continue;
		if (bound->min != reference->min[i] || bound->max != reference->max[i])
			return "bounds";
		if (decision->allowed && decision->parameters[i] != reference->parameters[i])
			return "parameters in force";
	}
	return NULL;
}
