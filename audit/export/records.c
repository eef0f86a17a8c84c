/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/export/files.h"
#include "common/cleanup.h"

/* How each record begins; docs/AUDIT.md, "A record". */
#define RECORD_HEAD "{\"v\":1,\"seq\":"

struct walk {
	const struct export_records_place *place;
	audit_source_row_fn fn;
	void *userdata;
	uint64_t from, leaf; /* given from `from` on */

	FILE *lines; /* NULL: there is no such file */
	char line[ENTRY_SIZE_MAX + 2];
	size_t line_size;
	uint64_t differs; /* sequence of the first record whose line is another; 0: none so far */

	uint8_t hashes[TILE_WIDTH][DIGEST_SIZE]; /* of the bundle's records, as stored */
	bool hashed;
	bool enough; /* fn() wants no more */
	struct refusal *refusal;
};

static uint64_t sequence(const struct walk *w)
{
	return w->place->base + w->leaf + 1;
}

static int open_lines(struct walk *w)
{
	int fd = export_file_open(w->place->directory, EXPORT_RECORDS);

	if (fd == -ENOENT && !w->place->lines)
		return 0;
	if (fd < 0)
		return export_refuse(fd, EXPORT_RECORDS, w->refusal);
	w->lines = fdopen(fd, "r");
	if (!w->lines) {
		close_fd(fd);
		return -ENOMEM;
	}
	return 0;
}

/* Reads the next line without its newline; false: there is none, or it is too long for a record. */
static bool next_line(struct walk *w)
{
	int c;

	for (w->line_size = 0; (c = getc_unlocked(w->lines)) != EOF && c != '\n';) {
		if (w->line_size > ENTRY_SIZE_MAX)
			return false;
		w->line[w->line_size++] = (char)c;
	}
	return c == '\n';
}

/* What is not 0 ends the walk: w->enough tells fn()'s own wish from a refusal. */
static int give(struct walk *w, const char *bytes, size_t size, const uint8_t *leaf, const char *path)
{
	const struct audit_source_row row = {
		.seq = sequence(w), .bytes = bytes, .size = size, .leaf = leaf, .place = path
	};

	int r = w->leaf < w->from ? 0 : w->fn(&row, w->userdata);

	w->enough = r > 0;
	return r;
}

static void compare_line(struct walk *w, const char *bytes, size_t size)
{
	if (!w->lines || w->differs)
		return;
	if (!next_line(w) || w->line_size != size || memcmp(w->line, bytes, size))
		w->differs = sequence(w);
}

/* The hashes that the tile beside a bundle has of its entries. A tile that cannot be read is left out: the
 * tree over the entries counts, and is complete without. */
static void read_hashes(struct walk *w, uint64_t index, unsigned width)
{
	w->hashed = !export_tile_read(w->place->directory, 0, index, width, w->hashes);
}

static int walk_bundle(struct walk *w, uint64_t index, unsigned width)
{
	_cleanup_free_ char *bundle = NULL;
	char path[EXPORT_PATH_MAX];
	const char *rest, *entry;
	size_t left, size;
	int r;

	export_tile_path(TILE_ENTRIES, index, width, path);
	r = export_bundle_read(w->place->directory, index, width, &bundle, &left);
	if (r)
		return export_refuse(r, path, w->refusal);
	read_hashes(w, index, width);
	rest = bundle;
	for (unsigned i = 0; i < width; i++, w->leaf++) {
		if (!export_bundle_take(&rest, &left, &entry, &size))
			return export_refuse(-EINVAL, path, w->refusal);
		compare_line(w, entry, size);
		r = give(w, entry, size, w->hashed ? w->hashes[i] : NULL, path);
		if (r)
			return r;
	}
	return 0;
}

static int walk_bundles(struct walk *w)
{
	uint64_t end = w->place->end;
	int r = 0;

	/* Lines can only be counted from the beginning; without them, complete bundles are passed over. */
	if (!w->lines)
		w->leaf = w->from / TILE_WIDTH * TILE_WIDTH;
	while (!r && w->leaf < end)
		r = walk_bundle(w, w->leaf / TILE_WIDTH,
				end - w->leaf < TILE_WIDTH ? (unsigned)(end - w->leaf) : TILE_WIDTH);
	return r;
}

static int walk_lines(struct walk *w)
{
	for (w->leaf = w->place->begin; w->leaf < w->place->end; w->leaf++) {
		int r;

		if (!next_line(w))
			return refusal_set(w->refusal, REFUSAL_AUDIT_UNAVAILABLE, EXPORT_RECORDS,
					   EXPORT_RECORDS " ends before record %" PRIu64, sequence(w));
		r = give(w, w->line, w->line_size, NULL, EXPORT_RECORDS);
		if (r)
			return r;
	}
	return 0;
}

/* Of lines that are not the records, once all of those were given. */
static int check_lines(struct walk *w)
{
	if (w->lines && !w->differs && getc_unlocked(w->lines) != EOF)
		w->differs = sequence(w);
	if (!w->differs)
		return 0;
	return refusal_set(w->refusal, REFUSAL_AUDIT_UNAVAILABLE, EXPORT_RECORDS,
			   EXPORT_RECORDS " differs from the entry bundles at record %" PRIu64
					  ": the bundles count",
			   w->differs);
}

int export_records_walk(const struct export_records_place *place, uint64_t leaf, audit_source_row_fn fn,
			void *userdata, struct refusal *refusal)
{
	struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->place = place;
	w->fn = fn;
	w->userdata = userdata;
	w->from = leaf;
	w->refusal = refusal;
	r = open_lines(w);
	if (!r)
		r = place->lines ? walk_lines(w) : walk_bundles(w);
	if (!r)
		r = check_lines(w);
	if (w->enough)
		r = 0;
	if (w->lines)
		fclose(w->lines);
	free(w);
	return r;
}

static int read_sequence(const struct audit_source_row *row, void *userdata)
{
	uint64_t *ret = userdata;
	size_t n = strlen(RECORD_HEAD), at;

	if (row->size < n || memcmp(row->bytes, RECORD_HEAD, n))
		return 1;
	for (at = n; at < row->size && row->bytes[at] >= '0' && row->bytes[at] <= '9' && at < n + 18; at++)
		*ret = *ret * 10 + (uint64_t)(row->bytes[at] - '0');
	return 1;
}

int export_records_first(const struct export_records_place *place, uint64_t *ret, struct refusal *refusal)
{
	uint64_t seq = 0;
	int r = export_records_walk(place, place->begin, read_sequence, &seq, refusal);

	if (!r)
		*ret = seq;
	return r;
}
