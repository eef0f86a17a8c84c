/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Many calls of one method over one connection, several under way at a time: thousands of questions cost one
 * round trip each otherwise.
 */
#include "client/cli/cli.h"

struct pipeline {
	const char *method;
	size_t n;                              /* calls, numbered from 0 */
	json_t *(*call)(void *data, size_t i); /* the parameters of one, taken; NULL: out of memory */
	/* Each call's first reply, printable, in the order of the calls. NULL: the daemon refused because of
	 * what is asked about (a target that is not there, or not served). CLI_CONTINUE or an exit code. */
	int (*answer)(void *data, size_t i, const json_t *parameters);
	void *data;
};

/* CLI_OK or an exit code, told. */
int pipeline_run(const struct pipeline *pipeline);
