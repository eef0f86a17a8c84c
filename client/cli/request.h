/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What run and attach ask for: the options they share.
 */
#include "client/cli/cli.h"
#include "common/limits.h"

struct request {
	struct bpfwarden_options options; /* strings borrow from here and from argv */
	char target[TARGET_NAME_MAX + 16];
	json_t *parameters; /* NULL: none set; until request_finish(), names of values are still strings */
	char *parameters_text;
	uint64_t duration; /* seconds; 0: not given */
	int failed;        /* exit code if an option was wrong */
	const struct cli *cli;
};

extern const struct option request_options[];

/* Those of them that say what is wanted, for verbs with more options of their own. Vals 0x100 to 0x1ff are
 * taken. */
enum { OPTION_AGGREGATES = 0x100, OPTION_EVENTS, OPTION_EXPERIMENTAL, OPTION_SERIAL, OPTION_PRIVACY };
#define REQUEST_OPTIONS                                                                               \
	{ "pid", required_argument, NULL, 'p' }, { "unit", required_argument, NULL, 'U' },            \
		{ "user", required_argument, NULL, 'u' }, { "cgroup", required_argument, NULL, 'g' }, \
		{ "host", no_argument, NULL, 'H' }, { "set", required_argument, NULL, 's' },          \
		{ "aggregates", no_argument, NULL, OPTION_AGGREGATES },                               \
		{ "events", no_argument, NULL, OPTION_EVENTS },                                       \
		{ "privacy", required_argument, NULL, OPTION_PRIVACY },                               \
		{ "experimental", no_argument, NULL, OPTION_EXPERIMENTAL },                           \
	{                                                                                             \
		"serial", required_argument, NULL, OPTION_SERIAL                                      \
	}

/* Handles one of request_options: a cli_option_fn with a struct request as data. */
bool request_option(void *data, int option, const char *value);

/* Completes options once everything is parsed; asks the daemon what the names of values mean, if there are
 * any. CLI_CONTINUE or an exit code. */
int request_finish(struct request *request, const char *probe);

/* Frees what it holds, not itself. */
void request_clear(struct request *request);

/* The cgroup path of a process from the text of /proc/PID/cgroup (cgroups(7): the line "0::PATH"). False: not
 * in the unified hierarchy, or longer than size - 1. */
bool cgroup_of_text(const char *text, char *buffer, size_t size);
