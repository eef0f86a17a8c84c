/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A run from the first call to the summary: a stream, the terminal's signals, a command, and Read on the
 * side.
 */
#include "client/cli/cli.h"
#include "client/cli/view-options.h"

struct run_options {
	const struct bpfwarden_options *probe; /* NULL: watch */
	const char *watch;                     /* the attachment's id; NULL: run */
	uint64_t duration;                     /* seconds; 0: until the deadline */
	char **command;                        /* ends with NULL; NULL: none */
	struct view_options view;
};

/* Runs or watches until Ctrl-C, the time, the command's end or the attachment's. Returns an exit code. */
int run_main(const struct cli *cli, const struct run_options *options);
