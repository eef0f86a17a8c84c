/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* common/: trusted descriptors, sealed copies, UTF-8, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/digest.h"
#include "common/fd.h"
#include "common/refusal.h"
#include "common/utf8.h"

/* A directory tree of our own: "d/file", "d/link" → file, "d/hard" (a second name of file2), "d/open"
 * (writable by all), "w/file" below a directory that all may write, "t/file" below such a one with the sticky
 * bit. */
static int tree_setup(void **state)
{
	static char path[64];
	int root, fd;

	strcpy(path, "/var/tmp/bpfwarden-common-XXXXXX");
	if (!mkdtemp(path))
		return -1;
	root = open(path, O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, "d", 0755) || mkdirat(root, "w", 0755) || mkdirat(root, "t", 0755))
		return -1;
	static const char *const files[] = { "d/file", "d/hard", "d/open", "w/file", "t/file" };
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		fd = openat(root, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, "hello", 5) != 5)
			return -1;
		close(fd);
	}
	if (symlinkat("file", root, "d/link") || symlinkat("d", root, "dlink") ||
	    linkat(root, "d/hard", root, "d/hard2", 0) || fchmodat(root, "d/open", 0666, 0) ||
	    fchmodat(root, "w", 0777, 0) || fchmodat(root, "t", 01777, 0) || mkfifoat(root, "d/fifo", 0600))
		return -1;
	close(root);
	*state = path;
	return 0;
}

static int tree_teardown(void **state)
{
	static const char *const names[] = { "d/file", "d/hard", "d/hard2", "d/open", "d/link",
					     "d/fifo", "w/file", "t/file",  "dlink" };
	int root = open(*state, O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlinkat(root, names[i], 0);
	unlinkat(root, "d", AT_REMOVEDIR);
	unlinkat(root, "w", AT_REMOVEDIR);
	unlinkat(root, "t", AT_REMOVEDIR);
	close(root);
	return rmdir(*state);
}

static void test_trusted(void **state)
{
	static const struct {
		const char *name;
		int result;
	} cases[] = {
		{ "d/file", 0 },      { "d//file", 0 },         { "t/file", 0 },
		{ "d/link", -ELOOP }, { "dlink/file", -ELOOP }, { "d/hard", -EPERM },
		{ "d/open", -EPERM }, { "w/file", -EPERM },     { "d/../d/file", -EINVAL },
		{ "d/..", -EINVAL },  { "d/none", -ENOENT },    { "d/fifo", -EINVAL },
		{ "d", -EINVAL },     { "", -EINVAL },
	};
	int root = open(*state, O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int fd = fd_open_trusted(root, cases[i].name, getuid());

		if (fd >= 0 ? cases[i].result != 0 : cases[i].result != fd)
			fail_msg("%s: %d, not %d", cases[i].name, fd, cases[i].result);
		close_fd(fd);
	}
	close(root);
}

/* A file of somebody else's is not trusted, whatever its mode. Only root can make one. */
static void test_foreign_owner(void **state)
{
	char path[128];
	int fd;

	if (getuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/d/file", (char *)*state);
	assert_int_equal(chown(path, 61803, 0), 0);
	assert_int_equal(fd_open_trusted(AT_FDCWD, path, 0), -EPERM);
	fd = fd_open_trusted(AT_FDCWD, path, 61803);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chown(path, 0, 0), 0);
}

static void test_copy_sealed(void **state)
{
	int memfd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING), copy, other, pipes[2];
	char *bytes;
	size_t size;

	assert_int_equal(write(memfd, "before", 6), 6);
	copy = fd_copy_sealed(memfd, "copy", 100);
	assert_true(copy >= 0);
	assert_int_equal(fd_check_sealed(copy), 0);
	assert_int_equal(fd_check_sealed(memfd), -EPERM);
	/* What the sender does to its own afterwards changes nothing. */
	assert_int_equal(pwrite(memfd, "after!", 6, 0), 6);
	assert_int_equal(fd_read_all(copy, 100, &bytes, &size), 0);
	assert_int_equal(size, 6);
	assert_string_equal(bytes, "before");
	free(bytes);
	assert_int_equal(write(copy, "x", 1), -1);
	close(copy);

	assert_int_equal(fd_copy_sealed(memfd, "copy", 5), -EFBIG);
	assert_int_equal(ftruncate(memfd, 1L << 40), 0); /* sparse: refused by its size, not read */
	assert_int_equal(fd_copy_sealed(memfd, "copy", 1 << 20), -EFBIG);
	close(memfd);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(fd_copy_sealed(pipes[0], "copy", 100), -EINVAL);
	assert_int_equal(fd_copy_sealed(pipes[1], "copy", 100), -EBADF);
	close(pipes[0]);
	close(pipes[1]);
	other = open(*state, O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fd_copy_sealed(other, "copy", 100), -EINVAL);
	close(other);
	other = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_copy_sealed(other, "copy", 100), -EINVAL);
	close(other);
	assert_int_equal(fd_copy_sealed(-1, "copy", 100), -EBADF);
}

