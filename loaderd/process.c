/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/process.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

const char *process_name = "bpfwardend";

int process_uid(enum message_side side, uid_t *ret)
{
	const char *name = side == SIDE_WARDEN   ? USER_WARDEN
			   : side == SIDE_GATE   ? USER_GATE
			   : side == SIDE_PARSER ? USER_PARSER
						 : USER_LOADER;
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(name);
	if (!pw)
		return errno ? -errno : -ENOENT;
	*ret = pw->pw_uid;
	return 0;
}

void process_log(int priority, const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	/* The prefix is the journal's (sd-daemon(3)); one write, so that lines of several processes do not
	 * mix. */
	dprintf(STDERR_FILENO, "<%d>%s: %s\n", priority, process_name, line);
}
