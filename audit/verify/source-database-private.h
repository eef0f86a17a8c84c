/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A copy of the daemon's directory: its files, and what is read from them. */
#include "audit/verify/source-file.h"
#include "audit/verify/source.h"

struct database {
	struct audit_source source;
	int dir_fd;
	struct source_file *files; /* those that can be read by first record, then the others */
	size_t n_files;
	uint64_t clock;
};

static inline struct database *database_of(struct audit_source *source)
{
	return (struct database *)source;
}

static inline bool database_usable(const struct source_file *file)
{
	return !file->refusal.code && !file->skipped;
}

/* source-database.c: opens it, and closes the one that was not used for longest if there are too many. */
int database_use(struct database *db, struct source_file *file, struct refusal *refusal);
/* A note in a file of its own in the directory; "" if there is none. */
int database_note(struct database *db, const char *name, char ret[NOTE_SIZE_MAX], struct refusal *refusal);

/* source-database-read.c: audit_source_calls. */
int database_rows(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		  struct refusal *refusal);
int database_node(struct audit_source *source, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE]);
int database_edge(struct audit_source *source, uint64_t size, struct tree_edge *ret);
int database_checkpoints(struct audit_source *source, uint64_t above, audit_source_note_fn fn, void *userdata,
			 struct refusal *refusal);
int database_text(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret,
		  size_t *ret_size, struct refusal *refusal);