static void test_utf8(void **state)
{
	static const struct {
		const char *in;
		size_t size; /* of the buffer */
		bool valid;
		const char *printable;
	} cases[] = {
		{ "plain", 16, true, "plain" },
		{ "\xc3\xa9t\xc3\xa9", 16, true, "\xc3\xa9t\xc3\xa9" },
		{ "tab\tnl\n\x7f", 16, true, "tab?nl??" },
		{ "\xc2\x9b"
		  "2J\xc2\xa0",
		  16, true, "??2J\xc2\xa0" }, /* U+009B is CSI */
		{ "a\xe2\x80\xae"
		  "b",
		  16, true, "a???b" },                          /* right-to-left override */
		{ "\xd8\x9c\xd8\xa7", 16, true, "??\xd8\xa7" }, /* Arabic letter mark, letter */
		{ "\xe2\x80\xa6", 16, true, "\xe2\x80\xa6" },
		{ "\xc0\xaf", 16, false, "??" },           /* overlong */
		{ "\xed\xa0\x80", 16, false, "???" },      /* surrogate */
		{ "\xf4\x90\x80\x80", 16, false, "????" }, /* beyond U+10FFFF */
		{ "a\x80z", 16, false, "a?z" },
		{ "ab\xe2\x82\xac", 5, true, "ab??" }, /* the buffer cuts the sequence */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char buffer[16] = "";

		assert_int_equal(utf8_valid(cases[i].in, strlen(cases[i].in)), cases[i].valid);
		memcpy(buffer, cases[i].in, strlen(cases[i].in));
		utf8_make_printable(buffer, cases[i].size);
		assert_string_equal(buffer, cases[i].printable);
	}
}

static void test_digest(void **state)
{
	static const char lower[] = "00017f80ff0000000000000000000000000000000000000000000000000000ab";
	static const char *const refused[] = {
		"",
		"00017f80ff0000000000000000000000000000000000000000000000000000a",
		"00017f80ff0000000000000000000000000000000000000000000000000000ab0",
		"00017f80ff0000000000000000000000000000000000000000000000000000ag",
		"00:17f80ff0000000000000000000000000000000000000000000000000000ab",
	};
	uint8_t digest[DIGEST_SIZE] = {}, untouched[DIGEST_SIZE] = { 7 };
	char hex[DIGEST_HEX_MAX];

	(void)state;
	assert_true(digest_from_hex(lower, digest));
	assert_int_equal(digest[3], 0x80);
	assert_int_equal(digest[31], 0xab);
	assert_string_equal(digest_to_hex(digest, hex), lower);
	assert_true(
		digest_from_hex("00017F80FF0000000000000000000000000000000000000000000000000000AB", digest));
	assert_string_equal(digest_to_hex(digest, hex), lower);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_false(digest_from_hex(refused[i], untouched));
		assert_int_equal(untouched[0], 7);
	}
}

static void test_refusal(void **state)
{
	struct refusal r;

	(void)state;
	for (uint32_t code = 1; code < _REFUSAL_MAX; code++) {
		assert_non_null(refusal_name(code));
		assert_int_equal(refusal_from_name(refusal_name(code)), code);
		assert_in_range(refusal_exit_code(code), 1, 5);
		assert_string_not_equal(refusal_subject_key(code), "subject");
	}
	assert_null(refusal_name(_REFUSAL_MAX));
	assert_int_equal(refusal_from_name("Nonsense"), REFUSAL_NONE);
	assert_int_equal(refusal_set(&r, REFUSAL_REVOKED, "a-1", "%s\n%d", "was", 7), REFUSAL_REVOKED);
	assert_string_equal(r.subject, "a-1");
	assert_string_equal(r.reason, "was?7");
	assert_int_equal(refusal_set(NULL, REFUSAL_REVOKED, "", "x"), REFUSAL_REVOKED);
	/* What another process sent is made safe to print. */
	memset(&r, 'x', sizeof(r));
	refusal_sanitize(&r);
	assert_int_equal(r.code, REFUSAL_UNAVAILABLE);
	assert_int_equal(strlen(r.reason), sizeof(r.reason) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trusted),     cmocka_unit_test(test_foreign_owner),
		cmocka_unit_test(test_copy_sealed), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_refusal),     cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
