/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/fd.h"

int directory_refuse(struct refusal *refusal, const char *step, int error, const char *what)
{
	if (error == ENOMEM)
		return -ENOMEM;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, step, "%s: %s", what, strerror(error));
}

int directory_open(const char *path, struct directory *ret, struct refusal *refusal)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return directory_refuse(refusal, "directory", errno, path);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return refusal_set(
			refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
			"%s must belong to uid %u with mode 0700; it belongs to uid %u with mode %04o", path,
			geteuid(), st.st_uid, st.st_mode & 07777);
	/* No second warden may give the same numbers. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return directory_refuse(refusal, "lock", errno, "another process writes this audit log");
	ret->path = realpath(path, NULL);
	if (!ret->path)
		return directory_refuse(refusal, "directory", errno, path);
	ret->fd = take_fd(fd);
	return 0;
}

void directory_close(struct directory *directory)
{
	directory->fd = close_fd(directory->fd);
	free(directory->path);
	directory->path = NULL;
}

int directory_check_file(const struct directory *directory, const char *name, struct refusal *refusal)
{
	_cleanup_close_ int fd = openat(directory->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return directory_refuse(refusal, "open", errno, name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) || st.st_nlink != 1)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "open",
				   "%s must be a regular file of uid %u, mode 0600, with one name", name,
				   geteuid());
	return 0;
}

int directory_read(int dir_fd, const char *name, char *buffer, size_t max, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return -EPERM;
	while (n < max) {
		ssize_t got = read(fd, buffer + n, max - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0) {
			buffer[n] = '\0';
			*ret_size = n;
			return 0;
		}
		n += (size_t)got;
	}
	return -EFBIG;
}

static int write_new(int dir_fd, const char *name, const void *bytes, size_t size, mode_t mode)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	/* What an earlier attempt left. */
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, bytes, size);
	if (r < 0)
		return r;
	return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int directory_replace(int dir_fd, const char *name, const void *bytes, size_t size, mode_t mode)
{
	char new[PATH_MAX];
	int r;

	if (snprintf(new, sizeof(new), "%s.new", name) >= (int)sizeof(new))
		return -ENAMETOOLONG;
	r = write_new(dir_fd, new, bytes, size, mode);
	if (r >= 0 && renameat(dir_fd, new, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, new, 0);
		return r;
	}
	/* Below AT_FDCWD is only what is lost with the next boot anyway. */
	return dir_fd >= 0 && fsync(dir_fd) < 0 ? -errno : 0;
}
