/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All trees up to a size against a reference, which is RFC 6962's text word for word: recursive, over lists
 * of leaves, and sharing only the hash function.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/tree.h"

#define SIZES 300
#define FLIPS 33 /* every bit of all proofs of the trees up to this size */

static uint8_t leaves[SIZES][DIGEST_SIZE];
static uint8_t nodes[10][SIZES][DIGEST_SIZE]; /* those that an append made, and the leaves */
static bool made[10][SIZES];
static struct tree_edge edges[SIZES + 1];
static uint8_t roots[SIZES + 1][DIGEST_SIZE];

/* RFC 6962, 2.1: k is the largest power of two smaller than n. */
static size_t rfc_k(size_t n)
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

/* Each is worked out once: all proofs of all sizes ask for the same ones. */
static void rfc_mth(const uint8_t d[][DIGEST_SIZE], size_t n, uint8_t ret[DIGEST_SIZE])
{
	static uint8_t known[SIZES][SIZES + 1][DIGEST_SIZE];
	static bool is_known[SIZES][SIZES + 1];
	size_t begin = (size_t)(d - leaves);
	uint8_t left[DIGEST_SIZE], right[DIGEST_SIZE];

	if (n == 1) {
		memcpy(ret, d[0], DIGEST_SIZE);
		return;
	}
	if (!is_known[begin][n]) {
		rfc_mth(d, rfc_k(n), left);
		rfc_mth(d + rfc_k(n), n - rfc_k(n), right);
		assert_int_equal(tree_hash_node(left, right, known[begin][n]), 0);
		is_known[begin][n] = true;
	}
	memcpy(ret, known[begin][n], DIGEST_SIZE);
}

static void rfc_add(struct tree_proof *proof, const uint8_t d[][DIGEST_SIZE], size_t n)
{
	rfc_mth(d, n, proof->hash[proof->n++]);
}

/* RFC 6962, 2.1.1 */
static void rfc_path(size_t m, const uint8_t d[][DIGEST_SIZE], size_t n, struct tree_proof *proof)
{
	size_t k = rfc_k(n);

	if (n == 1)
		return;
	if (m < k) {
		rfc_path(m, d, k, proof);
		rfc_add(proof, d + k, n - k);
	} else {
		rfc_path(m - k, d + k, n - k, proof);
		rfc_add(proof, d, k);
	}
}

/* RFC 6962, 2.1.2 */
static void rfc_subproof(size_t m, const uint8_t d[][DIGEST_SIZE], size_t n, bool b, struct tree_proof *proof)
{
	size_t k = rfc_k(n);

	if (m == n) {
		if (!b)
			rfc_add(proof, d, n);
	} else if (m <= k) {
		rfc_subproof(m, d, k, b, proof);
		rfc_add(proof, d + k, n - k);
	} else {
		rfc_subproof(m - k, d + k, n - k, false, proof);
		rfc_add(proof, d, k);
	}
}

static int keep_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	unsigned *last = userdata;

	assert_int_equal(level, *last + 1);
	*last = level;
	assert_false(made[level][index]);
	made[level][index] = true;
	memcpy(nodes[level][index], hash, DIGEST_SIZE);
	return 0;
}

/* Only what the tree of this size has. */
static int get_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	const uint64_t *size = userdata;

	assert_true((index + 1) << level <= *size);
	assert_true(made[level][index]);
	memcpy(ret, nodes[level][index], DIGEST_SIZE);
	return 0;
}

static int make_trees(void **state)
{
	struct tree_edge edge = TREE_EDGE_INIT;

	(void)state;
	if (tree_root(&edge, roots[0]))
		return -1;
	for (size_t i = 0; i < SIZES; i++) {
		unsigned level = 0;
		char bytes[32];
		int n = snprintf(bytes, sizeof(bytes), "leaf %zu", i);

		if (tree_hash_leaf(bytes, (size_t)n, leaves[i]))
			return -1;
		memcpy(nodes[0][i], leaves[i], DIGEST_SIZE);
		made[0][i] = true;
		if (tree_append(&edge, leaves[i], keep_node, &level) || tree_root(&edge, roots[i + 1]))
			return -1;
		edges[i + 1] = edge;
	}
	return 0;
}

