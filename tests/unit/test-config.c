/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <fcntl.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/fd.h"
#include "format/config.h"

/* A string literal with its size, which may contain NUL. */
#define TEXT(s) (s), sizeof(s) - 1

static void test_sections(void **state)
{
	static const char text[] =
		"# first\n\n  [allow shop.dev]  \n\tgroup=a  b\t c \n probe  =  *\n[deny x@1]\n"
		"key-2 = \xc3\xa9t\xc3\xa9 \xe2\x82\xac\n[allow x@1]\n[allow last]\nk = v";
	_cleanup_(config_free_p) struct config *config = NULL;
	const struct config_section *section;
	const struct config_entry *entry;
	struct config_word word = {};
	struct refusal refusal = {};

	(void)state;
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	assert_int_equal(config_add_text(config, "f", TEXT(text), &refusal), 0);
	assert_int_equal(config_n_sections(config), 4);
	section = config_section(config, 0);
	assert_string_equal(section->kind, "allow");
	assert_string_equal(section->name, "shop.dev");
	assert_string_equal(section->file, "f");
	assert_int_equal(section->line, 3);
	assert_int_equal(section->kind_column, 4);
	assert_int_equal(section->name_column, 10);
	assert_int_equal(section->n_entries, 2);
	entry = config_entry(section, "group");
	assert_non_null(entry);
	assert_string_equal(entry->value, "a  b\t c");
	assert_int_equal(entry->line, 4);
	assert_int_equal(entry->key_column, 2);
	assert_int_equal(entry->value_column, 8);
	assert_true(config_next_word(entry, &word));
	assert_string_equal(word.text, "a");
	assert_int_equal(word.column, 8);
	assert_true(config_next_word(entry, &word));
	assert_string_equal(word.text, "b");
	assert_int_equal(word.column, 11);
	assert_true(config_next_word(entry, &word));
	assert_string_equal(word.text, "c");
	assert_false(config_next_word(entry, &word));
	assert_null(config_entry(section, "grou"));
	assert_int_equal(config_section(config, 2)->n_entries, 0);
	assert_string_equal(config_section(config, 3)->entries[0].value, "v");
	/* Columns are characters, not bytes. */
	word = (struct config_word){};
	entry = config_entry(config_section(config, 1), "key-2");
	assert_true(config_next_word(entry, &word));
	assert_true(config_next_word(entry, &word));
	assert_int_equal(word.column, 13);
}

