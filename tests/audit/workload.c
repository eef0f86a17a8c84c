/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workload.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/tree/tree.h"

char workload_context[512];

/* Every check of this file fails by this one. */
#define fail_here(format, ...) fail_msg("%s: " format, workload_context, __VA_ARGS__)

void workload_directory(char ret[128], const char *what)
{
	snprintf(ret, 128, "/tmp/test-audit-%s-XXXXXX", what);
	assert_non_null(mkdtemp(ret));
}

void workload_remove(const char *directory)
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

static struct audit *open_log(const char *directory)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;
	int r;

	options.directory = directory;
	r = audit_open(&options, &audit, &refusal);

	if (r)
		fail_here("cannot open: %d, %s: %s", r, refusal.subject, refusal.reason);
	return audit;
}

void workload_open(struct workload *w)
{
	w->audit = open_log(w->directory);
}

void workload_close(struct workload *w)
{
	w->audit = audit_close(w->audit);
}

void workload_free(struct workload *w)
{
	workload_close(w);
	free(w->leaves);
	free(w->batches);
	w->leaves = NULL;
	w->batches = NULL;
}

static uint64_t draw(struct workload *w, uint64_t below)
{
	return disk_random(&w->seed) % below;
}

static int append(struct audit *audit, uint64_t length)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	static char detail[4096];

	memset(detail, 'd', sizeof(detail));
	detail[length % sizeof(detail)] = '\0';
	requester.uid = 1000;
	record.requester = &requester;
	record.verdict = AUDIT_ALLOW;
	record.action = "attach";
	record.probe = "tcp.state";
	record.detail = detail;
	return audit_append(audit, &record, NULL, NULL);
}

static int put_text(struct workload *w)
{
	uint8_t digest[DIGEST_SIZE];
	static char text[32768];
	size_t size = 1 + draw(w, sizeof(text));

	memset(text, 'p', sizeof(text));
	snprintf(text, sizeof(text), "[%llu]", (unsigned long long)draw(w, UINT64_MAX));
	return audit_put_text(w->audit, text, size, digest, NULL);
}

static int remember_row(const struct audit_row *row, void *userdata)
{
	struct workload *w = userdata;

	if (row->seq != w->head + 1)
		fail_here("record %llu follows %llu", (unsigned long long)row->seq,
			  (unsigned long long)w->head);
	w->leaves = reallocarray(w->leaves, row->seq, DIGEST_SIZE);
	memcpy(w->leaves[w->head++], row->leaf, DIGEST_SIZE);
	return 0;
}

static void remember(struct workload *w, size_t began)
{
	struct audit_filter filter = { .from_seq = w->head + 1 };

	assert_int_equal(audit_query(w->audit, &filter, remember_row, w, NULL), 0);
	w->batches = reallocarray(w->batches, w->n_batches + 1, sizeof(*w->batches));
	w->batches[w->n_batches++] = (struct batch){ w->head, began, disk_operations() };
}

int workload_batch(struct workload *w, struct refusal *refusal)
{
	size_t began = disk_operations();
	int r;

	if (draw(w, 8) == 0)
		assert_int_equal(put_text(w), 0);
	for (uint64_t n = 1 + draw(w, 6); n > 0; n--)
		assert_int_equal(append(w->audit, draw(w, 8) ? draw(w, 200) : draw(w, 4000)), 0);
	r = audit_commit(w->audit, refusal);
	if (!r)
		remember(w, began);
	return r;
}

/* By a connection of its own, as SQLite's own checkpoints come only after a thousand pages. */
static void fold(const struct workload *w)
{
	static const char *const modes[] = { "PASSIVE", "RESTART", "TRUNCATE" };
	char path[256], sql[64];
	sqlite3 *db = NULL;

	snprintf(path, sizeof(path), "%s/log-000000000001.sqlite", w->directory);
	snprintf(sql, sizeof(sql), "PRAGMA wal_checkpoint(%s)", modes[w->seed % 3]);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

void workload_step(struct workload *w)
{
	struct refusal refusal = { 0 };

	switch (draw(w, 12)) {
	case 0:
		fold(w);
		break;
	case 1:
		workload_close(w);
		workload_open(w);
		break;
	case 2:
		if (audit_rotate(w->audit, &refusal))
			fail_here("rotate: %s: %s", refusal.subject, refusal.reason);
		break;
	default:
		if (workload_batch(w, &refusal))
			fail_here("commit: %s: %s", refusal.subject, refusal.reason);
	}
}

struct checking {
	const struct workload *w;
	uint64_t last, acknowledged;
};

static int check_row(const struct audit_row *row, void *userdata)
{
	struct checking *c = userdata;
	uint8_t leaf[DIGEST_SIZE];
	unsigned long long seq = row->seq;

	if (row->seq != c->last + 1)
		fail_here("record %llu follows %llu", seq, (unsigned long long)c->last);
	assert_int_equal(tree_hash_leaf(row->bytes, row->size, leaf), 0);
	if (memcmp(leaf, row->leaf, DIGEST_SIZE) != 0)
		fail_here("record %llu does not match its hash", seq);
	if (row->seq <= c->acknowledged && memcmp(leaf, c->w->leaves[row->seq - 1], DIGEST_SIZE) != 0)
		fail_here("record %llu has other bytes than were acknowledged", seq);
	c->last = row->seq;
	return 0;
}

static uint64_t check_rows(const struct workload *w, struct audit *audit, uint64_t acknowledged)
{
	struct checking c = { .w = w, .acknowledged = acknowledged };
	uint64_t before;

	do {
		struct audit_filter filter = { .from_seq = c.last + 1 };

		before = c.last;
		assert_int_equal(audit_query(audit, &filter, check_row, &c, NULL), 0);
	} while (c.last != before);
	if (c.last != audit_head(audit) || c.last < acknowledged)
		fail_here("%llu records were acknowledged, %llu are there, the log says %llu",
			  (unsigned long long)acknowledged, (unsigned long long)c.last,
			  (unsigned long long)audit_head(audit));
	return c.last;
}

static void check_head(uint64_t head, uint64_t acknowledged, uint64_t head_max)
{
	if (head != acknowledged && head != head_max)
		fail_here("the log ends at %llu, in the middle of the batch from %llu to %llu",
			  (unsigned long long)head, (unsigned long long)acknowledged + 1,
			  (unsigned long long)head_max);
}

void workload_adopt(struct workload *w, uint64_t acknowledged, uint64_t head_max)
{
	check_head(check_rows(w, w->audit, acknowledged), acknowledged, head_max);
	w->head = acknowledged;
	w->n_batches = 0;
	remember(w, 0);
	w->n_batches = 0;
}

void workload_check(const struct workload *w, const char *directory, uint64_t acknowledged, uint64_t head_max)
{
	struct audit *audit = open_log(directory);
	uint64_t head = check_rows(w, audit, acknowledged);

	check_head(head, acknowledged, head_max);
	assert_int_equal(append(audit, 10), 0);
	assert_int_equal(audit_commit(audit, NULL), 0);
	audit = audit_close(audit);
	audit = open_log(directory);
	assert_int_equal(check_rows(w, audit, acknowledged), head + 1);
	audit_close(audit);
}
