/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys and notes. Vectors: golang.org/x/mod/sumdb/note (its example and its tests), c2sp.org/signed-note and
 * github.com/transparency-dev/formats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit/tree/note.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define ENOCH "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define TEXT                                                         \
	"If you think cryptography is the answer to your problem,\n" \
	"then you don't know what your problem is.\n"
#define PETER_LINE                                                                                           \
	"— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE" \
	"6RyyBwJnAM=\n"
#define ENOCH_LINE                                                                                           \
	"— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1" \
	"RvMc+QQ=\n"
/* Of a length that no Ed25519 signature has, as those of other algorithms are. */
#define OTHER_LINE "— example.com/other AAAAAAEC\n"

static const uint8_t peter_seed[NOTE_SEED_SIZE] = {
	0x81, 0x0a, 0x14, 0x02, 0xd5, 0x14, 0x6c, 0x8d, 0x84, 0xf2, 0x44, 0x33, 0x30, 0xf5, 0x40, 0x80,
	0xeb, 0xf9, 0x8e, 0xe1, 0x7d, 0x9c, 0x74, 0xf6, 0x25, 0x2f, 0xc5, 0xd5, 0xc7, 0x28, 0x31, 0x73,
};
static const uint8_t enoch_seed[NOTE_SEED_SIZE];

static int verify(const char *vkey, const char *note, size_t *ret_size)
{
	struct note_key key;

	assert_int_equal(note_key_parse(vkey, &key), 0);
	return note_verify(&key, note, strlen(note), ret_size);
}

static void test_keys(void **state)
{
	static const struct {
		const char *vkey, *name;
		uint32_t hash;
	} keys[] = {
		{ PETER, "PeterNeumann", 0xc74f20a3 },
		{ ENOCH, "EnochRoot", 0xaf0cfe78 },
		{ "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "example.com/foo",
		  0x530d903a },
		{ "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6", "TEST", 0x7997405c },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char again[NOTE_VKEY_MAX];
		struct note_key key;

		assert_int_equal(note_key_parse(keys[i].vkey, &key), 0);
		assert_string_equal(key.name, keys[i].name);
		assert_int_equal(key.hash, keys[i].hash);
		note_key_format(&key, again);
		assert_string_equal(again, keys[i].vkey);
	}
}

static void test_bad_keys(void **state)
{
	static const char *const keys[] = {
		"",
		"+",
		"++",
		"PeterNeumann",
		"PeterNeumann+c74f20a3",
		"PeterNeumann+c74f20a3+",
		/* another length, and another algorithm, under hashes that fit */
		"PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
		"PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
		"PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq_LDE4izWy10TW",
		PETER "\n",
		" " PETER,
		PETER "=",
		"PeterNeumann +c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
	};
	struct note_key key;
	char text[] = PETER;
	size_t n = strlen(text);

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		assert_int_equal(note_key_parse(keys[i], &key), -EINVAL);
	for (size_t i = 0; i < n; i++) {
		text[i]++;
		assert_int_equal(note_key_parse(text, &key), -EINVAL);
		text[i]--;
		assert_int_equal(note_key_parse(PETER + i + 1, &key), -EINVAL);
	}
	for (size_t i = n; i--;) {
		text[i] = '\0';
		assert_int_equal(note_key_parse(text, &key), -EINVAL);
	}
}

static void test_sign(void **state)
{
	_cleanup_(note_signer_free_p) struct note_signer *peter = NULL, *enoch = NULL;
	char vkey[NOTE_VKEY_MAX], note[NOTE_SIZE_MAX];

	(void)state;
	assert_int_equal(note_signer_new("PeterNeumann", peter_seed, &peter), 0);
	assert_string_equal(note_signer_name(peter), "PeterNeumann");
	note_signer_vkey(peter, vkey);
	assert_string_equal(vkey, PETER);
	assert_int_equal(note_sign(peter, TEXT, note), 0);
	assert_string_equal(note, TEXT "\n" PETER_LINE);

	assert_int_equal(note_signer_new("EnochRoot", enoch_seed, &enoch), 0);
	note_signer_vkey(enoch, vkey);
	assert_string_equal(vkey, ENOCH);
	assert_int_equal(note_sign(enoch, TEXT, note), 0);
	assert_string_equal(note, TEXT "\n" ENOCH_LINE);
}

