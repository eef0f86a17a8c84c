/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a power cut leaves: the durable bytes and names, and of what was not synced whatever chance says. */
#include "vfs-private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_SIZE 512

const char *const disk_loss_names[_DISK_LOSS_MAX] = { "all", "none", "some", "pieces" };

uint64_t disk_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

struct cut {
	size_t moment;
	enum disk_loss loss;
	uint64_t seed;
	struct disk_content *contents; /* of each file */
	struct disk_names names;
	bool *durable; /* each operation on a file's content: made so by the next sync of that file */
	size_t names_synced;
};

static bool survives(struct cut *cut)
{
	switch (cut->loss) {
	case DISK_LOSE_ALL:
		return false;
	case DISK_LOSE_NONE:
		return true;
	default:
		return disk_random(&cut->seed) & 1;
	}
}

static void resize(struct disk_content *content, uint64_t size)
{
	if (size > content->size) {
		content->bytes = disk_grow(content->bytes, size, 1);
		memset(content->bytes + content->size, 0, size - content->size);
	}
	content->size = size;
}

static void put(struct disk_content *content, uint64_t offset, const uint8_t *bytes, uint64_t size)
{
	if (offset + size > content->size)
		resize(content, offset + size);
	memcpy(content->bytes + offset, bytes, size);
}

static void apply(struct disk_content *content, const struct disk_operation *operation)
{
	if (operation->kind == DISK_WROTE)
		put(content, operation->offset, operation->bytes, operation->size);
	else if (operation->kind == DISK_RESIZED)
		resize(content, operation->offset);
}

/* The parts of a write that reached the disk. */
static void apply_pieces(struct cut *cut, struct disk_content *content, const struct disk_operation *o)
{
	for (uint64_t at = 0, size; at < o->size; at += size) {
		size = PIECE_SIZE - (o->offset + at) % PIECE_SIZE;
		if (size > o->size - at)
			size = o->size - at;
		if (survives(cut))
			put(content, o->offset + at, o->bytes + at, size);
	}
}

static void apply_survivors(struct cut *cut, struct disk_content *content, const struct disk_operation *o)
{
	if (cut->loss == DISK_LOSE_PIECES && o->kind == DISK_WROTE)
		apply_pieces(cut, content, o);
	else if (survives(cut))
		apply(content, o);
}

/* From the end: of each file, how the next sync after this operation went. */
static void find_syncs(struct cut *cut)
{
	bool *next = disk_grow(NULL, disk.n_files, sizeof(*next));

	memset(next, 0, disk.n_files * sizeof(*next));
	for (size_t i = cut->moment; i > 0; i--) {
		const struct disk_operation *o = &disk.operations[i - 1];

		if (o->kind == DISK_SYNCED || o->kind == DISK_SYNC_FAILED)
			next[o->file] = o->kind == DISK_SYNCED;
		else if (o->kind == DISK_SYNCED_NAMES && cut->names_synced == 0)
			cut->names_synced = i;
		else if (o->kind == DISK_WROTE || o->kind == DISK_RESIZED)
			cut->durable[i - 1] = next[o->file];
	}
	free(next);
}

static void replay(struct cut *cut)
{
	for (size_t i = 0; i < cut->moment; i++) {
		const struct disk_operation *o = &disk.operations[i];

		if (o->kind == DISK_WROTE || o->kind == DISK_RESIZED) {
			if (cut->durable[i])
				apply(&cut->contents[o->file], o);
			else
				apply_survivors(cut, &cut->contents[o->file], o);
		} else if (o->kind == DISK_CREATED || o->kind == DISK_RENAMED || o->kind == DISK_DELETED) {
			if (i < cut->names_synced || survives(cut))
				disk_names_apply(&cut->names, o);
		}
	}
}

static void begin(struct cut *cut)
{
	cut->contents = disk_grow(NULL, disk.n_files, sizeof(*cut->contents));
	cut->durable = disk_grow(NULL, cut->moment, sizeof(*cut->durable));
	for (size_t i = 0; i < disk.n_files; i++) {
		cut->contents[i] = (struct disk_content){ 0 };
		if (disk.files[i].before.size)
			put(&cut->contents[i], 0, disk.files[i].before.bytes, disk.files[i].before.size);
	}
	for (size_t i = 0; i < disk.before.n; i++)
		disk_names_set(&cut->names, disk.before.names[i].name, disk.before.names[i].file);
}

static void write_file(const char *target, const struct disk_name *name, const struct disk_content *content)
{
	uint64_t used = content->size;
	char path[8192];
	int fd;

	/* What is only set aside need not be written. */
	while (used && !content->bytes[used - 1])
		used--;

	snprintf(path, sizeof(path), "%s/%s", target, name->name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || (used && write(fd, content->bytes, used) != (ssize_t)used) ||
	    ftruncate(fd, (off_t)content->size) < 0)
		abort();
	close(fd);
}

void disk_cut(size_t moment, enum disk_loss loss, uint64_t seed, const char *target)
{
	struct cut cut = { .moment = moment, .loss = loss, .seed = seed };

	begin(&cut);
	find_syncs(&cut);
	replay(&cut);
	for (size_t i = 0; i < cut.names.n; i++)
		write_file(target, &cut.names.names[i], &cut.contents[cut.names.names[i].file]);
	for (size_t i = 0; i < disk.n_files; i++)
		free(cut.contents[i].bytes);
	free(cut.contents);
	free(cut.durable);
	free(cut.names.names);
}
