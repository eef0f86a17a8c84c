/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit-fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/tree/tree.h"

int fixture_setup(void **state)
{
	const char *where = getenv("TMPDIR");
	char *directory = NULL;

	if (asprintf(&directory, "%s/test-audit-XXXXXX", where ? where : "/tmp") < 0)
		return -1;
	*state = directory;
	return mkdtemp(directory) ? 0 : -1;
}

int fixture_teardown(void **state)
{
	char *directory = *state;
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlink(fixture_path(directory, entry->d_name));
	if (dir)
		closedir(dir);
	rmdir(directory);
	free(directory);
	return 0;
}

struct audit *fixture_open_with(const char *directory, const char *journal_socket)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;

	options.directory = directory;
	options.journal_socket = journal_socket;
	if (audit_open(&options, &audit, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return audit;
}

struct audit *fixture_open(const char *directory)
{
	return fixture_open_with(directory, NULL);
}

const char *fixture_path(const char *directory, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

uint64_t fixture_append(struct audit *audit, uid_t uid, const char *probe)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	uint64_t seq = 0;

	requester.uid = uid;
	record.requester = &requester;
	record.verdict = AUDIT_ALLOW;
	record.action = "attach";
	record.probe = probe;
	assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
	return seq;
}

void fixture_commit(struct audit *audit)
{
	struct refusal refusal = { 0 };

	if (audit_commit(audit, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
}

static int copy_row(const struct audit_row *row, void *userdata)
{
	char **copy = userdata;

	free(*copy);
	*copy = strndup(row->bytes, row->size);
	return 0;
}

const char *fixture_record(struct audit *audit, uint64_t seq)
{
	static char *copy;

	assert_int_equal(audit_get(audit, seq, copy_row, &copy, NULL), 0);
	return copy;
}

static int check_row(const struct audit_row *row, void *userdata)
{
	uint64_t *last = userdata;
	uint8_t leaf[DIGEST_SIZE];
	char start[64];

	assert_int_equal(row->seq, *last + 1);
	assert_int_equal(tree_hash_leaf(row->bytes, row->size, leaf), 0);
	assert_memory_equal(row->leaf, leaf, DIGEST_SIZE);
	snprintf(start, sizeof(start), "{\"v\":1,\"seq\":%llu,\"kind\":\"", (unsigned long long)row->seq);
	assert_memory_equal(row->bytes, start, strlen(start));
	*last = row->seq;
	return 0;
}

uint64_t fixture_check_log(struct audit *audit)
{
	uint64_t last = 0, before;

	do {
		struct audit_filter filter = { .from_seq = last + 1 };

		before = last;
		assert_int_equal(audit_query(audit, &filter, check_row, &last, NULL), 0);
	} while (last != before);
	assert_int_equal(last, audit_head(audit));
	return last;
}

const char *fixture_sql(const char *directory, const char *sql)
{
	static char message[256];
	const char *result = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(fixture_path(directory, FIXTURE_LOG), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		snprintf(message, sizeof(message), "%s", sqlite3_errmsg(db));
		result = message;
	}
	sqlite3_close(db);
	return result;
}

uint64_t fixture_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void fixture_only_checkpoint_is_due(const struct audit *audit, uint64_t before)
{
	assert_false(audit_pending(audit));
	assert_in_range(audit_next_tick(audit), before + SECONDS(60), fixture_now() + SECONDS(60));
}
