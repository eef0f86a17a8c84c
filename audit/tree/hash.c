/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/tree.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

/* OpenSSL 3 looks an algorithm up by name each time it is used through EVP_sha256(), which costs a third of
 * the time that hashing a record takes. It is looked up once, and never changes or goes away. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static int hash_parts(const void *head, size_t head_size, const void *tail, size_t tail_size,
		      uint8_t ret[DIGEST_SIZE])
{
	EVP_MD_CTX *ctx;
	int r = -EIO;

	pthread_once(&sha256_once, fetch_sha256);
	if (!sha256)
		return -EIO;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 && EVP_DigestUpdate(ctx, head, head_size) == 1 &&
	    EVP_DigestUpdate(ctx, tail, tail_size) == 1 && EVP_DigestFinal_ex(ctx, ret, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}

int tree_hash_leaf(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE])
{
	return hash_parts("\0", 1, bytes, size, ret);
}

int tree_hash_node(const uint8_t left[DIGEST_SIZE], const uint8_t right[DIGEST_SIZE],
		   uint8_t ret[DIGEST_SIZE])
{
	uint8_t head[1 + DIGEST_SIZE] = { 1 };

	for (size_t i = 0; i < DIGEST_SIZE; i++)
		head[1 + i] = left[i];
	return hash_parts(head, sizeof(head), right, DIGEST_SIZE, ret);
}

int tree_hash_text(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE])
{
	return hash_parts("", 0, bytes, size, ret);
}
