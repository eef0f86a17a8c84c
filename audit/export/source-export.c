/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/source-export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/export/files.h"
#include "audit/export/records.h"
#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fd.h"

#define EDGE_SIZE_MAX (32 + TREE_LEVELS_MAX * DIGEST_HEX_MAX)

struct source_export {
	struct audit_source source;
	struct export_records_place place;
	struct audit_source_log log;
	struct tree_edge edge; /* of an export without tiles; size 0: it has them */
	char *note;
	size_t note_size;
	struct checkpoint checkpoint; /* as the note says, unverified */
};

/* A small file of text, which may be missing: "". */
static int read_text(struct source_export *s, const char *path, size_t max, char *ret,
		     struct refusal *refusal)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = export_file_read(s->place.directory, path, max - 1, &text, &size);

	ret[0] = '\0';
	if (r == -ENOENT)
		return 0;
	if (!r && strlen(text) != size)
		r = -EINVAL;
	if (r)
		return export_refuse(r, path, refusal);
	memcpy(ret, text, size + 1);
	return 0;
}

static bool parse_edge(const char *text, struct tree_edge *ret)
{
	struct tree_edge edge = TREE_EDGE_INIT;
	char *end;

	errno = 0;
	edge.size = strtoull(text, &end, 10);
	if (errno || end == text || *text < '1' || *text > '9' || *end++ != '\n' || edge.size > TREE_SIZE_MAX)
		return false;
	for (unsigned level = TREE_LEVELS_MAX; level--;) {
		char hex[DIGEST_HEX_MAX];

		if (!(edge.size >> level & 1))
			continue;
		if (strnlen(end, DIGEST_HEX_MAX) < DIGEST_HEX_MAX || end[DIGEST_HEX_MAX - 1] != '\n')
			return false;
		memcpy(hex, end, sizeof(hex));
		hex[sizeof(hex) - 1] = '\0';
		if (!digest_from_hex(hex, edge.hash[level]))
			return false;
		end += DIGEST_HEX_MAX;
	}
	*ret = edge;
	return !*end;
}

static int load_edge(struct source_export *s, struct refusal *refusal)
{
	char text[EDGE_SIZE_MAX];
	int r = read_text(s, EXPORT_EDGE, sizeof(text), text, refusal);

	if (r || !text[0])
		return r;
	if (!parse_edge(text, &s->edge) || s->edge.size >= s->checkpoint.size)
		return export_refuse(-EINVAL, EXPORT_EDGE, refusal);
	s->place.begin = s->edge.size;
	s->place.lines = true;
	return 0;
}

static int load_key(struct source_export *s, struct refusal *refusal)
{
	char text[NOTE_VKEY_MAX + 1];
	int r = read_text(s, EXPORT_KEY, sizeof(text), text, refusal);

	if (r)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) >= sizeof(s->log.key))
		return export_refuse(-EINVAL, EXPORT_KEY, refusal);
	memcpy(s->log.key, text, strlen(text) + 1);
	return 0;
}

/* Which record leaf 0 is can only be told from the first one that is there. */
static int load_base(struct source_export *s, struct refusal *refusal)
{
	uint64_t first;
	int r;

	if (s->place.begin == s->place.end)
		return 0;
	r = export_records_first(&s->place, &first, refusal);
	if (r)
		return r;
	if (first <= s->place.begin || first > INT64_MAX || s->place.end > INT64_MAX - first)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "record",
				   "the first record says that it is %" PRIu64 ", but %" PRIu64
				   " were before it",
				   first, s->place.begin);
	s->log.base = s->place.base = first - 1 - s->place.begin;
	s->log.first = first;
	s->log.last = s->log.base + s->place.end;
	return 0;
}

static int describe(struct audit_source *source, struct audit_source_log *ret, struct refusal *refusal)
{
	(void)refusal;
	*ret = ((struct source_export *)source)->log;
	return 0;
}

/* All of it is one: so what cannot be read of it does not hide the rest. */
static int segments(struct audit_source *source, audit_source_segment_fn fn, void *userdata,
		    struct refusal *refusal)
{
	const struct source_export *s = (struct source_export *)source;
	struct audit_source_segment segment = {
		.place = "the export",
		.named = s->log.first,
		.first = s->log.first,
		.last = s->log.last,
		.base = s->log.base,
		.origin = s->log.origin,
		.key = s->log.key,
	};
	int r;