static void test_roots(void **state)
{
	uint8_t root[DIGEST_SIZE];

	(void)state;
	for (size_t n = 1; n <= SIZES; n++) {
		assert_int_equal(edges[n].size, n);
		rfc_mth(leaves, n, root);
		assert_memory_equal(roots[n], root, DIGEST_SIZE);
	}
}

/* An append makes exactly the nodes that it completes. */
static void test_nodes(void **state)
{
	uint8_t hash[DIGEST_SIZE];

	(void)state;
	for (unsigned level = 1; level < 10; level++) {
		for (size_t i = 0; i < SIZES; i++) {
			assert_int_equal(made[level][i], (i + 1) << level <= SIZES);
			if (!made[level][i])
				continue;
			rfc_mth(leaves + (i << level), 1UL << level, hash);
			assert_memory_equal(nodes[level][i], hash, DIGEST_SIZE);
		}
	}
}

static void test_edge_at(void **state)
{
	struct tree_edge edge;

	(void)state;
	for (uint64_t n = 0; n <= SIZES; n++) {
		uint8_t root[DIGEST_SIZE];

		assert_int_equal(tree_edge_at(n, get_node, &n, &edge), 0);
		assert_int_equal(edge.size, n);
		for (unsigned level = 0; level < TREE_LEVELS_MAX; level++)
			if (n >> level & 1)
				assert_memory_equal(edge.hash[level], edges[n].hash[level], DIGEST_SIZE);
		assert_int_equal(tree_root(&edge, root), 0);
		assert_memory_equal(root, roots[n], DIGEST_SIZE);
	}
}

static bool included(size_t index, size_t size, const struct tree_proof *proof)
{
	bool good;

	assert_int_equal(tree_check_inclusion(leaves[index], index, size, proof, roots[size], &good), 0);
	return good;
}

static bool consistent(size_t from, size_t to, const struct tree_proof *proof)
{
	bool good;

	assert_int_equal(tree_check_consistency(from, roots[from], to, roots[to], proof, &good), 0);
	return good;
}

static void assert_proofs_equal(const struct tree_proof *a, const struct tree_proof *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->hash, b->hash, a->n * DIGEST_SIZE);
}

static void test_inclusion(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= SIZES; size++) {
		for (uint64_t i = 0; i < size; i++) {
			struct tree_proof proof, expected = { 0 };

			assert_int_equal(tree_prove_inclusion(i, size, get_node, &size, &proof), 0);
			rfc_path(i, leaves, size, &expected);
			assert_proofs_equal(&proof, &expected);
			assert_true(included(i, size, &proof));
		}
	}
}

static void test_consistency(void **state)
{
	(void)state;
	for (uint64_t to = 1; to <= SIZES; to++) {
		for (uint64_t from = 1; from <= to; from++) {
			struct tree_proof proof, expected = { 0 };

			assert_int_equal(tree_prove_consistency(from, to, get_node, &to, &proof), 0);
			rfc_subproof(from, leaves, to, true, &expected);
			assert_proofs_equal(&proof, &expected);
			assert_true(consistent(from, to, &proof));
		}
	}
}

