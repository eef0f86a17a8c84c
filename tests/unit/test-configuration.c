/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden.conf: each line that counts, each that is refused and where, which of the files counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/configuration.h"

#define DAY 86400ULL
#define M   (1ULL << 20)

static const struct {
	const char *text;
	uint64_t keep, segment_size;
	const char *described;
} accepted[] = {
	{ "", 0, 64 * M, "keep = forever, segment-size = 64M, as there is no file" },
	{ "# nothing\n", 0, 64 * M, "keep = forever, segment-size = 64M, as there is no file" },
	{ "[audit]\n", 0, 64 * M, "keep = forever, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = forever\n", 0, 64 * M, "keep = forever, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = 400d\n", 400 * DAY, 64 * M,
	  "keep = 400d, segment-size = 64M, as there is no file" },
	{ " [audit] \n\tkeep=36h", 36 * 3600, 64 * M, "keep = 36h, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = 48h\n", 2 * DAY, 64 * M, "keep = 2d, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = 90m\n", 5400, 64 * M, "keep = 90m, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = 1s\n", 1, 64 * M, "keep = 1s, segment-size = 64M, as there is no file" },
	{ "[audit]\nkeep = 36500d\n", 36500 * DAY, 64 * M,
	  "keep = 36500d, segment-size = 64M, as there is no file" },
	{ "[audit]\nsegment-size = 1M\n", 0, M, "keep = forever, segment-size = 1M, as there is no file" },
	{ "[audit]\nsegment-size = 1G\nkeep = 7d\n", 7 * DAY, 1024 * M,
	  "keep = 7d, segment-size = 1G, as there is no file" },
	{ "[audit]\nsegment-size = 1025K\n", 0, 1025 << 10,
	  "keep = forever, segment-size = 1025K, as there is no file" },
	{ "[audit]\nsegment-size = 1048577\n", 0, M + 1,
	  "keep = forever, segment-size = 1048577, as there is no file" },
};

#define KEEP "is not what keep can be: forever, or a number with s, m, h or d behind it, 36500d at most: 400d"
#define SIZE                                                                                                 \
	"is not what segment-size can be: a number of bytes from 1M to 1G, which may have K, M or G behind " \
	"it: 64M"

static const struct {
	const char *text, *place, *reason;
} refused[] = {
	{ "keep = 1d\n", "f:1:1", "key 'keep' stands before the first section" },
	{ "[audit]\nkep = 1d\n", "f:2:1", "unknown key 'kep', did you mean 'keep'?" },
	{ "[audit]\nsegmentsize = 1M\n", "f:2:1", "unknown key 'segmentsize', did you mean 'segment-size'?" },
	{ "[audit]\nretention = 1d\n", "f:2:1", "unknown key 'retention'" },
	{ "[audti]\nkeep = 1d\n", "f:1:2", "unknown section 'audti', did you mean 'audit'?" },
	{ "[policy]\n", "f:1:2", "unknown section 'policy'" },
	{ "[audit log]\nkeep = 1d\n", "f:1:8", "the section is written [audit]" },
	{ "[audit ]\n", "f:1:8", "a section is written [kind name], name in letters, digits and ._@-" },
	{ "[audit] x\n", "f:1:9", "nothing may follow the section's ']'" },
	{ "[]\n", "f:1:2", "a section is written [kind name], kind in lower-case letters" },
	{ "[audit]\n[audit]\n", "f:2:7", "section [audit] is already in f:1" },
	{ "[audit]\nkeep = 1d\nkeep = 2d\n", "f:3:1", "key 'keep' is already in line 2 of this section" },
	{ "[audit]\nkeep = 1d # a day\n", "f:2:11", "a comment needs a line of its own" },
	{ "[audit]\nkeep =\n", "f:2:7", "a value is missing behind '='" },
	{ "[audit]\nkeep = 0\n", "f:2:8", "'0' " KEEP },
	{ "[audit]\nkeep = 0d\n", "f:2:8", "'0d' " KEEP },
	{ "[audit]\nkeep = 400\n", "f:2:8", "'400' " KEEP },
	{ "[audit]\nkeep = d\n", "f:2:8", "'d' " KEEP },
	{ "[audit]\nkeep = -1d\n", "f:2:8", "'-1d' " KEEP },
	{ "[audit]\nkeep = 1D\n", "f:2:8", "'1D' " KEEP },
	{ "[audit]\nkeep = 1 d\n", "f:2:8", "'1 d' " KEEP },
	{ "[audit]\nkeep = 1d forever\n", "f:2:8", "'1d forever' " KEEP },
	{ "[audit]\nkeep = Forever\n", "f:2:8", "'Forever' " KEEP },
	{ "[audit]\nkeep = 36501d\n", "f:2:8", "'36501d' " KEEP },
	/* A product and a number that would be small again. */
	{ "[audit]\nkeep = 213503982334602d\n", "f:2:8", "'213503982334602d' " KEEP },
	{ "[audit]\nkeep = 18446744073709551617s\n", "f:2:8", "'18446744073709551617s' " KEEP },
	{ "[audit]\nsegment-size = 1023K\n", "f:2:16", "'1023K' " SIZE },
	{ "[audit]\nsegment-size = 1048575\n", "f:2:16", "'1048575' " SIZE },
	{ "[audit]\nsegment-size = 1025M\n", "f:2:16", "'1025M' " SIZE },
	{ "[audit]\nsegment-size = 0\n", "f:2:16", "'0' " SIZE },
	{ "[audit]\nsegment-size = 64MB\n", "f:2:16", "'64MB' " SIZE },
	{ "[audit]\nsegment-size = 17179869185G\n", "f:2:16", "'17179869185G' " SIZE },
	{ "[audit]\nkeep = 1d\nsegment-size = x\n", "f:3:16", "'x' " SIZE },
};

