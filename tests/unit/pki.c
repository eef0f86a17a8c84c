/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/pki.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/fd.h"

const char *pki_directory(void)
{
	const char *directory = getenv("BPFWARDEN_TEST_PKI");

	if (!directory)
		fail_msg("BPFWARDEN_TEST_PKI is not set; run this through meson test");
	return directory;
}

char *pki_read(const char *name, size_t *ret_size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[4096], *bytes = NULL;

	snprintf(path, sizeof(path), "%s/%s", pki_directory(), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fd_read_all(fd, 1U << 20, &bytes, ret_size) < 0)
		fail_msg("cannot read %s", path);
	return bytes;
}
