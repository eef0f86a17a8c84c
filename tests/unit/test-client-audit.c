/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the command line makes of a daemon that says something about its log: whatever is not proved fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "audit/verify/memory.h"
#include "client/cli/cli.h"
#include "common/digest.h"
#include "tests/unit/client-fixture.h"

#define ORIGIN  "bpfwarden/shop-7/0123456789abcdef"
#define RECORD  "{\"v\":1,\"seq\":1,\"kind\":\"start\",\"time_ns\":1,\"verdict\":\"ok\",\"action\":\"start\"}"
#define CHANGED "{\"v\":1,\"seq\":1,\"kind\":\"start\",\"time_ns\":2,\"verdict\":\"ok\",\"action\":\"start\"}"

static const uint8_t seed[NOTE_SEED_SIZE] = { 1 }, other_seed[NOTE_SEED_SIZE] = { 2 };

__attribute__((noinline)) static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* A log of one record, and what may be wrong with it. */
struct log {
	const char *line;    /* what Query answers; NULL: RECORD */
	const char *origin;  /* of the checkpoint; NULL: ORIGIN */
	const uint8_t *seed; /* of who signed; NULL: of whom the key is */
	uint64_t size;       /* of the tree; 0: one leaf */
	const char *note;    /* instead of all that */
	const char *hashes;  /* NULL: [] */
	const char *vkey;
};

static void sign(const struct log *log, char note[NOTE_SIZE_MAX])
{
	struct checkpoint c = { .size = log->size ? log->size : 1 };
	struct note_signer *signer;
	char text[NOTE_SIZE_MAX];

	snprintf(c.origin, sizeof(c.origin), "%s", log->origin ? log->origin : ORIGIN);
	assert_int_equal(tree_hash_leaf(RECORD, strlen(RECORD), c.root), 0);
	assert_int_equal(checkpoint_format(&c, text), 0);
	assert_int_equal(note_signer_new(ORIGIN, log->seed ? log->seed : seed, &signer), 0);
	assert_int_equal(note_sign(signer, text, note), 0);
	note_signer_free(signer);
}

static void key_of(const uint8_t *of, char vkey[NOTE_VKEY_MAX])
{
	struct note_signer *signer;

	assert_int_equal(note_signer_new(ORIGIN, of, &signer), 0);
	note_signer_vkey(signer, vkey);
	note_signer_free(signer);
}

/* One reply that is right for each of Query, Head and Prove. */
static void serve(struct fixture *f, const struct log *log)
{
	const char *line = log->line ? log->line : RECORD;
	char note[NOTE_SIZE_MAX], vkey[NOTE_VKEY_MAX];
	json_t *record = json_loads(line, 0, NULL), *reply;
	char *text;

	sign(log, note);
	key_of(seed, vkey);
	reply = json_pack("{s:{s:s, s:o, s:s, s:s, s:s, s:i, s:i, s:i, s:o}}", "parameters", "line", line,
			  "record", record, "origin", ORIGIN, "key", log->vkey ? log->vkey : vkey,
			  "checkpoint", log->note ? log->note : note, "base", 0, "first", 1, "last", 1,
			  "hashes", json_loads(log->hashes ? log->hashes : "[]", 0, NULL));
	assert_non_null(reply);
	text = json_dumps(reply, JSON_COMPACT);
	fixture_reset(f);
	snprintf(f->scenario->reply, sizeof(f->scenario->reply), "%s", text);
	free(text);
	json_decref(reply);
}

static void test_checkpoint(void **state)
{
	struct fixture *f = *state;
	const struct log log = { 0 };
	char note[NOTE_SIZE_MAX], vkey[NOTE_VKEY_MAX + 1];

	sign(&log, note);
	key_of(seed, vkey);
	strcat(vkey, "\n");
	serve(f, &log);
	assert_int_equal(fixture_client(f, "audit", "checkpoint", NULL), CLI_OK);
	assert_string_equal(f->out, note);
	assert_int_equal(fixture_client(f, "audit", "checkpoint", "--key", NULL), CLI_OK);
	assert_string_equal(f->out, vkey);
	assert_int_equal(fixture_client(f, "-o", "json", "audit", "checkpoint", NULL), CLI_OK);
	assert_contains(f->out, "\"origin\":\"" ORIGIN "\"");
}

