/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Windows of time: "mon-fri/08:00-18:00", "sun", "22:00-06:00"; and single minutes: "mon/09:30". */
#include <string.h>

#include "policy/rule-value.h"

#define DAYS 7U
#define DAY  (24U * 60U) /* minutes */

static const char *const days[DAYS] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static int refuse_window(const struct rule_value *value)
{
	return rule_value_refuse(value, "'%s' is no window of time, such as mon-fri/08:00-18:00 (UTC)",
				 value->word.text);
}

/* "08:30", and "24:00" where a window may end. */
static bool read_clock(const char *text, size_t n, uint32_t max, uint32_t *ret_minute)
{
	uint32_t hour, minute;

	if (n != 5 || text[2] != ':')
		return false;
	for (size_t i = 0; i < 5; i++)
		if (i != 2 && (text[i] < '0' || text[i] > '9'))
			return false;
	hour = (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
	minute = (uint32_t)(text[3] - '0') * 10 + (uint32_t)(text[4] - '0');
	if (minute >= 60 || hour * 60 + minute > max)
		return false;
	*ret_minute = hour * 60 + minute;
	return true;
}

bool policy_minute_from_text(const char *text, uint32_t *ret_minute)
{
	const char *slash = strchr(text, '/');
	uint32_t minute;

	if (!slash || !read_clock(slash + 1, strlen(slash + 1), DAY - 1, &minute))
		return false;
	for (uint32_t day = 0; day < DAYS; day++)
		if (strlen(days[day]) == (size_t)(slash - text) &&
		    !strncmp(days[day], text, strlen(days[day]))) {
			*ret_minute = day * DAY + minute;
			return true;
		}
	return false;
}

static int read_clocks(const struct rule_value *value, const char *text, uint32_t *ret_from, uint32_t *ret_to)
{
	const char *dash = strchr(text, '-');

	if (!dash || !read_clock(text, (size_t)(dash - text), DAY - 1, ret_from) ||
	    !read_clock(dash + 1, strlen(dash + 1), DAY, ret_to))
		return refuse_window(value);
	if (*ret_from == *ret_to)
		return rule_value_refuse(value, "no minute is in '%s': a whole day is 00:00-24:00", text);
	return 0;
}

static int read_day(const struct rule_value *value, const char *text, size_t n, uint32_t *ret_day)
{
	char name[8];
	size_t day;

	if (n >= sizeof(name) || !n)
		return refuse_window(value);
	memcpy(name, text, n);
	name[n] = '\0';
	day = rule_value_find(days, DAYS, name);
	if (day == DAYS)
		return rule_value_unknown(value, value->entry->line,
					  value->word.column + (uint32_t)(text - value->word.text), "day",
					  name, days, DAYS);
	*ret_day = (uint32_t)day;
	return 0;
}

/* "mon-fri": n bytes before the end or the slash. */
static int read_days(const struct rule_value *value, size_t n, uint32_t *ret_first, uint32_t *ret_last)
{
	const char *text = value->word.text, *dash = memchr(text, '-', n);
	size_t length = dash ? (size_t)(dash - text) : n;
	int r;

	r = read_day(value, text, length, ret_first);
	if (r)
		return r;
	*ret_last = *ret_first;
	return dash ? read_day(value, dash + 1, n - length - 1, ret_last) : 0;
}

/* One that goes over midnight belongs to the day on which it begins. */
static int add_window(struct rule_ranges *times, uint32_t day, uint32_t from, uint32_t to)
{
	uint32_t first = day * DAY + from;
	uint32_t last = first + (to > from ? to - from : to + DAY - from) - 1;
	int r;

	if (last < POLICY_WEEK)
		return rule_ranges_add(times, first, last);
	r = rule_ranges_add(times, first, POLICY_WEEK - 1);
	return r ? r : rule_ranges_add(times, 0, last - POLICY_WEEK);
}

static int read_window(struct rule_value *value)
{
	const char *text = value->word.text, *slash = strchr(text, '/');
	bool named = *text >= 'a' && *text <= 'z';
	uint32_t first = 0, last = DAYS - 1, from = 0, to = DAY;
	int r = 0;

	if (slash && !named)
		return refuse_window(value);
	if (named)
		r = read_days(value, slash ? (size_t)(slash - text) : strlen(text), &first, &last);
	if (!r && (slash || !named))
		r = read_clocks(value, slash ? slash + 1 : text, &from, &to);
	for (uint32_t day = first; !r; day = (day + 1) % DAYS) {
		r = add_window(&value->rule->times, day, from, to);
		if (day == last)
			break;
	}
	return r;
}

int rule_read_time(struct rule_value *value)
{
	int r;

	while (rule_value_next(value, &r)) {
		r = read_window(value);
		if (r)
			return r;
	}
	rule_ranges_join(&value->rule->times);
	return r;
}
