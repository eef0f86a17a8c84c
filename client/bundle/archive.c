/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bundle as one file: an uncompressed ustar of regular files. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "client/bundle/bundle-internal.h"
#include "common/fd.h"

#define TAR_BLOCK 512

static void archive_read_p(struct archive **a)
{
	if (*a)
		archive_read_free(*a);
}

static int read_entry(struct archive *a, struct archive_entry *entry, struct members *m,
		      struct refusal *refusal)
{
	const char *name = archive_entry_pathname(entry);
	int64_t size = archive_entry_size(entry);
	char *bytes;
	int r;

	if (archive_format(a) != ARCHIVE_FORMAT_TAR_USTAR)
		REFUSE("C1", "the file is not a plain ustar archive but %s", archive_format_name(a));
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || size < 0)
		REFUSE("C2", "%.80s is not a regular file", name ? name : "a member");
	r = members_check(m, name ? name : "", (uint64_t)size, refusal);
	if (r)
		return r;
	bytes = malloc((size_t)size + 1);
	if (!bytes)
		return -ENOMEM;
	if (archive_read_data(a, bytes, (size_t)size) != size) {
		free(bytes);
		REFUSE("C1", "the archive ends within %s", name);
	}
	bytes[size] = '\0';
	members_add(m, name, bytes, (size_t)size);
	return 0;
}

int bundle_read_archive(const char *bytes, size_t size, struct members *m, struct refusal *refusal)
{
	_cleanup_(archive_read_p) struct archive *a = archive_read_new();
	struct archive_entry *entry;
	uint64_t end = 0;
	int r;

	if (!a)
		return -ENOMEM;
	archive_read_support_format_tar(a);
	if (archive_read_open_memory(a, bytes, size) != ARCHIVE_OK)
		REFUSE("C1", "the file is not a ustar archive: %s", archive_error_string(a));
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
		uint64_t start = (uint64_t)archive_read_header_position(a);

		if (start != end)
			REFUSE("C1", "there is something between the members of the archive");
		end = start + TAR_BLOCK +
		      ((uint64_t)archive_entry_size(entry) + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
		r = read_entry(a, entry, m, refusal);
		if (r)
			return r;
	}
	if (r != ARCHIVE_EOF)
		REFUSE("C1", "the archive cannot be read: %s", archive_error_string(a));
	if (size < end + 2 * TAR_BLOCK)
		REFUSE("C1", "the archive has no end");
	for (uint64_t i = end; i < size; i++)
		if (bytes[i])
			REFUSE("C6", "there is something behind the archive's last member");
	return 0;
}

static int write_entry(const struct bundle_file *file, void *context)
{
	struct archive *a = context;
	struct archive_entry *entry = archive_entry_new();
	int r = 0;

	if (!entry)
		return -ENOMEM;
	archive_entry_set_pathname(entry, file->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)file->size);
	archive_entry_set_mtime(entry, 0, 0);
	if (archive_write_header(a, entry) != ARCHIVE_OK ||
	    archive_write_data(a, file->bytes, file->size) != (la_ssize_t)file->size)
		r = -EIO;
	archive_entry_free(entry);
	return r;
}

/* The same bundle gives the same bytes: no time, no owner, the order of bundle_each_file(). */
static int write_archive(const struct bundle *b, int fd)
{
	struct archive *a = archive_write_new();
	int r;

	if (!a)
		return -ENOMEM;
	archive_write_set_format_ustar(a);
	archive_write_add_filter_none(a);
	r = archive_write_open_fd(a, fd) == ARCHIVE_OK ? bundle_each_file(b, write_entry, a) : -EIO;
	if (archive_write_close(a) != ARCHIVE_OK && !r)
		r = -EIO;
	archive_write_free(a);
	return r;
}

int bundle_write_archive(const struct bundle *b, const char *path)
{
	_cleanup_close_ int fd = -EBADF;
	char temporary[PATH_MAX];
	int r;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_archive(b, fd);
	if (!r && (fchmod(fd, 0644) < 0 || rename(temporary, path) < 0))
		r = -errno;
	if (r)
		unlink(temporary);
	return r;
}
