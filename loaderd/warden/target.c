/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whose events a request means, as the key that the kernel filters by. The id of a cgroup is the inode number
 * of its directory (kernfs: 64-bit ids, Linux 5.5).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "loaderd/warden/warden.h"

#define CGROUP2_MAGIC 0x63677270

const char *target_cgroup_root(void)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;

	for (size_t i = 0; i < 2; i++)
		if (statfs(roots[i], &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
			return roots[i];
	return NULL;
}

static uint32_t depth_of(const char *path)
{
	uint32_t n = 0;

	for (const char *p = path; *p; p++)
		n += *p == '/' && p[1] != '\0' && p[1] != '/';
	return n;
}

static int find_cgroup(const char *path, struct bw_key *key, uint32_t *ret_level)
{
	const char *root = target_cgroup_root();
	char full[TARGET_NAME_MAX + 64];
	struct stat st;

	if (!root)
		return -ENOENT;
	snprintf(full, sizeof(full), "%s%s", root, path);
	if (lstat(full, &st) < 0 || !S_ISDIR(st.st_mode))
		return -ENOENT;
	*key = (struct bw_key){ .kind = BW_KEY_CGROUP, .id = st.st_ino };
	*ret_level = depth_of(path);
	return 0;
}

/* Looks for a directory of this name among slices (and user managers), the only places where units live. */
static int search_unit(int dirfd, const char *unit, uint32_t level, struct bw_key *key, uint32_t *ret_level)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	int r = -ENOENT;

	if (fstatat(dirfd, unit, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		*key = (struct bw_key){ .kind = BW_KEY_CGROUP, .id = st.st_ino };
		*ret_level = level + 1;
		return 0;
	}
	if (level == TARGET_SLICE_DEPTH_MAX)
		return -ENOENT;
	dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		return -errno;
	while (r < 0 && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		_cleanup_close_ int sub = -EBADF;

		if (entry->d_type != DT_DIR || n < 7 || strcmp(entry->d_name + n - 6, ".slice"))
			continue;
		sub = openat(dirfd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			r = search_unit(sub, unit, level + 1, key, ret_level);
	}
	closedir(dir);
	return r;
}

void target_find_unit(const char *unit, struct bw_key *key, uint32_t *ret_level)
{
	const char *root = target_cgroup_root();
	_cleanup_close_ int fd = root ? open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	*key = (struct bw_key){ .kind = BW_KEY_CGROUP };
	*ret_level = 0;
	if (fd >= 0)
		(void)search_unit(fd, unit, 0, key, ret_level);
}

static int no_such(struct refusal *refusal, const char *name, const char *reason)
{
	return refusal_set(refusal, REFUSAL_NO_SUCH_TARGET, name, "%s", reason);
}

static int resolve_user(const char *name, struct target *t, struct refusal *refusal)
{
	int r = names_user_or_number(name, &t->uid);

	if (r == 0)
		return 0;
	return no_such(refusal, name,
		       r > 0 ? "there is no user of that name"
			     : "the name service did not answer in time: name the user by number");
}

/* A name that becomes part of a path: no way up, nothing hidden. */
static bool is_path(const char *path)
{
	return path[0] == '/' && !strstr(path, "/../") && !strstr(path, "//") &&
	       (strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/.."));
}

int target_check(uint32_t kind, const char *name, struct refusal *refusal)
{
	switch (kind) {
	case TARGET_SELF:
	case TARGET_USER:
	case TARGET_HOST:
		return 0;
	case TARGET_UNIT:
		if (*name && !strchr(name, '/') && *name != '.')
			return 0;
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "target", "'%s' is no unit's name",
				   name);
	case TARGET_CGROUP:
		if (is_path(name))
			return 0;
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "target",
				   "'%s' is no path in the cgroup hierarchy: it begins with /", name);
	default:
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "target", "unknown kind of target");
	}
}

int target_resolve(const struct connection *c, uint32_t kind, const char *name, struct target *ret,
		   struct refusal *refusal)
{
	struct target t = { .kind = kind };
	int r = 0;

	snprintf(t.name, sizeof(t.name), "%s", name);
	switch (kind) {
	case TARGET_SELF:
		t.uid = c->uid;
		t.key = (struct bw_key){ .kind = BW_KEY_UID, .id = c->uid };
		break;
	case TARGET_USER:
		r = resolve_user(name, &t, refusal);
		t.key = (struct bw_key){ .kind = BW_KEY_UID, .id = t.uid };
		break;
	case TARGET_UNIT:
		target_find_unit(name, &t.key, &t.key_level);
		if (!t.key.id)
			r = no_such(refusal, name, "no unit of that name has a cgroup now: is it running?");
		break;
	case TARGET_CGROUP:
		if (find_cgroup(name, &t.key, &t.key_level) < 0)
			r = no_such(refusal, name, "there is no such cgroup");
		break;
	case TARGET_HOST:
		t.key = (struct bw_key){ .kind = BW_KEY_HOST };
		break;
	default:
		return target_check(kind, name, refusal);
	}
	if (r)
		return r;
	if (t.key_level >= BW_CGROUP_LEVELS_MAX)
		return no_such(refusal, name, "the cgroup is too deep in the hierarchy to be filtered by");
	*ret = t;
	return 0;
}
