/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The log's directory: ours alone, locked by the one process that writes, and everything in it that is no
 * database. Functions that refuse do so with REFUSAL_AUDIT_UNAVAILABLE.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/refusal.h"

struct directory {
	int fd;     /* locked */
	char *path; /* absolute, without links */
};
#define DIRECTORY_INIT       \
	{                    \
		.fd = -EBADF \
	}

/* Subjects: "directory", it is not there, not ours or open to others; "lock", another process has it. */
int directory_open(const char *path, struct directory *ret, struct refusal *refusal);
void directory_close(struct directory *directory);

/* Whether name is a regular file of ours, with one name and no mode bits for others: opened without opening
 * it (O_PATH), because closing an ordinary descriptor would drop SQLite's locks on it (fcntl(2)). */
int directory_check_file(const struct directory *directory, const char *name, struct refusal *refusal);

/* Reads a small file of at most max - 1 bytes into buffer and terminates it. A link, or what others may
 * write, is -EPERM; a larger one -EFBIG. */
int directory_read(int dir_fd, const char *name, char *buffer, size_t max, size_t *ret_size);

/* Puts a file in place of what has this name, all of it or nothing, also after a power cut. Negative. */
int directory_replace(int dir_fd, const char *name, const void *bytes, size_t size, mode_t mode);

/* Fills in a refusal with strerror(error), or returns -ENOMEM for ENOMEM. */
int directory_refuse(struct refusal *refusal, const char *step, int error, const char *what);
