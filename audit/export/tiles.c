/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/export/tiles.h"

#include <errno.h>
#include <string.h>

/* How many hashes, or entries, the tiles of a level have all together, in a tree of this size. */
static uint64_t tile_hashes(unsigned level, uint64_t size)
{
	return level * 8 < 64 ? size >> level * 8 : 0;
}

static int put_tile(struct export_tiles *tiles, unsigned level, uint64_t index, unsigned width)
{
	char path[EXPORT_PATH_MAX];

	export_tile_path(level, index, width, path);
	if (level == TILE_ENTRIES)
		return export_stage_put(tiles->stage, path, tiles->bundle, tiles->bundle_size);
	return export_stage_put(tiles->stage, path, tiles->hashes[level], width * (size_t)DIGEST_SIZE);
}

/* A further hash of a level, of which it is number n. */
static int add_hash(struct export_tiles *tiles, unsigned level, uint64_t n, const uint8_t hash[DIGEST_SIZE])
{
	memcpy(tiles->hashes[level][n % TILE_WIDTH], hash, DIGEST_SIZE);
	return n % TILE_WIDTH == TILE_WIDTH - 1 ? put_tile(tiles, level, n / TILE_WIDTH, TILE_WIDTH) : 0;
}

static int keep_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	return level % 8 ? 0 : add_hash(userdata, level / 8, index, hash);
}

static int add_entry(struct export_tiles *tiles, const void *bytes, size_t size)
{
	char *p;

	if (tiles->bundle_room - tiles->bundle_size < size + 2) {
		size_t room = 2 * tiles->bundle_room + size + 2;
		char *grown = realloc(tiles->bundle, room);

		if (!grown)
			return -ENOMEM;
		tiles->bundle = grown;
		tiles->bundle_room = room;
	}
	p = tiles->bundle + tiles->bundle_size;
	p[0] = (char)(size >> 8);
	p[1] = (char)size;
	memcpy(p + 2, bytes, size);
	tiles->bundle_size += size + 2;
	return 0;
}

int export_tiles_add(struct export_tiles *tiles, const void *bytes, size_t size)
{
	uint64_t n = tiles->edge.size;
	uint8_t leaf[DIGEST_SIZE];
	int r;

	if (size > ENTRY_SIZE_MAX)
		return -E2BIG;
	r = tree_hash_leaf(bytes, size, leaf);
	if (!r)
		r = add_entry(tiles, bytes, size);
	if (!r)
		r = add_hash(tiles, 0, n, leaf);
	if (!r)
		r = tree_append(&tiles->edge, leaf, keep_node, tiles);
	if (!r && n % TILE_WIDTH == TILE_WIDTH - 1) {
		r = put_tile(tiles, TILE_ENTRIES, n / TILE_WIDTH, TILE_WIDTH);
		tiles->bundle_size = 0;
	}
	return r;
}

int export_tiles_finish(struct export_tiles *tiles)
{
	uint64_t size = tiles->edge.size;
	int r = 0;

	for (unsigned level = 0; !r && level < TILE_LEVELS_MAX; level++) {
		uint64_t n = tile_hashes(level, size);

		if (n % TILE_WIDTH)
			r = put_tile(tiles, level, n / TILE_WIDTH, n % TILE_WIDTH);
	}
	if (!r && size % TILE_WIDTH)
		r = put_tile(tiles, TILE_ENTRIES, size / TILE_WIDTH, size % TILE_WIDTH);
	return r;
}

void export_tiles_release(struct export_tiles *tiles)
{
	free(tiles->bundle);
	tiles->bundle = NULL;
	tiles->bundle_size = tiles->bundle_room = 0;
}

/* The subtrees of the right edge on the eight levels that a level's partial tile spans. */
static int resume_level(struct export_tiles *tiles, int directory, unsigned level, uint64_t size,
			struct refusal *refusal)
{
	uint64_t n = tile_hashes(level, size);
	unsigned width = n % TILE_WIDTH;
	struct tree_edge part = TREE_EDGE_INIT;
	char path[EXPORT_PATH_MAX];
	int r;

	if (!width)
		return 0;
	export_tile_path(level, n / TILE_WIDTH, width, path);
	r = export_tile_read(directory, level, n / TILE_WIDTH, width, tiles->hashes[level]);
	if (r)
		return export_refuse(r, path, refusal);
	for (unsigned i = 0; i < width; i++) {
		r = tree_append(&part, tiles->hashes[level][i], NULL, NULL);
		if (r)
			return r;
	}
	for (unsigned bit = 0; bit < 8 && 8 * level + bit < TREE_LEVELS_MAX; bit++)
		if (width >> bit & 1)
			memcpy(tiles->edge.hash[8 * level + bit], part.hash[bit], DIGEST_SIZE);
	return 0;
}

/* The partial bundle is written again with what is new, so it must be what the tile's hashes are of. */
static int resume_bundle(struct export_tiles *tiles, int directory, uint64_t size, struct refusal *refusal)
{
	_cleanup_free_ char *bundle = NULL;
	unsigned width = size % TILE_WIDTH;
	char path[EXPORT_PATH_MAX];
	const char *rest, *entry;
	size_t left, n;
	int r;

	if (!width)
		return 0;
	export_tile_path(TILE_ENTRIES, size / TILE_WIDTH, width, path);
	r = export_bundle_read(directory, size / TILE_WIDTH, width, &bundle, &left);
	if (r)
		return export_refuse(r, path, refusal);
	rest = bundle;
	for (unsigned i = 0; i < width; i++) {
		uint8_t leaf[DIGEST_SIZE];

		if (!export_bundle_take(&rest, &left, &entry, &n))
			return export_refuse(-EINVAL, path, refusal);
		r = tree_hash_leaf(entry, n, leaf);
		if (!r && memcmp(leaf, tiles->hashes[0][i], DIGEST_SIZE))
			return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, path,
					   "%s: entry %u is not what the tile beside it has the hash of",
					   path, i);
		if (!r)
			r = add_entry(tiles, entry, n);
		if (r)
			return r;
	}
	return 0;
}

int export_tiles_resume(struct export_tiles *tiles, int directory, uint64_t size, struct refusal *refusal)
{
	int r = 0;

	for (unsigned level = 0; !r && level < TILE_LEVELS_MAX; level++)
		r = resume_level(tiles, directory, level, size, refusal);
	if (!r)
		r = resume_bundle(tiles, directory, size, refusal);
	if (!r)
		tiles->edge.size = size;
	return r;
}
