/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"

/* The index in groups of three digits, all but the last with an x before them. */
void export_tile_path(unsigned level, uint64_t index, unsigned width, char ret[EXPORT_PATH_MAX])
{
	uint64_t unit = 1;
	int n;

	if (level == TILE_ENTRIES)
		n = snprintf(ret, EXPORT_PATH_MAX, "tile/entries");
	else
		n = snprintf(ret, EXPORT_PATH_MAX, "tile/%u", level);
	while (index / unit >= 1000)
		unit *= 1000;
	for (; unit; unit /= 1000)
		n += snprintf(ret + n, EXPORT_PATH_MAX - (size_t)n, "/%s%03" PRIu64, unit > 1 ? "x" : "",
			      index / unit % 1000);
	if (width && width < TILE_WIDTH)
		snprintf(ret + n, EXPORT_PATH_MAX - (size_t)n, ".p/%u", width);
}

static bool is_there(int directory, const char *name)
{
	return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool export_is_one(int directory)
{
	return is_there(directory, EXPORT_CHECKPOINT) &&
	       (is_there(directory, "tile") || is_there(directory, EXPORT_EDGE));
}

int export_file_open(int directory, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int export_file_read(int directory, const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = export_file_open(directory, path);

	return fd < 0 ? fd : fd_read_all(fd, max, ret, ret_size);
}

/* The partial file of this width or, where it was deleted, the complete one. */
static int read_either(int directory, unsigned level, uint64_t index, unsigned width, size_t max, char **ret,
		       size_t *ret_size, bool *ret_partial)
{
	char path[EXPORT_PATH_MAX];
	int r;

	export_tile_path(level, index, width, path);
	r = export_file_read(directory, path, max, ret, ret_size);
	*ret_partial = width < TILE_WIDTH && r != -ENOENT;
	if (r == -ENOENT && width < TILE_WIDTH) {
		export_tile_path(level, index, TILE_WIDTH, path);
		r = export_file_read(directory, path, max, ret, ret_size);
	}
	return r;
}

int export_tile_read(int directory, unsigned level, uint64_t index, unsigned width,
		     uint8_t ret[][DIGEST_SIZE])
{
	_cleanup_free_ char *bytes = NULL;
	bool partial;
	size_t size;
	int r;

	r = read_either(directory, level, index, width, (size_t)TILE_WIDTH * DIGEST_SIZE, &bytes, &size,
			&partial);
	if (r)
		return r;
	if (size != (partial ? width : TILE_WIDTH) * (size_t)DIGEST_SIZE)
		return -EINVAL;
	memcpy(ret, bytes, width * (size_t)DIGEST_SIZE);
	return 0;
}

int export_bundle_read(int directory, uint64_t index, unsigned width, char **ret, size_t *ret_size)
{
	bool partial;

	return read_either(directory, TILE_ENTRIES, index, width, (size_t)TILE_WIDTH * (2 + ENTRY_SIZE_MAX),
			   ret, ret_size, &partial);
}

bool export_bundle_take(const char **bundle, size_t *size, const char **ret, size_t *ret_size)
{
	const unsigned char *length = (const unsigned char *)*bundle;
	size_t n;

	if (*size < 2)
		return false;
	n = (size_t)length[0] << 8 | length[1];
	if (*size - 2 < n)
		return false;
	*ret = *bundle + 2;
	*ret_size = n;
	*bundle += 2 + n;
	*size -= 2 + n;
	return true;
}

int export_checkpoint_read(int directory, char **ret_note, size_t *ret_size, struct checkpoint *ret)
{
	_cleanup_free_ char *note = NULL;
	const char *end;
	size_t size;
	int r;

	r = export_file_read(directory, EXPORT_CHECKPOINT, NOTE_VERIFIED_MAX, &note, &size);
	if (r)
		return r;
	end = memmem(note, size, "\n\n", 2);
	if (!end)
		return -EINVAL;
	r = checkpoint_parse(note, (size_t)(end + 1 - note), ret);
	if (r)
		return r;
	*ret_note = take_ptr(note);
	*ret_size = size;
	return 0;
}

int export_refuse(int error, const char *path, struct refusal *refusal)
{
	const char *why = error == -EINVAL ? "it is not what an export has there" : strerror(-error);

	if (error == -ENOMEM || fd_is_shortage(error))
		return error;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, path, "%s cannot be read: %s", path, why);
}
