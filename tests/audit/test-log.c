/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log as a tree: its checkpoints, when they are signed and by whom, and what it proves. */
#include "../unit/audit-fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct note_key key_of(struct audit *audit)
{
	struct audit_state state;
	struct note_key key;

	audit_describe(audit, &state);
	assert_int_equal(note_key_parse(state.key, &key), 0);
	assert_string_equal(key.name, state.origin);
	return key;
}

/* The last checkpoint, which must be good; "" is one of nothing. */
static struct checkpoint signed_tree(struct audit *audit)
{
	struct note_key key = key_of(audit);
	const char *note = audit_last_checkpoint(audit);
	struct checkpoint checkpoint = { 0 };

	if (*note)
		assert_int_equal(checkpoint_verify(&key, note, strlen(note), &checkpoint), NOTE_GOOD);
	return checkpoint;
}

static void append(struct audit *audit, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fixture_append(audit, i, "p");
	fixture_commit(audit);
}

static const char *content(const char *path)
{
	static char text[8192];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void test_signed_with_the_256th(void **state)
{
	struct audit *audit = fixture_open(*state);

	append(audit, AUDIT_CHECKPOINT_RECORDS - 1);
	assert_string_equal(audit_last_checkpoint(audit), "");
	append(audit, 1);
	assert_int_equal(signed_tree(audit).size, AUDIT_CHECKPOINT_RECORDS);
	assert_int_equal(audit_next_tick(audit), UINT64_MAX);
	/* A batch is signed at its end, wherever in it the 256th is. */
	append(audit, 255);
	append(audit, 45);
	assert_int_equal(signed_tree(audit).size, AUDIT_CHECKPOINT_RECORDS + 300);
	assert_string_equal(content(fixture_path(*state, "checkpoint")), audit_last_checkpoint(audit));
	audit_close(audit);
}

static void test_signed_in_time(void **state)
{
	struct audit *audit = fixture_open(*state);
	uint64_t due;

	append(audit, 1);
	due = audit_next_tick(audit);
	append(audit, 1);
	assert_true(audit_next_tick(audit) == due); /* of the first one */
	assert_int_equal(audit_tick(audit, due - 1, NULL), 0);
	assert_string_equal(audit_last_checkpoint(audit), "");
	assert_int_equal(audit_tick(audit, due, NULL), 0);
	assert_int_equal(signed_tree(audit).size, 2);
	assert_int_equal(audit_next_tick(audit), UINT64_MAX);
	audit_close(audit);
}

static void test_signed_on_demand_and_at_the_end(void **state)
{
	struct audit *audit = fixture_open(*state);
	char *before;

	fixture_append(audit, 0, "p");
	assert_int_equal(audit_checkpoint(audit, NULL), 0); /* commits, too */
	assert_int_equal(audit_head(audit), 1);
	assert_int_equal(signed_tree(audit).size, 1);
	before = strdup(audit_last_checkpoint(audit));
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	assert_string_equal(audit_last_checkpoint(audit), before);
	free(before);
	append(audit, 2);
	audit = audit_close(audit);
	audit = fixture_open(*state);
	assert_int_equal(signed_tree(audit).size, 3);
	audit_close(audit);
}

static void test_published(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	char *published = strdup(fixture_path(*state, "published"));
	struct audit *audit = NULL;
	struct stat st;

	options.directory = *state;
	options.published = published;
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	append(audit, 1);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	assert_string_equal(content(published), audit_last_checkpoint(audit));
	assert_int_equal(stat(published, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	audit = audit_close(audit);
	/* Gone with a reboot, and there again. */
	assert_int_equal(unlink(published), 0);
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_string_equal(content(published), audit_last_checkpoint(audit));
	audit_close(audit);
	free(published);
}

static int count_note(const char *note, size_t size, void *userdata)
{
	char *sizes = userdata;
	const char *line = strchr(note, '\n') + 1;

	assert_int_equal(strlen(note), size);
	snprintf(sizes + strlen(sizes), 64 - strlen(sizes), "%.*s ", (int)strcspn(line, "\n"), line);
	return 0;
}

static const char *checkpoints(struct audit *audit, uint64_t above, uint32_t limit)
{
	static char sizes[64];

	sizes[0] = '\0';
	assert_int_equal(audit_checkpoints(audit, above, limit, count_note, sizes, NULL), 0);
	return sizes;
}

static void test_checkpoints_are_kept(void **state)
{
	struct audit *audit = fixture_open(*state);

	for (unsigned i = 1; i <= 4; i++) {
		append(audit, i);
		assert_int_equal(audit_checkpoint(audit, NULL), 0);
	}
	assert_string_equal(checkpoints(audit, 0, 0), "1 3 6 10 ");
	assert_string_equal(checkpoints(audit, 3, 0), "6 10 ");
	assert_string_equal(checkpoints(audit, 0, 2), "1 3 ");
	assert_string_equal(checkpoints(audit, 10, 0), "");
	audit_close(audit);
}

struct leaf {
	uint8_t bytes[DIGEST_SIZE];
};

static int copy_leaf(const struct audit_row *row, void *userdata)
{
	memcpy(((struct leaf *)userdata)->bytes, row->leaf, DIGEST_SIZE);
	return 0;
}

/* Roots of all sizes by appending again. */
static void roots_of(struct audit *audit, unsigned n, uint8_t (*roots)[DIGEST_SIZE])
{
	struct tree_edge edge = TREE_EDGE_INIT;

	for (unsigned i = 1; i <= n; i++) {
		struct leaf leaf;

		assert_int_equal(audit_get(audit, i, copy_leaf, &leaf, NULL), 0);
		assert_int_equal(tree_append(&edge, leaf.bytes, NULL, NULL), 0);
		assert_int_equal(tree_root(&edge, roots[i]), 0);
	}
}

#define PROVED 70

static void check_all_proofs(struct audit *audit)
{
	uint8_t roots[PROVED + 1][DIGEST_SIZE];

	roots_of(audit, PROVED, roots);
	assert_memory_equal(signed_tree(audit).root, roots[PROVED], DIGEST_SIZE);
	for (unsigned size = 1; size <= PROVED; size++)
		for (unsigned i = 1; i <= size; i++) {
			struct tree_proof proof;
			struct leaf leaf;
			bool holds = false;

			assert_int_equal(audit_get(audit, i, copy_leaf, &leaf, NULL), 0);
			assert_int_equal(audit_prove_inclusion(audit, i, size, &proof, NULL), 0);
			assert_int_equal(
				tree_check_inclusion(leaf.bytes, i - 1, size, &proof, roots[size], &holds),
				0);
			assert_true(holds);
			assert_int_equal(audit_prove_consistency(audit, i, size, &proof, NULL), 0);
			assert_int_equal(
				tree_check_consistency(i, roots[i], size, roots[size], &proof, &holds), 0);
			assert_true(holds);
		}
}

static void test_proofs(void **state)
{
	struct audit *audit = fixture_open(*state);

	append(audit, PROVED);
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	check_all_proofs(audit);
	audit_close(audit);
}

static void test_proofs_across_segments(void **state)
{
	static const unsigned batches[] = { 1, 2, 5, 8, 3, 13, 31, 7 };
	struct audit *audit = fixture_open(*state);

	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		append(audit, batches[i]);
		assert_int_equal(audit_rotate(audit, NULL), 0);
	}
	check_all_proofs(audit);
	audit = audit_close(audit);
	audit = fixture_open(*state);
	check_all_proofs(audit);
	audit_close(audit);
}

static void test_what_cannot_be_proved(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct tree_proof proof;
	static const struct {
		uint64_t seq, size;
		const char *subject;
	} cases[] = { { 1, 6, "size" }, { 1, 0, "size" }, { 0, 5, "seq" }, { 6, 5, "seq" }, { 5, 4, "seq" } };
	static const struct {
		uint64_t from, size;
		const char *subject;
	} pairs[] = { { 1, 6, "size" }, { 0, 5, "from" }, { 5, 4, "from" } };

	append(audit, 5);
	fixture_append(audit, 0, "staged, so not there");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct refusal refusal = { 0 };

		assert_int_equal(audit_prove_inclusion(audit, cases[i].seq, cases[i].size, &proof, &refusal),
				 REFUSAL_INVALID_ARGUMENT);
		assert_string_equal(refusal.subject, cases[i].subject);
	}
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct refusal refusal = { 0 };

		assert_int_equal(
			audit_prove_consistency(audit, pairs[i].from, pairs[i].size, &proof, &refusal),
			REFUSAL_INVALID_ARGUMENT);
		assert_string_equal(refusal.subject, pairs[i].subject);
	}
	audit_close(audit);
}

