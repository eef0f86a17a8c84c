/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Descriptors beside a message, SCM_RIGHTS of unix(7). */
#include <stddef.h>
#include <sys/socket.h>

/* The control data of a message with n descriptors and nothing else. */
#define CONTROL_FDS(n)                                     \
	union {                                            \
		struct cmsghdr align;                      \
		char bytes[CMSG_SPACE(sizeof(int) * (n))]; \
	}

/* Puts n descriptors into mh; bytes are the zeroed CONTROL_FDS() of at least so many. None: no control data.
 */
void control_put_fds(struct msghdr *mh, char *bytes, const int *fds, size_t n);

/* Copies the descriptors that came with mh and returns their number, which mh's control data bound: fds must
 * have room for as many as fit there. They are the caller's. */
size_t control_get_fds(struct msghdr *mh, int *fds);
