/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users, groups and ranges of both numbers and minutes. */
#include "policy/rule-value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERFLOW_ID 65534U           /* what the kernel reports for an id that it cannot map */
#define ID_MAX      (UINT32_MAX - 1) /* the last one means "no id" to the kernel */

/* A name that nobody bears: harmless where it would give something, fatal where it would take something away.
 */
static int unknown_id(const struct rule_value *value, const char *what, const char *name)
{
	if (rule_takes_away(value->rule))
		return rule_value_refuse(value, "there is no %s '%s', so this %s would vanish", what, name,
					 rule_kind_name(value->rule->kind));
	return rule_value_warn(value, "there is no %s '%s': it matches nobody", what, name);
}

static int refuse_overflow(const struct rule_value *value)
{
	return rule_value_refuse(value, "id %u stands for whom the kernel cannot name: it cannot be allowed",
				 OVERFLOW_ID);
}

int rule_value_id(struct rule_value *value, const char *what, const char *name,
		  int (*resolve)(void *, const char *, uint32_t *), uint32_t *ret_id, bool *ret_found)
{
	uint64_t number;
	int r;

	*ret_found = false;
	if (!*name || strpbrk(name, "*?"))
		return rule_value_refuse(value, "a %s is one name or number, not a pattern", what);
	if (name[strspn(name, "0123456789")] == '\0') {
		if (!rule_value_number(name, name + strlen(name), ID_MAX, &number))
			return rule_value_refuse(value, "'%s' is no valid id", name);
		*ret_id = (uint32_t)number;
	} else {
		r = resolve(value->reader->resolver->userdata, name, ret_id);
		if (r < 0)
			return r;
		if (r > 0 || *ret_id == UINT32_MAX)
			return unknown_id(value, what, name);
	}
	if (*ret_id == OVERFLOW_ID && !rule_takes_away(value->rule))
		return refuse_overflow(value);
	*ret_found = true;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int read_ids(struct rule_value *value, const char *what,
		    int (*resolve)(void *, const char *, uint32_t *), struct rule_ids *ids)
{
	int r;

	/* One id at most for each two bytes of the value. */
	ids->ids = calloc(strlen(value->entry->value) / 2 + 1, sizeof(*ids->ids));
	if (!ids->ids)
		return -ENOMEM;
	while (rule_value_next(value, &r)) {
		uint32_t id;
		bool found;

		r = rule_value_id(value, what, value->word.text, resolve, &id, &found);
		if (r)
			return r;
		if (found)
			ids->ids[ids->n++] = id;
	}
	qsort(ids->ids, ids->n, sizeof(*ids->ids), compare_ids);
	return r;
}

int rule_read_user(struct rule_value *value)
{
	return read_ids(value, "user", value->reader->resolver->user, &value->rule->users);
}

int rule_read_group(struct rule_value *value)
{
	return read_ids(value, "group", value->reader->resolver->group, &value->rule->groups);
}

int rule_ranges_add(struct rule_ranges *ranges, uint32_t first, uint32_t last)
{
	struct rule_range *p = reallocarray(ranges->ranges, ranges->n + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	ranges->ranges = p;
	p[ranges->n++] = (struct rule_range){ .first = first, .last = last };
	return 0;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct rule_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void rule_ranges_join(struct rule_ranges *ranges)
{
	struct rule_range *p = ranges->ranges;
	size_t n = 0;

	if (!p)
		return;
	qsort(p, ranges->n, sizeof(*p), compare_ranges);
	for (size_t i = 1; i < ranges->n; i++) {
		if (p[i].first > p[n].last + 1)
			p[++n] = p[i];
		else if (p[i].last > p[n].last)
			p[n].last = p[i].last;
	}
	ranges->n = n + 1;
}

int rule_read_uid(struct rule_value *value)
{
	int r;

	while (rule_value_next(value, &r)) {
		const char *text = value->word.text, *end = text + strlen(text), *dash = strchr(text, '-');
		uint64_t first, last;

		if (!rule_value_number(text, dash ? dash : end, ID_MAX, &first) ||
		    !rule_value_number(dash ? dash + 1 : text, end, ID_MAX, &last))
			return rule_value_refuse(
				value, "'%s' is neither a number nor a range of numbers, such as 1000-1999",
				text);
		if (first > last)
			return rule_value_refuse(value, "no number is in '%s'", text);
		if (first <= OVERFLOW_ID && last >= OVERFLOW_ID && !rule_takes_away(value->rule))
			return refuse_overflow(value);
		r = rule_ranges_add(&value->rule->uids, (uint32_t)first, (uint32_t)last);
		if (r)
			return r;
	}
	rule_ranges_join(&value->rule->uids);
	return r;
}
