/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Scope-bound ownership, as in systemd and dbus-broker: a local that owns something carries a cleanup
 * attribute, ownership leaves a scope only through take_*(), and every destructor accepts an empty object.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Declares f_p(), the cleanup function for a pointer type whose destructor f() returns NULL. */
#define DEFINE_CLEANUP(type, f)           \
	static inline void f##_p(type *p) \
	{                                 \
		if (*p)                   \
			*p = f(*p);       \
	}

/* Moves a pointer out of its variable. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

/* Moves a file descriptor out of its variable; what is left is closed for good. */
#define take_fd(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -EBADF;     \
		taken_;            \
	})

static inline void free_p(void *p)
{
	free(*(void **)p);
}

/* Closes fd if it is one, keeps errno, and returns -EBADF to assign back. */
static inline int close_fd(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -EBADF;
}

static inline void close_fd_p(int *fd)
{
	*fd = close_fd(*fd);
}

#define _cleanup_free_  _cleanup_(free_p)
#define _cleanup_close_ _cleanup_(close_fd_p)
