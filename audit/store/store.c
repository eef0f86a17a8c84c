/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "audit/store/key.h"
#include "audit/schema.h"
#include "audit/store/store-private.h"
#include "audit/store/tail.h"

/* --- opening ---------------------------------------------------------------------------------------------
 */

static int compare_firsts(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int store_add_first(struct store *store, uint64_t first)
{
	uint64_t *grown = reallocarray(store->firsts, store->n_firsts + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	store->firsts = grown;
	store->firsts[store->n_firsts++] = first;
	return 0;
}

int store_find_segments(struct store *store, struct refusal *refusal)
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
			r = store_add_first(store, first);
	if (r >= 0 && errno)
		r = directory_refuse(refusal, "directory", errno, store->directory.path);
	closedir(dir);
	if (!r && store->n_firsts)
		qsort(store->firsts, store->n_firsts, sizeof(*store->firsts), compare_firsts);
	return r;
}

int store_unlink_segment(const struct store *store, uint64_t first)
{
	char name[SEGMENT_NAME_MAX];

	segment_format_name(first, name);
	return unlinkat(store->directory.fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
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
int store_begin(struct store *store, uint64_t base, struct refusal *refusal)
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
	return r ? r : store_add_first(store, meta.first);
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

int store_load(struct store *store, struct refusal *refusal)
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
	segment_trust(segment);
	store->meta = segment->meta;
	store->head = tail.head;
	store->edge = tail.edge;
	store->signed_size = tail.signed_size;
	memcpy(store->checkpoint, tail.checkpoint, sizeof(store->checkpoint));
	store->journal_seq = segment->meta.journal_seq;
	if (store->journal_seq > store->head)
		store->journal_seq = store->head;
	store->segment = take_ptr(segment);
	store_read_stub(store);
	return 0;
}

/* An empty newest segment whose name did not become durable in time, so that the log went on in the one
 * before: it goes, or would hide what came after it. */
static int drop_leftover(struct store *store, struct refusal *refusal)
{
	_cleanup_(segment_close_p) struct segment *before = NULL;
	uint64_t head;
	int r;

	if (store->n_firsts < 2 || store->head >= store->meta.first)
		return 0;
	r = segment_open_old(&store->directory, store->firsts[store->n_firsts - 2], &before, refusal);
	if (!r)
		r = tail_find_head(before, &head, refusal);
	if (r == AUDIT_DAMAGED) /* an old one, which is the auditor's to find */
		return 0;
	if (r || head < store->meta.first)
		return r;
	store->segment = segment_close(store->segment);
	r = store_unlink_segment(store, store->meta.first);
	if (r < 0 || fsync(store->directory.fd) < 0)
		return directory_refuse(refusal, "rotate", r < 0 ? -r : errno,
					"an empty segment cannot be removed");
	store->n_firsts--;
	return store_load(store, refusal);
}

int store_ready(struct store *store, struct refusal *refusal)
{
	uint8_t before[DIGEST_SIZE], now[DIGEST_SIZE];
	uint64_t size = store->edge.size;
	int r;

	if (store->segment)
		return 0;
	/* The old log is aside, and another one could not be begun then. */
	if (store->n_firsts == 0) {
		r = store_begin(store, store->next_base, refusal);
		return r ? r : store_load(store, refusal);
	}
	r = tree_root(&store->edge, before);
	if (!r)
		r = store_load(store, refusal);
	if (!r)
		r = tree_root(&store->edge, now);
	if (!r && (store->edge.size != size || memcmp(before, now, DIGEST_SIZE)))
		r = schema_damaged(refusal, "tree", "the log is not the one that was written");
	if (r)
		store->segment = segment_close(store->segment);
	return r;
}

static int read_directory(struct store *store, struct refusal *refusal)
{
	int r = store_find_segments(store, refusal);

	if (!r && store->n_firsts == 0 && !store_was_here(store))
		r = store_begin(store, 0, refusal);
	if (!r && store->n_firsts == 0)
		return schema_damaged(refusal, "open", "the log is gone");
	if (!r)
		r = store_load(store, refusal);
	if (!r)
		r = drop_leftover(store, refusal);
	return r ? r : store_compare(store, refusal);
}

static int open_log(struct store *store, const struct audit_options *options, struct refusal *refusal)
{
	int r = key_load(&store->directory, options->credentials, store->seed, refusal);

	store->segment = segment_close(store->segment);
	store->n_firsts = 0;
	if (r)
		return r;
	r = read_directory(store, refusal);
	if (r == AUDIT_DAMAGED)
		return store_begin_anew(store, refusal);
	return r ? r : store_check_first(store);
}

/* Opening writes, too; a log on a full disk has its reserve for that. */
static int open_somehow(struct store *store, const struct audit_options *options, struct refusal *refusal)
{
	int r;

	reserve_find(&store->reserve, &store->directory);
	r = open_log(store, options, refusal);
	if (r > 0 && store_make_room(store, reserve_disk_error(&store->directory)))
		r = open_log(store, options, refusal);
	if (!r && !store->reserve.held)
		reserve_take(&store->reserve, &store->directory, 0);
	return r;
}

int store_open(const struct audit_options *options, struct store **ret, struct refusal *refusal)
{
	_cleanup_(store_close_p) struct store *store = calloc(1, sizeof(*store));
	struct refusal why = { 0 };
	int r;

	if (!store)
		return -ENOMEM;
	store->directory = (struct directory)DIRECTORY_INIT;
	if (options->published && !(store->published = strdup(options->published)))
		return -ENOMEM;
	store->recall = (struct recall){ &store->directory, store->published };
	store->segment_size = store->rotate_size = options->segment_size;
	r = directory_open(options->directory, &store->directory, &why);
	if (!r)
		r = open_somehow(store, options, &why);
	if (r > 0 && refusal)
		*refusal = why;
	if (r)
		return store_verdict(r);
	if (store->checkpoint[0])
		recall_refresh(&store->recall, store->checkpoint);
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
	free(store->anew);
	free(store->firsts);
	free(store);
	return NULL;
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

const char *store_begun_anew(const struct store *store)
{
	return store->anew;
}

const char *store_unrecorded(const struct store *store)
{
	return store->unrecorded ? store->anew : NULL;
}

void store_recorded(struct store *store)
{
	store->unrecorded = false;
}

void store_describe(const struct store *store, struct audit_state *ret)
{
	const struct segment_meta *meta = &store->meta;

	*ret = (struct audit_state){ .base = meta->base, .last = store->head };

	ret->first = store->n_firsts ? store->firsts[0] : meta->base + 1;
	memcpy(ret->origin, meta->origin, sizeof(ret->origin));
	memcpy(ret->key, meta->key, sizeof(ret->key));
	memcpy(ret->removed, store->removed, sizeof(ret->removed));
}
