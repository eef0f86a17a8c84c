/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/leaf.h"

#include <errno.h>
#include <openssl/evp.h>

static int digest_parts(const void *prefix, size_t prefix_size, const void *bytes, size_t size,
			uint8_t ret[DIGEST_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = -EIO;

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, prefix, prefix_size) == 1 && EVP_DigestUpdate(ctx, bytes, size) == 1 &&
	    EVP_DigestFinal_ex(ctx, ret, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}

int audit_leaf(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE])
{
	return digest_parts("\0", 1, bytes, size, ret);
}

int audit_digest(const void *bytes, size_t size, uint8_t ret[DIGEST_SIZE])
{
	return digest_parts("", 0, bytes, size, ret);
}

void audit_hex(const uint8_t digest[DIGEST_SIZE], char ret[DIGEST_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		ret[2 * i] = digits[digest[i] >> 4];
		ret[2 * i + 1] = digits[digest[i] & 15];
	}
	ret[2 * DIGEST_SIZE] = '\0';
}
