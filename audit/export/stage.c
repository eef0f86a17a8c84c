/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/export/files.h"
#include "common/fd.h"

#define STAGE_PREFIX ".export-" /* of a stage within its target */

struct export_stage {
	char *target;  /* path, as the caller gave it */
	char *path;    /* of the stage; NULL once it is gone */
	int target_fd; /* of a target that was there before, locked; -EBADF */
	int fd;
	bool earlier; /* the target is an earlier export */
};

static int refuse(const struct export_stage *stage, struct refusal *refusal, const char *why)
{
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory", "%s: %s", stage->target, why);
}

/* Calls fn() for each entry of a directory of ours, until it returns something else than 0. */
static int each_entry(int directory, int (*fn)(int directory, const char *name, void *userdata),
		      void *userdata)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	const struct dirent *entry;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close_fd(fd);
		return -ENOMEM;
	}
	while (!r && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = fn(directory, entry->d_name, userdata);
	if (!r && errno)
		r = -errno;
	closedir(dir);
	return r;
}

static int remove_tree(int directory, const char *name, void *userdata)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (unlinkat(directory, name, 0) == 0)
		return 0;
	fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = each_entry(fd, remove_tree, userdata);
	if (r)
		return r;
	return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* What is in a target that was there before. */
static int look_at(int directory, const char *name, void *userdata)
{
	bool *filled = userdata;

	/* Stages that an interrupted export has left: the lock says that nobody writes them any more. */
	if (!strncmp(name, STAGE_PREFIX, strlen(STAGE_PREFIX)))
		return remove_tree(directory, name, NULL);
	*filled |= strcmp(name, "lost+found") != 0;
	return 0;
}

static int open_target(struct export_stage *stage, struct refusal *refusal)
{
	bool filled = false;
	int r;

	stage->target_fd = open(stage->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stage->target_fd < 0)
		return errno == ENOENT ? 0 : refuse(stage, refusal, strerror(errno));
	if (flock(stage->target_fd, LOCK_EX | LOCK_NB) < 0)
		return refuse(stage, refusal, "another export is being written there");
	r = each_entry(stage->target_fd, look_at, &filled);
	if (r)
		return refuse(stage, refusal, strerror(-r));
	stage->earlier = export_is_one(stage->target_fd);
	if (filled && !stage->earlier)
		return refuse(stage, refusal,
			      "it is not empty, and not an export of a log: name another directory");
	return 0;
}

static int make_stage(struct export_stage *stage, struct refusal *refusal)
{
	size_t n = strlen(stage->target);

	while (n > 1 && stage->target[n - 1] == '/')
		stage->target[--n] = '\0';
	if (asprintf(&stage->path, "%s%s" STAGE_PREFIX "XXXXXX", stage->target,
		     stage->target_fd < 0 ? "" : "/") < 0) {
		stage->path = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(stage->path)) {
		int error = errno;

		free(stage->path);
		stage->path = NULL;
		return refuse(stage, refusal, strerror(error));
	}
	stage->fd = open(stage->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return stage->fd < 0 ? -errno : 0;
}

int export_stage_new(const char *directory, struct export_stage **ret, struct refusal *refusal)
{
	_cleanup_(export_stage_free_p) struct export_stage *stage = calloc(1, sizeof(*stage));
	int r;

	if (!stage)
		return -ENOMEM;
	stage->target_fd = stage->fd = -EBADF;
	stage->target = strdup(directory);
	if (!stage->target)
		return -ENOMEM;
	r = open_target(stage, refusal);
	if (r)
		return r;
	r = make_stage(stage, refusal);
	if (r)
		return r;
	*ret = take_ptr(stage);
	return 0;
}

struct export_stage *export_stage_free(struct export_stage *stage)
{
	if (!stage)
		return NULL;
	if (stage->path)
		remove_tree(AT_FDCWD, stage->path, NULL);
	close_fd(stage->fd);
	close_fd(stage->target_fd);
	free(stage->path);
	free(stage->target);
	free(stage);
	return NULL;
}

int export_stage_earlier(const struct export_stage *stage)
{
	return stage->earlier ? stage->target_fd : -EBADF;
}

int export_stage_open(struct export_stage *stage, const char *path)
{
	int fd = openat(stage->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 && errno == ENOENT) {
		char folder[EXPORT_PATH_MAX];

		/* Folders are rarely missing: they are made once it is known that one is. */
		for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
			snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
			if (mkdirat(stage->fd, folder, 0755) < 0 && errno != EEXIST)
				return -errno;
		}
		fd = openat(stage->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	}
	return fd < 0 ? -errno : fd;
}

int export_stage_put(struct export_stage *stage, const char *path, const void *bytes, size_t size)
{
	_cleanup_close_ int fd = export_stage_open(stage, path);

	return fd < 0 ? fd : fd_write_all(fd, bytes, size);
}

/* Both sides of a move of all that is in a folder, but for the checkpoint of the outermost one. */
struct move {
	int to;
	bool outermost;
};

static int move_entry(int from, const char *name, void *userdata)
{
	const struct move *move = userdata;
	struct move inner = { .to = -EBADF };
	int folder, r;

	if (move->outermost && !strcmp(name, EXPORT_CHECKPOINT))
		return 0;
	folder = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return renameat(from, name, move->to, name) < 0 ? -errno : 0;
	if (mkdirat(move->to, name, 0755) == 0 || errno == EEXIST)
		inner.to = openat(move->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = inner.to < 0 ? -errno : each_entry(folder, move_entry, &inner);
	close_fd(folder);
	close_fd(inner.to);
	return r;
}

static int sync_all(int fd)
{
	return syncfs(fd) < 0 ? -errno : 0;
}

static int commit_into(struct export_stage *stage)
{
	struct move move = { stage->target_fd, true };
	int r = each_entry(stage->fd, move_entry, &move);

	if (!r)
		r = sync_all(stage->fd);
	if (!r && renameat(stage->fd, EXPORT_CHECKPOINT, stage->target_fd, EXPORT_CHECKPOINT) < 0 &&
	    errno != ENOENT)
		r = -errno;
	if (!r)
		r = remove_tree(AT_FDCWD, stage->path, NULL);
	if (!r)
		r = sync_all(stage->target_fd);
	return r;
}

int export_stage_commit(struct export_stage *stage)
{
	int r = sync_all(stage->fd);

	if (r)
		return r;
	if (stage->target_fd >= 0)
		r = commit_into(stage);
	else if (renameat2(AT_FDCWD, stage->path, AT_FDCWD, stage->target, RENAME_NOREPLACE) < 0)
		r = -errno;
	else
		r = sync_all(stage->fd);
	if (r)
		return r;
	free(stage->path);
	stage->path = NULL;
	return 0;
}
