/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An auditor's copy of a segment: verified, named as damaged, or refused; never believed, never executed, and
 * nothing is written beside it. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/verify/verify.h"
#include "common/fd.h"
#include "tests/fuzz/fuzz.h"

#define FILE_NAME "log-000000000001.sqlite"

static char directory[] = "/tmp/bpfwarden-fuzz-audit-XXXXXX";

static void remove_directory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/" FILE_NAME, directory);
	unlink(path);
	rmdir(directory);
}

static size_t count_files(void)
{
	DIR *dir = opendir(directory);
	size_t n = 0;

	FUZZ_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void check(void)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	const struct verify_options options = VERIFY_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	char verdict[VERIFY_VERDICT_MAX];
	int r = audit_source_open(directory, &source, &refusal);

	if (!r)
		r = verify_log(source, &options, &verify, &refusal);
	FUZZ_CHECK(r >= 0);
	FUZZ_CHECK(r == 0 ? !!verify : r == REFUSAL_AUDIT_UNAVAILABLE && !verify && *refusal.reason);
	if (verify)
		FUZZ_CHECK(strlen(verify_verdict(verify, verdict)) > 0 && verify->findings.n_caveats > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	if (directory[strlen(directory) - 1] == 'X') {
		FUZZ_CHECK(mkdtemp(directory));
		atexit(remove_directory);
	}
	snprintf(path, sizeof(path), "%s/" FILE_NAME, directory);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FUZZ_CHECK(fd >= 0 && fd_write_all(fd, data, size) == 0);
	check();
	FUZZ_CHECK(count_files() == 3);
	return 0;
}
