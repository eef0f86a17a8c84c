/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One batch, one transaction: records, texts, nodes, checkpoint. */
#include <errno.h>
#include <string.h>

#include "audit/schema.h"
#include "audit/store/store-private.h"

struct writing {
	struct segment *segment;
	struct tree_edge edge; /* as it will be */
	struct store_text *carried;
	size_t n_carried;
	bool sign;
	uint64_t signed_size;
	char note[NOTE_SIZE_MAX];
	int code;  /* SQLite's */
	int error; /* errno, as the step that failed has left it */
};

static int write_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	struct writing *writing = userdata;

	writing->code = segment_insert_node(writing->segment, level, index, hash);
	return writing->code == SQLITE_OK ? 0 : -EIO;
}

static int write_rows(struct writing *writing, const struct store_batch *batch)
{
	int r = 0;

	for (size_t i = 0; writing->code == SQLITE_OK && i < writing->n_carried; i++)
		writing->code = segment_insert_text(writing->segment, &writing->carried[i]);
	for (size_t i = 0; writing->code == SQLITE_OK && i < batch->n_texts; i++)
		writing->code = segment_insert_text(writing->segment, &batch->texts[i]);
	for (size_t i = 0; r >= 0 && writing->code == SQLITE_OK && i < batch->n_records; i++) {
		writing->code = segment_insert_record(writing->segment, &batch->records[i]);
		if (writing->code == SQLITE_OK)
			r = tree_append(&writing->edge, batch->records[i].leaf, write_node, writing);
	}
	return writing->code == SQLITE_OK ? r : 0;
}

static int sign(const struct store *store, struct writing *writing)
{
	struct checkpoint checkpoint = { .size = writing->edge.size };
	char text[NOTE_SIZE_MAX];
	int r = tree_root(&writing->edge, checkpoint.root);

	memcpy(checkpoint.origin, store->meta.origin, sizeof(checkpoint.origin));
	if (r >= 0)
		r = checkpoint_format(&checkpoint, text);
	if (r >= 0)
		r = note_sign(store->signer, text, writing->note);
	if (r >= 0)
		writing->code = segment_insert_checkpoint(writing->segment, checkpoint.size, writing->note);
	return r;
}

/* Negative: not SQLite's trouble, whose code is in writing. */
static int write_all(struct store *store, struct writing *writing, const struct store_batch *batch)
{
	int r;

	writing->code = sqlite3_exec(writing->segment->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	r = writing->code == SQLITE_OK ? write_rows(writing, batch) : 0;
	writing->sign =
		writing->edge.size > store->signed_size &&
		(batch->checkpoint || writing->edge.size - store->signed_size >= AUDIT_CHECKPOINT_RECORDS);
	if (r >= 0 && writing->code == SQLITE_OK && writing->sign)
		r = sign(store, writing);
	if (r >= 0 && writing->code == SQLITE_OK && batch->journal_seq != store->journal_seq)
		writing->code = segment_set_journal(writing->segment, batch->journal_seq);
	if (r >= 0 && writing->code == SQLITE_OK)
		writing->code = sqlite3_exec(writing->segment->writer, "COMMIT", NULL, NULL, NULL);
	return r;
}

static int roll_back(struct writing *writing, int r, struct refusal *refusal)
{
	sqlite3 *db = writing->segment->writer;

	if (writing->code != SQLITE_OK)
		r = schema_refuse_errno(db, writing->code, writing->error, "commit", refusal);
	else if (r != -ENOMEM)
		r = directory_refuse(refusal, "checkpoint", -r, "the log cannot be hashed and signed");
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int write_batch(struct store *store, struct writing *writing, const struct store_batch *batch,
		       struct refusal *refusal)
{
	int r = segment_check_files(store->segment, &store->directory, refusal);

	if (!r)
		r = store_carry_texts(store, batch, &writing->carried, &writing->n_carried, refusal);
	if (r)
		return r;
	errno = 0;
	r = write_all(store, writing, batch);
	writing->error = errno;
	if (r < 0 || writing->code != SQLITE_OK)
		r = roll_back(writing, r, refusal);
	store_free_texts(writing->carried, writing->n_carried);
	return r;
}

int store_write(struct store *store, const struct store_batch *batch, struct refusal *refusal)
{
	struct writing writing = { .edge = store->edge };
	struct refusal why = { 0 };
	int r = store_ready(store, &why);

	if (!r) {
		writing.segment = store->segment;
		r = write_batch(store, &writing, batch, &why);
	}
	if (r > 0 && r != AUDIT_DAMAGED && store_make_room(store, writing.error)) {
		writing = (struct writing){ .segment = store->segment, .edge = store->edge };
		r = write_batch(store, &writing, batch, &why);
	}
	if (r > 0 && refusal)
		*refusal = why;
	if (r == AUDIT_DAMAGED)
		(void)store_begin_anew(store, &why);
	if (r)
		return store_verdict(r);
	store->edge = writing.edge;
	store->journal_seq = batch->journal_seq;
	if (batch->n_records)
		store->head = batch->records[batch->n_records - 1].seq;
	if (writing.sign) {
		store->signed_size = writing.edge.size;
		memcpy(store->checkpoint, writing.note, sizeof(store->checkpoint));
		recall_save(&store->recall, store->checkpoint);
	}
	return 0;
}
