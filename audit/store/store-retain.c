/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Old segments go as a whole, and never silently: a signed stub, durable before the first file goes, says up
 * to where the records are gone, and the root of the tree over them. What is interrupted is finished later.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "audit/schema.h"
#include "audit/store/segment-query.h"
#include "audit/store/store-private.h"
#include "audit/store/tail.h"

static bool is_ours(const struct store *store, const char *note, struct stub *ret)
{
	char vkey[NOTE_VKEY_MAX];
	struct note_key key;

	note_signer_vkey(store->signer, vkey);
	return note_key_parse(vkey, &key) >= 0 && stub_verify(&key, note, strlen(note), ret) == NOTE_GOOD;
}

void store_read_stub(struct store *store)
{
	char note[NOTE_SIZE_MAX];
	struct stub stub;
	size_t size;

	store->removed[0] = '\0';
	store->removed_size = 0;
	if (directory_read(store->directory.fd, STORE_REMOVED, note, sizeof(note), &size) == 0 &&
	    is_ours(store, note, &stub) && stub.size <= store->edge.size) {
		memcpy(store->removed, note, sizeof(store->removed));
		store->removed_size = stub.size;
	}
}

/* The number of leaves before segment i. */
static uint64_t leaves_before(const struct store *store, size_t i)
{
	return store->firsts[i] - 1 - store->meta.base;
}

static int newest_time(struct store *store, size_t i, uint64_t *ret, struct refusal *refusal)
{
	struct segment *segment;
	int r = store_visit(store, i, &segment, refusal);

	return r ? r : segment_newest_time(segment, ret, refusal);
}

/* How many of the oldest segments have only records from before this time; the newest one always stays. */
static int count_older(struct store *store, uint64_t before, size_t *ret, struct refusal *refusal)
{
	size_t n = 0;
	int r = 0;

	while (n + 1 < store->n_firsts) {
		uint64_t time;

		r = newest_time(store, n, &time, refusal);
		if (r || time >= before)
			break;
		n++;
	}
	store_done(store);
	if (!r)
		*ret = n;
	return r;
}

static int write_stub(struct store *store, uint64_t size, struct refusal *refusal)
{
	struct stub stub = { .size = size };
	char text[NOTE_SIZE_MAX], note[NOTE_SIZE_MAX];
	struct timespec now;
	int r = store_root_at(store, size, stub.root, refusal);

	if (r)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	stub.time = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	memcpy(stub.origin, store->meta.origin, sizeof(stub.origin));
	r = stub_format(&stub, text);
	if (r >= 0)
		r = note_sign(store->signer, text, note);
	if (r >= 0)
		r = directory_replace(store->directory.fd, STORE_REMOVED, note, strlen(note), 0600);
	if (r < 0)
		return directory_refuse(refusal, "removed", -r, STORE_REMOVED);
	memcpy(store->removed, note, sizeof(store->removed));
	store->removed_size = size;
	return 0;
}

int store_plan_removal(struct store *store, uint64_t before, struct refusal *refusal)
{
	size_t n = 0;
	int r = store_ready(store, refusal);

	if (!r)
		r = count_older(store, before, &n, refusal);
	if (!r && n && leaves_before(store, n) > store->removed_size)
		r = write_stub(store, leaves_before(store, n), refusal);
	return store_verdict(r);
}

static size_t count_removable(const struct store *store)
{
	size_t n = 0;

	while (n + 1 < store->n_firsts && leaves_before(store, n + 1) <= store->removed_size)
		n++;
	return n;
}

uint64_t store_removable(const struct store *store)
{
	size_t n = count_removable(store);

	return n ? store->firsts[n] - 1 : 0;
}

int store_remove(struct store *store, struct refusal *refusal)
{
	size_t n = count_removable(store), done = 0;
	int r = 0;

	store_done(store);
	/* The oldest first: what is left is always the end of the log. */
	while (r >= 0 && done < n) {
		r = store_unlink_segment(store, store->firsts[done]);
		if (r >= 0)
			done++;
	}
	memmove(store->firsts, store->firsts + done, (store->n_firsts - done) * sizeof(*store->firsts));
	store->n_firsts -= done;
	if (r >= 0 && done && fsync(store->directory.fd) < 0)
		r = -errno;
	return r < 0 ? directory_refuse(refusal, "removed", -r, "an old segment cannot be removed") : 0;
}
