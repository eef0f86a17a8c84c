/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints (c2sp.org/tlog-checkpoint) and stubs: what is read is what would be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "common/digest.h"

#define ROOT      "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
#define ROOT_HEX  "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
#define ORIGIN    "bpfwarden/shop-7/5f0c3a9b1d2e4f60"
#define SOFA_TEXT "example.com/behind-the-sofa\n20852163\n" ROOT "\n"
#define SOFA_NOTE                                                              \
	SOFA_TEXT                                                              \
	"\n— example.com/behind-the-sofa "                                   \
	"Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz" \
	"Gku9nTo+zyWE+xeMcTOAYQ8=\n"

static const uint8_t seed[NOTE_SEED_SIZE] = { 7 };

/* The example of the specification. */
static void test_example(void **state)
{
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL;
	struct checkpoint checkpoint;
	char text[NOTE_SIZE_MAX], hex[DIGEST_HEX_MAX], vkey[NOTE_VKEY_MAX];
	struct note_key key;

	(void)state;
	assert_int_equal(checkpoint_parse(SOFA_NOTE, strlen(SOFA_TEXT), &checkpoint), 0);
	assert_string_equal(checkpoint.origin, "example.com/behind-the-sofa");
	assert_int_equal(checkpoint.size, 20852163);
	assert_string_equal(digest_to_hex(checkpoint.root, hex), ROOT_HEX);
	assert_int_equal(checkpoint_format(&checkpoint, text), 0);
	assert_string_equal(text, SOFA_TEXT);

	/* Its key is not published: to another one of the name, it is not signed. */
	assert_int_equal(note_signer_new("example.com/behind-the-sofa", seed, &signer), 0);
	note_signer_vkey(signer, vkey);
	assert_int_equal(note_key_parse(vkey, &key), 0);
	assert_int_equal(checkpoint_verify(&key, SOFA_NOTE, strlen(SOFA_NOTE), &checkpoint), NOTE_UNSIGNED);
}

