/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/source-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fd.h"

#define COPY_NAME "log.sqlite"

/* O_NONBLOCK: what is no file but a pipe must not keep us waiting. */
static int open_regular(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? take_fd(fd) : -EINVAL;
}

int source_copy_wal(const char *path, uint64_t *ret_size)
{
	_cleanup_free_ char *wal = NULL;
	struct stat st;

	if (asprintf(&wal, "%s-wal", path) < 0)
		return -ENOMEM;
	if (lstat(wal, &st) < 0) {
		*ret_size = 0;
		return errno == ENOENT ? 0 : -errno;
	}
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int copy_file(const char *from, const char *to)
{
	_cleanup_close_ int in = open_regular(from), out = -EBADF;
	_cleanup_free_ char *buffer = malloc(1U << 20);

	if (in < 0)
		return in;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0 || !buffer)
		return out < 0 ? -errno : -ENOMEM;
	for (;;) {
		ssize_t n = read(in, buffer, 1U << 20);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = fd_write_all(out, buffer, (size_t)n);
		if (r)
			return r;
	}
}

static int copy_both(const char *path, const char *copy)
{
	_cleanup_free_ char *wal = NULL, *wal_copy = NULL;
	int r;

	if (asprintf(&wal, "%s-wal", path) < 0 || asprintf(&wal_copy, "%s-wal", copy) < 0)
		return -ENOMEM;
	r = copy_file(path, copy);
	return r ? r : copy_file(wal, wal_copy);
}

int source_copy(const char *path, char **ret_directory, char **ret_path)
{
	const char *base = secure_getenv("TMPDIR");
	_cleanup_free_ char *directory = NULL, *copy = NULL;
	int r;

	if (!base || *base != '/')
		base = "/var/tmp";
	if (asprintf(&directory, "%s/bpfwarden-verify-XXXXXX", base) < 0)
		return -ENOMEM;
	if (!mkdtemp(directory))
		return -errno;
	r = asprintf(&copy, "%s/" COPY_NAME, directory) < 0 ? -ENOMEM : copy_both(path, copy);
	if (r) {
		source_copy_remove(directory);
		return r;
	}
	*ret_directory = take_ptr(directory);
	*ret_path = take_ptr(copy);
	return 0;
}

void source_copy_remove(const char *directory)
{
	static const char *const names[] = { COPY_NAME, COPY_NAME "-wal", COPY_NAME "-shm",
					     COPY_NAME "-journal" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", directory, names[i]) >= 0)
			unlink(path);
	}
	rmdir(directory);
}

char *source_copy_uri(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
	size_t size = sizeof("file:?immutable=1") + 3 * strlen(path);
	char *uri = malloc(size), *at = uri;

	if (!uri)
		return NULL;
	at = stpcpy(at, "file:");
	for (; *path; path++) {
		if (strchr(plain, *path))
			*at++ = *path;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*path);
	}
	strcpy(at, "?immutable=1");
	return uri;
}