/* Whoever changes a proof anywhere, by a bit, a hash more or a hash less, has none. */
static void assert_brittle(struct tree_proof *proof, bool (*check)(size_t, size_t, const struct tree_proof *),
			   size_t a, size_t b)
{
	for (size_t i = 0; i < proof->n; i++) {
		for (size_t bit = 0; bit < 8UL * DIGEST_SIZE; bit++) {
			proof->hash[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
			assert_false(check(a, b, proof));
			proof->hash[i][bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
	proof->n++;
	memset(proof->hash[proof->n - 1], 0, DIGEST_SIZE);
	assert_false(check(a, b, proof));
	memcpy(proof->hash[proof->n - 1], roots[b], DIGEST_SIZE);
	assert_false(check(a, b, proof));
	proof->n--;
	if (proof->n) {
		proof->n--;
		assert_false(check(a, b, proof));
		proof->n++;
	}
	assert_true(check(a, b, proof));
}

static void test_flipped(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= FLIPS; size++) {
		for (uint64_t i = 0; i < size; i++) {
			struct tree_proof proof;

			assert_int_equal(tree_prove_inclusion(i, size, get_node, &size, &proof), 0);
			assert_brittle(&proof, included, i, size);
			assert_int_equal(tree_prove_consistency(i + 1, size, get_node, &size, &proof), 0);
			assert_brittle(&proof, consistent, i + 1, size);
		}
	}
}

/* A proof is of one leaf at one place in one tree. */
static void test_other_place(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= FLIPS; size++) {
		for (uint64_t i = 0; i < size; i++) {
			struct tree_proof proof;
			bool good;

			assert_int_equal(tree_prove_inclusion(i, size, get_node, &size, &proof), 0);
			for (uint64_t other = 0; other <= size; other++) {
				assert_int_equal(tree_check_inclusion(leaves[i], other, size, &proof,
								      roots[size], &good),
						 0);
				assert_int_equal(good, other == i);
				if (other == i || other == size)
					continue;
				assert_int_equal(tree_check_inclusion(leaves[other], i, size, &proof,
								      roots[size], &good),
						 0);
				assert_false(good);
			}
			for (uint64_t other = 0; other <= FLIPS; other++) {
				assert_int_equal(
					tree_check_inclusion(leaves[i], i, size, &proof, roots[other], &good),
					0);
				assert_int_equal(good, other == size);
			}
		}
	}
}

static void test_other_trees(void **state)
{
	(void)state;
	for (uint64_t to = 1; to <= FLIPS; to++) {
		for (uint64_t from = 1; from <= to; from++) {
			struct tree_proof proof;
			bool good;

			assert_int_equal(tree_prove_consistency(from, to, get_node, &to, &proof), 0);
			for (uint64_t other = 0; other <= FLIPS; other++) {
				assert_int_equal(tree_check_consistency(from, roots[other], to, roots[to],
									&proof, &good),
						 0);
				assert_int_equal(good, other == from);
				assert_int_equal(tree_check_consistency(from, roots[from], to, roots[other],
									&proof, &good),
						 0);
				assert_int_equal(good, other == to);
				if (other == from)
					continue;
				/* What is said of another size's root. */
				assert_int_equal(tree_check_consistency(other, roots[other], to, roots[to],
									&proof, &good),
						 0);
				assert_false(good && other != to);
			}
		}
	}
}

static int fail_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	unsigned *left = userdata;

	(void)level;
	(void)index;
	memset(ret, 0, DIGEST_SIZE);
	return (*left)-- ? 0 : -ENOENT;
}

static int fail_made(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	(void)index;
	(void)hash;
	return level == *(unsigned *)userdata ? 7 : 0;
}

/* What a callback returns comes back, and nothing is left half done. */
static void test_callbacks(void **state)
{
	struct tree_edge edge = edges[7], at = edges[1];
	struct tree_proof proof = { .n = 77 };

	(void)state;
	for (unsigned level = 1; level <= 3; level++) {
		assert_int_equal(tree_append(&edge, leaves[7], fail_made, &level), 7);
		assert_memory_equal(&edge, &edges[7], sizeof(edge));
	}
	for (unsigned i = 0; i < 3; i++) {
		unsigned left = i;

		assert_int_equal(tree_edge_at(7, fail_node, &left, &at), -ENOENT);
		assert_memory_equal(&at, &edges[1], sizeof(at));
		left = i;
		assert_int_equal(tree_prove_inclusion(3, 7, fail_node, &left, &proof), -ENOENT);
		left = i;
		assert_int_equal(tree_prove_consistency(3, 7, fail_node, &left, &proof), -ENOENT);
		assert_int_equal(proof.n, 77);
	}
}

static void test_limits(void **state)
{
	static const uint64_t huge[] = { TREE_SIZE_MAX + 1, INT64_MAX, UINT64_MAX };
	struct tree_edge edge = { .size = TREE_SIZE_MAX };
	struct tree_proof proof = { .n = TREE_PROOF_MAX + 1 };
	uint8_t hash[DIGEST_SIZE];
	bool good = true;

	(void)state;
	assert_int_equal(tree_root(&edge, hash), 0);
	assert_int_equal(tree_append(&edge, leaves[0], NULL, NULL), -EINVAL);
	assert_int_equal(tree_check_inclusion(leaves[0], 0, 1, &proof, leaves[0], &good), 0);
	assert_false(good);
	good = true;
	assert_int_equal(tree_check_consistency(1, roots[1], 2, roots[2], &proof, &good), 0);
	assert_false(good);
	proof.n = 0;
	for (size_t i = 0; i < 3; i++) {
		edge.size = huge[i];
		assert_int_equal(tree_root(&edge, hash), -EINVAL);
		assert_int_equal(tree_append(&edge, leaves[0], NULL, NULL), -EINVAL);
		assert_int_equal(tree_edge_at(huge[i], NULL, NULL, &edge), -EINVAL);
		assert_int_equal(tree_prove_inclusion(0, huge[i], NULL, NULL, &proof), -EINVAL);
		assert_int_equal(tree_prove_consistency(1, huge[i], NULL, NULL, &proof), -EINVAL);
		assert_int_equal(tree_check_inclusion(leaves[0], 0, huge[i], &proof, roots[1], &good), 0);
		assert_false(good);
		assert_int_equal(tree_check_consistency(huge[i], roots[1], huge[i], roots[1], &proof, &good),
				 0);
		assert_false(good);
	}
	assert_int_equal(tree_prove_inclusion(5, 5, NULL, NULL, &proof), -EINVAL);
	assert_int_equal(tree_prove_inclusion(0, 0, NULL, NULL, &proof), -EINVAL);
	assert_int_equal(tree_prove_consistency(0, 5, NULL, NULL, &proof), -EINVAL);
	assert_int_equal(tree_prove_consistency(6, 5, NULL, NULL, &proof), -EINVAL);
	assert_int_equal(tree_check_consistency(0, roots[0], 5, roots[5], &proof, &good), 0);
	assert_false(good);
	assert_int_equal(tree_check_consistency(0, roots[0], 0, roots[0], &proof, &good), 0);
	assert_false(good);
	assert_int_equal(tree_check_consistency(6, roots[6], 5, roots[5], &proof, &good), 0);
	assert_false(good);
	assert_int_equal(tree_check_inclusion(leaves[0], 0, 0, &proof, roots[0], &good), 0);
	assert_false(good);
}

/* All nodes of a level are the same hash: a tree as large as one may be, without its leaves. */
static int uniform_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	uint8_t(*uniform)[DIGEST_SIZE] = userdata;

	assert_true(level < TREE_LEVELS_MAX && (index + 1) << level <= TREE_SIZE_MAX);
	memcpy(ret, uniform[level], DIGEST_SIZE);
	return 0;
}

