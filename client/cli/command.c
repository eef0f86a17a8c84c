/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/command.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "client/cli/cli.h"

extern char **environ;

int command_start(struct command *command, char **argv)
{
	posix_spawnattr_t attributes;
	sigset_t none, usual;
	int r;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	r = posix_spawnattr_init(&attributes);
	if (r)
		return -r;
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &usual);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawnp(&command->pid, argv[0], NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	if (r)
		command->pid = 0;
	return -r;
}

bool command_reap(struct command *command)
{
	if (command->pid && !command->over &&
	    waitpid(command->pid, &command->status, WNOHANG) == command->pid)
		command->over = true;
	return command->over;
}

void command_tell(const struct command *command, bool quiet)
{
	if (!command->pid || quiet)
		return;
	if (!command->over)
		cli_say("the command goes on as process %d", command->pid);
	else if (WIFSIGNALED(command->status))
		cli_say("the command was ended by signal %d (%s)", WTERMSIG(command->status),
			strsignal(WTERMSIG(command->status)));
	else
		cli_say("the command ended with status %d", WEXITSTATUS(command->status));
}
