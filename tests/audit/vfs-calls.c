/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log's own system calls, by the linker's --wrap (ld(1)): each name here stands in the link arguments of
 * meson.build, so that a call from an object of ours, but not from a shared library, comes by. The names with
 * 64 are what the C library's headers make of the others where file offsets have 64 bits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "vfs-private.h"

int __real_openat64(int dir_fd, const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __real_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int dir_fd, const char *path, int flags);
int __real_ftruncate64(int fd, off_t size);
int __real_fallocate64(int fd, int mode, off_t offset, off_t size);
int __real_posix_fallocate64(int fd, off_t offset, off_t size);

int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...);
int __wrap_openat64(int dir_fd, const char *path, int flags, ...);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset);
int __wrap_rename(const char *from, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t size);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t size);
int __wrap_posix_fallocate(int fd, off_t offset, off_t size);
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* The name that path, seen from dir_fd, has in the journaled directory; NULL: it lies elsewhere. */
static const char *name_at(int dir_fd, const char *path)
{
	if (!strcmp(path, "."))
		return NULL;
	if (path[0] == '/')
		return disk_name_of(path);
	return dir_fd != AT_FDCWD && !strchr(path, '/') && disk_is_directory(dir_fd) ? path : NULL;
}

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
	const char *name = name_at(dir_fd, path);
	bool writes = name && !(flags & O_PATH) && (flags & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR));
	int error = writes ? disk_step(DISK_OPEN, name, NULL, NULL) : 0, fd;
	struct stat st;
	uint32_t file;

	if (error)
		return refuse(error);
	fd = __real_openat64(dir_fd, path, flags, mode);
	if (fd < 0 || !writes)
		return fd;
	if (fstat(fd, &st) < 0)
		abort();
	file = disk_created(name, st.st_ino);
	if (flags & O_TRUNC)
		disk_resized(file, 0);
	return fd;
}

#define OPEN(dir_fd, path, flags)                      \
	({                                             \
		mode_t mode_ = 0;                      \
                                                       \
		if ((flags)&O_CREAT) {                 \
			va_list args_;                 \
                                                       \
			va_start(args_, flags);        \
			mode_ = va_arg(args_, mode_t); \
			va_end(args_);                 \
		}                                      \
		open_at(dir_fd, path, flags, mode_);   \
	})

int __wrap_open(const char *path, int flags, ...)
{
	return OPEN(AT_FDCWD, path, flags);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return OPEN(AT_FDCWD, path, flags);
}

int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
	return OPEN(dir_fd, path, flags);
}

int __wrap_openat64(int dir_fd, const char *path, int flags, ...)
{
	return OPEN(dir_fd, path, flags);
}

struct writing {
	int fd;
	uint32_t file;
	const void *bytes;
	size_t size;
	off_t offset;
	bool at; /* pwrite(2) */
};

static ssize_t write_through(const struct writing *w, size_t size)
{
	ssize_t n = w->at ? __real_pwrite64(w->fd, w->bytes, size, w->offset)
			  : __real_write(w->fd, w->bytes, size);

	if (n > 0)
		disk_wrote(w->file, (uint64_t)w->offset, w->bytes, (uint64_t)n);
	return n;
}

static void write_half(void *userdata)
{
	const struct writing *w = userdata;

	write_through(w, w->size / 2);
}

static ssize_t write_to(const struct writing *w)
{
	int error = disk_step(DISK_WRITE, NULL, write_half, (void *)w);

	return error ? refuse(error) : write_through(w, w->size);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
	uint32_t file = disk_file_of_fd(fd);

	if (file == DISK_NO_FILE)
		return __real_write(fd, bytes, size);
	return write_to(&(struct writing){ fd, file, bytes, size, lseek(fd, 0, SEEK_CUR), false });
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
	uint32_t file = disk_file_of_fd(fd);

	if (file == DISK_NO_FILE)
		return __real_pwrite64(fd, bytes, size, offset);
	return write_to(&(struct writing){ fd, file, bytes, size, offset, true });
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
	return __wrap_pwrite64(fd, bytes, size, offset);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	const char *name = name_at(from_fd, from), *to_name = name_at(to_fd, to);
	int error = name ? disk_step(DISK_RENAME, name, NULL, NULL) : 0, r;

	if (error)
		return refuse(error);
	r = __real_renameat(from_fd, from, to_fd, to);
	if (r == 0 && name && to_name)
		disk_renamed(name, to_name);
	return r;
}

