/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * How run, watch and read show things: the options that they share.
 */
#include "client/cli/cli.h"

struct view_options {
	const char *top; /* NULL: not given; borrowed from argv */
	bool schema;
};

enum { OPTION_TOP = 0x200, OPTION_SCHEMA };
#define VIEW_OPTIONS                                       \
	{ "top", required_argument, NULL, OPTION_TOP },    \
	{                                                  \
		"schema", no_argument, NULL, OPTION_SCHEMA \
	}

/* A cli_option_fn with struct view_options as data; false for other options. */
bool view_option(void *data, int option, const char *value);

/* Once everything is parsed. CLI_CONTINUE or an exit code. */
int view_options_check(const struct cli *cli, const struct view_options *options);
