/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a case says of the bundle: the spec, roles and signers that the daemon would have verified. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/policy-cases.h"
#include "common/digest.h"

/* Numbers of program and attach types that are tried: Linux has about half as many. */
#define TYPES_MAX   64U
#define HELPERS_MAX 512U

/* Copies the word into an array of the spec, which is known from now on. */
static int take_word(struct case_reader *reader, char *array, size_t size)
{
	reader->c->request.spec = &reader->c->spec;
	return case_copy(reader, reader->word.text, array, size);
}

int case_read_version(struct case_reader *reader)
{
	config_next_word(reader->entry, &reader->word);
	return take_word(reader, reader->c->spec.version, sizeof(reader->c->spec.version));
}

int case_read_role(struct case_reader *reader)
{
	struct policy_case *c = reader->c;

	if (strlen(reader->entry->value) >= sizeof(c->roles))
		return case_refuse(reader, "longer than %zu bytes", sizeof(c->roles) - 1);
	while (config_next_word(reader->entry, &reader->word)) {
		size_t n = strlen(c->roles);

		snprintf(c->roles + n, sizeof(c->roles) - n, "%s%s", n ? " " : "", reader->word.text);
	}
	c->request.roles = c->roles;
	return 0;
}

int case_read_signer(struct case_reader *reader)
{
	struct policy_case *c = reader->c;

	while (config_next_word(reader->entry, &reader->word)) {
		struct message_signer *signer = &c->signers[c->request.n_signers];
		char *text = reader->word.text;

		if (c->request.n_signers == SIGNATURES_MAX)
			return case_refuse(reader, "more than %d signers", SIGNATURES_MAX);
		if (!strncmp(text, "key:", 4)) {
			if (!digest_from_hex(text + 4, signer->key))
				return case_refuse(reader,
						   "64 hexadecimal digits are expected behind 'key:'");
		} else if (strlen(text) >= sizeof(signer->subject)) {
			return case_refuse(reader, "longer than %zu bytes", sizeof(signer->subject) - 1);
		}
		/* As in a policy, '?' stands where the subject has a blank. */
		for (size_t i = 0; strncmp(text, "key:", 4) != 0 && text[i]; i++)
			signer->subject[i] = text[i] == '?' ? ' ' : text[i];
		c->request.n_signers++;
	}
	c->request.signers = c->signers;
	return 0;
}

/* The types that belong to a hook: those with which it is served or, of hooks that are not, those with which
 * a program there can only look on. */
static bool find_types(struct spec_program *program)
{
	_cleanup_free_ struct spec_variant *variant = calloc(1, sizeof(*variant));
	struct spec_program *trial;

	if (!variant)
		return false;
	variant->n_programs = 1;
	trial = &variant->programs[0];
	*trial = *program;
	for (trial->type = 0; trial->type < TYPES_MAX; trial->type++)
		for (trial->attach_type = 0; trial->attach_type < TYPES_MAX; trial->attach_type++)
			if (spec_hook_served(trial->hook, trial->type, trial->attach_type) ||
			    !spec_may_modify(variant)) {
				*program = *trial;
				return true;
			}
	return false;
}

/* One program a hook. */
int case_read_hook(struct case_reader *reader)
{
	struct spec *spec = &reader->c->spec;
	struct spec_variant *variant = &spec->variants[0];

	spec->n_variants = 1;
	while (config_next_word(reader->entry, &reader->word)) {
		struct spec_program *program = &variant->programs[variant->n_programs];
		int r;

		if (variant->n_programs == SPEC_PROGRAMS_MAX)
			return case_refuse(reader, "more than %d programs", SPEC_PROGRAMS_MAX);
		r = take_word(reader, program->hook, sizeof(program->hook));
		if (r)
			return r;
		snprintf(program->name, sizeof(program->name), "program%u", variant->n_programs++);
		if (!find_types(program) && !config_entry(reader->c->section, "program-type"))
			return case_refuse(reader, "no program-type belongs to '%s' by itself: name one",
					   program->hook);
	}
	return 0;
}