static const struct {
	const char *text;
	size_t size;
	const char *place, *reason;
} refusals[] = {
	{ TEXT("k = v\n"), "f:1:1", "key 'k' stands before the first section" },
	{ TEXT("[a b]\nk = v\n\n[c d]\n[a b]\n"), "f:5:4", "section [a b] is already in f:1" },
	{ TEXT("[a b]\nk = v\nl = v\nk = v\n"), "f:4:1", "key 'k' is already in line 2 of this section" },
	{ TEXT("[a b]\nk = a\0b\n"), "f:2:6", "control character U+0000" },
	{ TEXT("[a b]\r\n"), "f:1:6", "carriage return: lines end in a newline alone" },
	{ TEXT("# \x1b[2J\n"), "f:1:3", "control character U+001B" },
	{ TEXT("# \x7f"), "f:1:3", "control character U+007F" },
	{ TEXT("# \xc2\x85"), "f:1:3", "control character U+0085" },
	{ TEXT("\xef\xbb\xbf[a b]\n"), "f:1:1", "invisible character U+FEFF" },
	{ TEXT("[a b]\nk = \xc3\xa9 \xe2\x80\xaez\n"), "f:2:7", "invisible character U+202E" },
	{ TEXT("[a b]\nk = a\xc2\xa0"
	       "b\n"),
	  "f:2:6", "invisible character U+00A0" },
	{ TEXT("[a b]\n\n# \xff\n"), "f:3:3", "byte 0xff is not UTF-8" },
	{ TEXT("# \xc0\x80\n"), "f:1:3", "byte 0xc0 is not UTF-8" },
	{ TEXT("# \xed\xa0\x80\n"), "f:1:3", "byte 0xed is not UTF-8" },
	{ TEXT("# \xe2\x82"), "f:1:3", "byte 0xe2 is not UTF-8" },
	{ TEXT("[a b]\nk v\n"), "f:2:3", "'=' expected behind the key" },
	{ TEXT("[a b]\nk\n"), "f:2:2", "'=' expected behind the key" },
	{ TEXT("[a b]\nK = v\n"), "f:2:1", "'#', '[kind name]' or 'key = value' expected" },
	{ TEXT("[a b]\nkEy = v\n"), "f:2:2", "'=' expected behind the key" },
	{ TEXT("[a b]\n= v\n"), "f:2:1", "'#', '[kind name]' or 'key = value' expected" },
	{ TEXT("; c\n"), "f:1:1", "'#', '[kind name]' or 'key = value' expected" },
	{ TEXT("[a b]\nk =  \n"), "f:2:6", "a value is missing behind '='" },
	{ TEXT("[a b]\nk ="), "f:2:4", "a value is missing behind '='" },
	{ TEXT("[a b]\nk = a \\\n b\n"), "f:2:7", "lines cannot be continued" },
	{ TEXT("[a b]\nk = a # c\n"), "f:2:7", "a comment needs a line of its own" },
	{ TEXT("[a b]\nk = #c\n"), "f:2:5", "a comment needs a line of its own" },
	{ TEXT("[]\n"), "f:1:2", "a section is written [kind name], kind in lower-case letters" },
	{ TEXT("[Allow b]\n"), "f:1:2", "a section is written [kind name], kind in lower-case letters" },
	{ TEXT("[ a b]\n"), "f:1:2", "a section is written [kind name], kind in lower-case letters" },
	{ TEXT("[a]\n"), "f:1:3", "a section is written [kind name], name in letters, digits and ._@-" },
	{ TEXT("[aB]\n"), "f:1:3", "a section is written [kind name], name in letters, digits and ._@-" },
	{ TEXT("[a -b]\n"), "f:1:4", "a section is written [kind name], name in letters, digits and ._@-" },
	{ TEXT("[a b c]\n"), "f:1:5", "']' expected behind the section's name" },
	{ TEXT("[a b"), "f:1:5", "']' expected behind the section's name" },
	{ TEXT("[a \"b\"]\n"), "f:1:4",
	  "a section is written [kind name], name in letters, digits and ._@-" },
	{ TEXT("[a b] # c\n"), "f:1:7", "nothing may follow the section's ']'" },
	{ TEXT("[a 1234567890123456789012345678901234567890123456789012345678901234]\n"), "f:1:4",
	  "the section's name is longer than 63 bytes" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		_cleanup_(config_free_p) struct config *config = NULL;
		struct refusal refusal = {};

		assert_int_equal(config_new(REFUSAL_TRUST_INVALID, &config), 0);
		assert_int_equal(config_add_text(config, "f", refusals[i].text, refusals[i].size, &refusal),
				 REFUSAL_TRUST_INVALID);
		assert_int_equal(refusal.code, REFUSAL_TRUST_INVALID);
		assert_string_equal(refusal.subject, refusals[i].place);
		assert_string_equal(refusal.reason, refusals[i].reason);
	}
}

/* Adds n lines or so of text and expects this code. */
static void expect_added(const char *text, size_t size, int expected, const char *reason)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal = {};

	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	assert_int_equal(config_add_text(config, "f", text, size, &refusal), expected);
	if (expected)
		assert_string_equal(refusal.reason, reason);
}

static void test_bounds(void **state)
{
	static char text[CONFIG_TEXT_MAX + 1];
	char *p = text;

	(void)state;
	memset(text, '#', CONFIG_LINE_MAX + 1);
	expect_added(text, CONFIG_LINE_MAX, 0, NULL);
	expect_added(text, CONFIG_LINE_MAX + 1, REFUSAL_POLICY_INVALID, "the line is longer than 1024 bytes");
	memset(text, '\n', sizeof(text));
	expect_added(text, CONFIG_TEXT_MAX, 0, NULL);
	expect_added(text, CONFIG_TEXT_MAX + 1, REFUSAL_POLICY_INVALID,
		     "more than 4194304 bytes of configuration");
	for (int i = 0; i < CONFIG_SECTIONS_MAX; i++)
		p += sprintf(p, "[a s%d]\n", i);
	expect_added(text, (size_t)(p - text), 0, NULL);
	p += sprintf(p, "[a s]\n");
	expect_added(text, (size_t)(p - text), REFUSAL_POLICY_INVALID, "more than 16384 sections");
	p = text + sprintf(text, "[a b]\n");
	for (int i = 0; i < CONFIG_ENTRIES_MAX; i++)
		p += sprintf(p, "k%d = v\n", i);
	expect_added(text, (size_t)(p - text), 0, NULL);
	p += sprintf(p, "k = v\n");
	expect_added(text, (size_t)(p - text), REFUSAL_POLICY_INVALID, "more than 64 keys in one section");
}

