/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/view-options.h"

bool view_option(void *data, int option, const char *value)
{
	struct view_options *options = data;

	switch (option) {
	case OPTION_TOP:
		options->top = value;
		return true;
	case OPTION_SCHEMA:
		options->schema = true;
		return true;
	}
	return false;
}

int view_options_check(const struct cli *cli, const struct view_options *options)
{
	return options->schema && !cli->json ? cli_usage(cli, "--schema is for -o json") : CLI_CONTINUE;
}
