/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VFS in front of SQLite's own (https://www.sqlite.org/vfs.html): tells the disk of every change. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs-private.h"

struct shim_file {
	sqlite3_file base;
	sqlite3_file *real;
	unsigned epoch;
	uint32_t file;   /* DISK_NO_FILE: not in the journaled directory */
	bool sync_names; /* the first sync of a new journal also syncs the directory: os_unix.c, unixSync() */
	char name[DISK_NAME_MAX];
};

static struct {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
} shim;

static struct shim_file *shim_of(sqlite3_file *file)
{
	return (struct shim_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return shim_of(file)->real;
}

/* The code that os_unix.c gives for this errno. */
static int code_of(int error, int code)
{
	errno = error;
	return error == ENOSPC && code == SQLITE_IOERR_WRITE ? SQLITE_FULL : code;
}

static uint32_t file_of(sqlite3_file *file)
{
	return shim_of(file)->epoch == disk.epoch ? shim_of(file)->file : DISK_NO_FILE;
}

static int step(sqlite3_file *file, enum disk_act act, void (*half)(void *), void *userdata)
{
	return file_of(file) == DISK_NO_FILE ? 0 : disk_step(act, shim_of(file)->name, half, userdata);
}

static int shim_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int shim_read(sqlite3_file *file, void *buffer, int n, sqlite3_int64 offset)
{
	return real_of(file)->pMethods->xRead(real_of(file), buffer, n, offset);
}

struct writing {
	sqlite3_file *file;
	const void *bytes;
	int n;
	sqlite3_int64 offset;
};

static int write_through(const struct writing *w, int n)
{
	int code = real_of(w->file)->pMethods->xWrite(real_of(w->file), w->bytes, n, w->offset);

	if (code == SQLITE_OK && file_of(w->file) != DISK_NO_FILE)
		disk_wrote(file_of(w->file), (uint64_t)w->offset, w->bytes, (uint64_t)n);
	return code;
}

/* A write that fails, or during which the process dies, has written something. */
static void write_half(void *userdata)
{
	const struct writing *w = userdata;

	write_through(w, w->n / 2);
}

static int shim_write(sqlite3_file *file, const void *buffer, int n, sqlite3_int64 offset)
{
	struct writing w = { file, buffer, n, offset };
	int error = step(file, DISK_WRITE, write_half, &w);

	return error ? code_of(error, SQLITE_IOERR_WRITE) : write_through(&w, n);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int error = step(file, DISK_TRUNCATE, NULL, NULL), code;

	if (error)
		return code_of(error, SQLITE_IOERR_TRUNCATE);
	code = real_of(file)->pMethods->xTruncate(real_of(file), size);
	if (code == SQLITE_OK && file_of(file) != DISK_NO_FILE)
		disk_resized(file_of(file), (uint64_t)size);
	return code;
}

static void fail_sync(void *userdata)
{
	disk_sync_failed(shim_of(userdata)->file);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	int error = step(file, DISK_SYNC, fail_sync, file);

	(void)flags;
	if (error)
		return code_of(error, SQLITE_IOERR_FSYNC);
	if (file_of(file) == DISK_NO_FILE)
		return SQLITE_OK;
	disk_synced(file_of(file));
	if (shim_of(file)->sync_names)
		disk_synced_names();
	shim_of(file)->sync_names = false;
	return SQLITE_OK;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int shim_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int shim_reserved(sqlite3_file *file, int *ret)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

/* SQLITE_FCNTL_SIZE_HINT and CHUNK_SIZE would write behind our back; the log uses neither. */
static int shim_control(sqlite3_file *file, int op, void *arg)
{
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE)
		return SQLITE_NOTFOUND;
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int shim_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int shim_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shim_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	int error = extend ? step(file, DISK_MAP, NULL, NULL) : 0;

	if (error)
		return code_of(error, SQLITE_IOERR_SHMSIZE);
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void shim_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shim_unmap(sqlite3_file *file, int delete)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

/* A file that is there already needs no space. */
static int open_error(const char *path, const char *name)
{
	bool wants = disk.fault.error == ENOSPC || disk.fault.error == EDQUOT;

	return wants && access(path, F_OK) == 0 ? 0 : disk_step(DISK_OPEN, name, NULL, NULL);
}

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
	static const int journals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
	const char *name = disk_name_of(path);
	struct shim_file *f = shim_of(file);
	struct stat st;
	int code, error;

	(void)vfs;
	*f = (struct shim_file){ .real = (sqlite3_file *)(f + 1), .epoch = disk.epoch, .file = DISK_NO_FILE };
	error = name && (flags & SQLITE_OPEN_READWRITE) ? open_error(path, name) : 0;
	/* What cannot be written is opened to be read: os_unix.c, unixOpen(). */
	if (error == EROFS && access(path, F_OK) == 0)
		flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
	else if (error)
		return code_of(error, SQLITE_CANTOPEN);
	code = shim.real->xOpen(shim.real, path, f->real, flags, ret_flags);
	if (code != SQLITE_OK)
		return code;
	f->base.pMethods = &shim.methods;
	if (!name)
		return SQLITE_OK;
	if (stat(path, &st) < 0)
		abort();
	f->file = disk_created(name, st.st_ino);
	f->sync_names = (flags & SQLITE_OPEN_CREATE) && (flags & journals);
	strncpy(f->name, name, sizeof(f->name) - 1);
	return SQLITE_OK;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	const char *name = disk_name_of(path);
	int error = name ? disk_step(DISK_DELETE, name, NULL, NULL) : 0, code;

	(void)vfs;
	if (error)
		return code_of(error, SQLITE_IOERR_DELETE);
	code = shim.real->xDelete(shim.real, path, 0);
	if (code == SQLITE_OK && name) {
		disk_deleted(name);
		if (sync)
			disk_synced_names();
	}
	return code;
}

void disk_install(void)
{
	if (shim.real)
		return;
	shim.real = sqlite3_vfs_find(NULL);
	shim.vfs = *shim.real;
	shim.vfs.zName = "disk";
	shim.vfs.pNext = NULL;
	shim.vfs.szOsFile += (int)sizeof(struct shim_file);
	shim.vfs.xOpen = shim_open;
	shim.vfs.xDelete = shim_delete;
	shim.methods = (sqlite3_io_methods){
		2,           shim_close, shim_read,     shim_write,    shim_truncate, shim_sync,
		shim_size,   shim_lock,  shim_unlock,   shim_reserved, shim_control,  shim_sector,
		shim_device, shim_map,   shim_shm_lock, shim_barrier,  shim_unmap,    NULL,
		NULL,
	};
	if (sqlite3_vfs_register(&shim.vfs, 1) != SQLITE_OK)
		abort();
}
