/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Which records: the options of audit list, and of whatever else takes a part of the log.
 */
#include "client/cli/cli.h"

struct audit_filter {
	const struct cli *cli;
	json_t *parameters; /* of Query, without a position; the caller's */
	int failed;         /* exit code if an option was wrong */
};

/* Vals 0x200 to 0x2ff are taken. */
enum {
	AUDIT_OPTION_SINCE = 0x200,
	AUDIT_OPTION_UNTIL,
	AUDIT_OPTION_USER,
	AUDIT_OPTION_PROBE,
	AUDIT_OPTION_KIND,
	AUDIT_OPTION_VERDICT,
	AUDIT_OPTION_ACTION,
	AUDIT_OPTION_ATTACHMENT,
};
#define AUDIT_FILTER_OPTIONS                                                   \
	{ "since", required_argument, NULL, AUDIT_OPTION_SINCE },              \
		{ "until", required_argument, NULL, AUDIT_OPTION_UNTIL },      \
		{ "user", required_argument, NULL, AUDIT_OPTION_USER },        \
		{ "probe", required_argument, NULL, AUDIT_OPTION_PROBE },      \
		{ "kind", required_argument, NULL, AUDIT_OPTION_KIND },        \
		{ "verdict", required_argument, NULL, AUDIT_OPTION_VERDICT },  \
		{ "action", required_argument, NULL, AUDIT_OPTION_ACTION },    \
	{                                                                      \
		"attachment", required_argument, NULL, AUDIT_OPTION_ATTACHMENT \
	}

/* Handles one of them; false for a wrong value, which is told and in `failed`, and for any other option. */
bool audit_filter_option(struct audit_filter *filter, int option, const char *value);
