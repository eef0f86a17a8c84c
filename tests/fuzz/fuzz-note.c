/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notes, what they sign, and keys. Nothing verifies but the three texts that the seeds' key has signed,
 * however many signatures of others surround theirs; and whatever parses has one spelling.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tree/note.h"
#include "tests/fuzz/fuzz.h"

#define ORIGIN "bpfwarden/shop-7/5f0c3a9b1d2e4f60"
#define ROOT   "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static struct note_key seeds_key(void)
{
	static const uint8_t seed[NOTE_SEED_SIZE] = { 7 };
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL;
	char vkey[NOTE_VKEY_MAX];
	struct note_key key;

	FUZZ_CHECK(note_signer_new(ORIGIN, seed, &signer) == 0);
	note_signer_vkey(signer, vkey);
	FUZZ_CHECK(note_key_parse(vkey, &key) == 0);
	return key;
}

static void check_note(const struct note_key *key, const char *note, size_t size)
{
	static const char *const signed_texts[] = {
		ORIGIN "\n1311\n" ROOT "\n",
		ORIGIN "\n1311\n" ROOT "\nextension\n",
		ORIGIN "/removed\n900\n" ROOT "\ntime 1790000000000000000\n",
	};
	bool known = false;
	size_t text_size;
	int r = note_verify(key, note, size, &text_size);

	FUZZ_CHECK(r >= NOTE_GOOD && r <= NOTE_FORGED);
	if (r != NOTE_GOOD)
		return;
	for (size_t i = 0; i < 3; i++)
		known |= text_size == strlen(signed_texts[i]) && !memcmp(note, signed_texts[i], text_size);
	FUZZ_CHECK(known);
}

/* The text may go on behind what parses, in lines of extension, which are not kept. */
static void check_texts(const char *text, size_t size)
{
	struct checkpoint checkpoint;
	char again[NOTE_SIZE_MAX];
	struct stub stub;
	int r = checkpoint_parse(text, size, &checkpoint);

	if (!r) {
		FUZZ_CHECK(checkpoint_format(&checkpoint, again) == 0);
		FUZZ_CHECK(strlen(again) <= size && !memcmp(again, text, strlen(again)));
		FUZZ_CHECK(stub_parse(text, size, &stub));
	} else if (!stub_parse(text, size, &stub)) {
		FUZZ_CHECK(stub_format(&stub, again) == 0);
		FUZZ_CHECK(strlen(again) == size && !memcmp(again, text, size));
	}
}

static void check_key(const char *text)
{
	char again[NOTE_VKEY_MAX];
	struct note_key key;

	if (note_key_parse(text, &key))
		return;
	note_key_format(&key, again);
	FUZZ_CHECK(!strcmp(again, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct note_key key;
	const char *blank = memmem(data, size, "\n\n", 2);
	char *text = strndup((const char *)data, size);

	if (!key.name[0])
		key = seeds_key();
	FUZZ_CHECK(text);
	check_note(&key, (const char *)data, size);
	check_texts((const char *)data, blank ? (size_t)(blank + 1 - (const char *)data) : size);
	check_key(text);
	free(text);
	return 0;
}
