/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workload.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/tree/tree.h"
#include "workload-tree.h"

char workload_context[512];

/* Every check of this file fails by this one. */
#define fail_here(format, ...) fail_msg("%s: " format, workload_context, __VA_ARGS__)

void workload_directory(char ret[128], const char *what)
{
	/* In memory where that can be had: nothing here is for keeps. */
	snprintf(ret, 128, "%s/test-audit-%s-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
		 what);
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

static int try_open(const char *directory, struct audit **ret, struct refusal *refusal)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;

	options.directory = directory;
	return audit_open(&options, ret, refusal);
}

static struct audit *open_log(const char *directory)
{
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;
	int r = try_open(directory, &audit, &refusal);

	if (r)
		fail_here("cannot open: %d, %s: %s", r, refusal.subject, refusal.reason);
	return audit;
}

void workload_open(struct workload *w)
{
	w->audit = open_log(w->directory);
}

int workload_try_open(struct workload *w, struct refusal *refusal)
{
	return try_open(w->directory, &w->audit, refusal);
}

void workload_close(struct workload *w)
{
	w->audit = audit_close(w->audit);
}

struct workload *workload_new(uint64_t seed)
{
	struct workload *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(w != MAP_FAILED);
	w->seed = seed;
	workload_directory(w->directory, "log");
	return w;
}

struct workload *workload_free(struct workload *w)
{
	workload_close(w);
	workload_remove(w->directory);
	free(w->batches);
	munmap(w, sizeof(*w));
	return NULL;
}

static uint64_t draw(struct workload *w, uint64_t below)
{
	return disk_random(&w->seed) % below;
}

static uint64_t append(struct audit *audit, uint64_t length)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);
	static char detail[4096];
	uint64_t seq;

	memset(detail, 'd', sizeof(detail));
	detail[length % sizeof(detail)] = '\0';
	requester.uid = 1000;
	record.requester = &requester;
	record.verdict = AUDIT_ALLOW;
	record.action = "attach";
	record.probe = "tcp.state";
	record.detail = detail;
	assert_int_equal(audit_append(audit, &record, &seq, NULL), 0);
	return seq;
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
	assert_true(row->seq <= WORKLOAD_MAX);
	memcpy(w->leaves[w->head++], row->leaf, DIGEST_SIZE);
	return 0;
}

static void remember(struct workload *w, size_t began)
{
	struct audit_filter filter = { .from_seq = w->head + 1 };
	struct audit_state state;

	audit_describe(w->audit, &state);
	memcpy(w->origin, state.origin, sizeof(w->origin));
	assert_int_equal(audit_query(w->audit, &filter, remember_row, w, NULL), 0);
	w->batches = reallocarray(w->batches, w->n_batches + 1, sizeof(*w->batches));
	w->batches[w->n_batches++] = (struct batch){ w->head, began, disk_operations() };
}

int workload_batch(struct workload *w, struct refusal *refusal)
{
	uint64_t n = 1 + draw(w, 6);
	size_t began = disk_operations();
	int r;

	if (draw(w, 8) == 0)
		assert_int_equal(put_text(w), 0);
	for (uint64_t i = 0; i < n; i++)
		w->reach = append(w->audit, draw(w, 8) ? draw(w, 200) : draw(w, 4000));
	r = audit_commit(w->audit, refusal);
	if (!r)
		remember(w, began);
	return r;
}

/* By a connection of its own, as SQLite's own checkpoints come only after a thousand pages. */
int workload_rotate(struct workload *w, struct refusal *refusal)
{
	return audit_rotate(w->audit, refusal);
}

static void newest(const char *path, void *userdata)
{
	memcpy(userdata, path, strlen(path) + 1);
}

int workload_fold(const struct workload *w)
{
	static const char *const modes[] = { "PASSIVE", "RESTART", "TRUNCATE" };
	char path[512] = "", sql[64];
	sqlite3 *db = NULL;
	int code;

	workload_segments(w->directory, newest, path);
	snprintf(sql, sizeof(sql), "PRAGMA wal_checkpoint(%s)", modes[w->seed % 3]);
	code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return code;
}

