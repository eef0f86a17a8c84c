/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/audit-filter.h"

#include <pwd.h>
#include <time.h>

#include "client/cli/units.h"

static bool fail(struct audit_filter *filter, int code)
{
	filter->failed = code;
	return false;
}

static bool set(struct audit_filter *filter, const char *key, json_t *value)
{
	if (json_object_set_new(filter->parameters, key, value) < 0)
		return fail(filter, cli_usage(filter->cli, "--%s is not UTF-8", key));
	return true;
}

static bool set_time(struct audit_filter *filter, const char *key, const char *value)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!unit_parse_time(value, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, &ns))
		return fail(
			filter,
			cli_usage(filter->cli,
				  "--%s takes 2026-01-31, \"2026-01-31 10:00\", today, yesterday, 2h (ago) "
				  "or @SECONDS, not \"%s\"",
				  key, value));
	return set(filter, key, json_integer((json_int_t)ns));
}

static bool set_user(struct audit_filter *filter, const char *value)
{
	uint64_t uid;

	if (!unit_parse_number(value, &uid) || uid >= UINT32_MAX) {
		const struct passwd *user = getpwnam(value);

		if (!user)
			return fail(filter, cli_usage(filter->cli, "there is no user \"%s\"", value));
		uid = user->pw_uid;
	}
	return set(filter, "uid", json_integer((json_int_t)uid));
}

bool audit_filter_option(struct audit_filter *filter, int option, const char *value)
{
	switch (option) {
	case AUDIT_OPTION_SINCE:
		return set_time(filter, "since", value);
	case AUDIT_OPTION_UNTIL:
		return set_time(filter, "until", value);
	case AUDIT_OPTION_USER:
		return set_user(filter, value);
	case AUDIT_OPTION_PROBE:
		return set(filter, "probe", json_string(value));
	case AUDIT_OPTION_KIND:
		return set(filter, "kind", json_string(value));
	case AUDIT_OPTION_VERDICT:
		return set(filter, "verdict", json_string(value));
	case AUDIT_OPTION_ACTION:
		return set(filter, "action", json_string(value));
	case AUDIT_OPTION_ATTACHMENT:
		return set(filter, "attachment", json_string(value));
	}
	return false;
}
