/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/source-database.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "audit/verify/source-database-private.h"
#include "common/cleanup.h"
#include "common/fd.h"

#define FILES_MAX 65536 /* of one log */
#define OPEN_MAX  16    /* at the same time */

int database_use(struct database *db, struct source_file *file, struct refusal *refusal)
{
	struct source_file *oldest = NULL;
	size_t open = 0;

	file->used = ++db->clock;
	if (file->db)
		return 0;
	for (size_t i = 0; i < db->n_files; i++) {
		struct source_file *other = &db->files[i];

		if (!other->db)
			continue;
		open++;
		if (!oldest || other->used < oldest->used)
			oldest = other;
	}
	if (open >= OPEN_MAX)
		source_file_close(oldest);
	return source_file_open(file, refusal);
}

/* ---- describe ---- */

int database_note(struct database *db, const char *name, char ret[NOTE_SIZE_MAX], struct refusal *refusal)
{
	_cleanup_close_ int fd = openat(db->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	*ret = '\0';
	if (fd < 0 && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : fd_read_all(fd, NOTE_SIZE_MAX - 1, &text, &size);
	if (r == -ENOMEM)
		return r;
	if (r == -EFBIG) /* too long for one: what it says is checked by who asked */
		strcpy(ret, "?");
	else if (r)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, name, "cannot be read: %s",
				   strerror(-r));
	else
		memcpy(ret, text, size + 1);
	return 0;
}

static int database_describe(struct audit_source *source, struct audit_source_log *ret,
			     struct refusal *refusal)
{
	struct database *db = database_of(source);
	struct audit_source_log log = { 0 };
	const struct source_file *newest = NULL;
	int r;

	for (size_t i = 0; i < db->n_files; i++) {
		const struct source_file *file = &db->files[i];

		if (!database_usable(file))
			continue;
		if (!newest)
			log.first = file->first;
		newest = file;
		if (file->last >= file->first && file->last > log.last)
			log.last = file->last;
	}
	if (!newest)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, db->files[0].name,
				   "no file of this log can be read: %s", db->files[0].refusal.reason);
	snprintf(log.origin, sizeof(log.origin), "%s", newest->origin);
	snprintf(log.key, sizeof(log.key), "%s", newest->key);
	log.base = newest->base;
	r = database_note(db, "removed", log.stub, refusal);
	if (!r)
		*ret = log;
	return r;
}

static int database_segments(struct audit_source *source, audit_source_segment_fn fn, void *userdata,
			     struct refusal *refusal)
{
	struct database *db = database_of(source);

	(void)refusal;
	for (size_t i = 0; i < db->n_files; i++) {
		const struct source_file *file = &db->files[i];
		struct audit_source_segment segment = { .number = i,
							.place = file->name,
							.named = file->named };
		int r;

		if (file->skipped)
			continue;
		if (file->refusal.code) {
			segment.refusal = &file->refusal;
		} else {
			segment.first = file->first;
			segment.last = file->last;
			segment.base = file->base;
			segment.origin = file->origin;
			segment.key = file->key;
		}
		r = fn(&segment, userdata);
		if (r)
			return r < 0 ? r : 0;
	}
	return 0;
}

static void database_skip(struct audit_source *source, size_t segment)
{
	struct database *db = database_of(source);

	if (segment < db->n_files)
		db->files[segment].skipped = true;
}

/* ---- open ---- */

static void database_close(struct audit_source *source)
{
	struct database *db = database_of(source);

	for (size_t i = 0; i < db->n_files; i++) {
		source_file_close(&db->files[i]);
		free(db->files[i].name);
		free(db->files[i].path);
	}
	free(db->files);
	close_fd(db->dir_fd);
	free(db);
}

static const struct audit_source_calls calls = {
	.describe = database_describe,
	.segments = database_segments,
	.skip = database_skip,
	.rows = database_rows,
	.node = database_node,
	.edge = database_edge,
	.checkpoints = database_checkpoints,
	.text = database_text,
	.close = database_close,
};

/* The daemon holds the lock for as long as it writes: what it is just writing cannot be read as files. */
static int check_unused(int dir_fd, const char *directory, struct refusal *refusal)
{
	if (flock(dir_fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return refusal_set(
			refusal, REFUSAL_AUDIT_UNAVAILABLE, directory,
			"a daemon is writing this log: leave the directory out, to verify it through "
			"the daemon, or give a copy");
	flock(dir_fd, LOCK_UN);
	return 0;
}

static int add_file(struct database *db, const char *directory, const char *name, uint64_t named)
{
	struct source_file *files;

	if (db->n_files == FILES_MAX)
		return -E2BIG;
	files = reallocarray(db->files, db->n_files + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	db->files = files;
	files[db->n_files] = (struct source_file){ .named = named, .name = strdup(name) };
	if (asprintf(&files[db->n_files].path, "%s/%s", directory, name) < 0)
		files[db->n_files].path = NULL;
	db->n_files++;
	return files[db->n_files - 1].name && files[db->n_files - 1].path ? 0 : -ENOMEM;
}

static int find_files(struct database *db, const char *directory)
{
	int fd = fcntl(db->dir_fd, F_DUPFD_CLOEXEC, 3), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	uint64_t named;

	if (!dir) {
		r = -errno;
		close_fd(fd);
		return r;
	}
	while (!r && (entry = readdir(dir)))
		if (source_file_named(entry->d_name, &named))
			r = add_file(db, directory, entry->d_name, named);
	closedir(dir);
	return r;
}

static int order(const void *a, const void *b)
{
	const struct source_file *x = a, *y = b;
	bool bad_x = x->refusal.code, bad_y = y->refusal.code;

	if (bad_x != bad_y)
		return bad_x ? 1 : -1;
	if (!bad_x && x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->named < y->named ? -1 : x->named > y->named;
}

static int describe_files(struct database *db)
{
	for (size_t i = 0; i < db->n_files; i++) {
		struct source_file *file = &db->files[i];
		int r = database_use(db, file, &file->refusal);

		if (!r)
			r = source_file_describe(file, &file->refusal);
		if (r < 0)
			return r;
		if (r)
			source_file_close(file);
	}
	qsort(db->files, db->n_files, sizeof(*db->files), order);
	return 0;
}

int source_database_open(const char *directory, struct audit_source **ret, struct refusal *refusal)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	_cleanup_free_ char *real = realpath(directory, NULL);
	struct database *db;
	int r;

	if (!real)
		return -errno;
	db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	db->source.calls = &calls;
	source = &db->source;
	db->dir_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir_fd < 0)
		return -errno;
	r = find_files(db, real);
	if (!r && !db->n_files)
		r = -ENODATA;
	if (!r)
		r = check_unused(db->dir_fd, directory, refusal);
	if (!r)
		r = describe_files(db);
	if (!r)
		*ret = take_ptr(source);
	return r;
}