void workload_step(struct workload *w)
{
	struct refusal refusal = { 0 };

	switch (draw(w, 12)) {
	case 0:
		assert_int_equal(workload_fold(w), SQLITE_OK);
		break;
	case 1:
		workload_close(w);
		workload_open(w);
		break;
	case 2:
		if (workload_rotate(w, &refusal))
			fail_here("rotate: %s: %s", refusal.subject, refusal.reason);
		break;
	case 3:
		if (audit_checkpoint(w->audit, &refusal))
			fail_here("checkpoint: %s: %s", refusal.subject, refusal.reason);
		break;
	default:
		if (workload_batch(w, &refusal))
			fail_here("commit: %s: %s", refusal.subject, refusal.reason);
	}
}

struct checking {
	const struct workload *w;
	uint64_t last, acknowledged;
	uint8_t leaves[WORKLOAD_MAX][DIGEST_SIZE];
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
	assert_true(row->seq <= WORKLOAD_MAX);
	memcpy(c->leaves[c->last++], leaf, DIGEST_SIZE);
	return 0;
}

/* All that can be read: every record, and the stored tree over them. */
static uint64_t check_log(const struct workload *w, struct audit *audit, const char *directory,
			  uint64_t acknowledged)
{
	static struct checking c;
	struct refusal refusal = { 0 };
	struct audit_state state;
	const char *wrong;
	uint64_t before;

	audit_describe(audit, &state);
	if (acknowledged && (state.base != 0 || strcmp(state.origin, w->origin)))
		fail_here("it is another log: %s, not %s", state.origin, w->origin);
	c.w = w;
	c.acknowledged = acknowledged;
	c.last = state.first - 1;
	memcpy(c.leaves, w->leaves, c.last * DIGEST_SIZE);
	do {
		struct audit_filter filter = { .from_seq = c.last + 1 };

		before = c.last;
		if (audit_query(audit, &filter, check_row, &c, &refusal) != 0)
			fail_here("cannot read: %s: %s", refusal.subject, refusal.reason);
	} while (c.last != before);
	if (c.last != audit_head(audit) || c.last < acknowledged)
		fail_here("%llu records were acknowledged, %llu are there, the log says %llu",
			  (unsigned long long)acknowledged, (unsigned long long)c.last,
			  (unsigned long long)audit_head(audit));
	wrong = workload_tree_wrong(audit, directory, (const uint8_t(*)[DIGEST_SIZE])c.leaves, c.last);
	if (wrong)
		fail_here("%s", wrong);
	return c.last;
}

void workload_read(const struct workload *w)
{
	check_log(w, w->audit, w->directory, w->head);
}

static void check_head(uint64_t head, uint64_t acknowledged, uint64_t head_max)
{
	if (head_max && head != acknowledged && head != head_max)
		fail_here("the log ends at %llu, in the middle of the batch from %llu to %llu",
			  (unsigned long long)head, (unsigned long long)acknowledged + 1,
			  (unsigned long long)head_max);
}

void workload_adopt(struct workload *w, uint64_t acknowledged, uint64_t head_max)
{
	check_head(check_log(w, w->audit, w->directory, acknowledged), acknowledged, head_max);
	w->head = acknowledged;
	w->n_batches = 0;
	remember(w, 0);
	w->n_batches = 0;
	w->reach = w->head;
}

void workload_check(const struct workload *w, const char *directory, uint64_t acknowledged, uint64_t head_max)
{
	struct audit *audit = open_log(directory);
	uint64_t head = check_log(w, audit, directory, acknowledged);

	check_head(head, acknowledged, head_max);
	append(audit, 10);
	assert_int_equal(audit_commit(audit, NULL), 0);
	audit = audit_close(audit);
	audit = open_log(directory);
	assert_int_equal(check_log(w, audit, directory, acknowledged), head + 1);
	audit_close(audit);
}
