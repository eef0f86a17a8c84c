/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/cgroup-names.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "common/utf8.h"

#define DEPTH_MAX   32
#define CGROUPS_MAX 65536 /* of one hierarchy that are looked at */
#define PATH_SIZE   4096
#define LOOK_PAUSE  10 /* times as long as a look took, until the next */

struct cgroup_names {
	json_t *texts; /* by id in decimal: the short path, or null of one that was not found */
	size_t looked_at;
	uint64_t look_again_at; /* monotonic ns */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct cgroup_names *cgroup_names_new(void)
{
	struct cgroup_names *names = calloc(1, sizeof(*names));

	if (names)
		names->texts = json_object();
	return names && names->texts ? names : cgroup_names_free(names);
}

struct cgroup_names *cgroup_names_free(struct cgroup_names *names)
{
	if (names)
		json_decref(names->texts);
	free(names);
	return NULL;
}

static bool is_unit(const char *part, size_t length)
{
	static const char *const suffixes[] = {
		".service", ".scope", ".slice", ".socket", ".mount", ".swap"
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i]);

		if (length > suffix && !memcmp(part + length - suffix, suffixes[i], suffix))
			return true;
	}
	return false;
}

const char *cgroup_shorten(const char *path, char *buffer)
{
	const char *unit = NULL, *last = NULL, *before = NULL, *from;
	bool cut;

	for (const char *part = path; *part;) {
		size_t length;

		part += strspn(part, "/");
		length = strcspn(part, "/");
		if (!length)
			break;
		if (is_unit(part, length))
			unit = part;
		before = last;
		last = part;
		part += length;
	}
	from = unit ? unit : before ? before : path;
	cut = !unit && before && before > path + 1;
	/* What tells two long paths apart is mostly at their ends. */
	if (strlen(from) + (cut ? strlen(".../") : 0) >= CGROUP_TEXT_MAX) {
		from += strlen(from) - (CGROUP_TEXT_MAX - sizeof("..."));
		while (((unsigned char)*from & 0xc0) == 0x80)
			from++;
		snprintf(buffer, CGROUP_TEXT_MAX, "...%s", from);
	} else {
		snprintf(buffer, CGROUP_TEXT_MAX, "%s%s", cut ? ".../" : "", *from ? from : "/");
	}
	utf8_make_printable(buffer, CGROUP_TEXT_MAX);
	return buffer;
}

static void remember(struct cgroup_names *names, uint64_t id, const char *path)
{
	char key[24], text[CGROUP_TEXT_MAX];

	snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
	if (!json_is_string(json_object_get(names->texts, key)))
		json_object_set_new(names->texts, key, json_string(cgroup_shorten(path, text)));
}

/* Takes fd. The inode of a cgroup's directory is its id. */
static void look_below(struct cgroup_names *names, int fd, char *path, size_t length, unsigned int depth)
{
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;

	if (!directory) {
		close(fd);
		return;
	}
	while ((entry = readdir(directory)) && names->looked_at < CGROUPS_MAX) {
		int n, child;

		if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		n = snprintf(path + length, PATH_SIZE - length, "/%s", entry->d_name);
		if (n < 0 || (size_t)n >= PATH_SIZE - length)
			continue;
		names->looked_at++;
		remember(names, entry->d_ino, path);
		child = depth ? openat(dirfd(directory), entry->d_name,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			      : -EBADF;
		if (child >= 0)
			look_below(names, child, path, length + (size_t)n, depth - 1);
	}
	closedir(directory);
}

static void look(struct cgroup_names *names)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	uint64_t began = now_ns(), now;
	char path[PATH_SIZE];
	struct statfs fs;
	struct stat st;

	names->looked_at = 0;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC || fstat(fd, &st) < 0) {
			close(fd);
			continue;
		}
		*path = 0;
		remember(names, st.st_ino, "/");
		look_below(names, fd, path, 0, DEPTH_MAX);
		break;
	}
	now = now_ns();
	names->look_again_at = now + LOOK_PAUSE * (now - began);
}

const char *cgroup_name(struct cgroup_names *names, uint64_t id, char *buffer)
{
	const json_t *text;
	char key[24];

	snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
	text = names ? json_object_get(names->texts, key) : NULL;
	if (names && !text && now_ns() >= names->look_again_at) {
		look(names);
		text = json_object_get(names->texts, key);
		/* Nobody makes a cgroup with the id of one that has gone: look no second time. */
		if (!text)
			json_object_set_new(names->texts, key, json_null());
	}
	if (json_is_string(text))
		snprintf(buffer, CGROUP_TEXT_MAX, "%s", json_string_value(text));
	else
		snprintf(buffer, CGROUP_TEXT_MAX, "id %s", key);
	return buffer;
}