static void test_largest(void **state)
{
	static uint8_t uniform[TREE_LEVELS_MAX][DIGEST_SIZE];
	static const uint64_t sizes[] = { TREE_SIZE_MAX, TREE_SIZE_MAX - 1, TREE_SIZE_MAX / 2 + 1,
					  1ULL << 40 };
	static const uint64_t places[] = { 0, 1, TREE_SIZE_MAX / 3, TREE_SIZE_MAX / 2 - 1,
					   TREE_SIZE_MAX / 2 };

	(void)state;
	for (unsigned level = 1; level < TREE_LEVELS_MAX; level++)
		assert_int_equal(tree_hash_node(uniform[level - 1], uniform[level - 1], uniform[level]), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint8_t root[DIGEST_SIZE], from_root[DIGEST_SIZE];
		struct tree_proof proof;
		struct tree_edge edge;
		bool good;

		assert_int_equal(tree_edge_at(sizes[i], uniform_node, uniform, &edge), 0);
		assert_int_equal(tree_root(&edge, root), 0);
		for (size_t j = 0; j < sizeof(places) / sizeof(*places); j++) {
			if (places[j] >= sizes[i])
				continue;
			assert_int_equal(
				tree_prove_inclusion(places[j], sizes[i], uniform_node, uniform, &proof), 0);
			assert_int_equal(
				tree_check_inclusion(uniform[0], places[j], sizes[i], &proof, root, &good),
				0);
			assert_true(good);
			assert_int_equal(tree_edge_at(places[j] + 1, uniform_node, uniform, &edge), 0);
			assert_int_equal(tree_root(&edge, from_root), 0);
			assert_int_equal(tree_prove_consistency(places[j] + 1, sizes[i], uniform_node,
								uniform, &proof),
					 0);
			assert_int_equal(tree_check_consistency(places[j] + 1, from_root, sizes[i], root,
								&proof, &good),
					 0);
			assert_true(good);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),       cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_edge_at),     cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_consistency), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_other_place), cmocka_unit_test(test_other_trees),
		cmocka_unit_test(test_callbacks),   cmocka_unit_test(test_limits),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, make_trees, NULL);
}
