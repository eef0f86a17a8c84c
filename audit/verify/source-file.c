/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/verify/source-file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/schema.h"
#include "audit/verify/source-copy.h"
#include "common/cleanup.h"

#define DIGITS       12 /* of a name, at least */
#define ROW_SIZE_MIN 8  /* a row takes at least so much of the file */

bool source_file_named(const char *name, uint64_t *ret_first)
{
	size_t n = strncmp(name, "log-", 4) ? 0 : strspn(name + 4, "0123456789");
	uint64_t first = 0;

	if (n < DIGITS || n > 18 || strcmp(name + 4 + n, ".sqlite") || (n > DIGITS && name[4] == '0'))
		return false;
	for (size_t i = 0; i < n; i++)
		first = 10 * first + (uint64_t)(name[4 + i] - '0');
	*ret_first = first;
	return first > 0;
}

static int refuse(struct source_file *file, struct refusal *refusal, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int refuse(struct source_file *file, struct refusal *refusal, const char *format, ...)
{
	char reason[REFUSAL_REASON_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, file->name, "%s", reason);
}

/* What SQLite says of a file is about the file: the name of the file is the subject. */
static int refuse_code(struct source_file *file, int code, struct refusal *refusal)
{
	if ((code & 0xff) == SQLITE_NOMEM)
		return -ENOMEM;
	return refuse(file, refusal, "%s",
		      file->db && sqlite3_errcode(file->db) != SQLITE_OK ? sqlite3_errmsg(file->db)
									 : sqlite3_errstr(code));
}

/* ---- open ---- */

void source_file_close(struct source_file *file)
{
	for (unsigned level = 0; file->nodes && level < TREE_LEVELS_MAX; level++)
		free(file->nodes[level].items);
	free(file->nodes);
	file->nodes = NULL;
	sqlite3_close(file->db);
	file->db = NULL;
	if (file->temporary)
		source_copy_remove(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
}

static int open_copy(struct source_file *file, struct refusal *refusal)
{
	_cleanup_free_ char *path = NULL;
	int r = source_copy(file->path, &file->temporary, &path), code;

	if (r == -ENOMEM)
		return r;
	if (r)
		return refuse(file, refusal, "it and its write-ahead log cannot be copied to read them: %s",
			      strerror(-r));
	code = sqlite3_open_v2(path, &file->db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	return code == SQLITE_OK ? 0 : refuse_code(file, code, refusal);
}

static int open_in_place(struct source_file *file, struct refusal *refusal)
{
	_cleanup_free_ char *uri = source_copy_uri(file->path);
	int code;

	if (!uri)
		return -ENOMEM;
	code = sqlite3_open_v2(
		uri, &file->db,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	return code == SQLITE_OK ? 0 : refuse_code(file, code, refusal);
}

static int connect_file(struct source_file *file, struct refusal *refusal)
{
	struct stat st;
	uint64_t wal;
	int code, r;

	if (lstat(file->path, &st) < 0)
		return refuse(file, refusal, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(file, refusal, "it is no regular file");
	r = source_copy_wal(file->path, &wal);
	if (r)
		return refuse(file, refusal, "%s", strerror(-r));
	r = wal ? open_copy(file, refusal) : open_in_place(file, refusal);
	if (r)
		return r;
	code = schema_harden(file->db);
	if (code != SQLITE_OK)
		return refuse_code(file, code, refusal);
	file->size = (uint64_t)st.st_size + wal;
	r = schema_check(file->db, refusal);
	/* By now SQLite has everything open, and whoever interrupts us leaves no copy behind. */
	if (file->temporary)
		source_copy_remove(file->temporary);
	return r < 0 ? r : r ? refuse(file, refusal, "%s", refusal ? refusal->reason : "") : 0;
}

int source_file_open(struct source_file *file, struct refusal *refusal)
{
	int r;

	if (file->db)
		return 0;
	r = connect_file(file, refusal);
	if (r)
		source_file_close(file);
	return r;
}

int source_file_prepare(struct source_file *file, const char *sql, sqlite3_stmt **ret,
			struct refusal *refusal)
{
	int code = sqlite3_prepare_v2(file->db, sql, -1, ret, NULL);

	return code == SQLITE_OK ? 0 : refuse_code(file, code, refusal);
}

int source_file_step(struct source_file *file, sqlite3_stmt *stmt, uint64_t *n, bool *ret_row,
		     struct refusal *refusal)
{
	int code = sqlite3_step(stmt);

	*ret_row = code == SQLITE_ROW;
	if (code == SQLITE_DONE)
		return 0;
	if (code != SQLITE_ROW)
		return refuse_code(file, code, refusal);
	if (++*n > file->size / ROW_SIZE_MIN)
		return refuse(file, refusal, "its pages form a ring: there are more rows than room for them");
	return 0;
}

/* ---- what it says of itself ---- */

static bool take_text(sqlite3_stmt *stmt, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, 1);

	return sqlite3_column_type(stmt, 1) == SQLITE_TEXT && text &&
	       (size_t)snprintf(to, size, "%s", text) < size;
}

static bool take_number(sqlite3_stmt *stmt, uint64_t *ret)
{
	sqlite3_int64 number = sqlite3_column_int64(stmt, 1);

	if (sqlite3_column_type(stmt, 1) != SQLITE_INTEGER || number < 0 || number >= 1LL << 61)
		return false;
	*ret = (uint64_t)number;
	return true;
}

static bool take_meta(struct source_file *file, sqlite3_stmt *stmt, unsigned *seen)
{
	const char *name = (const char *)sqlite3_column_text(stmt, 0);

	if (!name)
		return false;
	if (!strcmp(name, "origin"))
		*seen |= 1U;
	else if (!strcmp(name, "key"))
		*seen |= 2U;
	else if (!strcmp(name, "first"))
		*seen |= 4U;
	else if (!strcmp(name, "base"))
		*seen |= 8U;
	if (!strcmp(name, "origin"))
		return take_text(stmt, file->origin, sizeof(file->origin));
	if (!strcmp(name, "key"))
		return take_text(stmt, file->key, sizeof(file->key));
	if (!strcmp(name, "first"))
		return take_number(stmt, &file->first);
	if (!strcmp(name, "base"))
		return take_number(stmt, &file->base);
	return true;
}

static int read_meta(struct source_file *file, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	unsigned seen = 0;
	uint64_t n = 0;
	bool row = true;
	int r = source_file_prepare(file, "SELECT name, value FROM meta", &stmt, refusal);

	while (!r && row) {
		r = source_file_step(file, stmt, &n, &row, refusal);
		if (!r && row && !take_meta(file, stmt, &seen))
			r = refuse(file, refusal, "what it says of itself makes no sense (table meta)");
	}
	sqlite3_finalize(stmt);
	if (!r && (seen != 15 || file->first <= file->base))
		r = refuse(file, refusal, "it does not say which records of which log it has (table meta)");
	return r;
}

int source_file_describe(struct source_file *file, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n = 0;
	bool row;
	int r = source_file_open(file, refusal);

	if (!r)
		r = read_meta(file, refusal);
	if (!r)
		r = source_file_prepare(file, "SELECT max(seq) FROM record", &stmt, refusal);
	if (!r)
		r = source_file_step(file, stmt, &n, &row, refusal);
	if (!r) {
		sqlite3_int64 last = sqlite3_column_int64(stmt, 0);

		if (sqlite3_column_type(stmt, 0) == SQLITE_NULL || last < (sqlite3_int64)file->first)
			last = (sqlite3_int64)file->first - 1;
		file->last = (uint64_t)last;
	}
	sqlite3_finalize(stmt);
	return r;
}

/* ---- nodes ---- */

static int add_node(struct source_file *file, sqlite3_stmt *stmt)
{
	sqlite3_int64 level = sqlite3_column_int64(stmt, 0), position = sqlite3_column_int64(stmt, 1);
	const void *hash = sqlite3_column_blob(stmt, 2);
	struct source_nodes *nodes;
	struct source_node *node;

	if (level < 0 || level >= TREE_LEVELS_MAX || position < 0 ||
	    sqlite3_column_bytes(stmt, 2) != DIGEST_SIZE)
		return 0; /* names no node: as if it were not there */
	nodes = &file->nodes[level];
	if (!(nodes->n & (nodes->n - 1))) {
		node = reallocarray(nodes->items, nodes->n ? 2 * nodes->n : 1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		nodes->items = node;
	}
	node = &nodes->items[nodes->n++];
	node->position = (uint64_t)position;
	memcpy(node->hash, hash, DIGEST_SIZE);
	return 0;
}

static int read_nodes(struct source_file *file, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t n = 0;
	bool row = true;
	int r;

	file->nodes = calloc(TREE_LEVELS_MAX, sizeof(*file->nodes));
	if (!file->nodes)
		return -ENOMEM;
	r = source_file_prepare(file, "SELECT level, position, hash FROM node ORDER BY level, position",
				&stmt, refusal);
	while (!r && row) {
		r = source_file_step(file, stmt, &n, &row, refusal);
		if (!r && row)
			r = add_node(file, stmt);
	}
	sqlite3_finalize(stmt);
	return r;
}

static int by_position(const void *a, const void *b)
{
	const struct source_node *x = a, *y = b;

	return x->position < y->position ? -1 : x->position > y->position;
}

int source_file_node(struct source_file *file, unsigned level, uint64_t position, uint8_t ret[DIGEST_SIZE],
		     struct refusal *refusal)
{
	const struct source_node wanted = { .position = position }, *node = NULL;
	const struct source_nodes *nodes;
	uint64_t offset;
	int r = source_file_open(file, refusal);

	if (!r && !file->nodes)
		r = read_nodes(file, refusal);
	if (r)
		return r;
	nodes = &file->nodes[level];
	if (!nodes->n)
		return -ENOENT;
	/* Nearly always they follow on one another. */
	offset = position - nodes->items[0].position;
	if (offset < nodes->n && nodes->items[offset].position == position)
		node = &nodes->items[offset];
	else
		node = bsearch(&wanted, nodes->items, nodes->n, sizeof(wanted), by_position);
	if (!node)
		return -ENOENT;
	memcpy(ret, node->hash, DIGEST_SIZE);
	return 0;
}
