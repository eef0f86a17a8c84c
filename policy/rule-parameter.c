/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "names:none", "threshold:1000-50000": in the condition `parameter`, and in a limit's `set`. */
#include "policy/rule-value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* Names of values begin with a letter (rule M22 of bundles), so none is taken for a number. */
static int read_values(const struct rule_value *value, const char *text, struct rule_parameter *entry)
{
	const char *end = text + strlen(text), *dash = strchr(text, '-');

	if (*text >= 'a' && *text <= 'z' && text[strspn(text, LOWER DIGITS "_-")] == '\0') {
		if (end - text >= SPEC_VALUE_NAME_MAX)
			return rule_value_refuse(value, "longer than the name of any value, %d bytes",
						 SPEC_VALUE_NAME_MAX - 1);
		snprintf(entry->text, sizeof(entry->text), "%s", text);
		return 0;
	}
	if (!rule_value_number(text, dash ? dash : end, UINT64_MAX, &entry->min) ||
	    !rule_value_number(dash ? dash + 1 : text, end, UINT64_MAX, &entry->max))
		return rule_value_refuse(value,
					 "a number, a range or the name of a value is expected behind '%s:'",
					 entry->name);
	if (entry->min > entry->max)
		return rule_value_refuse(value, "no number is in '%s'", text);
	return 0;
}

static int read_one(const struct rule_value *value, struct rule_parameter *entry)
{
	const char *text = value->word.text, *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);

	if (!colon || !n || !colon[1])
		return rule_value_refuse(value,
					 "'%s' is no parameter with its values, such as names:none or "
					 "threshold:1000-50000",
					 text);
	if (n >= sizeof(entry->name))
		return rule_value_refuse(value, "longer than the name of any parameter, %zu bytes",
					 sizeof(entry->name) - 1);
	if (strpbrk(text, "*?"))
		return rule_value_refuse(value, "neither parameters nor their values can be patterns");
	memcpy(entry->name, text, n);
	entry->name[n] = '\0';
	return read_values(value, colon + 1, entry);
}

static int read_list(struct rule_value *value, struct rule_parameters *list)
{
	int r;

	/* Each is three bytes and a blank at least. */
	list->list = calloc(strlen(value->entry->value) / 4 + 1, sizeof(*list->list));
	if (!list->list)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		struct rule_parameter entry = { .name = "" };

		r = read_one(value, &entry);
		if (r)
			return r;
		list->list[list->n++] = entry;
	}
	return r;
}

int rule_read_parameter(struct rule_value *value)
{
	return read_list(value, &value->rule->parameters);
}

static const struct rule_parameter *find(const struct rule_parameters *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list->list[i].name, name))
			return &list->list[i];
	return NULL;
}

/* Two entries of one name would contradict each other, or one would be needless. */
int rule_read_set(struct rule_value *value)
{
	const struct rule_parameters *set = &value->rule->set;
	int r = read_list(value, &value->rule->set);

	if (r)
		return r;
	value->word = (struct config_word){ .next = 0 };
	for (size_t i = 0; i < set->n && rule_value_next(value, &r); i++)
		if (find(set, i, set->list[i].name))
			return rule_value_refuse(value, "parameter '%s' is set twice", set->list[i].name);
	return r;
}

void rule_parameter_values(const struct rule_parameter *entry, const struct spec_param *param,
			   uint64_t *ret_min, uint64_t *ret_max)
{
	uint64_t min = entry->min, max = entry->max;

	if (entry->text[0]) {
		min = 1;
		max = 0;
		if (spec_param_value(param, entry->text, &min))
			max = min;
	}
	*ret_min = min;
	*ret_max = max;
}

bool rule_parameter_bound(const struct rule *rule, const struct spec_param *param, uint64_t *ret_min,
			  uint64_t *ret_max)
{
	const struct rule_parameter *entry = find(&rule->set, rule->set.n, param->name);

	if (entry)
		rule_parameter_values(entry, param, ret_min, ret_max);
	return entry;
}
