/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The COMMAND of bpfwarden run.
 */
#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid; /* 0: none was started */
	bool over;
	int status; /* of waitpid(2) */
};

/* Starts argv with no signal blocked and SIGPIPE as usual. 0 or -errno (-ENOENT: no such program). */
int command_start(struct command *command, char **argv);

/* After SIGCHLD: true if the command is over. */
bool command_reap(struct command *command);

/* Tells how it ended if that was not well, or that it goes on. */
void command_tell(const struct command *command, bool quiet);