static int need_hook(struct case_reader *reader)
{
	return reader->c->spec.n_variants
		       ? 0
		       : case_refuse(reader, "a program has a hook, too: name it with 'hook = …'");
}

/* One for all programs, where the hooks do not tell. */
int case_read_program_type(struct case_reader *reader)
{
	struct spec_variant *variant = &reader->c->spec.variants[0];
	uint32_t type;
	int r = need_hook(reader);

	if (r)
		return r;
	config_next_word(reader->entry, &reader->word);
	if (!spec_program_type_from_name(reader->word.text, &type))
		return case_refuse(reader, "unknown program type '%s'", reader->word.text);
	for (uint32_t i = 0; i < variant->n_programs; i++) {
		if (variant->programs[i].type != type)
			variant->programs[i].attach_type = 0;
		variant->programs[i].type = type;
	}
	return 0;
}

static bool helper_from_name(const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < HELPERS_MAX; i++) {
		const char *known = spec_helper_name(i);
		char number[16];

		snprintf(number, sizeof(number), "%u", i);
		if (strcmp(known ? known : number, name) != 0)
			continue;
		*ret = i;
		return true;
	}
	return false;
}

/* Which every program calls. */
int case_read_helper(struct case_reader *reader)
{
	struct spec_variant *variant = &reader->c->spec.variants[0];
	int r = need_hook(reader);

	while (!r && config_next_word(reader->entry, &reader->word)) {
		uint32_t helper;

		if (!helper_from_name(reader->word.text, &helper))
			return case_refuse(reader, "unknown helper '%s'", reader->word.text);
		if (variant->programs[0].n_helpers == SPEC_HELPERS_MAX)
			return case_refuse(reader, "more than %d helpers", SPEC_HELPERS_MAX);
		for (uint32_t i = 0; i < variant->n_programs; i++)
			variant->programs[i].helpers[variant->programs[i].n_helpers++] = helper;
	}
	return r;
}

static struct spec_param *find_param(struct spec *spec, const char *name, size_t n, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < spec->n_params; i++)
		if (strlen(spec->params[i].name) == n && !strncmp(spec->params[i].name, name, n)) {
			*ret_index = i;
			return &spec->params[i];
		}
	return NULL;
}

/* "NAME:…", where NAME is one that the probe does not have yet. *ret_text is what follows. */
static int add_param(struct case_reader *reader, struct spec_param **ret, char **ret_text)
{
	struct spec *spec = &reader->c->spec;
	char *colon = strchr(reader->word.text, ':');
	struct spec_param *param = &spec->params[spec->n_params];
	uint32_t index;

	if (!colon || colon == reader->word.text || !colon[1])
		return case_refuse(reader, "NAME:VALUE is expected");
	if ((size_t)(colon - reader->word.text) >= sizeof(param->name))
		return case_refuse(reader, "no parameter has so long a name");
	if (find_param(spec, reader->word.text, (size_t)(colon - reader->word.text), &index))
		return case_refuse(reader, "this parameter is there already");
	if (spec->n_params == SPEC_PARAMS_MAX)
		return case_refuse(reader, "more than %d parameters", SPEC_PARAMS_MAX);
	memcpy(param->name, reader->word.text, (size_t)(colon - reader->word.text));
	param->type = SPEC_TYPE_U64;
	param->size = 8;
	param->max = UINT64_MAX;
	spec->n_params++;
	reader->c->request.spec = spec;
	*ret = param;
	*ret_text = colon + 1;
	return 0;
}

/* Adds "none" to the names of a parameter's values. */
static int add_value(struct case_reader *reader, struct spec_param *param, const char *name)
{
	if (!*name || strlen(name) >= SPEC_VALUE_NAME_MAX)
		return case_refuse(reader, "'%s' cannot be the name of a value", name);
	if (param->n_values == SPEC_VALUES_MAX)
		return case_refuse(reader, "more than %d values", SPEC_VALUES_MAX);
	snprintf(param->values[param->n_values], SPEC_VALUE_NAME_MAX, "%s", name);
	param->max = param->n_values++;
	return 0;
}

