/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Writes a log as tiles and entry bundles (c2sp.org/tlog-tiles), each once it is full, into a stage. */
#include "audit/tree/tree.h"
#include "audit/export/files.h"
#include "audit/export/stage.h"

struct export_tiles {
	struct export_stage *stage;
	struct tree_edge edge;
	/* Of the last tile of each level what is there so far; which one that is follows from the size. */
	uint8_t hashes[TILE_LEVELS_MAX][TILE_WIDTH][DIGEST_SIZE];
	char *bundle;
	size_t bundle_size, bundle_room;
};
#define EXPORT_TILES_INIT(stage_) \
	{                         \
		.stage = (stage_) \
	}

/* Goes on from the tiles of an earlier export of this size: reads its partial ones. edge is then what they
 * say; that they are a log's is for its root to say. Refuses what is not there or does not fit together. */
int export_tiles_resume(struct export_tiles *tiles, int directory, uint64_t size, struct refusal *refusal);

/* Negative -errno from here on. */
int export_tiles_add(struct export_tiles *tiles, const void *bytes, size_t size);
/* The partial ones, once all are added. */
int export_tiles_finish(struct export_tiles *tiles);
void export_tiles_release(struct export_tiles *tiles);
