/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trust.conf: loads or is refused with a place in it. The files that it names are not there. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "signing/trust.h"
#include "tests/fuzz/fuzz.h"

static char directory[] = "/tmp/bpfwarden-fuzz-trust-XXXXXX";

static void remove_directory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/trust.conf", directory);
	unlink(path);
	rmdir(directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(trust_free_p) struct trust *trust = NULL;
	_cleanup_close_ int fd = -EBADF;
	const char *const directories[] = { directory, NULL };
	struct refusal refusal = {};
	char path[64];
	int r;

	if (directory[strlen(directory) - 1] == 'X') {
		if (!mkdtemp(directory))
			abort();
		atexit(remove_directory);
	}
	snprintf(path, sizeof(path), "%s/trust.conf", directory);
	/* A new file each time: ext4 writes one to disk that was cut and filled again. */
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, data, size) < 0)
		abort();
	r = trust_load(directories, getuid(), &trust, &refusal);
	if (r == 0 ? !trust : r != REFUSAL_TRUST_INVALID || refusal.code != REFUSAL_TRUST_INVALID || trust)
		abort();
	if (r && !strstr(refusal.subject, "trust.conf"))
		abort();
	return 0;
}