static void test_texts(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ ORIGIN "\n1311\n" ROOT "\n", 0 },
		{ ORIGIN "\n0\n" ROOT "\n", 0 },
		{ ORIGIN "\n4611686018427387904\n" ROOT "\n", 0 },
		{ ORIGIN "\n1311\n" ROOT "\nextension\nanother\n", 0 },
		{ "removed\n1\n" ROOT "\n", 0 },
		{ ORIGIN "\n4611686018427387905\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n18446744073709551616\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n36893488147419103232\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n01\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n+1\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n-1\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n 1\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n1 \n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n0x1\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n\n" ROOT "\n", -EINVAL },
		{ "\n1\n" ROOT "\n", -EINVAL },
		{ "two words\n1\n" ROOT "\n", -EINVAL },
		{ "a+b\n1\n" ROOT "\n", -EINVAL },
		{ ORIGIN "\n1\n" ROOT, -EINVAL },
		{ ORIGIN "\n1\n", -EINVAL },
		{ ORIGIN "\n", -EINVAL },
		{ "", -EINVAL },
		{ ORIGIN "\r\n1\r\n" ROOT "\r\n", -EINVAL },
		{ ORIGIN "\n1\n" ROOT "\n\n", -EINVAL },
		{ ORIGIN "\n1\n" ROOT "\n\nextension\n", -EINVAL },
		{ ORIGIN "\n1\n" ROOT "\nextension", -EINVAL },
		{ ORIGIN "\n1\n" ROOT "\n\x1b[2J\n", -EINVAL },
		/* base64 of another length, with bits that do not count, of another alphabet */
		{ ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2Ji\n", -EINVAL },
		{ ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n", -EINVAL },
		{ ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n", -EINVAL },
		{ ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=\n", -EINVAL },
		{ ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n", -EINVAL },
		{ ORIGIN "\n1\n " ROOT "\n", -EINVAL },
		/* a stub is none */
		{ ORIGIN "/removed\n1\n" ROOT "\ntime 5\n", -EINVAL },
		{ "/removed\n1\n" ROOT "\n", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct checkpoint checkpoint = { .size = 4711 };
		int r = checkpoint_parse(cases[i].text, strlen(cases[i].text), &checkpoint);

		if (r != cases[i].result)
			fail_msg("case %zu: %d, not %d: %s", i, r, cases[i].result, cases[i].text);
		if (r)
			assert_int_equal(checkpoint.size, 4711);
	}
}

static void test_format(void **state)
{
	struct checkpoint checkpoint = { .origin = ORIGIN, .size = TREE_SIZE_MAX };
	char text[NOTE_SIZE_MAX] = "untouched";
	static const char *const origins[] = { "", "a b", "a+b", ORIGIN "/removed", "\xff" };

	(void)state;
	checkpoint.size++;
	assert_int_equal(checkpoint_format(&checkpoint, text), -EINVAL);
	checkpoint.size--;
	for (size_t i = 0; i < sizeof(origins) / sizeof(*origins); i++) {
		strcpy(checkpoint.origin, origins[i]);
		assert_int_equal(checkpoint_format(&checkpoint, text), -EINVAL);
	}
	memset(checkpoint.origin, 'n', NOTE_NAME_MAX);
	assert_int_equal(checkpoint_format(&checkpoint, text), -EINVAL);
	assert_string_equal(text, "untouched");
	checkpoint.origin[NOTE_NAME_MAX - 1] = '\0';
	assert_int_equal(checkpoint_format(&checkpoint, text), 0);
	assert_int_equal(checkpoint_parse(text, strlen(text), &checkpoint), 0);
	memmove(text + 1, text, strlen(text) + 1);
	assert_int_equal(checkpoint_parse(text, strlen(text), &checkpoint), -EINVAL);
}

static void test_stub(void **state)
{
	static const char *const refused[] = {
		ORIGIN "\n900\n" ROOT "\n",
		ORIGIN "\n900\n" ROOT "\ntime 5\n",
		ORIGIN "/removed\n900\n" ROOT "\n",
		ORIGIN "/removed\n900\n" ROOT "\ntime\n",
		ORIGIN "/removed\n900\n" ROOT "\ntime \n",
		ORIGIN "/removed\n900\n" ROOT "\ntime 05\n",
		ORIGIN "/removed\n900\n" ROOT "\ntime 5",
		ORIGIN "/removed\n900\n" ROOT "\ntime 5\nmore\n",
		ORIGIN "/removed\n900\n" ROOT "\ntime 18446744073709551616\n",
		ORIGIN "/removed/removed\n900\n" ROOT "\ntime 5\n",
		"/removed\n900\n" ROOT "\ntime 5\n",
	};
	static const char good[] = ORIGIN "/removed\n900\n" ROOT "\ntime 1790000000000000000\n";
	struct checkpoint checkpoint;
	char text[NOTE_SIZE_MAX];
	struct stub stub;

	(void)state;
	assert_int_equal(stub_parse(good, strlen(good), &stub), 0);
	assert_string_equal(stub.origin, ORIGIN);
	assert_int_equal(stub.size, 900);
	assert_int_equal(stub.time, 1790000000000000000);
	assert_int_equal(stub_format(&stub, text), 0);
	assert_string_equal(text, good);
	assert_int_equal(checkpoint_parse(good, strlen(good), &checkpoint), -EINVAL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_int_equal(stub_parse(refused[i], strlen(refused[i]), &stub), -EINVAL);
	strcpy(stub.origin, ORIGIN "/removed");
	assert_int_equal(stub_format(&stub, text), -EINVAL);
}

static struct note_signer *make_signer(const char *name, struct note_key *ret_key)
{
	struct note_signer *signer;
	char vkey[NOTE_VKEY_MAX];

	assert_int_equal(note_signer_new(name, seed, &signer), 0);
	note_signer_vkey(signer, vkey);
	assert_int_equal(note_key_parse(vkey, ret_key), 0);
	return signer;
}

/* One key signs checkpoints and stubs of one log, and nothing of it passes for something else. */
static void test_verify(void **state)
{
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL, *other = NULL;
	struct checkpoint checkpoint = { .origin = ORIGIN, .size = 1311, .root = { 1 } }, got = { 0 };
	struct stub stub = { .origin = ORIGIN, .size = 900, .root = { 2 }, .time = 5 }, got_stub = { 0 };
	char text[NOTE_SIZE_MAX], note[NOTE_SIZE_MAX];
	struct note_key key, other_key;

	(void)state;
	signer = make_signer(ORIGIN, &key);
	other = make_signer("bpfwarden/shop-8/0000000000000000", &other_key);

	assert_int_equal(checkpoint_format(&checkpoint, text), 0);
	assert_int_equal(note_sign(signer, text, note), 0);
	assert_int_equal(checkpoint_verify(&key, note, strlen(note), &got), NOTE_GOOD);
	assert_memory_equal(&got, &checkpoint, sizeof(got));
	assert_int_equal(stub_verify(&key, note, strlen(note), &got_stub), NOTE_MALFORMED);
	assert_int_equal(checkpoint_verify(&other_key, note, strlen(note), &got), NOTE_UNSIGNED);
	note[strlen(ORIGIN) + 1] = '2';
	assert_int_equal(checkpoint_verify(&key, note, strlen(note), &got), NOTE_FORGED);

	/* Signed by the key of a log, but about another log. */
	assert_int_equal(note_sign(other, text, note), 0);
	assert_int_equal(checkpoint_verify(&other_key, note, strlen(note), &got), NOTE_MALFORMED);

	assert_int_equal(stub_format(&stub, text), 0);
	assert_int_equal(note_sign(signer, text, note), 0);
	assert_int_equal(stub_verify(&key, note, strlen(note), &got_stub), NOTE_GOOD);
	assert_memory_equal(&got_stub, &stub, sizeof(stub));
	assert_int_equal(checkpoint_verify(&key, note, strlen(note), &got), NOTE_MALFORMED);
	assert_int_equal(note_sign(other, text, note), 0);
	assert_int_equal(stub_verify(&other_key, note, strlen(note), &got_stub), NOTE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example), cmocka_unit_test(test_texts),  cmocka_unit_test(test_format),
		cmocka_unit_test(test_stub),    cmocka_unit_test(test_verify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
