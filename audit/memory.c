/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/memory.h"

#include <fcntl.h>
#include <string.h>

#define MEMORY_FILE "checkpoint"

void memory_save(const struct memory *memory, const char *note)
{
	(void)directory_replace(memory->directory->fd, MEMORY_FILE, note, strlen(note), 0600);
	if (memory->published)
		(void)directory_replace(AT_FDCWD, memory->published, note, strlen(note), 0644);
}

static bool has(int dir_fd, const char *name, const char *note)
{
	char found[NOTE_SIZE_MAX];
	size_t size;

	return directory_read(dir_fd, name, found, sizeof(found), &size) == 0 && !strcmp(found, note);
}

void memory_refresh(const struct memory *memory, const char *note)
{
	if (!has(memory->directory->fd, MEMORY_FILE, note) ||
	    (memory->published && !has(AT_FDCWD, memory->published, note)))
		memory_save(memory, note);
}
