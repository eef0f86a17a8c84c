/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records a second that audit verify reads, hashes and compares, on a log of the real writer's, and what of
 * that SQLite takes, and hashing. Usage: bench-verify [RECORDS [DIRECTORY]]; 200 000 in the current one by
 * default.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "audit/tree/tree.h"
#include "audit/verify/verify.h"

#define RATE_WANTED 500000
#define ROUNDS      5

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void check(int r, const struct refusal *refusal)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench-verify: %s\n", r > 0 ? refusal->reason : strerror(-r));
	exit(EXIT_FAILURE);
}

/* A decision as the warden writes it: an ordinary user's attach, about 700 bytes. */
static void append(struct audit *audit, const uint8_t policy[DIGEST_SIZE])
{
	static const gid_t gids[] = { 1000, 27, 100, 998 };
	static const char *const signers[] = { "standard" };
	static const uint8_t digest[DIGEST_SIZE] = { 1 };
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	struct refusal refusal;

	requester.uid = 1000;
	requester.user = "alice";
	requester.gids = gids;
	requester.n_gids = 4;
	requester.loginuid = 1000;
	requester.pid = 4242;
	requester.comm = "bpfwarden";
	requester.cgroup = "/user.slice/user-1000.slice/session-3.scope";
	requester.container = AUDIT_NO;
	record.verdict = AUDIT_ALLOW;
	record.requester = &requester;
	record.action = "attach";
	record.probe = "tcp.state";
	record.serial = 1;
	record.digest = digest;
	record.signers = signers;
	record.n_signers = 1;
	record.target_kind = "self";
	record.rule = "users";
	record.policy_digest = policy;
	check(audit_append(audit, &record, NULL, &refusal), &refusal);
}

static void write_log(const char *directory, unsigned long records)
{
	static const char text[] = "[allow users]\ngroup = users\n";
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = NULL;
	struct refusal refusal;
	uint8_t policy[DIGEST_SIZE];

	options.directory = directory;
	check(audit_open(&options, &audit, &refusal), &refusal);
	check(audit_put_text(audit, text, strlen(text), policy, &refusal), &refusal);
	for (unsigned long i = 0; i < records; i++) {
		append(audit, policy);
		if (i % 256 == 255)
			check(audit_commit(audit, &refusal), &refusal);
	}
	audit_close(audit);
}

static void clean_up(const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(directory);
}

static struct audit_source *open_source(const char *directory)
{
	struct audit_source *source = NULL;
	struct refusal refusal;

	check(audit_source_open(directory, &source, &refusal), &refusal);
	return source;
}

static int read_row(const struct audit_source_row *row, void *userdata)
{
	*(unsigned long *)userdata += row->size;
	return 0;
}

static int hash_row(const struct audit_source_row *row, void *userdata)
{
	uint8_t leaf[DIGEST_SIZE];

	*(unsigned long *)userdata += row->size;
	return tree_hash_leaf(row->bytes, row->size, leaf);
}

static double rows(const char *directory, audit_source_row_fn fn, unsigned long *ret_bytes)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = open_source(directory);
	double start = now(CLOCK_THREAD_CPUTIME_ID);
	struct refusal refusal;

	*ret_bytes = 0;
	check(source->calls->rows(source, 1, fn, ret_bytes, &refusal), &refusal);
	return now(CLOCK_THREAD_CPUTIME_ID) - start;
}

static double verify(const char *directory, unsigned long records, double *ret_wall)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = open_source(directory);
	_cleanup_(verify_free_p) struct verify *verified = NULL;
	const struct verify_options options = VERIFY_OPTIONS_INIT;
	double wall = now(CLOCK_MONOTONIC), start = now(CLOCK_THREAD_CPUTIME_ID);
	struct refusal refusal;

	check(verify_log(source, &options, &verified, &refusal), &refusal);
	start = now(CLOCK_THREAD_CPUTIME_ID) - start;
	*ret_wall = now(CLOCK_MONOTONIC) - wall;
	if (!verify_good(verified) || verified->records != records) {
		fprintf(stderr, "bench-verify: the log did not verify\n");
		exit(EXIT_FAILURE);
	}
	return start;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

int main(int argc, char **argv)
{
	unsigned long records = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000, bytes;
	double reading = 1e9, hashing = 1e9, all = 1e9, wall = 1e9;
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s/bench-verify-XXXXXX", argc > 2 ? argv[2] : ".");
	if (!records || !mkdtemp(directory)) {
		perror(directory);
		return EXIT_FAILURE;
	}
	write_log(directory, records);
	for (int i = 0; i < ROUNDS; i++) {
		double once;

		reading = least(reading, rows(directory, read_row, &bytes));
		hashing = least(hashing, rows(directory, hash_row, &bytes));
		all = least(all, verify(directory, records, &once));
		wall = least(wall, once);
	}
	clean_up(directory);
	printf("%lu records of %lu bytes\n", records, bytes / records);
	printf("SQLite alone:       %8.0f records/s\n", (double)records / reading);
	printf("and leaf hashes:    %8.0f records/s\n", (double)records / hashing);
	printf("whole verification: %8.0f records/s of processor time (wanted: %d), %.0f by the clock; "
	       "SQLite %2.0f %%, "
	       "leaf hashes %2.0f %%, nodes and the rest %2.0f %%\n",
	       (double)records / all, RATE_WANTED, (double)records / wall, 100 * reading / all,
	       100 * (hashing - reading) / all, 100 * (all - hashing) / all);
	return (double)records / all >= RATE_WANTED ? EXIT_SUCCESS : EXIT_FAILURE;
}
