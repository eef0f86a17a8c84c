/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule-value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BIT(n)   (1U << (n))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* As many words as a message can list and still be read. */
#define CHOICES_MAX 8

static const char *const answers[] = { "no", "yes" };

size_t rule_value_find(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			break;
	return i;
}

/* "host, container", or nothing where there are too many to read. */
static void list_choices(const char *const *names, size_t n, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; n <= CHOICES_MAX && i < n && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", names[i]);
}

int rule_value_unknown(const struct rule_value *value, uint32_t line, uint32_t column, const char *what,
		       const char *word, const char *const *names, size_t n)
{
	const char *nearest = config_nearest(word, names, n);
	const struct rule_reader *reader = value->reader;
	char choices[128];

	if (nearest)
		return config_refuse(reader->config, reader->refusal, value->section->file, line, column,
				     "unknown %s '%s', did you mean '%s'?", what, word, nearest);
	list_choices(names, n, choices, sizeof(choices));
	return config_refuse(reader->config, reader->refusal, value->section->file, line, column,
			     "unknown %s '%s'%s%s", what, word, *choices ? ": it is one of " : "", choices);
}

int rule_value_unknown_word(const struct rule_value *value, const char *what, const char *const *names,
			    size_t n)
{
	return rule_value_unknown(value, value->entry->line, value->word.column, what, value->word.text,
				  names, n);
}

int rule_value_warn(const struct rule_value *value, const char *format, ...)
{
	_cleanup_free_ char *sentence = NULL;
	char *warning;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&sentence, format, ap);
	va_end(ap);
	if (r < 0) {
		sentence = NULL;
		return -ENOMEM;
	}
	if (asprintf(&warning, "%s:%u:%u: %s", value->section->file, value->entry->line, value->word.column,
		     sentence) < 0)
		return -ENOMEM;
	return value->reader->warn(value->reader->userdata, warning);
}

static bool next_without(struct rule_value *value, const char *signs, int *ret_error)
{
	const char *at;

	*ret_error = 0;
	if (!config_next_word(value->entry, &value->word))
		return false;
	at = strpbrk(value->word.text, signs);
	if (!at)
		return true;
	if (*at == ',' || *at == ';')
		*ret_error = rule_value_refuse(value, "values are separated by blanks, without '%c'", *at);
	else if (*at == '!')
		*ret_error = rule_value_refuse(value, "'!' has no meaning: write a [deny] section instead");
	else
		*ret_error =
			rule_value_refuse(value, "'%c' has no meaning: patterns know '*' and '?' only", *at);
	return false;
}

bool rule_value_next(struct rule_value *value, int *ret_error)
{
	return next_without(value, ",;\"'`[]{}()!", ret_error);
}

bool rule_value_next_subject(struct rule_value *value, int *ret_error)
{
	if (!next_without(value, ";\"'`[]{}()!", ret_error))
		return false;
	if (value->word.text[strlen(value->word.text) - 1] != ',')
		return true;
	*ret_error = rule_value_refuse(value, "values are separated by blanks, without ','");
	return false;
}

int rule_value_number(const char *text, const char *end, uint64_t max, uint64_t *ret_number)
{
	uint64_t value = 0;

	if (text == end || (*text == '0' && end - text > 1))
		return 0;
	for (const char *p = text; p < end; p++)
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(value, 10U, &value) ||
		    __builtin_add_overflow(value, (unsigned)(*p - '0'), &value))
			return 0;
	if (value > max)
		return 0;
	*ret_number = value;
	return 1;
}

/* Keys whose words are an enumeration: where in the rule their bit set is, and which bit the first word has.
 */
static const struct {
	const char *const *names;
	size_t n;
	size_t offset;
	uint32_t shift;
} enumerations[_RULE_KEY_MAX] = {
	[RULE_ACTION] = { policy_action_names, COUNT(policy_action_names), offsetof(struct rule, actions),
			  0 },
	[RULE_CHANNEL] = { policy_channel_names, COUNT(policy_channel_names), offsetof(struct rule, channels),
			   0 },
	[RULE_DATA] = { policy_data_names, COUNT(policy_data_names), offsetof(struct rule, data), 0 },
	[RULE_PRIVACY] = { spec_privacy_names, COUNT(spec_privacy_names), offsetof(struct rule, privacy), 0 },
	[RULE_PERSIST] = { answers, COUNT(answers), offsetof(struct rule, persist), 0 },
	[RULE_KERNEL_VERIFIED] = { answers, COUNT(answers), offsetof(struct rule, kernel_verified), 0 },
	[RULE_MAY_MODIFY] = { answers, COUNT(answers), offsetof(struct rule, may_modify), 0 },
	[RULE_NAMESPACE] = { policy_namespace_names + POLICY_NAMESPACE_HOST,
			     _POLICY_NAMESPACE_MAX - POLICY_NAMESPACE_HOST, offsetof(struct rule, namespaces),
			     POLICY_NAMESPACE_HOST },
};

static int read_enumeration(struct rule_value *value, enum rule_key key)
{
	uint32_t *bits = (uint32_t *)(void *)((char *)value->rule + enumerations[key].offset);
	size_t n = enumerations[key].n;
	int r;

	while (rule_value_next(value, &r)) {
		size_t i = rule_value_find(enumerations[key].names, n, value->word.text);

		if (i == n && key == RULE_KERNEL_VERIFIED && !strcmp(value->word.text, "required"))
			return rule_value_refuse(value, "'required' belongs into a [limit] section: "
							"'yes' or 'no' is expected here");
		if (i == n)
			return rule_value_unknown_word(value, rule_key_name(key), enumerations[key].names, n);
		*bits |= BIT(i + enumerations[key].shift);
	}
	return r;
}

/* A class is shown with all below it, so who may see one may see these. */
static int read_privacy(struct rule_value *value)
{
	int r = read_enumeration(value, RULE_PRIVACY);

	for (uint32_t i = _SPEC_PRIVACY_MAX - 1; !rule_takes_away(value->rule) && i; i--)
		value->rule->privacy |= (value->rule->privacy & BIT(i)) >> 1;
	return r;
}

static int read_program_type(struct rule_value *value)
{
	const char *names[64];
	size_t n = 0;
	uint32_t type;
	int r;

	for (type = 0; type < COUNT(names); type++)
		if (spec_program_type_name(type))
			names[n++] = spec_program_type_name(type);
	while (rule_value_next(value, &r)) {
		if (!spec_program_type_from_name(value->word.text, &type) || type >= COUNT(names))
			return rule_value_unknown_word(value, "program type", names, n);
		value->rule->program_types |= 1ULL << type;
	}
	return r;
}

int rule_value_read(struct rule_value *value, enum rule_key key)
{
	switch (key) {
	case RULE_PRIVACY:
		return read_privacy(value);
	case RULE_TIME:
		return rule_read_time(value);
	case RULE_USER:
		return rule_read_user(value);
	case RULE_UID:
		return rule_read_uid(value);
	case RULE_GROUP:
		return rule_read_group(value);
	case RULE_SIGNER:
		return rule_read_signer(value);
	case RULE_PROGRAM_TYPE:
		return read_program_type(value);
	case RULE_PARAMETER:
		return rule_read_parameter(value);
	case RULE_TARGET:
		return rule_read_target(value);
	default:
		return enumerations[key].names ? read_enumeration(value, key) : rule_read_globs(value, key);
	}
}

const char *rule_key_name(enum rule_key key)
{
	return rule_rows[key].name;
}
