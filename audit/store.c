/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "audit/key.h"
#include "audit/schema.h"
#include "audit/store-private.h"
#include "audit/tail.h"

/* --- opening ---------------------------------------------------------------------------------------------
 */

static int compare_firsts(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int add_first(struct store *store, uint64_t first)
{
	uint64_t *grown = reallocarray(store->firsts, store->n_firsts + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	store->firsts = grown;
	store->firsts[store->n_firsts++] = first;
	return 0;
}

static int find_segments(struct store *store, struct refusal *refusal)
{
	int fd = openat(store->directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t first;

	if (!dir) {
		r = directory_refuse(refusal, "directory", errno, store->directory.path);
		close_fd(fd);
		return r;
	}
	while (r >= 0 && (errno = 0, entry = readdir(dir)))
		if (segment_parse_name(entry->d_name, &first))
			r = add_first(store, first);
	if (r >= 0 && errno)
		r = directory_refuse(refusal, "directory", errno, store->directory.path);
	closedir(dir);
	if (!r && store->n_firsts)
		qsort(store->firsts, store->n_firsts, sizeof(*store->firsts), compare_firsts);
	return r;
}

static int sign_as(struct store *store, const char *origin)
{
	struct note_signer *signer = NULL;
	int r = note_signer_new(origin, store->seed, &signer);

	if (r >= 0) {
		note_signer_free(store->signer);
		store->signer = signer;
	}
	return r;
}

/* A log without a record, in a segment of its own. */
static int begin(struct store *store, uint64_t base, struct refusal *refusal)
{
	static const struct tree_edge empty = TREE_EDGE_INIT;
	struct segment_meta meta = { .first = base + 1, .base = base, .journal_seq = base };
	int r = key_make_origin(meta.origin);

	if (r >= 0)
		r = sign_as(store, meta.origin);
	if (r < 0)
		return r;
	note_signer_vkey(store->signer, meta.key);
	r = segment_create(&store->directory, &meta, &empty, NULL, refusal);
	if (!r)
		r = segment_publish(&store->directory, meta.first, refusal);
	return r ? r : add_first(store, meta.first);
}

static int find_key(struct store *store, const struct segment_meta *meta, struct note_key *ret,
		    struct refusal *refusal)
{
	char vkey[NOTE_VKEY_MAX];
	int r = sign_as(store, meta->origin);

	if (r == -EINVAL)
		return schema_damaged(refusal, "meta", "the log's name is no name of a key");
	if (r < 0)
		return r;
	note_signer_vkey(store->signer, vkey);
	if (strcmp(vkey, meta->key))
		return schema_damaged(refusal, "key", "the key that signed this log is gone");
	return note_key_parse(vkey, ret);
}

static int load(struct store *store, struct refusal *refusal)
{
	_cleanup_(segment_close_p) struct segment *segment = NULL;
	struct note_key key;
	struct tail tail;
	int r = segment_open(&store->directory, store->firsts[store->n_firsts - 1], &segment, refusal);

	if (!r)
		r = find_key(store, &segment->meta, &key, refusal);
	if (!r)
		r = tail_read(segment, &key, &tail, refusal);
	if (r)
		return r;
	store->head = tail.head;
	store->edge = tail.edge;
	store->signed_size = tail.signed_size;
	memcpy(store->checkpoint, tail.checkpoint, sizeof(store->checkpoint));
	store->journal_seq = segment->meta.journal_seq;
	if (store->journal_seq > store->head)
		store->journal_seq = store->head;
	store->segment = take_ptr(segment);
	return 0;
}

int store_open(const struct audit_options *options, struct store **ret, struct refusal *refusal)
{
	_cleanup_(store_close_p) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->directory = (struct directory)DIRECTORY_INIT;
	if (options->published && !(store->published = strdup(options->published)))
		return -ENOMEM;
	store->memory = (struct memory){ &store->directory, store->published };
	r = directory_open(options->directory, &store->directory, refusal);
	if (!r)
		r = key_load(&store->directory, options->credentials, store->seed, refusal);
	if (!r)
		r = find_segments(store, refusal);
	if (!r && store->n_firsts == 0)
		r = begin(store, 0, refusal);
	if (!r)
		r = load(store, refusal);
	if (r)
		return store_verdict(r);
	if (store->checkpoint[0])
		memory_refresh(&store->memory, store->checkpoint);
	*ret = take_ptr(store);
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	segment_close(store->old);
	segment_close(store->segment);
	note_signer_free(store->signer);
	explicit_bzero(store->seed, sizeof(store->seed));
	directory_close(&store->directory);
	free(store->published);
	free(store->firsts);
	free(store);
	return NULL;
}

/* --- writing ---------------------------------------------------------------------------------------------
 */

struct writing {
	struct segment *segment;
	struct tree_edge edge; /* as it will be */
	bool sign;
	uint64_t signed_size;
	char note[NOTE_SIZE_MAX];
	int code; /* SQLite's */
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

	memcpy(checkpoint.origin, store->segment->meta.origin, sizeof(checkpoint.origin));
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
		r = schema_refuse(db, writing->code, "commit", refusal);
	else if (r != -ENOMEM)
		r = directory_refuse(refusal, "checkpoint", -r, "the log cannot be hashed and signed");
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int store_write(struct store *store, const struct store_batch *batch, struct refusal *refusal)
{
	struct writing writing = { .segment = store->segment, .edge = store->edge };
	int r = segment_check_files(store->segment, &store->directory, refusal);

	if (r)
		return r;
	r = write_all(store, &writing, batch);
	if (r < 0 || writing.code != SQLITE_OK)
		return store_verdict(roll_back(&writing, r, refusal));
	store->edge = writing.edge;
	store->journal_seq = batch->journal_seq;
	if (batch->n_records)
		store->head = batch->records[batch->n_records - 1].seq;
	if (writing.sign) {
		store->signed_size = writing.edge.size;
		memcpy(store->checkpoint, writing.note, sizeof(store->checkpoint));
		memory_save(&store->memory, store->checkpoint);
	}
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------------------
 */

uint64_t store_head(const struct store *store)
{
	return store->head;
}

uint64_t store_journal_seq(const struct store *store)
{
	return store->journal_seq;
}

uint64_t store_unsigned(const struct store *store)
{
	return store->edge.size - store->signed_size;
}

const char *store_checkpoint(const struct store *store)
{
	return store->checkpoint;
}

void store_describe(const struct store *store, struct audit_state *ret)
{
	const struct segment_meta *meta = &store->segment->meta;

	*ret = (struct audit_state){ .base = meta->base, .first = store->firsts[0], .last = store->head };
	memcpy(ret->origin, meta->origin, sizeof(ret->origin));
	memcpy(ret->key, meta->key, sizeof(ret->key));
}
