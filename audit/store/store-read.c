/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of all segments together. */
#include <errno.h>
#include <inttypes.h>

#include "audit/store/segment-query.h"
#include "audit/store/store-private.h"

int store_visit(struct store *store, size_t i, struct segment **ret, struct refusal *refusal)
{
	int r;

	if (i == store->n_firsts - 1) {
		r = store_ready(store, refusal);
		*ret = store->segment;
		return r;
	}
	if (!store->old || store->old->meta.first != store->firsts[i]) {
		store->old = segment_close(store->old);
		r = segment_open_old(&store->directory, store->firsts[i], &store->old, refusal);
		if (r)
			return r;
	}
	*ret = store->old;
	return 0;
}

void store_done(struct store *store)
{
	store->old = segment_close(store->old);
}

/* The segment that holds this record, or would if it were still there. */
static size_t segment_of(const struct store *store, uint64_t seq)
{
	size_t i = store->n_firsts - 1;

	while (i > 0 && store->firsts[i] > seq)
		i--;
	return i;
}

/* --- records and texts -----------------------------------------------------------------------------------
 */

static int query_across(struct store *store, struct audit_filter *filter, audit_row_fn fn, void *userdata,
			struct refusal *refusal)
{
	size_t low = segment_of(store, filter->reverse ? filter->to_seq : filter->from_seq);
	uint64_t highest = filter->reverse ? filter->from_seq : filter->to_seq;
	size_t high = segment_of(store, highest ? highest : store->head);
	uint32_t limit = filter->limit;
	struct walk walk = { 0 };
	int r = 0;

	for (size_t n = 0; !r && low + n <= high; n++) {
		struct segment *segment;

		r = store_visit(store, filter->reverse ? high - n : low + n, &segment, refusal);
		filter->limit = limit - walk.n;
		if (!r)
			r = segment_query(segment, filter, fn, userdata, &walk, refusal);
		if (walk.ended || walk.n >= limit)
			break;
	}
	return r;
}

int store_query(struct store *store, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	struct audit_filter bounded = filter ? *filter : (struct audit_filter){ 0 };
	int r;

	if ((unsigned)bounded.verdict >= _AUDIT_VERDICT_MAX)
		return -EINVAL;
	r = store_ready(store, refusal);
	if (r)
		return store_verdict(r);
	if (bounded.limit == 0 || bounded.limit > AUDIT_QUERY_MAX)
		bounded.limit = AUDIT_QUERY_MAX;
	r = query_across(store, &bounded, fn, userdata, refusal);
	store_done(store);
	return store_verdict(r);
}

int store_get_text(struct store *store, const uint8_t digest[DIGEST_SIZE], char **ret_text, size_t *ret_size,
		   struct refusal *refusal)
{
	int r = store_ready(store, refusal), unread = 0;

	if (!r)
		r = -ENOENT;
	/* One segment that cannot be read does not stand in the way of those before it. */
	for (size_t i = store->n_firsts; (r == -ENOENT || r > 0) && i-- > 0;) {
		struct segment *segment;

		if (r > 0)
			unread = r;
		r = store_visit(store, i, &segment, refusal);
		if (!r)
			r = segment_get_text(segment, digest, ret_text, ret_size, refusal);
	}
	if (r == -ENOENT && unread)
		r = unread;
	store_done(store);
	return store_verdict(r);
}

/* --- the tree --------------------------------------------------------------------------------------------
 */

int store_checkpoints(struct store *store, uint64_t above, uint32_t limit, audit_note_fn fn, void *userdata,
		      struct refusal *refusal)
{
	struct walk walk = { .reached = above };
	uint64_t base = store->meta.base;
	int r = store_ready(store, refusal);

	if (limit == 0 || limit > AUDIT_QUERY_MAX)
		limit = AUDIT_QUERY_MAX;
	if (r || above >= store->edge.size)
		return store_verdict(r);
	/* One of a segment's end is the next one's first, too: `reached` leaves that out. */
	for (size_t i = segment_of(store, base + above + 1); !r && i < store->n_firsts; i++) {
		struct segment *segment;

		r = store_visit(store, i, &segment, refusal);
		if (!r)
			r = segment_checkpoints(segment, walk.reached, limit - walk.n, fn, userdata, &walk,
						refusal);
		if (walk.ended || walk.n >= limit)
			break;
	}
	store_done(store);
	return store_verdict(r);
}

struct asking {
	struct store *store;
	struct refusal *refusal;
	int r; /* of a segment that cannot be opened */
};

/* A node is stored where its last leaf is. What was complete before the oldest segment begins is in that
 * one's edge, or gone. */
static int find_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	struct asking *asking = userdata;
	struct store *store = asking->store;
	uint64_t seq = store->meta.base + ((index + 1) << level);
	struct segment *segment;

	asking->r = store_visit(store, segment_of(store, seq), &segment, asking->refusal);
	return asking->r ? -EIO : segment_node(segment, level, index, ret);
}

static int finish(struct asking *asking, int r)
{
	store_done(asking->store);
	if (asking->r)
		return store_verdict(asking->r);
	if (r < 0 && r != -ENOMEM)
		return refusal_set(asking->refusal, REFUSAL_AUDIT_UNAVAILABLE, "tree",
				   "the stored hash tree lacks a part that this proof needs");
	return r;
}

int store_root_at(struct store *store, uint64_t size, uint8_t ret[DIGEST_SIZE], struct refusal *refusal)
{
	struct asking asking = { .store = store, .refusal = refusal };
	struct tree_edge edge;
	int r = finish(&asking, tree_edge_at(size, find_node, &asking, &edge));

	return r ? r : tree_root(&edge, ret);
}

static int check_size(struct store *store, uint64_t size, struct refusal *refusal)
{
	int r = store_ready(store, refusal);

	if (r)
		return store_verdict(r);
	if (size > 0 && size <= store->edge.size)
		return 0;
	return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "size",
			   "there is no tree of %" PRIu64 " leaves: the log has %" PRIu64, size,
			   store->edge.size);
}

int store_prove_inclusion(struct store *store, uint64_t seq, uint64_t size, struct tree_proof *ret,
			  struct refusal *refusal)
{
	struct asking asking = { .store = store, .refusal = refusal };
	uint64_t base = store->meta.base;
	int r = check_size(store, size, refusal);

	if (r)
		return r;
	if (seq <= base || seq - base > size)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "seq",
				   "record %" PRIu64 " is not in the tree of %" PRIu64 " leaves", seq, size);
	if (seq < store->firsts[0])
		return -ENOENT;
	return finish(&asking, tree_prove_inclusion(seq - base - 1, size, find_node, &asking, ret));
}

int store_prove_consistency(struct store *store, uint64_t from, uint64_t size, struct tree_proof *ret,
			    struct refusal *refusal)
{
	struct asking asking = { .store = store, .refusal = refusal };
	int r = check_size(store, size, refusal);

	if (r)
		return r;
	if (from == 0 || from > size)
		return refusal_set(refusal, REFUSAL_INVALID_ARGUMENT, "from",
				   "no tree of %" PRIu64 " leaves can be a prefix of one of %" PRIu64, from,
				   size);
	if (from < store->firsts[0] - 1 - store->meta.base)
		return -ENOENT;
	return finish(&asking, tree_prove_consistency(from, size, find_node, &asking, ret));
}
