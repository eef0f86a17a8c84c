/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int check_trusted(int fd, uid_t owner, mode_t type)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) != type)
		return type == S_IFDIR ? -ENOTDIR : -EINVAL;
	if (st.st_uid != 0 && st.st_uid != owner)
		return -EPERM;
	/* A sticky directory such as /tmp lets others add names but not replace ours. */
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(type == S_IFDIR && (st.st_mode & S_ISVTX)))
		return -EPERM;
	if (type == S_IFREG && st.st_nlink != 1)
		return -EPERM;
	return 0;
}

/* Walks all components but the last; returns a descriptor of the directory that holds the last one, whose
 * name is stored in *ret_name. */
static int walk(int dirfd, const char *path, uid_t owner, const char **ret_name)
{
	_cleanup_close_ int at = -EBADF;
	int r;

	if (path[0] == '/') {
		at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		path += strspn(path, "/");
	} else {
		at = openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (at < 0)
		return -errno;
	for (;;) {
		size_t n = strcspn(path, "/");
		char component[256];
		int next;

		if (n == 0 || n >= sizeof(component))
			return -EINVAL;
		if (path[n + strspn(path + n, "/")] == '\0') {
			*ret_name = path;
			return take_fd(at);
		}
		memcpy(component, path, n);
		component[n] = '\0';
		if (!strcmp(component, ".."))
			return -EINVAL;
		next = openat(at, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return errno == ENOTDIR ? -ELOOP : -errno;
		close_fd(at);
		at = next;
		r = check_trusted(at, owner, S_IFDIR);
		if (r < 0)
			return r;
		path += n + strspn(path + n, "/");
	}
}

static int open_trusted(int dirfd, const char *path, uid_t owner, mode_t type)
{
	_cleanup_close_ int parent = -EBADF, fd = -EBADF;
	const char *name = NULL;
	char component[256];
	size_t n;
	int r;

	parent = walk(dirfd, path, owner, &name);
	if (parent < 0)
		return parent;
	n = strcspn(name, "/");
	memcpy(component, name, n);
	component[n] = '\0';
	if (!strcmp(component, ".."))
		return -EINVAL;
	fd = openat(parent, component,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
			    (type == S_IFDIR ? O_DIRECTORY : 0));
	if (fd < 0)
		return -errno;
	r = check_trusted(fd, owner, type);
	if (r < 0)
		return r;
	return take_fd(fd);
}

int fd_open_trusted(int dirfd, const char *name, uid_t owner)
{
	return open_trusted(dirfd, name, owner, S_IFREG);
}

int fd_open_trusted_dir(int dirfd, const char *name, uid_t owner)
{
	return open_trusted(dirfd, name, owner, S_IFDIR);
}

int fd_read_all(int fd, size_t max, char **ret_bytes, size_t *ret_size)
{
	_cleanup_free_ char *bytes = NULL;
	struct stat st;
	size_t size, done = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	size = (size_t)st.st_size;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) /* it shrank under us */
			return -EIO;
		done += (size_t)n;
	}
	bytes[size] = '\0';
	*ret_bytes = take_ptr(bytes);
	*ret_size = size;
	return 0;
}

int fd_memfd_sealed(const char *name, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, bytes, size);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return take_fd(fd);
}

int fd_copy_sealed(int fd, const char *name, size_t max)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	int flags, r;

	flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	if ((flags & O_ACCMODE) == O_WRONLY || (flags & O_PATH))
		return -EBADF;
	/* A regular file on a file system that its owner serves (FUSE) could block us for ever; a memfd
	 * cannot. F_GET_SEALS succeeds on memfds, tmpfs and hugetlbfs only. */
	if (fcntl(fd, F_GET_SEALS) < 0)
		return -EINVAL;
	r = fd_read_all(fd, max, &bytes, &size);
	if (r < 0)
		return r;
	return fd_memfd_sealed(name, bytes, size);
}

int fd_check_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return -EPERM;
	return (seals & SEALS) == SEALS ? 0 : -EPERM;
}

bool fd_is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EINTR ||
	       error == -EAGAIN;
}

int fd_write_all(int fd, const void *bytes, size_t size)
{
	const char *p = bytes;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}
