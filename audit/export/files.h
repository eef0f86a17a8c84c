/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The files of an exported log (c2sp.org/tlog-tiles), by name and as they are read. */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "common/refusal.h"

#define EXPORT_PATH_MAX 80       /* of a tile, with NUL: tile/entries/x018/…/000.p/255 */
#define TILE_WIDTH      256      /* hashes, or entries */
#define TILE_LEVELS_MAX 8        /* of hash tiles: each spans eight levels of the tree */
#define TILE_ENTRIES    UINT_MAX /* as a level: entry bundles */
#define ENTRY_SIZE_MAX  UINT16_MAX

#define EXPORT_CHECKPOINT "checkpoint"
#define EXPORT_KEY        "key"
#define EXPORT_RECORDS    "records.jsonl"
#define EXPORT_REMOVED    "removed"
#define EXPORT_EDGE       "edge"
#define EXPORT_TEXTS      "texts"

/* "tile/0/x001/234" or, of width 1 to 255, "tile/0/x001/234.p/5". Width 0 and 256: complete. */
void export_tile_path(unsigned level, uint64_t index, unsigned width, char ret[EXPORT_PATH_MAX]);

/* Whether it is an exported log at all: the daemon's own directory has a checkpoint, too. */
bool export_is_one(int directory);

/* Opens a regular file below directory; no link is followed on the way. -ENOENT, -ELOOP, -EINVAL: something
 * else than a file. */
int export_file_open(int directory, const char *path);
/* All of it, NUL-terminated; -EFBIG above max. */
int export_file_read(int directory, const char *path, size_t max, char **ret, size_t *ret_size);

/* Reads the tile of width at (level, index); a partial one may be missing where the complete one, which
 * begins with the same hashes, is there. ret holds width hashes. -EINVAL: it has another size. */
int export_tile_read(int directory, unsigned level, uint64_t index, unsigned width,
		     uint8_t ret[][DIGEST_SIZE]);
/* The same of an entry bundle: bytes, of at least width entries. */
int export_bundle_read(int directory, uint64_t index, unsigned width, char **ret, size_t *ret_size);
/* Takes the next entry off a bundle; false: there is no whole one. */
bool export_bundle_take(const char **bundle, size_t *size, const char **ret, size_t *ret_size);

/* The file's lines: the checkpoint's text before it is verified, which ends before the first empty line. */
int export_checkpoint_read(int directory, char **ret_note, size_t *ret_size, struct checkpoint *ret);

/* "cannot read tile/0/000: No such file or directory" as a refusal; descriptors and memory are fatal. */
int export_refuse(int error, const char *path, struct refusal *refusal);
