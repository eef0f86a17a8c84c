/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/limits.h"

#define RESERVE_PROBE_SIZE 65536 /* of a look at whether there is any room at all */

bool reserve_is_want(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

int reserve_disk_error(const struct directory *directory)
{
	_cleanup_close_ int fd = openat(directory->fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd < 0 ? errno : posix_fallocate(fd, 0, RESERVE_PROBE_SIZE);
}

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 077) && st->st_nlink == 1;
}

static bool is_whole(const struct stat *st)
{
	return st->st_size == AUDIT_RESERVE_SIZE && st->st_blocks * 512 >= AUDIT_RESERVE_SIZE;
}

void reserve_find(struct reserve *reserve, const struct directory *directory)
{
	struct stat st;

	*reserve = (struct reserve){ .error = ENOENT };
	reserve->held = fstatat(directory->fd, RESERVE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_ours(&st) &&
			is_whole(&st);
}

/* Space that belongs to the file already, not only its size. */
static int allocate(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno;
	if (!is_ours(&st))
		return EPERM;
	if (is_whole(&st))
		return 0;
	if (st.st_size > AUDIT_RESERVE_SIZE && ftruncate(fd, AUDIT_RESERVE_SIZE) < 0)
		return errno;
	return posix_fallocate(fd, 0, AUDIT_RESERVE_SIZE);
}

void reserve_take(struct reserve *reserve, const struct directory *directory, uint64_t now)
{
	_cleanup_close_ int fd =
		openat(directory->fd, RESERVE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	reserve->error = fd < 0 ? errno : allocate(fd);
	reserve->held = !reserve->error;
	reserve->again = now + AUDIT_RESERVE_RETRY * 1000ULL;
	/* Half of one is of no use, and takes the space away that is wanted. */
	if (fd >= 0 && !reserve->held)
		(void)unlinkat(directory->fd, RESERVE_FILE, 0);
}

bool reserve_give_up(struct reserve *reserve, const struct directory *directory, int error, uint64_t now)
{
	if (!reserve->held || unlinkat(directory->fd, RESERVE_FILE, 0) < 0)
		return false;
	reserve->held = false;
	reserve->error = error;
	reserve->again = now + AUDIT_RESERVE_RETRY * 1000ULL;
	return true;
}

void reserve_look(struct reserve *reserve, const struct directory *directory, uint64_t now)
{
	struct statvfs st;

	if (reserve->held || now < reserve->again)
		return;
	reserve->again = now + AUDIT_RESERVE_RETRY * 1000ULL;
	/* A quota does not show here; then making it is what fails. */
	if (fstatvfs(directory->fd, &st) == 0 &&
	    (uint64_t)st.f_bavail * st.f_frsize >= 2ULL * AUDIT_RESERVE_SIZE)
		reserve_take(reserve, directory, now);
}