/* Neither verb believes any of these. */
static void test_bad_heads(void **state)
{
	static const struct {
		struct log log;
		const char *problem;
	} rows[] = {
		{ { .vkey = "x" }, "what the daemon calls the log's key is no verifier key" },
		{ { .note = "" }, "the checkpoint is no signed note" },
		{ { .note = "a\n1\nb\n" }, "the checkpoint is no signed note" },
		{ { .seed = other_seed }, "the checkpoint is not signed by the key that the daemon names" },
		{ { .origin = "bpfwarden/shop-7/fedcba9876543210" }, "the checkpoint is of another log" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		serve(f, &rows[i].log);
		assert_int_equal(fixture_client(f, "audit", "checkpoint", NULL), CLI_FAILED);
		assert_contains(f->err, rows[i].problem);
		assert_string_equal(f->out, "");
		assert_int_equal(fixture_client(f, "audit", "show", "1", NULL), CLI_FAILED);
		assert_contains(f->err, rows[i].problem);
		assert_contains(f->out, "NOT PROVED: ");
	}
}

/* The right signer, but the text was changed afterwards. */
static void test_forged(void **state)
{
	struct fixture *f = *state;
	char note[NOTE_SIZE_MAX];
	struct log log = { .note = note };

	sign(&(struct log){ 0 }, note);
	note[strlen(ORIGIN) + 1] = '2'; /* leaves */
	serve(f, &log);
	assert_int_equal(fixture_client(f, "audit", "checkpoint", NULL), CLI_FAILED);
	assert_contains(f->err, "the signature of the checkpoint does not verify");
}

static void test_show(void **state)
{
	struct fixture *f = *state;
	const struct log log = { 0 };
	char hex[DIGEST_HEX_MAX], line[256];
	uint8_t root[DIGEST_SIZE];

	assert_int_equal(tree_hash_leaf(RECORD, strlen(RECORD), root), 0);
	snprintf(line, sizeof(line), "\n  record 1 is leaf 0 of 1, root %s\n  signed by " ORIGIN "+",
		 digest_to_hex(root, hex));
	serve(f, &log);
	assert_int_equal(fixture_client(f, "audit", "show", "1", NULL), CLI_OK);
	assert_contains(f->out, line);
	assert_contains(f->out, "whether the key is the right one is not known yet: bpfwarden audit verify");
	assert_int_equal(fixture_client(f, "-o", "json", "audit", "show", "1", NULL), CLI_OK);
	assert_contains(f->out, "\"proof\":{\"verified\":true,\"leaf_index\":0,");
	assert_int_equal(fixture_client(f, "audit", "show", "2", NULL), CLI_NOT_FOUND);
	assert_int_equal(fixture_client(f, "audit", "show", "0", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "audit", "show", "x", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "audit", "list", "--follow", "--reverse", NULL), CLI_USAGE);
	assert_int_equal(fixture_client(f, "audit", "list", "-n", "0", NULL), CLI_USAGE);
}

static void test_bad_proofs(void **state)
{
	static const char hash[] = "[\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"]";
	static const struct {
		struct log log;
		const char *problem;
	} rows[] = {
		{ { .line = CHANGED },
		  "the record is not the one that is in the signed tree: it was changed, or the log was" },
		{ { .size = 2 },
		  "the record is not the one that is in the signed tree: it was changed, or the log was" },
		{ { .hashes = hash },
		  "the record is not the one that is in the signed tree: it was changed, or the log was" },
		{ { .hashes = "[1]" }, "what the daemon calls a proof is no list of hashes" },
		{ { .hashes = "{}" }, "what the daemon calls a proof is no list of hashes" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		serve(f, &rows[i].log);
		assert_int_equal(fixture_client(f, "audit", "show", "1", NULL), CLI_FAILED);
		assert_contains(f->err, rows[i].problem);
		assert_contains(f->out, "NOT PROVED: ");
		assert_int_equal(fixture_client(f, "-o", "json", "audit", "show", "1", NULL), CLI_FAILED);
		assert_contains(f->out, "\"proof\":{\"verified\":false,");
	}
}

/* Key and tree against those of the last visit. */
static void test_remembered(void **state)
{
	static const struct {
		const uint8_t *seed;
		uint64_t size;
		bool other_root;
		int code;
		const char *words;
	} rows[] = {
		{ seed, 1, false, CLI_OK,
		  "the key is the one you know; the log grew from the 1 leaves of your visit" },
		{ seed, 1, true, CLI_FAILED,
		  "the log did not grow from the 1 leaves that it had when you visited it" },
		{ seed, 2, false, CLI_FAILED,
		  "the log did not grow from the 2 leaves that it had when you visited it" },
		{ other_seed, 1, false, CLI_FAILED, "the key is not the one of your visit on 1970-01-01" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct memory m = { .size = rows[i].size, .visited = 1, .origin = ORIGIN };
		const struct log log = { 0 };
		char home[128], command[160], *directory;

		snprintf(home, sizeof(home), "%s/state", f->directory);
		snprintf(command, sizeof(command), "rm -rf %s", home);
		assert_int_equal(system(command), 0);
		setenv("XDG_STATE_HOME", home, 1);
		key_of(rows[i].seed, m.key);
		sign(&(struct log){ .seed = rows[i].seed, .size = rows[i].size }, m.checkpoint);
		assert_int_equal(tree_hash_leaf(RECORD, strlen(RECORD), m.root), 0);
		m.root[0] ^= rows[i].other_root;
		assert_int_equal(memory_directory(&directory), 0);
		assert_int_equal(memory_store(directory, &m), 0);
		free(directory);
		serve(f, &log);
		assert_int_equal(fixture_client(f, "audit", "show", "1", NULL), rows[i].code);
		assert_contains(f->out, rows[i].words);
		assert_int_equal(system(command), 0);
		setenv("XDG_STATE_HOME", "/nonexistent", 1);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checkpoint), TEST(test_bad_heads),  TEST(test_forged),
		TEST(test_show),       TEST(test_bad_proofs), TEST(test_remembered),
	};

	setenv("XDG_STATE_HOME", "/nonexistent", 1);
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