static void write_file(const char *path, const char *bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void test_key_is_made_once(void **state)
{
	struct audit *audit = fixture_open(*state);
	struct audit_state first, again;
	struct stat st;

	audit_describe(audit, &first);
	assert_int_equal(strncmp(first.origin, "bpfwarden/", 10), 0);
	assert_int_equal(strlen(strrchr(first.origin, '/')), 17);
	assert_int_equal(first.base, 0);
	assert_int_equal(first.first, 1);
	assert_int_equal(first.last, 0);
	assert_int_equal(stat(fixture_path(*state, "key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, NOTE_SEED_SIZE);
	append(audit, 1);
	audit = audit_close(audit);
	audit = fixture_open(*state);
	audit_describe(audit, &again);
	assert_string_equal(again.origin, first.origin);
	assert_string_equal(again.key, first.key);
	assert_int_equal(again.last, 1);
	audit_close(audit);
}

static void test_key_as_credential(void **state)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct note_signer *signer = NULL;
	struct audit *audit = NULL;
	struct audit_state found;
	char vkey[NOTE_VKEY_MAX];

	write_file(fixture_path(*state, "bpfwarden.audit-key"), "an unsealed seed of 32 bytes....", 0400);
	options.directory = options.credentials = *state;
	assert_int_equal(audit_open(&options, &audit, NULL), 0);
	assert_int_equal(access(fixture_path(*state, "key"), F_OK), -1);
	audit_describe(audit, &found);
	assert_int_equal(
		note_signer_new(found.origin, (const uint8_t *)"an unsealed seed of 32 bytes....", &signer),
		0);
	note_signer_vkey(signer, vkey);
	assert_string_equal(found.key, vkey);
	note_signer_free(signer);
	audit_close(audit);
}

static void test_what_is_no_key(void **state)
{
	static const struct {
		const char *bytes;
		mode_t mode;
	} cases[] = { { "too short", 0600 },
		      { "this one has 33 bytes, one too many", 0600 },
		      { "this one may be written by all..", 0666 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct audit_options options = AUDIT_OPTIONS_INIT;
		struct refusal refusal = { 0 };
		struct audit *audit = NULL;

		write_file(fixture_path(*state, "key"), cases[i].bytes, cases[i].mode);
		options.directory = *state;
		assert_int_equal(audit_open(&options, &audit, &refusal), REFUSAL_AUDIT_UNAVAILABLE);
		assert_string_equal(refusal.subject, "key");
		unlink(fixture_path(*state, "key"));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signed_with_the_256th),
		TEST(test_signed_in_time),
		TEST(test_signed_on_demand_and_at_the_end),
		TEST(test_published),
		TEST(test_checkpoints_are_kept),
		TEST(test_proofs),
		TEST(test_proofs_across_segments),
		TEST(test_what_cannot_be_proved),
		TEST(test_key_is_made_once),
		TEST(test_key_as_credential),
		TEST(test_what_is_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
