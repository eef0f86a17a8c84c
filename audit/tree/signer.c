/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/note.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/note-private.h"

struct note_signer {
	struct note_key key;
	EVP_PKEY *pkey;
};

int note_signer_new(const char *name, const uint8_t seed[NOTE_SEED_SIZE], struct note_signer **ret)
{
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL;
	struct text text = { name, strlen(name) };
	size_t size = NOTE_PUBLIC_SIZE;
	int r;

	if (!text_is_name(text) || text.size >= NOTE_NAME_MAX)
		return -EINVAL;
	signer = calloc(1, sizeof(*signer));
	if (!signer)
		return -ENOMEM;
	memcpy(signer->key.name, name, text.size + 1);
	signer->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NOTE_SEED_SIZE);
	if (!signer->pkey || EVP_PKEY_get_raw_public_key(signer->pkey, signer->key.public, &size) != 1)
		return -EIO;
	r = note_key_hash(name, signer->key.public, &signer->key.hash);
	if (r)
		return r;
	*ret = take_ptr(signer);
	return 0;
}

struct note_signer *note_signer_free(struct note_signer *signer)
{
	if (!signer)
		return NULL;
	EVP_PKEY_free(signer->pkey); /* wipes the private key */
	free(signer);
	return NULL;
}

const char *note_signer_name(const struct note_signer *signer)
{
	return signer->key.name;
}

void note_signer_vkey(const struct note_signer *signer, char ret[NOTE_VKEY_MAX])
{
	note_key_format(&signer->key, ret);
}

static int sign(const struct note_signer *signer, struct text text, uint8_t ret[NOTE_SIGNATURE_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = NOTE_SIGNATURE_SIZE;
	int r = -EIO;

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->pkey) == 1 &&
	    EVP_DigestSign(ctx, ret, &size, (const uint8_t *)text.bytes, text.size) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}

int note_sign(const struct note_signer *signer, const char *text, char ret[NOTE_SIZE_MAX])
{
	struct text signed_text = { text, strlen(text) };
	uint8_t bytes[4 + NOTE_SIGNATURE_SIZE];
	char base64[TEXT_BASE64_MAX(sizeof(bytes))],
		line[sizeof(NOTE_DASH) + NOTE_NAME_MAX + sizeof(base64) + 3];
	size_t n;
	int r;

	if (!signed_text.size || text[signed_text.size - 1] != '\n' || !note_is_clean(signed_text))
		return -EINVAL;
	for (unsigned i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(signer->key.hash >> (24 - 8 * i));
	r = sign(signer, signed_text, bytes + 4);
	if (r)
		return r;
	text_from_bytes(bytes, sizeof(bytes), base64);
	n = (size_t)snprintf(line, sizeof(line), "\n" NOTE_DASH "%s %s\n", signer->key.name, base64);
	if (signed_text.size + n >= NOTE_SIZE_MAX)
		return -E2BIG;
	memcpy(ret, text, signed_text.size);
	memcpy(ret + signed_text.size, line, n + 1);
	return 0;
}
