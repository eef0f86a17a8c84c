/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/tree/tree.h"
#include "audit/verify/memory-file.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fd.h"

#define MEMORY_NAME_MAX 24 /* "0123456789abcdef.json", with NUL */

static void closedir_p(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static void memory_clear_p(struct memory *memory)
{
	memory_clear(memory);
}

int memory_directory(char **ret)
{
	const char *state = secure_getenv("XDG_STATE_HOME"), *home = secure_getenv("HOME");
	char *path = NULL;
	int n;

	if (state && *state == '/')
		n = asprintf(&path, "%s/bpfwarden/audit", state);
	else if (home && *home == '/')
		n = asprintf(&path, "%s/.local/state/bpfwarden/audit", home);
	else
		return -ENOENT;
	if (n < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

/* By the public key alone: a log that is begun anew keeps its seed and gets another origin, and it is the
 * same memory that must notice. */
static int name_of(const char *vkey, char ret[MEMORY_NAME_MAX])
{
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_MAX];
	struct note_key key;
	int r = note_key_parse(vkey, &key);

	if (!r)
		r = tree_hash_text(key.public, sizeof(key.public), digest);
	if (!r)
		snprintf(ret, MEMORY_NAME_MAX, "%.16s.json", digest_to_hex(digest, hex));
	return r;
}

static int load_file(int dirfd, const char *name, struct memory *ret)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = fd < 0 ? -errno : fd_read_all(fd, MEMORY_FILE_MAX, &text, &size);

	if (r == -ELOOP || r == -EFBIG || r == -EINVAL)
		return -EBADMSG;
	return r ? r : memory_read(text, size, ret);
}

/* "bpfwarden/HOST/RANDOM" names a host. */
static bool same_host(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

	return x && y && x - a == y - b && !strncmp(a, b, (size_t)(x - a));
}

static bool stands_for(const struct memory *memory, const struct note_key *key, const char *place)
{
	return same_host(memory->origin, key->name) ||
	       (place && *place && *memory->place && !strcmp(memory->place, place));
}

static bool is_memory(const char *name)
{
	return strlen(name) == MEMORY_NAME_MAX - 3 && strspn(name, "0123456789abcdef") == 16 &&
	       !strcmp(name + 16, ".json");
}

/* The one among all memories that was visited last. */
static int load_predecessor(DIR *dir, const struct note_key *key, const char *place, struct memory *ret,
			    char **ret_name)
{
	_cleanup_(memory_clear_p) struct memory best = MEMORY_INIT;
	const struct dirent *entry;

	while ((entry = readdir(dir))) {
		_cleanup_(memory_clear_p) struct memory memory = MEMORY_INIT;
		int r;

		if (!is_memory(entry->d_name))
			continue;
		r = load_file(dirfd(dir), entry->d_name, &memory);
		if (r == -EBADMSG)
			*ret_name = strdup(entry->d_name);
		if (r)
			return r;
		if (stands_for(&memory, key, place) && memory.visited >= best.visited) {
			struct memory swap = best;

			best = memory;
			memory = swap;
		}
	}
	if (!best.size)
		return -ENOENT;
	*ret = best;
	best = (struct memory)MEMORY_INIT;
	return 0;
}

int memory_load(const char *directory, const char *key, const char *place, struct memory *ret,
		char **ret_path)
{
	_cleanup_(closedir_p) DIR *dir = opendir(directory);
	_cleanup_free_ char *bad = NULL;
	char name[MEMORY_NAME_MAX];
	struct note_key parsed;
	int r;

	if (!dir)
		return -errno;
	r = note_key_parse(key, &parsed);
	if (!r)
		r = name_of(key, name);
	if (r)
		return r;
	r = load_file(dirfd(dir), name, ret);
	if (r == -EBADMSG)
		bad = strdup(name);
	if (r == -ENOENT)
		r = load_predecessor(dir, &parsed, place, ret, &bad);
	if (r == -EBADMSG && ret_path && (!bad || asprintf(ret_path, "%s/%s", directory, bad) < 0))
		return -ENOMEM;
	return r;
}

/* mkdir -p, each part for us alone. */
static int make_directory(const char *directory)
{
	_cleanup_free_ char *path = strdup(directory);

	if (!path)
		return -ENOMEM;
	for (char *at = path + 1;; at++) {
		char end = *at;

		if (end && end != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		*at = end;
		if (!end)
			return 0;
	}
}

/* Two visits at the same time: the one that saw more wins. A log that was begun anew counts on from the one
 * before it, so an old one never takes the place of its successor. */
static int check_forward(int dir_fd, const char *name, const struct memory *memory)
{
	_cleanup_(memory_clear_p) struct memory old = MEMORY_INIT;
	int r = load_file(dir_fd, name, &old);

	if (r == -ENOENT)
		return 0;
	if (r)
		return r;
	if (strcmp(old.origin, memory->origin))
		return old.base > memory->base ? -ESTALE : 0;
	return old.size > memory->size ? -ESTALE : 0;
}

static int replace(int dir_fd, const char *name, const char *text, size_t size)
{
	char temporary[MEMORY_NAME_MAX + 16];
	_cleanup_close_ int fd = -EBADF;
	int r;

	snprintf(temporary, sizeof(temporary), ".%s.new", name);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, text, size);
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r && renameat(dir_fd, temporary, dir_fd, name) < 0)
		r = -errno;
	if (!r && fsync(dir_fd) < 0)
		r = -errno;
	if (r && fd >= 0)
		unlinkat(dir_fd, temporary, 0);
	return r;
}

int memory_store(const char *directory, const struct memory *memory)
{
	struct memory stamped = *memory;
	_cleanup_close_ int dir_fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	char name[MEMORY_NAME_MAX];
	struct timespec now;
	size_t size;
	int r = name_of(memory->key, name);

	if (!stamped.visited) {
		clock_gettime(CLOCK_REALTIME, &now);
		stamped.visited = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	}
	if (!r)
		r = memory_write(&stamped, &text, &size);
	if (!r)
		r = make_directory(directory);
	if (r)
		return r;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 || flock(dir_fd, LOCK_EX) < 0)
		return -errno;
	r = check_forward(dir_fd, name, memory);
	return r ? r : replace(dir_fd, name, text, size);
}
