/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a query costs by the length of the log: as one walk, and in the steps in which the warden takes it, of
 * which only the longest holds up anybody. Usage: bench-audit-query [DIRECTORY [RECORDS]], by default the
 * current directory and 100 000. No filter matches more than a few records: those are the ones that look at
 * everything.
 */
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"

#define STEP 4096 /* loaderd/warden/audit-listing.c */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void check(int r, const struct refusal *refusal)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench-audit-query: %s\n", r > 0 ? refusal->reason : strerror(-r));
	exit(EXIT_FAILURE);
}

/* A third each are decisions, outcomes and readings; of three users and two probes. */
static void append(struct audit *audit, uint64_t i)
{
	static const uint8_t digest[DIGEST_SIZE] = { 1 };
	static const gid_t gids[] = { 1000, 27, 100, 998 };
	struct audit_requester requester = {
		.uid = 1000 + i % 3,
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
		.kind = i % 3 == 0   ? AUDIT_DECISION
			: i % 3 == 1 ? AUDIT_OUTCOME
				     : AUDIT_READ,
		.verdict = i % 3 == 0 ? AUDIT_ALLOW : AUDIT_OK,
		.requester = &requester,
		.action = i % 2 ? "attach" : "detach",
		.probe = i % 2 ? "tcp.state" : "dns.latency",
		.serial = 1,
		.digest = digest,
		.target_kind = "self",
		.rule = "users",
		.policy_digest = digest,
	};
	struct refusal refusal;

	check(audit_append(audit, &record, NULL, &refusal), &refusal);
}

static void fill(struct audit *audit, uint64_t n)
{
	struct refusal refusal;

	for (uint64_t i = 0; i < n; i++) {
		append(audit, i);
		if (i % 512 == 511 || i + 1 == n)
			check(audit_commit(audit, &refusal), &refusal);
	}
}

static int count(const struct audit_row *row, void *userdata)
{
	(void)row;
	++*(uint64_t *)userdata;
	return 0;
}

static double once(struct audit *audit, const struct audit_filter *filter)
{
	struct refusal refusal;
	double start = now();
	uint64_t n = 0;

	check(audit_query(audit, filter, count, &n, &refusal), &refusal);
	return now() - start;
}

/* All steps; the longest goes to ret_longest. */
static double in_steps(struct audit *audit, struct audit_filter filter, double *ret_longest)
{
	uint64_t head = audit_head(audit);
	double start = now(), longest = 0;

	for (filter.from_seq = 1; filter.from_seq <= head; filter.from_seq += STEP) {
		double took;

		filter.to_seq = filter.from_seq + STEP - 1;
		took = once(audit, &filter);
		if (took > longest)
			longest = took;
	}
	*ret_longest = longest;
	return now() - start;
}

static void measure(struct audit *audit)
{
	static const struct {
		const char *name;
		struct audit_filter filter;
	} rows[] = {
		{ "the first page", { .limit = AUDIT_QUERY_MAX } },
		{ "a uid that is not there", { .by_uid = true, .uid = 5 } },
		{ "uid, verdict and kind that do not go together",
		  { .by_uid = true, .uid = 1001, .verdict = AUDIT_OK, .kind = "decision" } },
		{ "a kind that is not there", { .kind = "crash" } },
		{ "a wide window, a kind that is not there", { .since = 1, .kind = "crash" } },
		{ "a window before the log", { .since = 1, .until = 2 } },
	};

	printf("%-48s %10s %10s %10s\n", "ms", "one walk", "in steps", "longest");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double longest, whole = once(audit, &rows[i].filter),
				steps = in_steps(audit, rows[i].filter, &longest);

		printf("%-48s %10.2f %10.2f %10.2f\n", rows[i].name, whole, steps, longest);
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct audit *audit = NULL;
	struct refusal refusal;
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s/bench-audit-query-XXXXXX", argc > 1 ? argv[1] : ".");
	if (!mkdtemp(directory)) {
		perror("bench-audit-query: mkdtemp");
		return EXIT_FAILURE;
	}
	options.directory = directory;
	check(audit_open(&options, &audit, &refusal), &refusal);
	fill(audit, n);
	printf("%llu records\n", (unsigned long long)n);
	measure(audit);
	audit_close(audit);
	nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return EXIT_SUCCESS;
}
