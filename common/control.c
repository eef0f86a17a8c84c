/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/control.h"

#include <string.h>

void control_put_fds(struct msghdr *mh, char *bytes, const int *fds, size_t n)
{
	struct cmsghdr *c;

	if (!n)
		return;
	mh->msg_control = bytes;
	mh->msg_controllen = CMSG_SPACE(sizeof(int) * n);
	c = CMSG_FIRSTHDR(mh);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
}

size_t control_get_fds(struct msghdr *mh, int *fds)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
			return n;
		}
	return 0;
}
