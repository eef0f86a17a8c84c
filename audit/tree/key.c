/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/tree/note.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/note-private.h"
#include "audit/tree/tree.h"

int note_key_hash(const char *name, const uint8_t public[NOTE_PUBLIC_SIZE], uint32_t *ret)
{
	char text[NOTE_NAME_MAX + 2 + NOTE_PUBLIC_SIZE];
	size_t n = strlen(name);
	uint8_t digest[DIGEST_SIZE];
	int r;

	memcpy(text, name, n);
	text[n++] = '\n';
	text[n++] = NOTE_ED25519;
	memcpy(text + n, public, NOTE_PUBLIC_SIZE);
	r = tree_hash_text(text, n + NOTE_PUBLIC_SIZE, digest);
	if (r)
		return r;
	*ret = note_get_u32(digest);
	return 0;
}

/* Eight digits, of lower case: a key has one spelling. */
static bool parse_hash(struct text text, uint32_t *ret)
{
	uint32_t hash = 0;

	if (text.size != 8)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.bytes[i];

		if (c >= '0' && c <= '9')
			hash = hash << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			hash = hash << 4 | (uint32_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret = hash;
	return true;
}

int note_key_parse(const char *vkey, struct note_key *ret)
{
	struct text rest = { vkey, strlen(vkey) }, name, hash;
	uint8_t bytes[1 + NOTE_PUBLIC_SIZE];
	struct note_key key = { 0 };
	uint32_t expected;
	int r;

	if (!text_take(&rest, '+', &name) || !text_take(&rest, '+', &hash) || !text_is_name(name) ||
	    name.size >= NOTE_NAME_MAX || !parse_hash(hash, &key.hash) ||
	    !text_to_bytes(rest, bytes, sizeof(bytes)) || bytes[0] != NOTE_ED25519)
		return -EINVAL;
	memcpy(key.name, name.bytes, name.size);
	memcpy(key.public, bytes + 1, NOTE_PUBLIC_SIZE);
	r = note_key_hash(key.name, key.public, &expected);
	if (r)
		return r;
	if (expected != key.hash)
		return -EINVAL;
	*ret = key;
	return 0;
}

void note_key_format(const struct note_key *key, char ret[NOTE_VKEY_MAX])
{
	uint8_t bytes[1 + NOTE_PUBLIC_SIZE] = { NOTE_ED25519 };
	char base64[TEXT_BASE64_MAX(sizeof(bytes))];

	memcpy(bytes + 1, key->public, NOTE_PUBLIC_SIZE);
	text_from_bytes(bytes, sizeof(bytes), base64);
	snprintf(ret, NOTE_VKEY_MAX, "%s+%08x+%s", key->name, key->hash, base64);
}
