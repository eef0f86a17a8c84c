/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions on what a bundle says of itself, on who signed it, and on the values of its parameters. */
#include "policy/rule-match.h"

#include <stdio.h>
#include <string.h>

#include "policy/glob.h"

#define BIT(n) (1U << (n))

bool rule_match_version(const struct rule *rule, const struct policy_request *request)
{
	if (!request->spec)
		return rule_takes_away(rule);
	return rule_match_globs(&rule->versions, request->spec->version, strlen(request->spec->version));
}

bool rule_match_role(const struct rule *rule, const struct policy_request *request)
{
	const char *role = request->roles;

	if (!role)
		return rule_takes_away(rule);
	for (;;) {
		size_t n;

		role += strspn(role, " ");
		n = strcspn(role, " ");
		if (!n)
			return false;
		/* What was left out may be any. */
		if (n == strlen(MESSAGE_MORE_ROLES) && !memcmp(role, MESSAGE_MORE_ROLES, n)) {
			if (rule_takes_away(rule))
				return true;
		} else if (rule_match_globs(&rule->roles, role, n)) {
			return true;
		}
		role += n;
	}
}

static bool is_signer(const struct rule_signer *wanted, const struct message_signer *signer)
{
	if (wanted->by_key)
		return !memcmp(wanted->key, signer->key, DIGEST_SIZE);
	return glob_match(wanted->subject, signer->subject,
			  strnlen(signer->subject, sizeof(signer->subject)));
}

bool rule_match_signer(const struct rule *rule, const struct policy_request *request)
{
	if (!request->signers)
		return rule_takes_away(rule);
	for (size_t i = 0; i < rule->n_signers; i++)
		for (size_t j = 0; j < request->n_signers; j++)
			if (is_signer(&rule->signers[i], &request->signers[j]))
				return true;
	return false;
}

/* The variant whose programs would run, or NULL: not known. */
static const struct spec_variant *variant_of(const struct policy_request *request)
{
	const struct spec *spec = request->spec;

	return spec && request->variant < spec->n_variants ? &spec->variants[request->variant] : NULL;
}

/* An allow must cover every program, a deny or limit wants one. */
static bool match_programs(const struct rule *rule, const struct policy_request *request,
			   bool (*fits)(const struct rule *, const struct spec_program *))
{
	const struct spec_variant *v = variant_of(request);

	for (uint32_t i = 0; v && i < v->n_programs; i++)
		if (fits(rule, &v->programs[i]) == rule_takes_away(rule))
			return rule_takes_away(rule);
	return v ? !rule_takes_away(rule) : rule_takes_away(rule);
}

static bool fits_type(const struct rule *rule, const struct spec_program *program)
{
	return program->type < 64 && rule->program_types & 1ULL << program->type;
}

bool rule_match_program_type(const struct rule *rule, const struct policy_request *request)
{
	return match_programs(rule, request, fits_type);
}

static bool fits_hook(const struct rule *rule, const struct spec_program *program)
{
	return rule_match_globs(&rule->hooks, program->hook, strlen(program->hook));
}

bool rule_match_hook(const struct rule *rule, const struct policy_request *request)
{
	return match_programs(rule, request, fits_hook);
}

static bool is_helper(const struct rule *rule, uint32_t helper)
{
	const char *name = spec_helper_name(helper);
	char number[16];

	if (!name) {
		snprintf(number, sizeof(number), "%u", helper);
		name = number;
	}
	return rule_match_globs(&rule->helpers, name, strlen(name));
}

static bool fits_helpers(const struct rule *rule, const struct spec_program *program)
{
	for (uint32_t i = 0; i < program->n_helpers; i++)
		if (is_helper(rule, program->helpers[i]) == rule_takes_away(rule))
			return rule_takes_away(rule);
	return !rule_takes_away(rule);
}

bool rule_match_helper(const struct rule *rule, const struct policy_request *request)
{
	return match_programs(rule, request, fits_helpers);
}

bool rule_match_may_modify(const struct rule *rule, const struct policy_request *request)
{
	const struct spec_variant *v = variant_of(request);
	uint32_t answer = request->facts ? request->facts->may_modify : 0;

	if (!v)
		return rule_takes_away(rule);
	/* Every allow asks this, and every program and helper has to be looked at to tell. */
	if (!answer)
		answer = BIT(spec_may_modify(v));
	if (request->facts)
		request->facts->may_modify = answer;
	return rule->may_modify & answer;
}

/* The values that a parameter has: one, or all from that which it had to that to which limits move it. */
struct values {
	uint64_t min, max;
};

static struct values values_of(const struct policy_request *request, uint32_t i)
{
	uint64_t a = request->parameters ? request->parameters[i] : request->spec->params[i].initial, b = a;

	if (request->facts && request->facts->moved)
		b = request->facts->parameters[i];
	return (struct values){ .min = a < b ? a : b, .max = a < b ? b : a };
}

/* The last value, from this one on, that entries of the name cover without a gap; false if not even this
 * one. */
static bool covered_to(const struct rule_parameters *list, const struct spec_param *param, uint64_t from,
		       uint64_t *ret_to)
{
	bool found = false;

	for (size_t i = 0; i < list->n; i++) {
		uint64_t min, max;

		if (strcmp(list->list[i].name, param->name) != 0)
			continue;
		rule_parameter_values(&list->list[i], param, &min, &max);
		if (min > from || max < from || (found && max <= *ret_to))
			continue;
		*ret_to = max;
		found = true;
	}
	return found;
}

static bool is_named(const struct rule_parameters *list, const struct spec_param *param)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->list[i].name, param->name))
			return true;
	return false;
}

static bool covers_all(const struct rule_parameters *list, const struct spec_param *param,
		       struct values values)
{
	uint64_t to = 0;

	if (!is_named(list, param))
		return true;
	for (uint64_t from = values.min; covered_to(list, param, from, &to); from = to + 1)
		if (to >= values.max)
			return true;
	return false;
}

/* A value that the rule names and the parameter does not have may be a misspelt one. */
static bool covers_any(const struct rule_parameters *list, const struct spec_param *param,
		       struct values values)
{
	for (size_t i = 0; i < list->n; i++) {
		uint64_t min, max;

		if (strcmp(list->list[i].name, param->name) != 0)
			continue;
		rule_parameter_values(&list->list[i], param, &min, &max);
		if (min > max || (min <= values.max && max >= values.min))
			return true;
	}
	return false;
}

bool rule_match_parameter(const struct rule *rule, const struct policy_request *request)
{
	const struct spec *spec = request->spec;

	for (uint32_t i = 0; spec && i < spec->n_params; i++) {
		struct values values = values_of(request, i);

		if (rule_takes_away(rule) ? covers_any(&rule->parameters, &spec->params[i], values)
					  : !covers_all(&rule->parameters, &spec->params[i], values))
			return rule_takes_away(rule);
	}
	return spec ? !rule_takes_away(rule) : rule_takes_away(rule);
}