static void test_not_signed(void **state)
{
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL, *longest = NULL;
	static const char *const names[] = { "",      "a b",       "a+b",      "a\nb",    "a\xffz",
					     "\x1f",  "a\u00a0b",  "a\u2003b", "a\u3000", "\u2028",
					     "a\x7f", "a\xc2\x85", "a\xc2\x9b" };
	static const char *const texts[] = { "",          "text",   "a\rb\n",    "a\tb\n",
					     "\x1b[2J\n", "\xff\n", "\xc0\x80\n" };
	char name[NOTE_NAME_MAX + 1], note[NOTE_SIZE_MAX] = "untouched", text[NOTE_SIZE_MAX],
				      vkey[NOTE_VKEY_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(note_signer_new(names[i], peter_seed, &signer), -EINVAL);
	memset(name, 'n', NOTE_NAME_MAX);
	name[NOTE_NAME_MAX] = '\0';
	assert_int_equal(note_signer_new(name, peter_seed, &signer), -EINVAL);
	name[NOTE_NAME_MAX - 1] = '\0';
	assert_int_equal(note_signer_new(name, peter_seed, &longest), 0);
	note_signer_vkey(longest, vkey);
	assert_int_equal(strlen(vkey), NOTE_NAME_MAX - 1 + 10 + 44);

	assert_int_equal(note_signer_new("PeterNeumann", peter_seed, &signer), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(note_sign(signer, texts[i], note), -EINVAL);
	memset(text, 'x', sizeof(text));
	strcpy(text + sizeof(text) - 2, "\n");
	assert_int_equal(note_sign(signer, text, note), -E2BIG);
	assert_string_equal(note, "untouched");
	strcpy(text + sizeof(text) - 1 - strlen("\n" PETER_LINE) - 1, "\n");
	assert_int_equal(note_sign(signer, text, note), 0);
	assert_int_equal(strlen(note), sizeof(note) - 1);
}

static void test_good(void **state)
{
	/* What is signed may look like a note itself. */
	static const char *const texts[] = { "a\n",    "\n",     "a\n\nb\n", TEXT "\n" ENOCH_LINE,
					     "\n\n\n", "Größe\n" };
	_cleanup_(note_signer_free_p) struct note_signer *signer = NULL;
	char note[NOTE_SIZE_MAX];
	size_t size;

	(void)state;
	assert_int_equal(note_signer_new("PeterNeumann", peter_seed, &signer), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(note_sign(signer, texts[i], note), 0);
		assert_int_equal(verify(PETER, note, &size), NOTE_GOOD);
		assert_int_equal(size, strlen(texts[i]));
		assert_memory_equal(note, texts[i], size);
	}
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *note;
		enum note_verdict verdict;
	} cases[] = {
		{ TEXT "\n" PETER_LINE, NOTE_GOOD },
		/* several, in any order, known or not */
		{ TEXT "\n" PETER_LINE ENOCH_LINE, NOTE_GOOD },
		{ TEXT "\n" ENOCH_LINE PETER_LINE, NOTE_GOOD },
		{ TEXT "\n" OTHER_LINE PETER_LINE OTHER_LINE, NOTE_GOOD },
		{ TEXT "\n" PETER_LINE PETER_LINE, NOTE_GOOD },
		{ TEXT "\n— Größe AAAAAAA=\n" PETER_LINE, NOTE_GOOD },
		/* of others only: another name, or another hash */
		{ TEXT "\n" ENOCH_LINE, NOTE_UNSIGNED },
		{ TEXT "\n" OTHER_LINE, NOTE_UNSIGNED },
		{ TEXT "\n— PeterNeuman "
		       "x08go/ZJkuBS9UG/"
		       "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
		  NOTE_UNSIGNED },
		{ TEXT "\n— PeterNeumann "
		       "y08go/ZJkuBS9UG/"
		       "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
		  NOTE_UNSIGNED },
		/* of this key by name and hash, but not of this text */
		{ "Something else\n\n" PETER_LINE, NOTE_FORGED },
		{ TEXT "\n\n" PETER_LINE, NOTE_FORGED },
		{ TEXT TEXT "\n" PETER_LINE, NOTE_FORGED },
		{ TEXT "\n" PETER_LINE "\n" PETER_LINE, NOTE_FORGED },
		{ TEXT "\n— PeterNeumann "
		       "x08go/YJkuBS9UG/"
		       "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
		  NOTE_FORGED },
		/* one that verifies does not make up for one that does not */
		{ TEXT "\n" PETER_LINE "— PeterNeumann x08go/Y=\n", NOTE_FORGED },
		{ TEXT "\n— PeterNeumann x08go/Y=\n" PETER_LINE, NOTE_FORGED },
		/* its signature, cut short and with bits that do not count */
		{ TEXT "\n— PeterNeumann x08go/ZJkuBS9UG/\n", NOTE_FORGED },
		{ TEXT "\n— PeterNeumann "
		       "x08go/ZJkuBS9UG/"
		       "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAN=\n",
		  NOTE_FORGED },
		/* no notes */
		{ "", NOTE_MALFORMED },
		{ "\n", NOTE_MALFORMED },
		{ "\n\n", NOTE_MALFORMED },
		{ TEXT, NOTE_MALFORMED },
		{ TEXT "\n", NOTE_MALFORMED },
		{ TEXT PETER_LINE, NOTE_MALFORMED },
		{ PETER_LINE, NOTE_MALFORMED },
		{ "\n" PETER_LINE, NOTE_MALFORMED },
		{ TEXT "\nno signature\n", NOTE_MALFORMED },
		{ TEXT "\n" PETER_LINE "trailing", NOTE_MALFORMED },
		{ TEXT "\n" PETER_LINE "trailing\n", NOTE_MALFORMED },
		{ TEXT "\n" PETER_LINE "\n", NOTE_MALFORMED },
		{ TEXT "\n" PETER_LINE "\ntrailing\n", NOTE_MALFORMED },
		{ TEXT "\ntrailing\n" PETER_LINE, NOTE_MALFORMED },
		{ TEXT "\n— PeterNeumann \n", NOTE_MALFORMED },
		{ TEXT "\n— PeterNeumann\n", NOTE_MALFORMED },
		{ TEXT "\n—  x08go/Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a+b x08go/Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a\u2003b x08go/Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a  x08go/Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a x08go/Y= \n", NOTE_MALFORMED },
		{ TEXT "\n— a x08go/Y\n", NOTE_MALFORMED },
		{ TEXT "\n— a x08go!Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a x08g=/Y=\n", NOTE_MALFORMED },
		{ TEXT "\n— a x0===g==\n", NOTE_MALFORMED },
		{ TEXT "\n— a x08gow==\n", NOTE_MALFORMED }, /* a hash, and nothing signed */
		{ TEXT "\n- a x08go/Y=\n", NOTE_MALFORMED },
		{ TEXT "\r\n\r\n" PETER_LINE, NOTE_MALFORMED },
		{ TEXT "\n— EnochRoot rwz+eBzm\r\n" PETER_LINE, NOTE_MALFORMED },
		{ "\x1b[31m" TEXT "\n" PETER_LINE, NOTE_MALFORMED },
		{ "\xff" TEXT "\n" PETER_LINE, NOTE_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t size = 4711;
		int r = verify(PETER, cases[i].note, &size);

		if (r != (int)cases[i].verdict)
			fail_msg("case %zu: %d, not %d: %s", i, r, (int)cases[i].verdict, cases[i].note);
		assert_int_equal(size, r == NOTE_GOOD ? strlen(TEXT) : 4711);
	}
}

/* Whatever byte is changed, and wherever it is cut: it is not good. */
static void test_every_byte(void **state)
{
	char note[] = TEXT "\n" PETER_LINE;
	size_t n = strlen(note), size;
	struct note_key key;

	(void)state;
	assert_int_equal(note_key_parse(PETER, &key), 0);
	assert_int_equal(note_verify(&key, note, n, &size), NOTE_GOOD);
	for (size_t i = 0; i < n; i++) {
		assert_int_not_equal(note_verify(&key, note, i, &size), NOTE_GOOD);
		for (unsigned bit = 0; bit < 8; bit++) {
			note[i] = (char)(note[i] ^ 1 << bit);
			assert_int_not_equal(note_verify(&key, note, n, &size), NOTE_GOOD);
			note[i] = (char)(note[i] ^ 1 << bit);
		}
	}
	/* NUL is a control character, also as the last one. */
	assert_int_equal(note_verify(&key, note, n + 1, &size), NOTE_MALFORMED);
	assert_int_equal(note_verify(&key, NULL, 0, &size), NOTE_MALFORMED);
}

/* Foreign signatures are carried along up to their limits: of number, and of the whole. */
static void test_many(void **state)
{
	static char note[NOTE_VERIFIED_MAX + 2];
	struct note_key key;
	size_t n, size, full;

	(void)state;
	assert_int_equal(note_key_parse(PETER, &key), 0);
	strcpy(note, TEXT "\n");
	for (unsigned i = 0; i < 99; i++)
		strcat(note, OTHER_LINE);
	n = strlen(note);
	strcpy(note + n, PETER_LINE);
	assert_int_equal(note_verify(&key, note, strlen(note), &size), NOTE_GOOD);
	strcat(note, OTHER_LINE);
	assert_int_equal(note_verify(&key, note, strlen(note), &size), NOTE_MALFORMED);

	/* Sixteen signatures of 5 kB, as the specification wants, and one that fills up to the limit. */
	strcpy(note, TEXT "\n" PETER_LINE);
	n = strlen(note);
	for (unsigned i = 0; i < 16; i++) {
		n += (size_t)sprintf(note + n, "— example.com/witness ");
		memset(note + n, 'A', 6668);
		n += 6668;
		note[n++] = '\n';
	}
	assert_int_equal(note_verify(&key, note, n, &size), NOTE_GOOD);
	n += (size_t)sprintf(note + n, "— w");
	while ((NOTE_VERIFIED_MAX - n - 2) % 4)
		note[n++] = 'w';
	note[n++] = ' ';
	full = NOTE_VERIFIED_MAX;
	memset(note + n, 'A', full - n - 1);
	note[full - 1] = '\n';
	assert_int_equal(note_verify(&key, note, full, &size), NOTE_GOOD);
	memmove(note + 1, note, full);
	assert_int_equal(note_verify(&key, note, full + 1, &size), NOTE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),       cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_sign),       cmocka_unit_test(test_not_signed),
		cmocka_unit_test(test_good),       cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_every_byte), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
