/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/schema.h"
#include "audit/store/segment-query.h"

static int stored_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	return segment_node(userdata, level, index, ret);
}

static int refuse_tree(struct refusal *refusal, int r)
{
	if (r == -ENOMEM)
		return r;
	return schema_damaged(refusal, "tree", "the stored hash tree has no complete right edge");
}

static int edge_at(const struct segment *segment, uint64_t size, struct tree_edge *ret,
		   struct refusal *refusal)
{
	int r = tree_edge_at(size, stored_node, (void *)segment, ret);

	return r < 0 ? refuse_tree(refusal, r) : 0;
}

int tail_root_at(const struct segment *segment, uint64_t size, uint8_t ret[DIGEST_SIZE],
		 struct refusal *refusal)
{
	struct tree_edge edge;
	int r = edge_at(segment, size, &edge, refusal);

	return r ? r : tree_root(&edge, ret);
}

int tail_find_head(const struct segment *segment, uint64_t *ret, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(segment->reader, "SELECT max(seq) FROM record", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_ROW)
		r = schema_refuse(segment->reader, code, "tail", refusal);
	else if (sqlite3_column_type(stmt, 0) == SQLITE_NULL)
		*ret = segment->meta.first - 1;
	else
		*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	if (!r && *ret + 1 < segment->meta.first)
		r = schema_damaged(refusal, "tail", "the last record has a number before the first one's");
	return r;
}

static int check_note(const struct segment *segment, const struct note_key *key, const struct tail *tail,
		      struct refusal *refusal)
{
	struct checkpoint checkpoint;
	uint8_t root[DIGEST_SIZE];
	int r = checkpoint_verify(key, tail->checkpoint, strlen(tail->checkpoint), &checkpoint);

	if (r < 0)
		return r;
	if (r != NOTE_GOOD || checkpoint.size != tail->signed_size)
		return schema_damaged(refusal, "checkpoint", "the last checkpoint is not one that we signed");
	if (tail->signed_size > tail->head - segment->meta.base)
		return schema_damaged(refusal, "tail",
				      "the log ends with record %" PRIu64
				      ", its last checkpoint with %" PRIu64,
				      tail->head, segment->meta.base + tail->signed_size);
	r = tail_root_at(segment, tail->signed_size, root, refusal);
	if (!r && memcmp(root, checkpoint.root, DIGEST_SIZE))
		r = schema_damaged(refusal, "tree", "the records are not those of the last checkpoint");
	return r;
}

struct replay {
	const struct segment *segment;
	struct tail *tail;
	uint64_t next; /* sequence */
	struct refusal *refusal;
};

static int compare_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	const struct replay *replay = userdata;
	uint8_t stored[DIGEST_SIZE];
	int r = segment_node(replay->segment, level, index, stored);

	return r < 0 ? r : memcmp(stored, hash, DIGEST_SIZE) ? -EBADMSG : 0;
}

static int replay_row(const struct audit_row *row, void *userdata)
{
	struct replay *replay = userdata;
	uint8_t leaf[DIGEST_SIZE];
	int r = tree_hash_leaf(row->bytes, row->size, leaf);

	if (r < 0)
		return r;
	if (row->seq != replay->next || memcmp(leaf, row->leaf, DIGEST_SIZE)) {
		schema_damaged(replay->refusal, "tail", "record %" PRIu64 " does not match its hash",
			       replay->next);
		return -EBADMSG;
	}
	/* The one before the checkpoint's end is in the edge already. */
	if (replay->next++ > replay->segment->meta.base + replay->tail->edge.size)
		r = tree_append(&replay->tail->edge, leaf, compare_node, replay);
	if (r < 0 && r != -ENOMEM) {
		schema_damaged(replay->refusal, "tree", "the hash tree does not match record %" PRIu64,
			       row->seq);
		return -EBADMSG;
	}
	return r;
}

static int replay_records(const struct segment *segment, struct tail *tail, struct refusal *refusal)
{
	struct replay replay = { .segment = segment, .tail = tail, .refusal = refusal };
	uint64_t from = segment->meta.base + tail->signed_size;

	for (replay.next = from < segment->meta.first ? segment->meta.first : from;
	     replay.next <= tail->head;) {
		struct audit_filter filter = { .from_seq = replay.next };
		struct walk walk = { 0 };
		int r = segment_query(segment, &filter, replay_row, &replay, &walk, refusal);

		if (r == -EBADMSG)
			return AUDIT_DAMAGED;
		if (r)
			return r;
		if (walk.n == 0)
			return schema_damaged(refusal, "tail", "record %" PRIu64 " is missing", replay.next);
	}
	return 0;
}

int tail_read(const struct segment *segment, const struct note_key *key, struct tail *ret,
	      struct refusal *refusal)
{
	uint64_t begin = segment->meta.first - 1 - segment->meta.base;
	int r = tail_find_head(segment, &ret->head, refusal);

	if (!r)
		r = segment_last_checkpoint(segment, &ret->signed_size, ret->checkpoint, refusal);
	if (!r && ret->signed_size < begin)
		r = schema_damaged(refusal, "checkpoint",
				   "the checkpoint where the segment begins is missing");
	if (!r && ret->signed_size)
		r = check_note(segment, key, ret, refusal);
	if (!r)
		r = edge_at(segment, ret->signed_size, &ret->edge, refusal);
	if (!r)
		r = replay_records(segment, ret, refusal);
	return r;
}
