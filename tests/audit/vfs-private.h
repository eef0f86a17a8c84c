/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files vfs-*.c share. */
#include <sys/stat.h>

#include "vfs-disk.h"

#define DISK_NAME_MAX 128
#define DISK_NO_FILE  UINT32_MAX

enum disk_kind {
	DISK_WROTE,
	DISK_RESIZED,
	DISK_SYNCED,
	DISK_SYNC_FAILED,
	DISK_CREATED,
	DISK_RENAMED,
	DISK_DELETED,
	DISK_SYNCED_NAMES,
};

struct disk_operation {
	enum disk_kind kind;
	uint32_t file;
	uint64_t offset, size; /* of bytes; of DISK_RESIZED, the new size is offset */
	uint8_t *bytes;
	char name[DISK_NAME_MAX], to[DISK_NAME_MAX];
};

struct disk_content {
	uint8_t *bytes;
	uint64_t size;
};

struct disk_name {
	char name[DISK_NAME_MAX];
	uint32_t file;
};

struct disk_names {
	struct disk_name *names;
	size_t n;
};

struct disk_file {
	ino_t ino;                  /* of the real file */
	struct disk_content before; /* when journaling began */
};

struct disk {
	unsigned epoch; /* of journaling: what was opened before is not ours any more */
	char directory[4096];
	dev_t dev;
	ino_t ino; /* of the directory; 0: nothing is journaled */
	struct disk_file *files;
	size_t n_files;
	struct disk_names before, now;
	struct disk_operation *operations;
	size_t n_operations;

	struct disk_fault fault;
	uint64_t steps;
	bool faulted, suspended;
};
extern struct disk disk;

/* Allocations of tests: never NULL. */
void *disk_grow(void *array, size_t n, size_t size);

uint32_t disk_names_find(const struct disk_names *names, const char *name);
void disk_names_set(struct disk_names *names, const char *name, uint32_t file);
void disk_names_remove(struct disk_names *names, const char *name);
void disk_names_apply(struct disk_names *names, const struct disk_operation *operation);

/* The name in the journaled directory that this path means; NULL: another directory's. */
const char *disk_name_of(const char *path);
/* The file behind an open descriptor, or of this name; DISK_NO_FILE: not one of ours. */
uint32_t disk_file_of_fd(int fd);
uint32_t disk_file_of_name(const char *name);
bool disk_is_directory(int fd);

/* Counts a step. 0: go on; otherwise an errno to fail with. `half`: what to do before a SIGKILL or a failing
 * write, called with userdata; NULL: nothing. */
int disk_step(enum disk_act act, const char *name, void (*half)(void *userdata), void *userdata);

/* What has happened. `created` takes the file with this inode under this name, unless it is known. */
uint32_t disk_created(const char *name, ino_t ino);
void disk_wrote(uint32_t file, uint64_t offset, const void *bytes, uint64_t size);
void disk_resized(uint32_t file, uint64_t size);
void disk_synced(uint32_t file);
void disk_sync_failed(uint32_t file);
void disk_synced_names(void);
void disk_renamed(const char *from, const char *to);
void disk_deleted(const char *name);
