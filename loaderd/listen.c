/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

int listen_find(const char *name)
{
	char **names = NULL;
	int n, found = -ENOENT;

	n = sd_listen_fds_with_names(0, &names);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (!strcmp(names[i], name))
			found = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	if (found >= 0 && fcntl(found, F_SETFL, O_NONBLOCK | O_RDWR) < 0)
		return -errno;
	return found;
}