static int parse(const char *text, struct configuration *ret, struct refusal *refusal)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	int r;

	assert_int_equal(config_new(REFUSAL_INVALID_ARGUMENT, &config), 0);
	config_allow_nameless(config);
	r = config_add_text(config, "f", text, strlen(text), refusal);
	return r ? r : configuration_parse(config, ret, refusal);
}

static void test_accepted(void **state)
{
	char text[CONFIGURATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(*accepted); i++) {
		struct configuration c = { .audit_keep = 7, .audit_segment_size = 7 };
		struct refusal refusal = { 0 };

		if (parse(accepted[i].text, &c, &refusal))
			fail_msg("%s: %s: %s", accepted[i].text, refusal.subject, refusal.reason);
		assert_int_equal(c.audit_keep, accepted[i].keep);
		assert_int_equal(c.audit_segment_size, accepted[i].segment_size);
		configuration_describe(&c, text);
		assert_string_equal(text, accepted[i].described);
	}
}

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct configuration c = { .audit_keep = 7, .audit_segment_size = 7 };
		struct refusal refusal = { 0 };

		if (parse(refused[i].text, &c, &refusal) != REFUSAL_INVALID_ARGUMENT)
			fail_msg("%s is not refused", refused[i].text);
		assert_int_equal(refusal.code, REFUSAL_INVALID_ARGUMENT);
		assert_string_equal(refusal.subject, refused[i].place);
		assert_string_equal(refusal.reason, refused[i].reason);
		assert_int_equal(c.audit_keep, 7);
		assert_int_equal(c.audit_segment_size, 7);
	}
}

/* --- files -------------------------------------------------------------------------------------------- */

static const char etc[] = "etc.conf", run[] = "run.conf", lib[] = "lib.conf";
static const char *const paths[] = { etc, run, lib };

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static int load(struct configuration *ret, struct refusal *refusal)
{
	*ret = (struct configuration)CONFIGURATION_INIT;
	*refusal = (struct refusal){ 0 };
	return configuration_load(paths, 3, geteuid(), ret, refusal);
}

static void check_loaded(uint64_t keep, const char *path)
{
	struct refusal refusal;
	struct configuration c;

	if (load(&c, &refusal))
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	assert_int_equal(c.audit_keep, keep);
	if (path)
		assert_string_equal(c.path, path);
	else
		assert_null(c.path);
}

static void check_not_loaded(const char *place, const char *reason)
{
	struct refusal refusal;
	struct configuration c;

	assert_int_equal(load(&c, &refusal), REFUSAL_INVALID_ARGUMENT);
	assert_string_equal(refusal.subject, place);
	assert_string_equal(refusal.reason, reason);
	assert_int_equal(c.audit_keep, 0);
	assert_int_equal(c.audit_segment_size, 64 * M);
}

/* The first that exists counts alone, whatever is in it. */
static void test_layers(void **state)
{
	(void)state;
	check_loaded(0, NULL);
	put(lib, "[audit]\nkeep = 3d\n", 0644);
	check_loaded(3 * DAY, lib);
	put(run, "[audit]\nsegment-size = 2M\n", 0644);
	check_loaded(0, run);
	put(etc, "[audit]\nkeep = 1d\n", 0600);
	check_loaded(DAY, etc);
	put(etc, "", 0644);
	check_loaded(0, etc);
	put(etc, "[audit]\nkeep = x\n", 0644);
	check_not_loaded("etc.conf:2:8", "'x' " KEEP);
	unlink(etc);
	unlink(run);
	unlink(lib);
}

static void test_trusted(void **state)
{
	static const char untrusted[] = "it or a directory above it belongs to somebody else, has a second "
					"name, or may be written by others: cannot be trusted";

	(void)state;
	put(lib, "[audit]\nkeep = 3d\n", 0644);
	put(etc, "[audit]\nkeep = 1d\n", 0664);
	check_not_loaded(etc, untrusted);
	put(etc, "[audit]\nkeep = 1d\n", 0646);
	check_not_loaded(etc, untrusted);
	unlink(etc);
	assert_int_equal(symlink(lib, etc), 0);
	check_not_loaded(etc, "links are not followed");
	unlink(etc);
	assert_int_equal(mkfifo(etc, 0600), 0);
	check_not_loaded(etc, "not a regular file");
	unlink(etc);
	assert_int_equal(mkdir(etc, 0700), 0);
	check_not_loaded(etc, "not a regular file");
	rmdir(etc);
	if (geteuid() == 0) {
		put(etc, "[audit]\nkeep = 1d\n", 0644);
		assert_int_equal(chown(etc, 65534, 0), 0);
		check_not_loaded(etc, untrusted);
		unlink(etc);
	} else {
		put(etc, "[audit]\nkeep = 1d\n", 0200);
		check_not_loaded(etc, "cannot be read: Permission denied");
		unlink(etc);
	}
	unlink(lib);
}

/* Below a directory that is open already: what is above it is not looked at. */
static int setup(void **state)
{
	static char root[] = "/tmp/bpfwarden-configuration-XXXXXX";

	umask(022);
	*state = root;
	return !mkdtemp(root) || chdir(root) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	return rmdir(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_trusted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
