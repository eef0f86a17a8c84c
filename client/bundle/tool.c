/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `bpfwarden bundle` alone, for the build: it makes the standard probes before there is a command line. */
#include "client/cli/cmd-bundle.h"

int main(int argc, char **argv)
{
	return cmd_bundle(argc, argv);
}
