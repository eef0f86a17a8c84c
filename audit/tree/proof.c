/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/tree.h"

#include <errno.h>
#include <string.h>

#include "audit/tree/range.h"

/* The subtree that a proof is about, made smaller by one level at a time. */
struct descent {
	uint64_t begin, end;
	tree_node_fn node;
	void *userdata;
	struct tree_proof proof; /* from the root down; RFC 6962 wants it from the leaf up */
};

/* Where RFC 6962 cuts a tree in two: at the largest power of two below its size, which is 2 or more. */
static uint64_t cut(uint64_t size)
{
	return 1ULL << (63 - __builtin_clzll(size - 1));
}

static int put_range(struct descent *d, uint64_t begin, uint64_t end)
{
	int r = tree_range(begin, end, d->node, d->userdata, d->proof.hash[d->proof.n]);

	if (r)
		return r;
	d->proof.n++;
	return 0;
}

/* Goes into the half that leaf is in, and puts the other one into the proof. */
static int descend(struct descent *d, uint64_t leaf, bool *ret_right)
{
	uint64_t middle = d->begin + cut(d->end - d->begin);
	bool right = leaf >= middle;
	int r = right ? put_range(d, d->begin, middle) : put_range(d, middle, d->end);

	if (r)
		return r;
	if (right)
		d->begin = middle;
	else
		d->end = middle;
	*ret_right = right;
	return 0;
}

static void turn(const struct tree_proof *proof, struct tree_proof *ret)
{
	for (size_t i = 0; i < proof->n; i++)
		memcpy(ret->hash[i], proof->hash[proof->n - 1 - i], DIGEST_SIZE);
	ret->n = proof->n;
}

int tree_prove_inclusion(uint64_t index, uint64_t size, tree_node_fn node, void *userdata,
			 struct tree_proof *ret)
{
	struct descent d = { .end = size, .node = node, .userdata = userdata };
	bool right;

	if (index >= size || size > TREE_SIZE_MAX)
		return -EINVAL;
	while (d.end - d.begin > 1) {
		int r = descend(&d, index, &right);

		if (r)
			return r;
	}
	turn(&d.proof, ret);
	return 0;
}

int tree_prove_consistency(uint64_t from, uint64_t to, tree_node_fn node, void *userdata,
			   struct tree_proof *ret)
{
	struct descent d = { .end = to, .node = node, .userdata = userdata };
	bool known = true; /* the verifier has the root of what is left: it is the smaller tree itself */

	if (!from || from > to || to > TREE_SIZE_MAX)
		return -EINVAL;
	while (d.end != from) {
		bool right;
		int r = descend(&d, from - 1, &right);

		if (r)
			return r;
		known = known && !right;
	}
	if (!known) {
		int r = put_range(&d, d.begin, d.end);

		if (r)
			return r;
	}
	turn(&d.proof, ret);
	return 0;
}

static bool equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
	return !memcmp(a, b, DIGEST_SIZE);
}

/* The way of RFC 9162 from a leaf, or a complete subtree, to the root: fn and sn are the numbers, on the
 * level that was reached, of the node that it leads through and of the last node. */
struct ascent {
	uint64_t fn, sn;
};

/* What a consistency proof says the roots of the two trees are. */
struct roots {
	uint8_t from[DIGEST_SIZE], to[DIGEST_SIZE];
	bool complete; /* the way up ended at both roots */
};

/* Whether the next hash of the proof is the left neighbour; otherwise it is the right one. */
static bool neighbour_left(const struct ascent *a)
{
	return a->fn & 1 || a->fn == a->sn;
}

static void ascend(struct ascent *a)
{
	/* A last node without a left neighbour is its own parent, up to where it has one. */
	if (a->fn == a->sn) {
		while (a->fn && !(a->fn & 1)) {
			a->fn >>= 1;
			a->sn >>= 1;
		}
	}
	a->fn >>= 1;
	a->sn >>= 1;
}

int tree_check_inclusion(const uint8_t leaf[DIGEST_SIZE], uint64_t index, uint64_t size,
			 const struct tree_proof *proof, const uint8_t root[DIGEST_SIZE], bool *ret)
{
	struct ascent a = { index, size - 1 };
	uint8_t hash[DIGEST_SIZE];

	*ret = false;
	if (index >= size || size > TREE_SIZE_MAX || proof->n > TREE_PROOF_MAX)
		return 0;
	memcpy(hash, leaf, DIGEST_SIZE);
	for (size_t i = 0; i < proof->n; i++, ascend(&a)) {
		bool left = neighbour_left(&a);
		int r;

		if (!a.sn)
			return 0;
		r = tree_hash_node(left ? proof->hash[i] : hash, left ? hash : proof->hash[i], hash);
		if (r)
			return r;
	}
	*ret = !a.sn && equal(hash, root);
	return 0;
}

/* The same for the smaller tree's end, with both roots at once: only what lies left of it is in the smaller
 * tree, too. */
static int climb(struct ascent a, const struct tree_proof *proof, size_t first, struct roots *roots)
{
	roots->complete = false;
	for (size_t i = first; i < proof->n; i++, ascend(&a)) {
		const uint8_t *hash = proof->hash[i];
		bool left = neighbour_left(&a);
		int r = 0;

		if (!a.sn)
			return 0;
		if (left)
			r = tree_hash_node(hash, roots->from, roots->from);
		if (!r)
			r = tree_hash_node(left ? hash : roots->to, left ? roots->to : hash, roots->to);
		if (r)
			return r;
	}
	roots->complete = !a.sn;
	return 0;
}

int tree_check_consistency(uint64_t from, const uint8_t from_root[DIGEST_SIZE], uint64_t to,
			   const uint8_t to_root[DIGEST_SIZE], const struct tree_proof *proof, bool *ret)
{
	struct ascent a = { from - 1, to - 1 };
	bool power = from && !(from & (from - 1));
	struct roots roots;
	int r;

	*ret = false;
	if (!from || from > to || to > TREE_SIZE_MAX || proof->n > TREE_PROOF_MAX)
		return 0;
	if (from == to) {
		*ret = !proof->n && equal(from_root, to_root);
		return 0;
	}
	if (!proof->n)
		return 0;
	/* Up to the largest complete subtree at the smaller tree's end. That is the whole tree, whose root is
	 * known, or else what the proof begins with. */
	for (; a.fn & 1; a.fn >>= 1)
		a.sn >>= 1;
	memcpy(roots.from, power ? from_root : proof->hash[0], DIGEST_SIZE);
	memcpy(roots.to, roots.from, DIGEST_SIZE);
	r = climb(a, proof, power ? 0 : 1, &roots);
	if (r)
		return r;
	*ret = roots.complete && equal(roots.from, from_root) && equal(roots.to, to_root);
	return 0;
}
