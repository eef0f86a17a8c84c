/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bundle as a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/bundle/bundle-internal.h"
#include "common/fd.h"
#include "format/manifest.h"

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The next entry's name; NULL at the end, with errno 0, or after an error. */
static const char *next_name(DIR *dir)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	return entry ? entry->d_name : NULL;
}

static DIR *open_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);

	if (!dir)
		close_fd(copy);
	return dir;
}

static int read_member(int dirfd, const char *name, struct members *m, struct refusal *refusal)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	char *bytes;
	size_t size;
	int r;

	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ELOOP)
		REFUSE("C2", "%s is not a regular file", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		REFUSE("C2", "%s is not a regular file", name);
	r = members_check(m, name, (uint64_t)st.st_size, refusal);
	if (!r)
		r = fd_read_all(fd, BUNDLE_FILE_SIZE_MAX, &bytes, &size);
	if (!r)
		members_add(m, name, bytes, size);
	return r;
}

int bundle_read_directory(int fd, struct members *m, struct refusal *refusal)
{
	_cleanup_(closedir_p) DIR *dir = open_dir(fd);
	const char *name;
	int r;

	if (!dir)
		return -errno;
	while ((name = next_name(dir))) {
		r = read_member(fd, name, m, refusal);
		if (r)
			return r;
	}
	return -errno;
}

static int write_file(const struct bundle_file *file, void *context)
{
	_cleanup_close_ int fd = -EBADF;

	fd = openat(*(int *)context, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	return fd_write_all(fd, file->bytes, file->size);
}

/* Removes a directory of plain files. */
static void remove_flat(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = fd < 0 ? NULL : open_dir(fd);
	const char *name;

	while (dir && (name = next_name(dir)))
		unlinkat(fd, name, 0);
	rmdir(path);
}

/* What may be replaced: an empty directory, or one that holds a bundle and nothing else. 1: replace it. */
static int check_replaceable(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(closedir_p) DIR *dir = NULL;
	bool any = false, manifest = false;
	const char *name;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = open_dir(fd);
	if (!dir)
		return -errno;
	while ((name = next_name(dir))) {
		if (!manifest_file_name_valid(name))
			return -ENOTEMPTY;
		any = true;
		manifest = manifest || !strcmp(name, MANIFEST_NAME);
	}
	if (errno)
		return -errno;
	return any && !manifest ? -ENOTEMPTY : 1;
}

static int fill(const struct bundle *b, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0755) < 0)
		return -errno;
	return bundle_each_file(b, write_file, &fd);
}

int bundle_write_directory(const struct bundle *b, const char *path)
{
	char target[PATH_MAX], temporary[PATH_MAX];
	size_t n = strlen(path);
	int r, replace;

	while (n > 1 && path[n - 1] == '/')
		n--;
	if (!n || n + 8 > sizeof(temporary))
		return -ENAMETOOLONG;
	snprintf(target, sizeof(target), "%.*s", (int)n, path);
	snprintf(temporary, sizeof(temporary), "%.*s.XXXXXX", (int)n, path);
	replace = check_replaceable(target);
	if (replace < 0)
		return replace;
	if (!mkdtemp(temporary))
		return -errno;
	r = fill(b, temporary);
	if (!r && renameat2(AT_FDCWD, temporary, AT_FDCWD, target,
			    replace ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r || replace)
		remove_flat(temporary);
	return r;
}