/* As many files as fit give a text that fits. */
static void test_full(void **state)
{
	static char text[CONFIG_FILE_MAX];
	_cleanup_(config_free_p) struct config *config = NULL, *again = NULL;
	struct refusal refusal = {};
	const char *merged;
	size_t size;
	int r, n = 0;

	(void)state;
	memset(text, '\n', sizeof(text));
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &again), 0);
	while (!(r = config_add_text(config, "some/file/name", text, sizeof(text) - 5000, &refusal)))
		n++;
	assert_int_equal(r, REFUSAL_POLICY_INVALID);
	assert_string_equal(refusal.reason, "more than 4194304 bytes of configuration");
	assert_int_equal(n, 16);
	merged = config_text(config, &size);
	assert_true(size > CONFIG_FILE_MAX);
	assert_true(size <= AUDIT_TEXT_MAX);
	assert_int_equal(config_add_text(again, "archived", merged, size, &refusal), 0);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reads n sections, the last of which has a name that was there before; returns the seconds it took. */
static double read_many(int n)
{
	static char text[CONFIG_TEXT_MAX];
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal = {};
	char *p = text;
	double from;

	for (int i = 0; i < n; i++)
		p += sprintf(p, "[allow section-with-a-long-name-%d]\nuser = user%d\nprobe = p%d.*\n", i, i,
			     i % 50);
	p += sprintf(p, "[allow section-with-a-long-name-%d]\n", n / 2);
	assert_true(p < text + sizeof(text));
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	from = seconds();
	assert_int_equal(config_add_text(config, "f", text, (size_t)(p - text), &refusal),
			 REFUSAL_POLICY_INVALID);
	assert_non_null(strstr(refusal.reason, "is already in f:"));
	assert_int_equal(config_n_sections(config), n);
	return seconds() - from;
}

/* Processor time of this process, so other processes do not count: four times as many sections take four
 * times as long, not sixteen times. Sanitizers and all. */
static void test_many_sections(void **state)
{
	double few, many;

	(void)state;
	few = read_many(4000);
	many = read_many(16000);
	if (many > 10 * few + 0.02)
		fail_msg("4000 sections: %.3f s, 16000: %.3f s", few, many);
}

static void test_places(void **state)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	char file[201], expected[REFUSAL_SUBJECT_MAX];
	struct refusal refusal = {};

	(void)state;
	memset(file, 'x', 200);
	file[200] = '\0';
	memset(expected, 'x', sizeof(expected));
	memcpy(expected, "...", 3);
	strcpy(expected + REFUSAL_SUBJECT_MAX - 6, ":12:3");
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	assert_int_equal(config_refuse(config, &refusal, file, 12, 3, "why %d", 1), REFUSAL_POLICY_INVALID);
	assert_string_equal(refusal.subject, expected);
	assert_string_equal(refusal.reason, "why 1");
	config_refuse(config, &refusal, "f", 0, 0, "why");
	assert_string_equal(refusal.subject, "f");
	config_refuse(config, &refusal, "f", 7, 0, "why");
	assert_string_equal(refusal.subject, "f:7");
	assert_int_equal(config_add_text(config, "a\nb", "", 0, &refusal), REFUSAL_POLICY_INVALID);
	assert_string_equal(refusal.reason, "the path: control character U+000A");
}

static void test_nearest(void **state)
{
	static const char *const names[] = { "group", "user", "probe", "max-memory" };

	(void)state;
	assert_string_equal(config_nearest("goup", names, 4), "group");
	assert_string_equal(config_nearest("gruop", names, 4), "group");
	assert_string_equal(config_nearest("usr", names, 4), "user");
	assert_string_equal(config_nearest("probes", names, 4), "probe");
	assert_string_equal(config_nearest("max-memroy", names, 4), "max-memory");
	assert_null(config_nearest("us", names, 4));
	assert_null(config_nearest("x", names, 4));
	assert_null(config_nearest("memory", names, 4));
	assert_null(config_nearest("an-exceedingly-long-word-that-is-no-keyword", names, 4));
}

