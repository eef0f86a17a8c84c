/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loaderd/launcher.h"
#include "loaderd/process.h"

static int usage(FILE *to)
{
	fprintf(to, "Usage: bpfwardend warden|gate|parser|loader   one process of the daemon, as its unit "
		    "starts it\n"
		    "       bpfwardend launch [--ready-fd=N]      all four in the foreground, each as its "
		    "own user\n"
		    "       bpfwardend --version\n");
	return to == stdout ? 0 : 2;
}

/* What failed is started again at once, and may fail again: the units never give up (StartLimitIntervalSec=0),
 * so it is we who go slow. An ordinary end, with the warden's, does not wait. */
static int back_off(int status)
{
	if (status)
		(void)sleep(1);
	return status;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} processes[] = {
		{ "warden", warden_main },
		{ "gate", gate_main },
		{ "parser", parser_main },
		{ "loader", loader_main },
	};

	if (argc >= 2 && !strcmp(argv[1], "launch"))
		return launcher_main(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return printf("bpfwardend %s\n", BPFWARDEN_VERSION) < 0;
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout);
	for (size_t i = 0; argc == 2 && i < sizeof(processes) / sizeof(*processes); i++)
		if (!strcmp(argv[1], processes[i].name)) {
			process_name = processes[i].name;
			return back_off(processes[i].run());
		}
	return usage(stderr);
}
