/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workload-tree.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "vfs-disk.h"

struct node {
	unsigned level;
	uint64_t index;
	uint8_t hash[DIGEST_SIZE];
	bool stored;
};

struct expected {
	const uint8_t (*leaves)[DIGEST_SIZE];
	uint64_t n;
	struct node *nodes; /* in the order in which they were completed */
	size_t n_nodes;
	uint8_t (*roots)[DIGEST_SIZE]; /* of each size */
	struct note_key key;
	char origin[NOTE_NAME_MAX];
	uint64_t signed_size;
	char wrong[256];
};

#define WRONG(e, ...) ((e)->wrong[0] ? 0 : snprintf((e)->wrong, sizeof((e)->wrong), __VA_ARGS__))

static int compare_segments(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_segment(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return !strncmp(entry->d_name, "log-", 4) && !strcmp(entry->d_name + length - 7, ".sqlite");
}

void workload_segments(const char *directory, void (*fn)(const char *path, void *userdata), void *userdata)
{
	struct dirent **names;
	int n = scandir(directory, &names, is_segment, compare_segments);

	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		fn(path, userdata);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static int made(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	struct expected *e = userdata;
	struct node *node = &e->nodes[e->n_nodes++];

	*node = (struct node){ .level = level, .index = index };
	memcpy(node->hash, hash, DIGEST_SIZE);
	return 0;
}

/* A tree of n leaves has fewer than n complete nodes above them. */
static void expect(struct expected *e)
{
	struct tree_edge edge = TREE_EDGE_INIT;

	e->nodes = calloc(e->n + 1, sizeof(*e->nodes));
	e->roots = calloc(e->n + 1, DIGEST_SIZE);
	if (!e->nodes || !e->roots || tree_root(&edge, e->roots[0]) < 0)
		abort();
	for (uint64_t i = 0; i < e->n; i++)
		if (tree_append(&edge, e->leaves[i], made, e) < 0 || tree_root(&edge, e->roots[i + 1]) < 0)
			abort();
}

/* Leaf by leaf each tree of n leaves has completed n nodes less one for each bit of n, lowest level first. */
static struct node *find(struct expected *e, unsigned level, uint64_t index)
{
	uint64_t last = ((index + 1) << level) - 1;
	uint64_t at = last - (uint64_t)__builtin_popcountll(last) + level - 1;

	return last < e->n ? &e->nodes[at] : NULL;
}

static void check_node(struct expected *e, unsigned level, uint64_t index, const void *hash)
{
	struct node *node = level && level < TREE_LEVELS_MAX ? find(e, level, index) : NULL;
	const uint8_t *right = level == 0 && index < e->n ? e->leaves[index] : node ? node->hash : NULL;

	if (!right)
		WRONG(e, "node %u/%llu is stored and should not be there", level, (unsigned long long)index);
	else if (memcmp(right, hash, DIGEST_SIZE) != 0)
		WRONG(e, "node %u/%llu is wrong", level, (unsigned long long)index);
	if (node)
		node->stored = true;
}

static void check_segment(const char *path, void *userdata)
{
	struct expected *e = userdata;
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, "SELECT level, position, hash FROM node", -1, &stmt, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(stmt);
		if (code == SQLITE_ROW)
			check_node(e, (unsigned)sqlite3_column_int(stmt, 0),
				   (uint64_t)sqlite3_column_int64(stmt, 1), sqlite3_column_blob(stmt, 2));
	}
	if (code != SQLITE_DONE)
		WRONG(e, "%s cannot be read: %s", path, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static int check_note(const char *note, size_t size, void *userdata)
{
	struct expected *e = userdata;
	struct checkpoint checkpoint;
	size_t text_size;
	unsigned long long leaves;

	if (note_verify(&e->key, note, size, &text_size) != NOTE_GOOD ||
	    checkpoint_parse(note, text_size, &checkpoint) < 0) {
		WRONG(e, "a checkpoint is not signed by the log's key");
		return 0;
	}
	leaves = checkpoint.size;
	if (strcmp(checkpoint.origin, e->origin))
		WRONG(e, "the checkpoint of %llu is of another log", leaves);
	else if (checkpoint.size > e->n)
		WRONG(e, "a checkpoint says %llu, the log has %llu", leaves, (unsigned long long)e->n);
	else if (memcmp(checkpoint.root, e->roots[checkpoint.size], DIGEST_SIZE) != 0)
		WRONG(e, "the checkpoint of %llu has another root", leaves);
	e->signed_size = checkpoint.size;
	return 0;
}

const char *workload_tree_wrong(struct audit *audit, const char *directory,
				const uint8_t (*leaves)[DIGEST_SIZE], uint64_t n)
{
	struct expected e = { .leaves = leaves, .n = n };
	static char wrong[256];
	struct audit_state state;
	uint64_t before;
	bool suspended;

	audit_describe(audit, &state);
	memcpy(e.origin, state.origin, sizeof(e.origin));
	if (note_key_parse(state.key, &e.key) < 0)
		WRONG(&e, "the log has no key");
	expect(&e);
	suspended = disk_suspend(true);
	workload_segments(directory, check_segment, &e);
	disk_suspend(suspended);
	do {
		before = e.signed_size;
		if (!e.wrong[0] && audit_checkpoints(audit, e.signed_size, 0, check_note, &e, NULL) != 0)
			WRONG(&e, "the checkpoints cannot be read");
	} while (!e.wrong[0] && e.signed_size != before);
	/* What a removed segment held is gone with it. */
	for (size_t i = 0; i < e.n_nodes; i++)
		if (!e.nodes[i].stored && e.nodes[i].index << e.nodes[i].level >= state.first - 1)
			WRONG(&e, "node %u/%llu is missing", e.nodes[i].level,
			      (unsigned long long)e.nodes[i].index);
	free(e.nodes);
	free(e.roots);
	memcpy(wrong, e.wrong, sizeof(wrong));
	return wrong[0] ? wrong : NULL;
}
