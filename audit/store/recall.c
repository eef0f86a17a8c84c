/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/recall.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECALL_FILE "checkpoint"

void recall_save(const struct recall *recall, const char *note)
{
	(void)directory_replace(recall->directory->fd, RECALL_FILE, note, strlen(note), 0600);
	if (recall->published)
		(void)directory_replace(AT_FDCWD, recall->published, note, strlen(note), 0644);
}

static bool has(int dir_fd, const char *name, const char *note)
{
	char found[NOTE_SIZE_MAX];
	size_t size;

	return directory_read(dir_fd, name, found, sizeof(found), &size) == 0 && !strcmp(found, note);
}

void recall_refresh(const struct recall *recall, const char *note)
{
	if (!has(recall->directory->fd, RECALL_FILE, note) ||
	    (recall->published && !has(AT_FDCWD, recall->published, note)))
		recall_save(recall, note);
}

bool recall_read(const struct recall *recall, int which, char ret[NOTE_SIZE_MAX])
{
	size_t size;

	if (which == 1 && !recall->published)
		return false;
	return directory_read(which ? AT_FDCWD : recall->directory->fd,
			      which ? recall->published : RECALL_FILE, ret, NOTE_SIZE_MAX, &size) == 0;
}

int recall_move_aside(const struct recall *recall, const char *name)
{
	int fd = recall->directory->fd;

	if (recall->published && unlink(recall->published) < 0 && errno != ENOENT)
		return -errno;
	return renameat(fd, RECALL_FILE, fd, name) < 0 && errno != ENOENT ? -errno : 0;
}
