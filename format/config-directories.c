/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the texts of a config come from: trusted files, and drop-in directories merged as systemd merges
 * them. */
#include "format/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"

/* A file name and the directory of highest precedence that has it. */
struct dropin {
	char *name;
	size_t directory;
};

struct dropins {
	struct config *config;
	uid_t owner;
	struct refusal *refusal;
	const char *const *directories;
	int *fds; /* of the directories; -EBADF where there is none */
	size_t n_directories;
	struct dropin *entries;
	size_t n;
};

static int refuse_file(struct config *config, const char *path, int error, struct refusal *refusal)
{
	switch (error) {
	case -EPERM:
		return config_refuse(
			config, refusal, path, 0, 0,
			"it or a directory above it belongs to somebody else, has a second name, or "
			"may be written by others: cannot be trusted");
	case -ELOOP:
		return config_refuse(config, refusal, path, 0, 0, "links are not followed");
	case -EINVAL:
	case -ENXIO:
		return config_refuse(config, refusal, path, 0, 0, "not a regular file");
	case -ENOTDIR:
		return config_refuse(config, refusal, path, 0, 0, "not a directory");
	case -EFBIG:
		return config_refuse(config, refusal, path, 0, 0, "the file is larger than %u bytes",
				     CONFIG_FILE_MAX);
	default:
		return error;
	}
}

/* Reads an opened file and adds it; an empty one adds nothing, as a mask shall. */
static int add_fd(struct config *config, int fd, const char *path, struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = fd_read_all(fd, CONFIG_FILE_MAX, &text, &size);
	if (r < 0)
		return refuse_file(config, path, r, refusal);
	if (!size)
		return 0;
	return config_add_text(config, path, text, size, refusal);
}

int config_add_file(struct config *config, const char *path, uid_t owner, struct refusal *refusal)
{
	_cleanup_close_ int fd = fd_open_trusted(AT_FDCWD, path, owner);

	if (fd < 0)
		return refuse_file(config, path, fd, refusal);
	return add_fd(config, fd, path, refusal);
}

static bool is_dropin(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return name[0] != '.' && n > m && !strcmp(name + n - m, suffix);
}

static int add_dropin(struct dropins *dropins, const char *name, size_t directory)
{
	struct dropin *entries = dropins->entries;
	char *copy;

	for (size_t i = 0; i < dropins->n; i++)
		if (!strcmp(entries[i].name, name))
			return 0;
	if (dropins->n == CONFIG_FILES_MAX)
		return config_refuse(dropins->config, dropins->refusal, dropins->directories[directory], 0, 0,
				     "more than %d files", CONFIG_FILES_MAX);
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	entries[dropins->n++] = (struct dropin){ .name = copy, .directory = directory };
	return 0;
}

static DIR *closedir_null(DIR *dir)
{
	closedir(dir);
	return NULL;
}
DEFINE_CLEANUP(DIR *, closedir_null)

static int list_directory(struct dropins *dropins, size_t i, const char *suffix)
{
	_cleanup_(closedir_null_p) DIR *dir = NULL;
	_cleanup_close_ int fd = -EBADF;
	const struct dirent *entry;
	int r = 0;

	dropins->fds[i] = fd_open_trusted_dir(AT_FDCWD, dropins->directories[i], dropins->owner);
	if (dropins->fds[i] == -ENOENT)
		return 0;
	if (dropins->fds[i] < 0)
		return refuse_file(dropins->config, dropins->directories[i], dropins->fds[i],
				   dropins->refusal);
	fd = openat(dropins->fds[i], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)take_fd(fd);
	while (!r) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (is_dropin(entry->d_name, suffix))
			r = add_dropin(dropins, entry->d_name, i);
	}
	return r;
}

/* 1: the name is a link to /dev/null, made by somebody whom we trust. 0: it is to be opened. */
static int is_masked(const struct dropins *dropins, const struct dropin *dropin)
{
	int fd = dropins->fds[dropin->directory];
	char target[sizeof("/dev/null")];
	struct stat st;
	ssize_t n;

	if (fstatat(fd, dropin->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return 0;
	if (st.st_uid != 0 && st.st_uid != dropins->owner)
		return -EPERM;
	n = readlinkat(fd, dropin->name, target, sizeof(target));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen("/dev/null") && !memcmp(target, "/dev/null", (size_t)n);
}

static int read_dropin(struct dropins *dropins, const struct dropin *dropin)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (asprintf(&path, "%s/%s", dropins->directories[dropin->directory], dropin->name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = is_masked(dropins, dropin);
	if (r < 0)
		return refuse_file(dropins->config, path, r, dropins->refusal);
	if (r)
		return 0;
	fd = fd_open_trusted(dropins->fds[dropin->directory], dropin->name, dropins->owner);
	if (fd < 0)
		return refuse_file(dropins->config, path, fd, dropins->refusal);
	return add_fd(dropins->config, fd, path, dropins->refusal);
}

static int compare_dropins(const void *a, const void *b)
{
	const struct dropin *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int merge(struct dropins *dropins, const char *suffix)
{
	int r = 0;

	for (size_t i = 0; !r && i < dropins->n_directories; i++)
		r = list_directory(dropins, i, suffix);
	if (r)
		return r;
	qsort(dropins->entries, dropins->n, sizeof(*dropins->entries), compare_dropins);
	for (size_t i = 0; !r && i < dropins->n; i++)
		r = read_dropin(dropins, &dropins->entries[i]);
	return r;
}

int config_add_directories(struct config *config, const char *const *directories, size_t n,
			   const char *suffix, uid_t owner, struct refusal *refusal)
{
	_cleanup_free_ struct dropin *entries = calloc(CONFIG_FILES_MAX, sizeof(*entries));
	_cleanup_free_ int *fds = calloc(n ? n : 1, sizeof(*fds));
	struct dropins dropins = {
		.config = config,
		.owner = owner,
		.refusal = refusal,
		.directories = directories,
		.fds = fds,
		.n_directories = n,
		.entries = entries,
	};
	int r;

	if (!entries || !fds)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		fds[i] = -EBADF;
	r = merge(&dropins, suffix);
	for (size_t i = 0; i < n; i++)
		close_fd(fds[i]);
	for (size_t i = 0; i < dropins.n; i++)
		free(entries[i].name);
	return r;
}
