/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/rule-value.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const target_names[] = { "self", "user:", "unit:", "cgroup:", "host" };
static const uint32_t target_kinds[] = { TARGET_SELF, TARGET_USER, TARGET_UNIT, TARGET_CGROUP, TARGET_HOST };

static int read_target_glob(struct rule_value *value, const char *glob, struct rule_target *target)
{
	const char *wrong = target->kind == TARGET_UNIT ? rule_wrong_unit(glob) : rule_wrong_cgroup(glob);

	if (wrong)
		return rule_value_refuse(value, "%s", wrong);
	if (strlen(glob) >= TARGET_NAME_MAX)
		return rule_value_refuse(value, "longer than the name of any target, %d bytes",
					 TARGET_NAME_MAX - 1);
	target->glob = strdup(glob);
	return target->glob ? 0 : -ENOMEM;
}

static int read_one_target(struct rule_value *value)
{
	const char *word = value->word.text, *colon = strchr(word, ':');
	struct rule_target *target = &value->rule->targets[value->rule->n_targets];
	size_t length = colon ? (size_t)(colon + 1 - word) : strlen(word), i;
	bool found = true;
	int r = 0;

	for (i = 0; i < COUNT(target_names); i++)
		if (strlen(target_names[i]) == length && !strncmp(target_names[i], word, length))
			break;
	if (i == COUNT(target_names))
		return rule_value_unknown_word(value, "target", target_names, COUNT(target_names));
	target->kind = target_kinds[i];
	if (target->kind == TARGET_USER)
		r = rule_value_id(value, "user", colon + 1, value->reader->resolver->user, &target->uid,
				  &found);
	else if (colon)
		r = read_target_glob(value, colon + 1, target);
	if (!r && found)
		value->rule->n_targets++;
	return r;
}

int rule_read_target(struct rule_value *value)
{
	int r;

	value->rule->targets = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*value->rule->targets));
	if (!value->rule->targets)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		r = read_one_target(value);
		if (r)
			return r;
	}
	return r;
}
