/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One segment ends with a checkpoint of exactly its end, and the next one begins with it. */
#include <errno.h>
#include <unistd.h>

#include "audit/store/store-private.h"

/* The next segment, whole, but under its temporary name. */
static int prepare(struct store *store, struct refusal *refusal)
{
	const struct store_batch end = { .journal_seq = store->journal_seq, .checkpoint = true };
	struct segment_meta next = store->meta;
	int r = 0;

	if (store->signed_size < store->edge.size)
		r = store_write(store, &end, refusal);
	next.first = store->head + 1;
	next.journal_seq = store->journal_seq;
	return r ? r : segment_create(&store->directory, &next, &store->edge, store->checkpoint, refusal);
}

/* A name that may not be durable must not stand in the way of what is written to the old segment meanwhile.
 */
static int publish(struct store *store, uint64_t first, struct refusal *refusal)
{
	int r = segment_publish(&store->directory, first, refusal);

	if (r && store_unlink_segment(store, first) < 0)
		store->leftover = first;
	return r;
}

int store_rotate(struct store *store, struct refusal *refusal)
{
	uint64_t first;
	int r = store_ready(store, refusal);

	if (r)
		return store_verdict(r);
	if (store->head < store->meta.first)
		return 0;
	if (store->leftover && store_unlink_segment(store, store->leftover) < 0)
		return directory_refuse(refusal, "rotate", errno, "what an earlier attempt left");
	store->leftover = 0;
	r = prepare(store, refusal);
	if (r)
		return store_verdict(r);
	r = segment_seal(store->segment, refusal);
	store->segment = segment_close(store->segment);
	first = store->head + 1;
	if (!r)
		r = store_add_first(store, first);
	if (!r) {
		r = publish(store, first, refusal);
		if (r)
			store->n_firsts--;
	}
	if (r) {
		(void)store_ready(store, NULL);
		return store_verdict(r);
	}
	store->known.n = 0;
	store->rotate_size = store->segment_size;
	return store_verdict(store_ready(store, refusal));
}

void store_set_segment_size(struct store *store, uint64_t size)
{
	if (size == store->segment_size)
		return;
	store->segment_size = store->rotate_size = size;
}

void store_rotate_if_due(struct store *store)
{
	uint64_t size;

	if (!store->segment || !store->segment_size || segment_size(store->segment, &size, NULL) ||
	    size < store->rotate_size)
		return;
	/* Who reads the file keeps it from being ended: that is tried again when it has grown some more. */
	if (store_rotate(store, NULL))
		store->rotate_size = size + store->segment_size / 16;
}
