/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * File descriptors that can be believed: trusted files (root-owned, nobody else may write, no link followed)
 * and sealed memfds (bytes that nobody can change any more, see memfd_create(2) and fcntl(2) F_ADD_SEALS).
 * Functions return 0 or a descriptor on success and -errno otherwise.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/cleanup.h"

/* Opens name below dirfd (AT_FDCWD for an absolute path) for reading, with every component checked on opened
 * descriptors: no symbolic link followed, owner root or `owner`, not writable by group or others. Directories
 * are opened with O_DIRECTORY by fd_open_trusted_dir(). -EPERM: owner or mode; -ELOOP: a link; -ENOENT; … */
int fd_open_trusted(int dirfd, const char *name, uid_t owner);
int fd_open_trusted_dir(int dirfd, const char *name, uid_t owner);

/* Reads the whole regular file at fd by pread from offset 0 into a new NUL-terminated buffer that the caller
 * frees. -EFBIG above max bytes, -EINVAL if it is not a regular file. */
int fd_read_all(int fd, size_t max, char **ret_bytes, size_t *ret_size);

/* A new memfd with these bytes, sealed against write, grow, shrink and further seals. */
int fd_memfd_sealed(const char *name, const void *bytes, size_t size);

/* Copies a client's descriptor into a new sealed memfd: refuses what is not a regular file or memfd opened
 * for reading (-EBADF, -EINVAL) before any read could block, and what is larger than max (-EFBIG). The bytes
 * in the returned memfd are final whatever the client does to its own. */
int fd_copy_sealed(int fd, const char *name, size_t max);

/* 0 if fd is a memfd with all four seals; -EPERM otherwise. */
int fd_check_sealed(int fd);

/* Of descriptors or memory: such an error says nothing about the file, and may be gone the next time. */
bool fd_is_shortage(int error);

/* Writes everything or returns -errno; retries after EINTR. */
int fd_write_all(int fd, const void *bytes, size_t size);