static bool is_range(const char *text)
{
	size_t first = strspn(text, "0123456789"), last;

	if (!first || text[first] != '-')
		return false;
	last = strspn(text + first + 1, "0123456789");
	return last && !text[first + 1 + last];
}

/* "threshold:1-50" or "names:all/folded/none": the parameters of the probe. The first value is the initial.
 */
int case_read_values(struct case_reader *reader)
{
	int r = 0;

	while (!r && config_next_word(reader->entry, &reader->word)) {
		struct spec_param *param;
		char *text;

		r = add_param(reader, &param, &text);
		if (r)
			return r;
		if (is_range(text)) {
			sscanf(text, "%" SCNu64 "-%" SCNu64, &param->min, &param->max);
			param->initial = param->min;
			continue;
		}
		for (char *name = strsep(&text, "/"); !r && name; name = strsep(&text, "/"))
			r = add_value(reader, param, name);
	}
	return r;
}

/* "NAME:VALUE" of a parameter that is there. */
static int read_value(struct case_reader *reader, uint32_t *ret_index, uint64_t *ret_value)
{
	const char *colon = strchr(reader->word.text, ':');
	struct spec_param *param = NULL;

	if (colon)
		param = find_param(&reader->c->spec, reader->word.text, (size_t)(colon - reader->word.text),
				   ret_index);
	if (!param)
		return case_refuse(reader, "NAME:VALUE of a parameter that 'values' or 'parameter' names is "
					   "expected");
	if (!spec_param_value(param, colon + 1, ret_value))
		return case_refuse(reader, "'%s' is no value of it", colon + 1);
	return 0;
}

/* What the caller gave. A parameter that `values` does not describe is a number of any size, or has the one
 * value whose name is given. */
int case_read_parameter(struct case_reader *reader)
{
	struct policy_case *c = reader->c;

	while (config_next_word(reader->entry, &reader->word)) {
		const char *colon = strchr(reader->word.text, ':');
		struct spec_param *param;
		uint32_t index = 0;
		char *text;
		int r = 0;

		if (!colon ||
		    !find_param(&c->spec, reader->word.text, (size_t)(colon - reader->word.text), &index)) {
			r = add_param(reader, &param, &text);
			if (!r && text[strspn(text, "0123456789")])
				r = add_value(reader, param, text);
			if (r)
				return r;
			index = c->spec.n_params - 1;
		}
		r = read_value(reader, &index, &c->parameters[index]);
		if (r)
			return r;
		c->request.given |= 1U << index;
	}
	return 0;
}

/* What is expected to be in force. */
int case_read_in_force(struct case_reader *reader)
{
	struct policy_case *c = reader->c;

	while (config_next_word(reader->entry, &reader->word)) {
		uint32_t index = 0;
		uint64_t value = 0;
		int r = read_value(reader, &index, &value);

		if (r)
			return r;
		c->in_force[index] = value;
		c->parameters_expected |= 1U << index;
	}
	return 0;
}

static int compare_helpers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int case_finish_bundle(struct case_reader *reader)
{
	struct policy_case *c = reader->c;
	struct spec_variant *variant = &c->spec.variants[0];

	for (uint32_t i = 0; i < variant->n_programs; i++)
		qsort(variant->programs[i].helpers, variant->programs[i].n_helpers,
		      sizeof(variant->programs[i].helpers[0]), compare_helpers);
	for (uint32_t i = 0; i < c->spec.n_params; i++)
		if (!(c->request.given & 1U << i))
			c->parameters[i] = c->spec.params[i].initial;
	if (c->request.spec && c->spec.n_params)
		c->request.parameters = c->parameters;
	return 0;
}
