/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/note.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "audit/tree/note-private.h"
#include "common/utf8.h"

bool note_is_clean(struct text text)
{
	if (!utf8_valid(text.bytes, text.size))
		return false;
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.bytes[i] < ' ' && text.bytes[i] != '\n')
			return false;
	return true;
}

/* The last empty line separates: what is signed may have empty lines, the lines of signatures are none. */
static bool split(struct text note, struct text *ret_text, struct text *ret_signatures)
{
	for (size_t i = note.size; i-- > 1;) {
		if (note.bytes[i] == '\n' && note.bytes[i - 1] == '\n') {
			*ret_text = (struct text){ note.bytes, i };
			*ret_signatures = (struct text){ note.bytes + i + 1, note.size - i - 1 };
			return ret_signatures->size > 0;
		}
	}
	return false;
}

/* "— NAME BASE64": at least a hash and one byte of whatever kind of signature it is. */
static bool parse_signature(struct text line, struct text *ret_name, struct text *ret_base64)
{
	static const size_t dash = sizeof(NOTE_DASH) - 1;

	if (line.size < dash || memcmp(line.bytes, NOTE_DASH, dash))
		return false;
	line.bytes += dash;
	line.size -= dash;
	if (!text_take(&line, ' ', ret_name) || !text_is_name(*ret_name) || text_base64_size(line) < 5)
		return false;
	*ret_base64 = line;
	return true;
}

/* By the first eight digits, which hold the hash and at least one byte more. */
static bool signature_is_of(struct text base64, uint32_t hash)
{
	size_t size = text_base64_size(base64);
	uint8_t bytes[6];

	base64.size = 8;
	return text_to_bytes(base64, bytes, size < sizeof(bytes) ? size : sizeof(bytes)) &&
	       note_get_u32(bytes) == hash;
}

static int check_signature(EVP_PKEY *pkey, struct text base64, struct text text, bool *ret)
{
	uint8_t bytes[4 + NOTE_SIGNATURE_SIZE];
	EVP_MD_CTX *ctx;
	int r = -EIO;

	*ret = false;
	if (!text_to_bytes(base64, bytes, sizeof(bytes)))
		return 0;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1) {
		*ret = EVP_DigestVerify(ctx, bytes + 4, NOTE_SIGNATURE_SIZE, (const uint8_t *)text.bytes,
					text.size) == 1;
		r = 0;
	}
	EVP_MD_CTX_free(ctx);
	return r;
}

/* All lines must be lines of signatures; each one of this key must verify. */
static int check_signatures(const struct note_key *key, EVP_PKEY *pkey, struct text text, struct text lines)
{
	struct text line, name, base64;
	enum note_verdict verdict = NOTE_UNSIGNED;

	for (unsigned n = 0; lines.size; n++) {
		bool good;
		int r;

		if (n == NOTE_SIGNATURES_MAX || !text_take(&lines, '\n', &line) ||
		    !parse_signature(line, &name, &base64))
			return NOTE_MALFORMED;
		if (name.size != strlen(key->name) || memcmp(name.bytes, key->name, name.size) ||
		    !signature_is_of(base64, key->hash) || verdict == NOTE_FORGED)
			continue;
		r = check_signature(pkey, base64, text, &good);
		if (r)
			return r;
		verdict = good ? NOTE_GOOD : NOTE_FORGED;
	}
	return (int)verdict;
}

int note_verify(const struct note_key *key, const char *note, size_t size, size_t *ret_text_size)
{
	struct text text, signatures;
	EVP_PKEY *pkey;
	int r;

	if (size > NOTE_VERIFIED_MAX || !note_is_clean((struct text){ note, size }) ||
	    !split((struct text){ note, size }, &text, &signatures))
		return NOTE_MALFORMED;
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->public, NOTE_PUBLIC_SIZE);
	if (!pkey)
		return -ENOMEM;
	r = check_signatures(key, pkey, text, signatures);
	EVP_PKEY_free(pkey);
	if (r == NOTE_GOOD)
		*ret_text_size = text.size;
	return r;
}
