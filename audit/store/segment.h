/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A segment: one database file, log-FIRST.sqlite, with the records from FIRST on, their part of the hash tree
 * and the tree's right edge where it begins, so that it can be read and proved alone. The newest is written;
 * the others never change. Functions may return AUDIT_DAMAGED, see schema.h.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "audit/store/directory.h"
#include "audit/tree/note.h"
#include "audit/tree/tree.h"

#define SEGMENT_NAME_MAX  40
#define SEGMENT_TEMPORARY "begun.sqlite"

struct segment_meta {
	uint64_t first; /* sequence of the first record; leaf i is record base + i + 1 */
	uint64_t base;
	uint64_t journal_seq;
	char origin[NOTE_NAME_MAX], key[NOTE_VKEY_MAX];
};

/* A file that must stay in place below SQLite, which would go on writing into one that has lost its name. */
struct segment_file {
	char name[SEGMENT_NAME_MAX + 4];
	dev_t dev;
	ino_t ino;
};

struct segment {
	struct segment_meta meta;
	char name[SEGMENT_NAME_MAX];
	sqlite3 *writer; /* NULL: open for reading only */
	sqlite3 *reader; /* sees only what is durable */
	sqlite3_stmt *insert_record, *insert_node, *insert_checkpoint, *insert_text, *set_journal,
		*page_count;
	struct segment_file files[2];
};

void segment_format_name(uint64_t first, char ret[SEGMENT_NAME_MAX]);
/* False: not a segment's name. */
bool segment_parse_name(const char *name, uint64_t *ret_first);

/* A connection that distrusts its file, to be closed also after a refusal. */
int segment_connect(const struct directory *directory, const char *name, int flags, sqlite3 **ret,
		    struct refusal *refusal);

/* Makes a segment without records, durable and complete, under SEGMENT_TEMPORARY: with the edge, and, if it
 * is not NULL, the checkpoint of that size. segment_publish() then gives it its name, durably. */
int segment_create(const struct directory *directory, const struct segment_meta *meta,
		   const struct tree_edge *edge, const char *checkpoint, struct refusal *refusal);
int segment_publish(const struct directory *directory, uint64_t first, struct refusal *refusal);

/* Opens the newest one, to write; or another one, to read. */
int segment_open(const struct directory *directory, uint64_t first, struct segment **ret,
		 struct refusal *refusal);
int segment_open_old(const struct directory *directory, uint64_t first, struct segment **ret,
		     struct refusal *refusal);
/* Its end was found to be right: from now on it is folded into one file when it is closed. What was not stays
 * on disk as it is. */
void segment_trust(struct segment *segment);

/* Ends the newest one: everything is in the one file, no side file is left, nothing can be asked of it any
 * more; it is to be closed then, and after a refusal may be opened again. Refused while another
 * process reads it. */
int segment_seal(struct segment *segment, struct refusal *refusal);
struct segment *segment_close(struct segment *segment);
DEFINE_CLEANUP(struct segment *, segment_close)

/* Bytes of the database, with what is still in the write-ahead log. */
int segment_size(const struct segment *segment, uint64_t *ret, struct refusal *refusal);

/* Whether the files below the open database are still the ones that were opened; subject "file". */
int segment_check_files(const struct segment *segment, const struct directory *directory,
			struct refusal *refusal);
