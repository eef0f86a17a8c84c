/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Durable audit records a second: groups of records that share one fsync, against one fsync a record, the two
 * taking turns in one run on one file system; and, in the same run, what a record costs when the log has a
 * thousand and when it has a million, and how many bytes of disk. Usage: bench-audit [DIRECTORY], by default
 * the current one; a tmpfs shows nothing, because there an fsync is free.
 */
#include <dirent.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"

#define ROUNDS       16
#define RECORDS      256 /* a round and group size */
#define RATIO_WANTED 10.0

#define SHORT_LOG    1000
#define LONG_LOG     1000000
#define COST_RATIO   2.0 /* at most, of a record in the long log to one in the short one */
#define COST_COMMITS 64
#define COST_RECORDS 256 /* a commit, the last of which a checkpoint covers */

/* What the machine does besides is not ours. */
static double processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(int r, const struct refusal *refusal)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench-audit: %s\n", r > 0 ? refusal->reason : strerror(-r));
	exit(EXIT_FAILURE);
}

/* A decision as the warden writes it: an ordinary user's attach. */
static void append(struct audit *audit)
{
	static const gid_t gids[] = { 1000, 27, 100, 998 };
	static const char *const signers[] = { "standard" };
	static const uint8_t digest[DIGEST_SIZE] = { 1 };
	struct audit_requester requester = {
		.uid = 1000,
		.user = "alice",
		.gids = gids,
		.n_gids = 4,
		.loginuid = 1000,
		.pid = 4242,
		.comm = "bpfwarden",
		.cgroup = "/user.slice/user-1000.slice/session-3.scope",
		.container = AUDIT_NO,
	};
	struct audit_record record = {
		.kind = AUDIT_DECISION,
		.verdict = AUDIT_ALLOW,
		.requester = &requester,
		.action = "attach",
		.probe = "tcp.state",
		.serial = 1,
		.digest = digest,
		.signers = signers,
		.n_signers = 1,
		.target_kind = "self",
		.rule = "users",
		.policy_digest = digest,
	};
	struct refusal refusal;

	check(audit_append(audit, &record, NULL, &refusal), &refusal);
}

/* Seconds for so many commits of so many records. */
static double measure(struct audit *audit, int commits, int records)
{
	struct refusal refusal;
	double start = now();

	for (int i = 0; i < commits; i++) {
		for (int j = 0; j < records; j++)
			append(audit);
		check(audit_commit(audit, &refusal), &refusal);
	}
	return now() - start;
}

static void fill(struct audit *audit, uint64_t records)
{
	struct refusal refusal;

	while (audit_head(audit) < records) {
		uint64_t missing = records - audit_head(audit);

		for (uint64_t i = 0; i < missing && i < AUDIT_STAGED_MAX; i++)
			append(audit);
		check(audit_commit(audit, &refusal), &refusal);
	}
}

/* Microseconds of the processor for a record, its part of the tree and of a checkpoint. */
static double cost_at(struct audit *audit, uint64_t records)
{
	double start;

	fill(audit, records);
	start = processor_time();
	measure(audit, COST_COMMITS, COST_RECORDS);
	return (processor_time() - start) * 1e6 / (COST_COMMITS * COST_RECORDS);
}

static double bytes_a_record(const char *directory, uint64_t records)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	double bytes = 0;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "log-", 4) && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0)
			bytes += (double)st.st_size;
	if (dir)
		closedir(dir);
	return bytes / (double)records;
}

static void clean_up(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(directory);
}

int main(int argc, char **argv)
{
	static const int groups[] = { 1, 16, 64, 256 };
	double seconds[4] = { 0 }, ratio = 0, short_cost, long_cost, bytes;
	bool good;
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = NULL;
	struct refusal refusal;
	uint64_t records;
	struct statfs fs;
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s/bench-audit-XXXXXX", argc > 1 ? argv[1] : ".");
	if (!mkdtemp(directory) || statfs(directory, &fs) < 0) {
		perror(directory);
		return EXIT_FAILURE;
	}
	options.directory = directory;
	check(audit_open(&options, &audit, &refusal), &refusal);
	measure(audit, 8, 8);
	short_cost = cost_at(audit, SHORT_LOG);
	for (int i = 0; i < ROUNDS; i++)
		for (int j = 0; j < 4; j++)
			seconds[j] += measure(audit, RECORDS / groups[j], groups[j]);
	long_cost = cost_at(audit, LONG_LOG);
	records = audit_head(audit);
	audit_close(audit);
	bytes = bytes_a_record(directory, records);
	clean_up(directory);
	for (int j = 0; j < 4; j++) {
		ratio = seconds[0] / seconds[j];
		printf("one fsync for %3d records: %8.0f durable records/s, ratio %5.1f\n", groups[j],
		       ROUNDS * RECORDS / seconds[j], ratio);
	}
	printf("group commit: %.1f (wanted: %.0f)%s\n", ratio, RATIO_WANTED,
	       fs.f_type == TMPFS_MAGIC ? "; a tmpfs, so this says nothing of a disk" : "");
	printf("a record costs %.1f µs of the processor after %d, %.1f µs after %d: ratio %.2f (wanted: "
	       "%.1f)\n",
	       short_cost, SHORT_LOG, long_cost, LONG_LOG, long_cost / short_cost, COST_RATIO);
	printf("%.0f bytes of disk a record\n", bytes);
	good = (ratio >= RATIO_WANTED || fs.f_type == TMPFS_MAGIC) && long_cost <= COST_RATIO * short_cost;
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
