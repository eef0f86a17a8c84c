/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The known tree of the certificate transparency projects: eight leaves, the roots of all its sizes, and
 * proofs (github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc, and its
 * descendants).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/tree.h"
#include "common/digest.h"

#define N 8

static const struct {
	const char *bytes;
	size_t size;
} leaves[N] = {
	{ "", 0 },
	{ "\x00", 1 },
	{ "\x10", 1 },
	{ "\x20\x21", 2 },
	{ "\x30\x31", 2 },
	{ "\x40\x41\x42\x43", 4 },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 },
};

static const char *const roots[N + 1] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct vector {
	uint64_t index; /* of the leaf; or the smaller tree's size */
	uint64_t size;
	const char *proof[4];
};

static const struct vector inclusion[] = {
	{ 0, 1, { NULL } },
	{ 0,
	  8,
	  { "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4" } },
	{ 5,
	  8,
	  { "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" } },
	{ 2, 3, { "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" } },
	{ 1,
	  5,
	  { "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b" } },
};

static const struct vector consistency[] = {
	{ 1, 1, { NULL } },
	{ 1,
	  8,
	  { "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4" } },
	{ 6,
	  8,
	  { "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
	    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
	    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" } },
	{ 2,
	  5,
	  { "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
	    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b" } },
};

/* The nodes of the tree of all eight, level by level. */
static uint8_t nodes[4][N][DIGEST_SIZE];

static int keep_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	(void)userdata;
	memcpy(nodes[level][index], hash, DIGEST_SIZE);
	return 0;
}

static int get_node(unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE], void *userdata)
{
	(void)userdata;
	assert_true(level < 4 && index < (uint64_t)N >> level);
	memcpy(ret, nodes[level][index], DIGEST_SIZE);
	return 0;
}

static void assert_hex(const uint8_t digest[DIGEST_SIZE], const char *expected)
{
	char hex[DIGEST_HEX_MAX];

	assert_string_equal(digest_to_hex(digest, hex), expected);
}

static int make_tree(void **state)
{
	static struct tree_edge edge = TREE_EDGE_INIT;

	for (size_t i = 0; i < N; i++) {
		if (tree_hash_leaf(leaves[i].bytes, leaves[i].size, nodes[0][i]) ||
		    tree_append(&edge, nodes[0][i], keep_node, NULL))
			return -1;
	}
	*state = &edge;
	return 0;
}

static void test_roots(void **state)
{
	struct tree_edge edge = TREE_EDGE_INIT;
	uint8_t root[DIGEST_SIZE];

	(void)state;
	for (size_t i = 0; i <= N; i++) {
		assert_int_equal(tree_root(&edge, root), 0);
		assert_hex(root, roots[i]);
		if (i < N)
			assert_int_equal(tree_append(&edge, nodes[0][i], NULL, NULL), 0);
	}
}

static void assert_proof(const struct tree_proof *proof, const struct vector *v)
{
	size_t n = 0;

	while (v->proof[n])
		n++;
	assert_int_equal(proof->n, n);
	for (size_t i = 0; i < n; i++)
		assert_hex(proof->hash[i], v->proof[i]);
}

static void test_inclusion(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(inclusion) / sizeof(*inclusion); i++) {
		const struct vector *v = &inclusion[i];
		struct tree_proof proof;
		uint8_t root[DIGEST_SIZE];
		bool good;

		assert_int_equal(tree_prove_inclusion(v->index, v->size, get_node, NULL, &proof), 0);
		assert_proof(&proof, v);
		assert_true(digest_from_hex(roots[v->size], root));
		assert_int_equal(
			tree_check_inclusion(nodes[0][v->index], v->index, v->size, &proof, root, &good), 0);
		assert_true(good);
	}
}

static void test_consistency(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(consistency) / sizeof(*consistency); i++) {
		const struct vector *v = &consistency[i];
		uint8_t from[DIGEST_SIZE], to[DIGEST_SIZE];
		struct tree_proof proof;
		bool good;

		assert_int_equal(tree_prove_consistency(v->index, v->size, get_node, NULL, &proof), 0);
		assert_proof(&proof, v);
		assert_true(digest_from_hex(roots[v->index], from) && digest_from_hex(roots[v->size], to));
		assert_int_equal(tree_check_consistency(v->index, from, v->size, to, &proof, &good), 0);
		assert_true(good);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_inclusion),
		cmocka_unit_test(test_consistency),
	};

	return cmocka_run_group_tests(tests, make_tree, NULL);
}
