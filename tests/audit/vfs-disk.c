/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal of what happened to the files of one directory, and the steps at which something fails. */
#include "vfs-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct disk disk;

void *disk_grow(void *array, size_t n, size_t size)
{
	void *grown = reallocarray(array, n ? n : 1, size);

	if (!grown)
		abort();
	return grown;
}

uint32_t disk_names_find(const struct disk_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->names[i].name, name))
			return names->names[i].file;
	return DISK_NO_FILE;
}

void disk_names_remove(struct disk_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->names[i].name, name)) {
			names->names[i] = names->names[--names->n];
			return;
		}
}

void disk_names_set(struct disk_names *names, const char *name, uint32_t file)
{
	struct disk_name *last;

	disk_names_remove(names, name);
	names->names = disk_grow(names->names, names->n + 1, sizeof(*names->names));
	last = &names->names[names->n++];
	last->file = file;
	snprintf(last->name, sizeof(last->name), "%s", name);
}

void disk_names_apply(struct disk_names *names, const struct disk_operation *operation)
{
	if (operation->kind == DISK_CREATED) {
		disk_names_set(names, operation->name, operation->file);
	} else if (operation->kind == DISK_DELETED) {
		disk_names_remove(names, operation->name);
	} else if (operation->kind == DISK_RENAMED) {
		disk_names_remove(names, operation->name);
		disk_names_set(names, operation->to, operation->file);
	}
}

static uint32_t add_file(ino_t ino)
{
	disk.files = disk_grow(disk.files, disk.n_files + 1, sizeof(*disk.files));
	disk.files[disk.n_files] = (struct disk_file){ .ino = ino };
	return (uint32_t)disk.n_files++;
}

static struct disk_operation *add(enum disk_kind kind, uint32_t file)
{
	struct disk_operation *operation;

	disk.operations = disk_grow(disk.operations, disk.n_operations + 1, sizeof(*disk.operations));
	operation = &disk.operations[disk.n_operations++];
	*operation = (struct disk_operation){ .kind = kind, .file = file };
	return operation;
}

void disk_stop(void)
{
	for (size_t i = 0; i < disk.n_operations; i++)
		free(disk.operations[i].bytes);
	for (size_t i = 0; i < disk.n_files; i++)
		free(disk.files[i].before.bytes);
	free(disk.operations);
	free(disk.files);
	free(disk.before.names);
	free(disk.now.names);
	disk = (struct disk){ .epoch = disk.epoch + 1 };
}

static void read_before(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint32_t file;
	struct disk_content *before;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	file = add_file(st.st_ino);
	before = &disk.files[file].before;
	before->size = (uint64_t)st.st_size;
	before->bytes = disk_grow(NULL, before->size, 1);
	if (pread(fd, before->bytes, before->size, 0) != st.st_size)
		abort();
	close(fd);
	disk_names_set(&disk.before, name, file);
	disk_names_set(&disk.now, name, file);
}

void disk_start(const char *directory)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	disk_stop();
	dir = opendir(directory);
	if (!dir || fstat(dirfd(dir), &st) < 0)
		abort();
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || (length > 4 && !strcmp(entry->d_name + length - 4, "-shm")))
			continue;
		read_before(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	if (!realpath(directory, disk.directory))
		abort();
	disk.dev = st.st_dev;
	disk.ino = st.st_ino;
}

size_t disk_operations(void)
{
	return disk.n_operations;
}

const char *disk_name_of(const char *path)
{
	size_t length = strlen(disk.directory);

	if (!disk.ino || !path || strncmp(path, disk.directory, length) != 0 || path[length] != '/' ||
	    strchr(path + length + 1, '/'))
		return NULL;
	return path + length + 1;
}

uint32_t disk_file_of_fd(int fd)
{
	struct stat st;

	if (!disk.ino || fstat(fd, &st) < 0 || st.st_dev != disk.dev)
		return DISK_NO_FILE;
	/* Inode numbers are used again: the last file that had this one is meant. */
	for (size_t i = disk.n_files; i > 0; i--)
		if (disk.files[i - 1].ino == st.st_ino)
			return (uint32_t)(i - 1);
	return DISK_NO_FILE;
}

uint32_t disk_file_of_name(const char *name)
{
	return name ? disk_names_find(&disk.now, name) : DISK_NO_FILE;
}

bool disk_is_directory(int fd)
{
	struct stat st;

	return disk.ino && fstat(fd, &st) == 0 && st.st_dev == disk.dev && st.st_ino == disk.ino;
}

void disk_fault(const struct disk_fault *fault)
{
	disk.fault = fault ? *fault : (struct disk_fault){ 0 };
	disk.steps = 0;
}

uint64_t disk_steps(void)
{
	return disk.steps;
}

bool disk_suspend(bool suspend)
{
	bool before = disk.suspended;

	disk.suspended = suspend;
	return before;
}

bool disk_faulted(void)
{
	return disk.faulted;
}

int disk_step(enum disk_act act, const char *name, void (*half)(void *userdata), void *userdata)
{
	const struct disk_fault *fault = &disk.fault;

	if (disk.suspended)
		return 0;
	if (fault->acts && !(fault->acts & (1U << act)))
		return 0;
	if (fault->name && (!name || !strstr(name, fault->name)))
		return 0;
	disk.steps++;
	if (!fault->at || disk.steps < fault->at || (disk.steps > fault->at && !fault->for_ever))
		return 0;
	disk.faulted = true;
	if (half)
		half(userdata);
	if (!fault->error)
		raise(SIGKILL);
	return fault->error;
}

uint32_t disk_created(const char *name, ino_t ino)
{
	uint32_t file = disk_names_find(&disk.now, name);
	struct disk_operation *operation;

	if (file != DISK_NO_FILE && disk.files[file].ino == ino)
		return file;
	file = add_file(ino);
	operation = add(DISK_CREATED, file);
	snprintf(operation->name, sizeof(operation->name), "%s", name);
	disk_names_set(&disk.now, name, file);
	return file;
}

void disk_wrote(uint32_t file, uint64_t offset, const void *bytes, uint64_t size)
{
	struct disk_operation *operation = add(DISK_WROTE, file);

	operation->offset = offset;
	operation->size = size;
	operation->bytes = disk_grow(NULL, size, 1);
	memcpy(operation->bytes, bytes, size);
}

void disk_resized(uint32_t file, uint64_t size)
{
	add(DISK_RESIZED, file)->offset = size;
}

void disk_synced(uint32_t file)
{
	add(DISK_SYNCED, file);
}

void disk_sync_failed(uint32_t file)
{
	add(DISK_SYNC_FAILED, file);
}

void disk_synced_names(void)
{
	add(DISK_SYNCED_NAMES, DISK_NO_FILE);
}

void disk_renamed(const char *from, const char *to)
{
	struct disk_operation *operation = add(DISK_RENAMED, disk_names_find(&disk.now, from));

	snprintf(operation->name, sizeof(operation->name), "%s", from);
	snprintf(operation->to, sizeof(operation->to), "%s", to);
	disk_names_apply(&disk.now, operation);
}

void disk_deleted(const char *name)
{
	struct disk_operation *operation;

	if (disk_names_find(&disk.now, name) == DISK_NO_FILE)
		return;
	operation = add(DISK_DELETED, DISK_NO_FILE);
	snprintf(operation->name, sizeof(operation->name), "%s", name);
	disk_names_apply(&disk.now, operation);
}