	(void)refusal;
	if (!s->log.last)
		return 0;
	r = fn(&segment, userdata);
	return r < 0 ? r : 0;
}

/* Never asked for: it is not of another log than itself. */
static void skip(struct audit_source *source, size_t segment)
{
	(void)source;
	(void)segment;
}

static int rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	const struct source_export *s = (struct source_export *)source;
	uint64_t leaf = s->place.begin;

	if (from > s->log.first)
		leaf = from - 1 - s->log.base;
	return leaf >= s->place.end ? 0 : export_records_walk(&s->place, leaf, fn, userdata, refusal);
}

/* Tiles store the nodes of every eighth level. */
static int node(struct audit_source *source, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE])
{
	const struct source_export *s = (struct source_export *)source;
	uint8_t hashes[TILE_WIDTH][DIGEST_SIZE];
	uint64_t tile = index / TILE_WIDTH, n;
	int r;

	if (s->edge.size || level % 8 || level >= TREE_LEVELS_MAX)
		return -ENODATA;
	n = s->checkpoint.size >> level;
	if (index >= n)
		return -ENODATA;
	n = tile == n / TILE_WIDTH ? n % TILE_WIDTH : TILE_WIDTH;
	r = export_tile_read(s->place.directory, level / 8, tile, (unsigned)n, hashes);
	if (r)
		return r == -ENOMEM ? r : -ENOENT;
	memcpy(ret, hashes[index % TILE_WIDTH], DIGEST_SIZE);
	return 0;
}

static int edge(struct audit_source *source, uint64_t size, struct tree_edge *ret)
{
	const struct source_export *s = (struct source_export *)source;

	if (!size || size != s->edge.size)
		return -ENOENT;
	*ret = s->edge;
	return 0;
}

static int checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn, void *userdata,
		       struct refusal *refusal)
{
	const struct source_export *s = (struct source_export *)source;
	int r;

	(void)refusal;
	if (s->checkpoint.size <= above)
		return 0;
	r = fn(s->note, s->note_size, userdata);
	return r < 0 ? r : 0;
}

static int text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret, size_t *ret_size,
		struct refusal *refusal)
{
	const struct source_export *s = (struct source_export *)source;
	char path[EXPORT_PATH_MAX], hex[DIGEST_HEX_MAX];
	int r;

	snprintf(path, sizeof(path), EXPORT_TEXTS "/%s", digest_to_hex(digest, hex));
	r = export_file_read(s->place.directory, path, AUDIT_TEXT_MAX, ret, ret_size);
	return r && r != -ENOENT ? export_refuse(r, path, refusal) : r;
}

static void close_export(struct audit_source *source)
{
	struct source_export *s = (struct source_export *)source;

	close_fd(s->place.directory);
	free(s->note);
	free(s);
}

static int load(struct source_export *s, struct refusal *refusal)
{
	int r;

	if (!export_is_one(s->place.directory))
		return -ENODATA;
	r = export_checkpoint_read(s->place.directory, &s->note, &s->note_size, &s->checkpoint);
	if (r)
		return export_refuse(r, EXPORT_CHECKPOINT, refusal);
	memcpy(s->log.origin, s->checkpoint.origin, sizeof(s->log.origin));
	s->place.end = s->checkpoint.size;
	r = load_key(s, refusal);
	if (!r)
		r = read_text(s, EXPORT_REMOVED, sizeof(s->log.stub), s->log.stub, refusal);
	if (!r)
		r = load_edge(s, refusal);
	return r ? r : load_base(s, refusal);
}

int source_export_open(const char *directory, struct audit_source **ret, struct refusal *refusal)
{
	static const struct audit_source_calls calls = {
		.describe = describe,
		.segments = segments,
		.skip = skip,
		.rows = rows,
		.node = node,
		.edge = edge,
		.checkpoints = checkpoints,
		.text = text,
		.close = close_export,
	};
	struct source_export *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->source.calls = &calls;
	s->place.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = s->place.directory < 0 ? -errno : load(s, refusal);
	if (r) {
		close_export(&s->source);
		return r;
	}
	*ret = &s->source;
	return 0;
}
