/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An exported directory that somebody made up: sections "== PATH SIZE", each followed by so many bytes,
 * become its files. Whatever is in them, records come in their order, and an export of it holds only what the
 * key in it has signed.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/export/export.h"
#include "audit/export/source-export.h"
#include "common/fd.h"
#include "tests/fuzz/fuzz.h"

#define LOG "bpfwarden/shop-7/5f0c3a9b1d2e4f60"

static char root[] = "/dev/shm/bpfwarden-fuzz-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Only what lies below the directory, in folders that an export has. */
static bool is_name(const char *path)
{
	return path[0] && path[0] != '/' && path[0] != '.' && !strstr(path, "/.") && strlen(path) < 100;
}

static void put_file(int directory, const char *path, const uint8_t *bytes, size_t size)
{
	char folder[128];
	int fd;

	if (!is_name(path))
		return;
	for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		mkdirat(directory, folder, 0755);
	}
	fd = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	FUZZ_CHECK(fd_write_all(fd, bytes, size) == 0);
	close(fd);
}

static void put_files(int directory, const uint8_t *data, size_t size)
{
	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		char head[160], path[128];
		size_t n, length;

		if (!end)
			return;
		n = (size_t)(end - data);
		snprintf(head, sizeof(head), "%.*s", (int)(n < 159 ? n : 159), (const char *)data);
		data += n + 1;
		size -= n + 1;
		if (sscanf(head, "== %127s %zu", path, &length) != 2)
			continue;
		if (length > size)
			length = size;
		put_file(directory, path, data, length);
		data += length;
		size -= length;
	}
}

static int check_row(const struct audit_source_row *row, void *userdata)
{
	uint64_t *next = userdata;

	FUZZ_CHECK(row->seq == *next && row->size <= 65536);
	(*next)++;
	return 0;
}

static void check_source(struct audit_source *source)
{
	struct audit_source_log log;
	struct refusal refusal = {};
	struct tree_edge edge;
	uint8_t hash[DIGEST_SIZE];
	uint64_t next;
	int r;

	FUZZ_CHECK(source->calls->describe(source, &log, &refusal) == 0);
	FUZZ_CHECK(!log.last || (log.base < log.first && log.first <= log.last));
	next = log.first;
	r = source->calls->rows(source, 0, check_row, &next, &refusal);
	FUZZ_CHECK(r == 0 || r == REFUSAL_AUDIT_UNAVAILABLE);
	FUZZ_CHECK(r || !log.last || next == log.last + 1);
	source->calls->node(source, 8, 0, hash);
	source->calls->edge(source, log.first - log.base - 1, &edge);
}

/* The seeds' key has signed one tree, of three leaves. */
static void check_export(struct audit_source *source)
{
	struct audit_source_log log;
	struct refusal refusal = {};
	struct audit_export result;
	char to[64];
	int r;

	snprintf(to, sizeof(to), "%s/again", root);
	r = audit_export(source, to, &result, &refusal);
	FUZZ_CHECK(r == 0 || (r == REFUSAL_AUDIT_UNAVAILABLE && refusal.reason[0]));
	FUZZ_CHECK(access(to, F_OK) == (r ? -1 : 0));
	if (r)
		return;
	FUZZ_CHECK(source->calls->describe(source, &log, &refusal) == 0);
	FUZZ_CHECK(strcmp(log.origin, LOG) || result.size == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct refusal refusal = {};
	char directory[64];
	int fd, r;

	strcpy(root + strlen(root) - 6, "XXXXXX");
	FUZZ_CHECK(mkdtemp(root));
	snprintf(directory, sizeof(directory), "%s/export", root);
	FUZZ_CHECK(mkdir(directory, 0700) == 0);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	put_files(fd, data, size);
	close(fd);
	r = source_export_open(directory, &source, &refusal);
	FUZZ_CHECK(r == 0 || r == -ENODATA || (r == REFUSAL_AUDIT_UNAVAILABLE && refusal.reason[0]));
	if (!r) {
		check_source(source);
		check_export(source);
	}
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