/* A directory of its own for each test, with "etc" and "lib" in it. */
static int make_tree(void **state)
{
	char *root = strdup("/tmp/bpfwarden-test-config-XXXXXX");

	umask(022);
	if (!root || !mkdtemp(root) || chdir(root) < 0 || mkdir("etc", 0755) < 0 || mkdir("lib", 0755) < 0)
		return -1;
	*state = root;
	return 0;
}

static int remove_tree(void **state)
{
	char command[128];

	if (chdir("/") < 0)
		return -1;
	snprintf(command, sizeof(command), "rm -rf -- '%s'", (char *)*state);
	free(*state);
	return system(command);
}

static void write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/* Merges ROOT/etc, ROOT/run (which does not exist) and ROOT/lib; the caller frees the config. */
static int merge(const char *root, struct config **ret_config, struct refusal *refusal)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	char etc[64], run[64], lib[64];
	const char *const directories[] = { etc, run, lib };
	int r;

	snprintf(etc, sizeof(etc), "%s/etc", root);
	snprintf(run, sizeof(run), "%s/run", root);
	snprintf(lib, sizeof(lib), "%s/lib", root);
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &config), 0);
	r = config_add_directories(config, directories, 3, ".policy", getuid(), refusal);
	if (!r)
		*ret_config = take_ptr(config);
	return r;
}

static void test_directories(void **state)
{
	_cleanup_(config_free_p) struct config *config = NULL, *again = NULL;
	const char *root = *state, *text;
	struct refusal refusal = {};
	char expected[512];
	size_t size;

	write_file("lib/50-b.policy", "[a lib-b]");
	write_file("lib/10-a.policy", "[a lib-a]\n");
	write_file("etc/50-b.policy", "[a etc-b]\nk = v");
	write_file("etc/90-c.policy", "[a etc-c]\n");
	write_file("lib/60-null.policy", "[a masked]\n");
	write_file("lib/61-empty.policy", "[a masked-too]\n");
	write_file("etc/61-empty.policy", "");
	write_file("etc/.hidden.policy", "refused if it were read");
	write_file("etc/other.conf", "refused if it were read");
	write_file("etc/.policy", "refused if it were read");
	assert_int_equal(symlink("/dev/null", "etc/60-null.policy"), 0);
	assert_int_equal(merge(root, &config, &refusal), 0);
	assert_int_equal(config_n_sections(config), 3);
	assert_string_equal(config_section(config, 0)->name, "lib-a");
	assert_string_equal(config_section(config, 1)->name, "etc-b");
	assert_string_equal(config_section(config, 2)->name, "etc-c");
	text = config_text(config, &size);
	snprintf(expected, sizeof(expected),
		 "# %s/lib/10-a.policy\n[a lib-a]\n# %s/etc/50-b.policy\n[a etc-b]\nk = v\n"
		 "# %s/etc/90-c.policy\n[a etc-c]\n",
		 root, root, root);
	assert_string_equal(text, expected);
	assert_int_equal(size, strlen(expected));
	assert_int_equal(config_new(REFUSAL_POLICY_INVALID, &again), 0);
	assert_int_equal(config_add_text(again, "archived", text, size, &refusal), 0);
	assert_int_equal(config_n_sections(again), 3);
}

static void test_duplicates_across_files(void **state)
{
	const char *root = *state;
	struct config *config = NULL;
	struct refusal refusal = {};
	char subject[128], reason[256];

	write_file("lib/10.policy", "[deny x]\n[allow x]\n");
	write_file("etc/20.policy", "\n[deny x]\n");
	assert_int_equal(merge(root, &config, &refusal), REFUSAL_POLICY_INVALID);
	snprintf(subject, sizeof(subject), "%s/etc/20.policy:2:7", root);
	snprintf(reason, sizeof(reason), "section [deny x] is already in %s/lib/10.policy:1", root);
	assert_string_equal(refusal.subject, subject);
	assert_string_equal(refusal.reason, reason);
	/* A key of the second file does not fall into the first one's last section. */
	write_file("etc/20.policy", "k = v\n");
	assert_int_equal(merge(root, &config, &refusal), REFUSAL_POLICY_INVALID);
	assert_string_equal(refusal.reason, "key 'k' stands before the first section");
}

