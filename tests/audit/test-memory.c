/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an auditor remembers: it comes back as it was, goes forward only, and notices a log in another's
 * stead. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verify-scene.h"

static struct scene scene;
static char directory[SCENE_PATH_MAX + 32];

static void make_key(const char *name, uint8_t seed_byte, char vkey[NOTE_VKEY_MAX])
{
	uint8_t seed[NOTE_SEED_SIZE] = { seed_byte };
	struct note_signer *signer;

	assert_int_equal(note_signer_new(name, seed, &signer), 0);
	note_signer_vkey(signer, vkey);
	note_signer_free(signer);
}

static void test_comes_back(void **state)
{
	struct memory memory = MEMORY_INIT;

	(void)state;
	assert_int_equal(memory_load(directory, scene.vkey, NULL, &memory, NULL), -ENOENT);
	assert_int_equal(memory_store(directory, &scene.earlier), 0);
	assert_int_equal(memory_load(directory, scene.vkey, NULL, &memory, NULL), 0);
	assert_string_equal(memory.key, scene.vkey);
	assert_string_equal(memory.origin, scene.earlier.origin);
	assert_string_equal(memory.checkpoint, scene.note_earlier);
	assert_int_equal(memory.size, SCENE_EARLIER);
	assert_int_equal(memory.base, 0);
	assert_int_equal(memory.n_blocks, 1);
	assert_memory_equal(memory.root, scene.earlier.root, DIGEST_SIZE);
	assert_memory_equal(memory.blocks, scene.earlier.blocks, DIGEST_SIZE);
	assert_true(memory.visited > 0);
	memory_clear(&memory);
}

static void test_forward_only(void **state)
{
	struct memory memory = MEMORY_INIT, anew = MEMORY_INIT;

	(void)state;
	assert_int_equal(memory_store(directory, &scene.end), 0);
	assert_int_equal(memory_store(directory, &scene.earlier), -ESTALE);
	assert_int_equal(memory_load(directory, scene.vkey, NULL, &memory, NULL), 0);
	assert_int_equal(memory.size, SCENE_RECORDS);
	assert_int_equal(memory.n_blocks, 2);
	memory_clear(&memory);

	/* The log begun anew after it takes its place, and not the other way round. */
	anew = scene.earlier;
	strcpy(anew.origin, "bpfwarden/other/0");
	anew.base = 4096;
	assert_int_equal(memory_store(directory, &anew), 0);
	assert_int_equal(memory_store(directory, &scene.end), -ESTALE);
}

static void test_in_its_stead(void **state)
{
	struct memory memory = MEMORY_INIT;
	char same_host[NOTE_VKEY_MAX], other_host[NOTE_VKEY_MAX], name[NOTE_NAME_MAX];
	struct memory placed;

	(void)state;
	placed = scene.earlier;
	strcpy(placed.place, "shop-7:/run/bpfwarden/io.bpfwarden");
	assert_int_equal(memory_store(directory, &placed), 0);
	snprintf(name, sizeof(name), "%.*s0123456789abcdef", (int)(strlen(placed.origin) - 16),
		 placed.origin);
	make_key(name, 9, same_host);
	make_key("bpfwarden/elsewhere/0123456789abcdef", 9, other_host);
	assert_int_equal(memory_load(directory, same_host, NULL, &memory, NULL), 0);
	assert_string_equal(memory.origin, placed.origin);
	memory_clear(&memory);
	assert_int_equal(memory_load(directory, other_host, NULL, &memory, NULL), -ENOENT);
	assert_int_equal(memory_load(directory, other_host, "shop-8:/run/x", &memory, NULL), -ENOENT);
	assert_int_equal(memory_load(directory, other_host, placed.place, &memory, NULL), 0);
	memory_clear(&memory);
}

static const char *only_file(void)
{
	static char path[SCENE_PATH_MAX + 64];
	char command[SCENE_PATH_MAX + 128];
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -d %s/*.json", directory);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(path, sizeof(path), pipe));
	path[strcspn(path, "\n")] = '\0';
	pclose(pipe);
	return path;
}

/* A memory that was tampered with or torn is not taken for a first visit. */
static void test_damaged(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "{\"v\":1", "null" };
	struct memory memory = MEMORY_INIT;
	const char *file;

	(void)state;
	assert_int_equal(memory_store(directory, &scene.earlier), 0);
	file = only_file();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *out = fopen(file, "w");
		char *path = NULL;

		fputs(texts[i], out);
		fclose(out);
		assert_int_equal(memory_load(directory, scene.vkey, NULL, &memory, &path), -EBADMSG);
		assert_string_equal(path, file);
		free(path);
		/* Nor is it overwritten. */
		assert_int_equal(memory_store(directory, &scene.end), -EBADMSG);
	}
	unlink(file);
	assert_int_equal(symlink("/etc/passwd", file), 0);
	assert_int_equal(memory_load(directory, scene.vkey, NULL, &memory, NULL), -EBADMSG);
}

/* A log that is begun anew under the same key, and one of the same host under another, are named; the auditor
 * who has compared the key accepts either with it. */
static void test_another_log(void **state)
{
	struct memory memory = scene.end;
	struct scene_visit visit = { .memory = &memory };
	_cleanup_(verify_free_p) struct verify *verify = NULL;

	(void)state;
	strcpy(memory.origin, "bpfwarden/before/0123456789abcdef");
	scene_copy(&scene, scene.log);
	assert_string_equal(scene_verify(&scene, scene.copy, &visit), "begun-anew 1-700");
	strcpy(memory.key, scene.foreign);
	assert_string_equal(scene_verify(&scene, scene.copy, &visit), "key 1-700");
	visit.key = scene.vkey;
	verify = scene_visit(&scene, scene.copy, &visit);
	assert_true(verify_good(verify));
	assert_int_equal(verify->grew_from, 0);
}

static int setup(void **state)
{
	(void)state;
	scene_make(&scene, false);
	snprintf(directory, sizeof(directory), "%s/state/bpfwarden/audit", scene.root);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	for (const char *file = directory; access(directory, F_OK) == 0;) {
		file = only_file();
		unlink(file);
		rmdir(directory);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_clear(&scene);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_comes_back, forget),
		cmocka_unit_test_teardown(test_forward_only, forget),
		cmocka_unit_test_teardown(test_in_its_stead, forget),
		cmocka_unit_test_teardown(test_damaged, forget),
		cmocka_unit_test(test_another_log),
	};

	return cmocka_run_group_tests_name("audit-memory", tests, setup, teardown);
}
