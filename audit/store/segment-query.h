/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is asked of one segment, see audit.h: on the reader's connection, so only of what is durable. */
#include "audit/audit.h"
#include "audit/store/segment.h"

/* How far a walk over several segments has come. */
struct walk {
	uint32_t n;       /* rows delivered */
	uint64_t reached; /* size of the last checkpoint delivered */
	bool ended;       /* the callback wants no more */
};

int segment_query(const struct segment *segment, const struct audit_filter *filter, audit_row_fn fn,
		  void *userdata, struct walk *walk, struct refusal *refusal);
int segment_get_text(const struct segment *segment, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal);
int segment_checkpoints(const struct segment *segment, uint64_t above, uint32_t limit, audit_note_fn fn,
			void *userdata, struct walk *walk, struct refusal *refusal);

/* The last checkpoint in the file; *ret_size 0 and "": there is none. */
int segment_last_checkpoint(const struct segment *segment, uint64_t *ret_size, char ret[NOTE_SIZE_MAX],
			    struct refusal *refusal);

/* A node as stored here: the leaf of one of the records, or a row of table node; -ENOENT. */
int segment_node(const struct segment *segment, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE]);

/* Time of the newest record by its clock, 0: there is none. */
int segment_newest_time(const struct segment *segment, uint64_t *ret, struct refusal *refusal);