static void make_writable(void)
{
	write_file("etc/x.policy", "");
	assert_int_equal(chmod("etc/x.policy", 0664), 0);
}

static void make_link(void)
{
	write_file("etc/target", "");
	assert_int_equal(symlink("target", "etc/x.policy"), 0);
}

static void make_null_look_alike(void)
{
	assert_int_equal(symlink("/dev/null2", "etc/x.policy"), 0);
}

static void make_hard_link(void)
{
	write_file("etc/target", "");
	assert_int_equal(link("etc/target", "etc/x.policy"), 0);
}

static void make_directory(void)
{
	assert_int_equal(mkdir("etc/x.policy", 0755), 0);
}

static void make_fifo(void)
{
	assert_int_equal(mkfifo("etc/x.policy", 0644), 0);
}

static void make_large(void)
{
	write_file("etc/x.policy", "");
	assert_int_equal(truncate("etc/x.policy", CONFIG_FILE_MAX + 1), 0);
}

static void make_foreign(void)
{
	write_file("etc/x.policy", "");
	if (chown("etc/x.policy", 12345, 12345) < 0)
		skip(); /* needs CAP_CHOWN */
}

static void make_foreign_mask(void)
{
	assert_int_equal(symlink("/dev/null", "etc/x.policy"), 0);
	if (lchown("etc/x.policy", 12345, 12345) < 0)
		skip(); /* needs CAP_CHOWN */
}

static void make_writable_directory(void)
{
	assert_int_equal(chmod("etc", 0777), 0);
}

#define UNTRUSTED                                                                                       \
	"it or a directory above it belongs to somebody else, has a second name, or may be written by " \
	"others: "                                                                                      \
	"cannot be trusted"

static const struct {
	void (*make)(void);
	const char *subject, *reason;
} untrusted[] = {
	{ make_writable, "etc/x.policy", UNTRUSTED },
	{ make_link, "etc/x.policy", "links are not followed" },
	{ make_null_look_alike, "etc/x.policy", "links are not followed" },
	{ make_hard_link, "etc/x.policy", UNTRUSTED },
	{ make_directory, "etc/x.policy", "not a regular file" },
	{ make_fifo, "etc/x.policy", "not a regular file" },
	{ make_large, "etc/x.policy", "the file is larger than 262144 bytes" },
	{ make_foreign, "etc/x.policy", UNTRUSTED },
	{ make_foreign_mask, "etc/x.policy", UNTRUSTED },
	{ make_writable_directory, "etc", UNTRUSTED },
};

static void test_untrusted(void **state)
{
	const char *root = *state;

	for (size_t i = 0; i < sizeof(untrusted) / sizeof(untrusted[0]); i++) {
		struct config *config = NULL;
		struct refusal refusal = {};
		char subject[128];

		assert_int_equal(system("rm -rf etc && mkdir -m 755 etc"), 0);
		untrusted[i].make();
		assert_int_equal(merge(root, &config, &refusal), REFUSAL_POLICY_INVALID);
		snprintf(subject, sizeof(subject), "%s/%s", root, untrusted[i].subject);
		assert_string_equal(refusal.subject, subject);
		assert_string_equal(refusal.reason, untrusted[i].reason);
	}
}

static void test_add_file(void **state)
{
	_cleanup_(config_free_p) struct config *config = NULL;
	struct refusal refusal = {};
	char path[64];

	snprintf(path, sizeof(path), "%s/etc/trust.conf", (char *)*state);
	assert_int_equal(config_new(REFUSAL_TRUST_INVALID, &config), 0);
	assert_int_equal(config_add_file(config, path, getuid(), &refusal), -ENOENT);
	write_file("etc/trust.conf", "[role standard]\nthreshold = 1\n");
	assert_int_equal(config_add_file(config, path, getuid(), &refusal), 0);
	assert_int_equal(config_n_sections(config), 1);
	assert_int_equal(chmod("etc/trust.conf", 0666), 0);
	assert_int_equal(config_add_file(config, path, getuid(), &refusal), REFUSAL_TRUST_INVALID);
	assert_string_equal(refusal.subject, path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_many_sections),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test_setup_teardown(test_directories, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_duplicates_across_files, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_untrusted, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_add_file, make_tree, remove_tree),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
