/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One segment in an auditor's copy of the daemon's directory. It is opened as the daemon opens it, in
 * distrust, and never written: a closed one in place, as immutable, so that SQLite makes nothing beside it;
 * one with a write-ahead log as a copy of both in a temporary directory, because SQLite has to recover that.
 */
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "audit/tree/tree.h"
#include "common/refusal.h"

struct source_node {
	uint64_t position;
	uint8_t hash[DIGEST_SIZE];
};

struct source_nodes {
	struct source_node *items; /* by position */
	size_t n;
};

struct source_file {
	char *name, *path;
	uint64_t named; /* its first record, by its name */
	uint64_t first, last, base;
	char origin[NOTE_NAME_MAX], key[NOTE_VKEY_MAX];
	struct refusal refusal; /* code not 0: it cannot be read */
	bool skipped;

	sqlite3 *db;                /* NULL: not open */
	char *temporary;            /* directory of the copy */
	uint64_t size;              /* of the file: bounds the rows that it can have */
	uint64_t used;              /* when, for closing the one that was not for longest */
	struct source_nodes *nodes; /* by level, TREE_LEVELS_MAX of them; NULL: not read yet */
};

/* "log-000000000001.sqlite". False: no segment has such a name. */
bool source_file_named(const char *name, uint64_t *ret_first);

/* Opens and holds it to the schema; 0 at once if it is open. Refuses like audit/schema.h. */
int source_file_open(struct source_file *file, struct refusal *refusal);
void source_file_close(struct source_file *file);

/* Reads what the file says of itself into it. */
int source_file_describe(struct source_file *file, struct refusal *refusal);

/* A stored node of any level; -ENOENT. */
int source_file_node(struct source_file *file, unsigned level, uint64_t position, uint8_t ret[DIGEST_SIZE],
		     struct refusal *refusal);

/* A statement, for which the caller steps; refuses. More rows than fit into the file are refused by
 * source_file_step(), since a damaged tree of pages can have any number of them. */
int source_file_prepare(struct source_file *file, const char *sql, sqlite3_stmt **ret,
			struct refusal *refusal);
/* 1: a row; 0: no more; refusals are AUDIT_UNAVAILABLE. *n counts, from 0. */
int source_file_step(struct source_file *file, sqlite3_stmt *stmt, uint64_t *n, bool *ret_row,
		     struct refusal *refusal);
