// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Takes the real, effective and saved uids REAL EFFECTIVE SAVED, makes itself dumpable again, which the
 * kernel undid at the change, and ends. Started by root.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: identity REAL EFFECTIVE SAVED");
	if (setresuid((uid_t)atol(argv[1]), (uid_t)atol(argv[2]), (uid_t)atol(argv[3])) < 0)
		err(1, "setresuid");
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		err(1, "prctl");
	return 0;
}