int __wrap_rename(const char *from, const char *to)
{
	return __wrap_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int __wrap_unlinkat(int dir_fd, const char *path, int flags)
{
	const char *name = name_at(dir_fd, path);
	int error = name ? disk_step(DISK_DELETE, name, NULL, NULL) : 0, r;

	if (error)
		return refuse(error);
	r = __real_unlinkat(dir_fd, path, flags);
	if (r == 0 && name)
		disk_deleted(name);
	return r;
}

int __wrap_unlink(const char *path)
{
	return __wrap_unlinkat(AT_FDCWD, path, 0);
}

int __wrap_ftruncate64(int fd, off_t size)
{
	uint32_t file = disk_file_of_fd(fd);
	int error = file != DISK_NO_FILE ? disk_step(DISK_TRUNCATE, NULL, NULL, NULL) : 0, r;

	if (error)
		return refuse(error);
	r = __real_ftruncate64(fd, size);
	if (r == 0 && file != DISK_NO_FILE)
		disk_resized(file, (uint64_t)size);
	return r;
}

int __wrap_ftruncate(int fd, off_t size)
{
	return __wrap_ftruncate64(fd, size);
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t size)
{
	uint32_t file = disk_file_of_fd(fd);
	int error = file != DISK_NO_FILE ? disk_step(DISK_TRUNCATE, NULL, NULL, NULL) : 0, r;
	struct stat st;

	if (error)
		return refuse(error);
	r = __real_fallocate64(fd, mode, offset, size);
	if (r == 0 && file != DISK_NO_FILE && fstat(fd, &st) == 0)
		disk_resized(file, (uint64_t)st.st_size);
	return r;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t size)
{
	return __wrap_fallocate64(fd, mode, offset, size);
}

/* A file without a name is never there after a power cut, but needs its space. */
static bool is_nameless(int fd)
{
	struct stat st;

	return disk.ino && fstat(fd, &st) == 0 && st.st_dev == disk.dev && st.st_nlink == 0;
}

/* This one returns its error. */
int __wrap_posix_fallocate64(int fd, off_t offset, off_t size)
{
	uint32_t file = is_nameless(fd) ? DISK_NO_FILE : disk_file_of_fd(fd);
	int error = file != DISK_NO_FILE || is_nameless(fd) ? disk_step(DISK_TRUNCATE, NULL, NULL, NULL) : 0,
	    r;
	struct stat st;

	if (error)
		return error;
	r = __real_posix_fallocate64(fd, offset, size);
	if (r == 0 && file != DISK_NO_FILE && fstat(fd, &st) == 0)
		disk_resized(file, (uint64_t)st.st_size);
	return r;
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t size)
{
	return __wrap_posix_fallocate64(fd, offset, size);
}

static void fail_sync(void *userdata)
{
	disk_sync_failed(*(uint32_t *)userdata);
}

static int sync_fd(int fd)
{
	uint32_t file = disk_file_of_fd(fd);
	bool names = disk_is_directory(fd);
	int error;

	if (file == DISK_NO_FILE && !names)
		return 0;
	error = disk_step(DISK_SYNC, NULL, names ? NULL : fail_sync, &file);
	if (error)
		return refuse(error);
	if (names)
		disk_synced_names();
	else
		disk_synced(file);
	return 0;
}

int __wrap_fsync(int fd)
{
	return sync_fd(fd);
}

int __wrap_fdatasync(int fd)
{
	return sync_fd(fd);
}
