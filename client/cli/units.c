/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/units.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS           1000000000ULL
#define DURATION_MAX (10ULL * 366 * 24 * 3600)

const char *unit_seconds(double seconds, char *buffer)
{
	static const struct {
		double size;
		const char *name;
	} units[] = { { 1, "s" }, { 1e-3, "ms" }, { 1e-6, "us" }, { 1e-9, "ns" } };
	size_t i = 0;
	double value;

	while (i < 3 && seconds < units[i].size * 0.9995)
		i++;
	value = seconds / units[i].size;
	snprintf(buffer, UNIT_TEXT_MAX,
		 value < 9.995 && i < 3   ? "%.2f %s"
		 : value < 99.95 && i < 3 ? "%.1f %s"
					  : "%.0f %s",
		 value, units[i].name);
	return buffer;
}

const char *unit_share(double share, char *buffer)
{
	double percent = share * 100;

	snprintf(buffer, UNIT_TEXT_MAX,
		 percent < 1     ? "%.3f%%"
		 : percent < 100 ? "%.2f%%"
				 : "%.0f%%",
		 percent);
	return buffer;
}

const char *unit_bytes(uint64_t bytes, char *buffer)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t i = 0;

	for (; value >= 1023.95 && i < 4; i++)
		value /= 1024;
	snprintf(buffer, UNIT_TEXT_MAX, i ? "%.1f %s" : "%.0f %s", value, names[i]);
	return buffer;
}

const char *unit_rate(double per_second, char *buffer)
{
	if (per_second < 0)
		snprintf(buffer, UNIT_TEXT_MAX, "-");
	else
		snprintf(buffer, UNIT_TEXT_MAX,
			 per_second < 9.995   ? "%.2f/s"
			 : per_second < 99.95 ? "%.1f/s"
					      : "%.0f/s",
			 per_second);
	return buffer;
}

const char *unit_remaining(uint64_t seconds, char *buffer)
{
	unsigned long long s = seconds;

	if (s >= 48 * 3600)
		snprintf(buffer, UNIT_TEXT_MAX, "%llud%lluh", s / 86400, s / 3600 % 24);
	else if (s >= 3600 && s % 3600 < 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%lluh", s / 3600);
	else if (s >= 3600)
		snprintf(buffer, UNIT_TEXT_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else if (s >= 60 && s % 60 == 0)
		snprintf(buffer, UNIT_TEXT_MAX, "%llum", s / 60);
	else if (s >= 60)
		snprintf(buffer, UNIT_TEXT_MAX, "%llum%02llus", s / 60, s % 60);
	else
		snprintf(buffer, UNIT_TEXT_MAX, "%llus", s);
	return buffer;
}

const char *unit_realtime(uint64_t ns, char *buffer)
{
	time_t seconds = (time_t)(ns / NS);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(buffer, UNIT_TEXT_MAX, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buffer, UNIT_TEXT_MAX, "?");
	return buffer;
}

bool unit_parse_number(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return false;
	for (; *text; text++)
		if (!isdigit((unsigned char)*text) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	*ret = value;
	return true;
}

static uint64_t unit_of(char letter)
{
	switch (letter) {
	case 0:
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

bool unit_parse_duration(const char *text, uint64_t *ret)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	while (*text) {
		uint64_t value = 0, unit;

		if (!isdigit((unsigned char)*text))
			return false;
		for (; isdigit((unsigned char)*text); text++) {
			value = value * 10 + (uint64_t)(*text - '0');
			if (value > DURATION_MAX)
				return false;
		}
		unit = unit_of(*text);
		if (!unit || value * unit > DURATION_MAX)
			return false;
		sum += value * unit;
		text += *text != 0;
	}
	if (sum == 0 || sum > DURATION_MAX)
		return false;
	*ret = sum;
	return true;
}

static bool parse_date(const char *text, uint64_t *ret)
{
	static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
					       "%Y-%m-%dT%H:%M:%S" };

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, formats[i], &tm);
		time_t seconds;

		if (!end || *end)
			continue;
		seconds = mktime(&tm);
		if (seconds < 0)
			return false;
		*ret = (uint64_t)seconds * NS;
		return true;
	}
	return false;
}

/* When the day began that many days before now, in local time: days are not all of the same length. */
static bool midnight(uint64_t now, int before, uint64_t *ret)
{
	time_t seconds = (time_t)(now / NS);
	struct tm tm;

	if (!localtime_r(&seconds, &tm))
		return false;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday -= before;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	if (seconds < 0)
		return false;
	*ret = (uint64_t)seconds * NS;
	return true;
}

bool unit_parse_time(const char *text, uint64_t now, uint64_t *ret)
{
	uint64_t seconds;

	if (*text == '@') {
		if (!unit_parse_number(text + 1, &seconds) || seconds > UINT64_MAX / NS / 2)
			return false;
		*ret = seconds * NS;
		return true;
	}
	if (!strcmp(text, "today") || !strcmp(text, "yesterday"))
		return midnight(now, *text == 'y', ret);
	if (unit_parse_duration(text, &seconds)) {
		*ret = seconds * NS < now ? now - seconds * NS : 1;
		return true;
	}
	return parse_date(text, ret);
}
