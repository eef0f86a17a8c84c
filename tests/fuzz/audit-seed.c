/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the seed of fuzz-audit-database, a segment by the real writer: audit-seed DIRECTORY STAMP. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"

static int write_log(const char *directory)
{
	static const char text[] = "[allow users]\ngroup = users\n";
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_START);
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = NULL;
	uint8_t digest[DIGEST_SIZE];
	int r;

	options.directory = directory;
	r = audit_open(&options, &audit, NULL);
	if (!r)
		r = audit_put_text(audit, text, strlen(text), digest, NULL);
	record.verdict = AUDIT_OK;
	record.policy_digest = digest;
	for (int i = 0; !r && i < 5; i++)
		r = audit_append(audit, &record, NULL, NULL);
	audit_close(audit);
	return r;
}

/* Whatever an earlier build left, and then all but the segment. */
static void clear(const char *directory, const char *kept)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (!kept || strcmp(entry->d_name, kept) != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3 || (mkdir(argv[1], 0700) < 0 && access(argv[1], F_OK) < 0))
		return EXIT_FAILURE;
	clear(argv[1], NULL);
	if (write_log(argv[1]))
		return EXIT_FAILURE;
	clear(argv[1], "log-000000000001.sqlite");
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd >= 0 && close(fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
