/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <jansson.h>

#include "audit/store/segment.h"

struct store_record {
	uint64_t seq;
	bool happened; /* it must not be lost if it cannot be written now */
	json_t *json;  /* for the derived columns */
	const char *bytes;
	size_t size;
	uint8_t leaf[DIGEST_SIZE];
};

struct store_text {
	uint8_t digest[DIGEST_SIZE];
	char *text;
	size_t size;
};

/* One row each, in the writer's transaction. SQLite codes. */
int segment_insert_record(struct segment *segment, const struct store_record *record);
int segment_insert_text(struct segment *segment, const struct store_text *text);
int segment_insert_node(struct segment *segment, unsigned level, uint64_t index,
			const uint8_t hash[DIGEST_SIZE]);
int segment_insert_checkpoint(struct segment *segment, uint64_t size, const char *note);
int segment_set_journal(struct segment *segment, uint64_t journal_seq);
