/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit/schema.h"
#include "audit/store-query.h"
#include "audit/tree/tree.h"

#define LOG_FILE "log.sqlite"

struct identity {
	const char *name;
	dev_t dev;
	ino_t ino;
};

struct store {
	int dir_fd; /* locked for as long as we write */
	sqlite3 *writer, *reader;
	sqlite3_stmt *insert, *insert_policy, *set_journal;
	struct identity files[2]; /* what must stay in place below us */
	uint64_t head, journal_seq;
};

static int refuse(struct refusal *refusal, const char *step, int error, const char *what)
{
	if (error == ENOMEM)
		return -ENOMEM;
	return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, step, "%s: %s", what, strerror(error));
}

/* The directory is ours alone, and stays locked so that no second warden gives the same numbers. */
static int open_directory(struct store *store, const char *directory, struct refusal *refusal)
{
	struct stat st;

	store->dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (store->dir_fd < 0 || fstat(store->dir_fd, &st) < 0)
		return refuse(refusal, "directory", errno, directory);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return refusal_set(
			refusal, REFUSAL_AUDIT_UNAVAILABLE, "directory",
			"%s must belong to uid %u with mode 0700; it belongs to uid %u with mode %04o",
			directory, geteuid(), st.st_uid, st.st_mode & 07777);
	if (flock(store->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return refuse(refusal, "lock", errno, "another process writes this audit log");
	return 0;
}

/* Makes an empty file of mode 0600, which SQLite copies to its side files, or checks the one that is there.
 * O_PATH, because closing an ordinary descriptor would drop SQLite's locks on the file (fcntl(2)). */
static int prepare_file(struct store *store, struct refusal *refusal)
{
	_cleanup_close_ int fd = openat(store->dir_fd, LOG_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0) {
		if (fsync(store->dir_fd) < 0)
			return refuse(refusal, "create", errno, LOG_FILE);
		return 0;
	}
	if (errno != EEXIST)
		return refuse(refusal, "create", errno, LOG_FILE);
	fd = openat(store->dir_fd, LOG_FILE, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(refusal, "open", errno, LOG_FILE);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) || st.st_nlink != 1)
		return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "open",
				   LOG_FILE " must be a regular file of uid %u, mode 0600, with one name",
				   geteuid());
	return 0;
}

static int connect_db(const char *directory, int flags, sqlite3 **ret, struct refusal *refusal)
{
	_cleanup_free_ char *real = realpath(directory, NULL);
	char path[PATH_MAX + sizeof(LOG_FILE) + 1];
	int code;

	if (!real)
		return refuse(refusal, "directory", errno, directory);
	snprintf(path, sizeof(path), "%s/" LOG_FILE, real);
	code = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK)
		code = schema_harden(*ret);
	return code == SQLITE_OK ? 0 : schema_refuse(*ret, code, "open", refusal);
}

/* WAL and FULL: a commit is one write and one fsync of the log file, durable when it returns
 * (https://www.sqlite.org/pragma.html#pragma_synchronous). */
static int set_durable(sqlite3 *db, struct refusal *refusal)
{
	sqlite3_stmt *stmt = NULL;
	const char *mode;
	int code, r = 0;

	code = sqlite3_prepare_v2(db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_ROW) {
		r = schema_refuse(db, code, "journal_mode", refusal);
	} else {
		mode = (const char *)sqlite3_column_text(stmt, 0);
		if (!mode || strcmp(mode, "wal"))
			r = refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "journal_mode",
					"the database stays in journal mode %s, WAL is needed",
					mode ? mode : "?");
	}
	sqlite3_finalize(stmt);
	if (r)
		return r;
	code = sqlite3_exec(db, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864", NULL, NULL,
			    NULL);
	return code == SQLITE_OK ? 0 : schema_refuse(db, code, "synchronous", refusal);
}

static int prepare_statements(struct store *store, struct refusal *refusal)
{
	static const char insert[] =
		"INSERT INTO record (seq, time_ns, kind, verdict, uid, probe, action, "
		"attachment, leaf, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
	int code;

	code = sqlite3_prepare_v3(store->writer, insert, -1, SQLITE_PREPARE_PERSISTENT, &store->insert, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(store->writer, "INSERT INTO policy (digest, text) VALUES (?1, ?2)",
					  -1, SQLITE_PREPARE_PERSISTENT, &store->insert_policy, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v3(store->writer,
					  "UPDATE meta SET value = ?1 WHERE name = 'journal_seq'", -1,
					  SQLITE_PREPARE_PERSISTENT, &store->set_journal, NULL);
	return code == SQLITE_OK ? 0 : schema_refuse(store->writer, code, "prepare", refusal);
}

/* The last record must hash to its leaf, or the file was torn or touched. All of them: `audit verify`. */
static int check_tail(struct store *store, struct refusal *refusal)
{
	static const char sql[] =
		"SELECT seq, bytes, leaf, (SELECT value FROM meta WHERE name = 'journal_seq') "
		"FROM record ORDER BY seq DESC LIMIT 1";
	uint8_t leaf[DIGEST_SIZE];
	sqlite3_stmt *stmt = NULL;
	int code, r = 0;

	code = sqlite3_prepare_v2(store->writer, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		const void *bytes = sqlite3_column_blob(stmt, 1);
		const void *stored = sqlite3_column_blob(stmt, 2);

		store->head = (uint64_t)sqlite3_column_int64(stmt, 0);
		store->journal_seq = (uint64_t)sqlite3_column_int64(stmt, 3);
		r = tree_hash_leaf(bytes, (size_t)sqlite3_column_bytes(stmt, 1), leaf);
		if (!r && (!stored || sqlite3_column_bytes(stmt, 2) != DIGEST_SIZE ||
			   memcmp(stored, leaf, DIGEST_SIZE)))
			r = refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "tail",
					"the last record, %llu, does not match its hash",
					(unsigned long long)store->head);
		if (store->journal_seq > store->head)
			store->journal_seq = store->head;
	} else if (code != SQLITE_DONE) {
		r = schema_refuse(store->writer, code, "tail", refusal);
	}
	sqlite3_finalize(stmt);
	return r;
}

static int remember_files(struct store *store, struct refusal *refusal)
{
	store->files[0].name = LOG_FILE;
	store->files[1].name = LOG_FILE "-wal";
	for (size_t i = 0; i < 2; i++) {
		struct stat st;

		if (fstatat(store->dir_fd, store->files[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return refuse(refusal, "open", errno, store->files[i].name);
		store->files[i].dev = st.st_dev;
		store->files[i].ino = st.st_ino;
	}
	return 0;
}

static int open_connections(struct store *store, const char *directory, struct refusal *refusal)
{
	int r = connect_db(directory, SQLITE_OPEN_READWRITE, &store->writer, refusal);

	if (r)
		return r;
	r = set_durable(store->writer, refusal);
	if (r)
		return r;
	r = schema_settle(store->writer, refusal);
	if (r)
		return r;
	r = prepare_statements(store, refusal);
	if (r)
		return r;
	r = check_tail(store, refusal);
	if (r)
		return r;
	return connect_db(directory, SQLITE_OPEN_READONLY, &store->reader, refusal);
}

int store_open(const char *directory, struct store **ret, struct refusal *refusal)
{
	_cleanup_(store_close_p) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->dir_fd = -EBADF;
	r = open_directory(store, directory, refusal);
	if (r)
		return r;
	r = prepare_file(store, refusal);
	if (r)
		return r;
	r = open_connections(store, directory, refusal);
	if (r)
		return r;
	r = remember_files(store, refusal);
	if (r)
		return r;
	*ret = take_ptr(store);
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	sqlite3_finalize(store->insert);
	sqlite3_finalize(store->insert_policy);
	sqlite3_finalize(store->set_journal);
	/* The writer goes last: it is the one that may fold the log back into the database. */
	sqlite3_close(store->reader);
	sqlite3_close(store->writer);
	close_fd(store->dir_fd);
	free(store);
	return NULL;
}

/* SQLite would go on writing into files that have lost their names, and every record with them. */
static int check_files(const struct store *store, struct refusal *refusal)
{
	for (size_t i = 0; i < 2; i++) {
		struct stat st;

		if (fstatat(store->dir_fd, store->files[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != store->files[i].dev || st.st_ino != store->files[i].ino)
			return refusal_set(refusal, REFUSAL_AUDIT_UNAVAILABLE, "file",
					   "%s was removed or replaced under the running daemon: put it back "
					   "or restart bpfwardend",
					   store->files[i].name);
	}
	return 0;
}

static int bind_member(sqlite3_stmt *stmt, int index, json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	if (json_is_integer(value))
		return sqlite3_bind_int64(stmt, index, json_integer_value(value));
	if (json_is_string(value))
		return sqlite3_bind_text(stmt, index, json_string_value(value), -1, SQLITE_STATIC);
	return sqlite3_bind_null(stmt, index);
}

static int insert_record(sqlite3_stmt *stmt, const struct store_record *record)
{
	static const char *const keys[] = { "seq", "time_ns", "kind",   "verdict",
					    NULL,  "probe",   "action", "attachment" };
	int code = SQLITE_OK;

	for (int i = 0; code == SQLITE_OK && i < 8; i++)
		if (keys[i])
			code = bind_member(stmt, i + 1, record->json, keys[i]);
	if (code == SQLITE_OK)
		code = bind_member(stmt, 5, json_object_get(record->json, "requester"), "uid");
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 9, record->leaf, DIGEST_SIZE, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 10, record->bytes, (int)record->size, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int insert_policy(sqlite3_stmt *stmt, const struct store_policy *policy)
{
	int code = sqlite3_bind_blob(stmt, 1, policy->digest, DIGEST_SIZE, SQLITE_STATIC);

	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 2, policy->size ? policy->text : "", (int)policy->size,
					 SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int write_batch(struct store *store, const struct store_batch *batch)
{
	int code = sqlite3_exec(store->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (size_t i = 0; code == SQLITE_OK && i < batch->n_policies; i++)
		code = insert_policy(store->insert_policy, &batch->policies[i]);
	for (size_t i = 0; code == SQLITE_OK && i < batch->n_records; i++)
		code = insert_record(store->insert, &batch->records[i]);
	if (code == SQLITE_OK && batch->journal_seq != store->journal_seq) {
		code = sqlite3_bind_int64(store->set_journal, 1, (sqlite3_int64)batch->journal_seq);
		if (code == SQLITE_OK)
			code = sqlite3_step(store->set_journal);
		sqlite3_reset(store->set_journal);
		code = code == SQLITE_DONE ? SQLITE_OK : code;
	}
	if (code == SQLITE_OK)
		code = sqlite3_exec(store->writer, "COMMIT", NULL, NULL, NULL);
	return code;
}

int store_write(struct store *store, const struct store_batch *batch, struct refusal *refusal)
{
	int code, r;

	r = check_files(store, refusal);
	if (r)
		return r;
	code = write_batch(store, batch);
	if (code != SQLITE_OK) {
		r = schema_refuse(store->writer, code, "commit", refusal);
		if (!sqlite3_get_autocommit(store->writer))
			sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	if (batch->n_records)
		store->head = batch->records[batch->n_records - 1].seq;
	store->journal_seq = batch->journal_seq;
	return 0;
}

uint64_t store_head(const struct store *store)
{
	return store->head;
}

uint64_t store_journal_seq(const struct store *store)
{
	return store->journal_seq;
}

int store_query(struct store *store, const struct audit_filter *filter, audit_row_fn fn, void *userdata,
		struct refusal *refusal)
{
	return store_query_on(store->reader, filter, fn, userdata, refusal);
}

int store_get_policy(struct store *store, const uint8_t digest[DIGEST_SIZE], char **ret_text,
		     size_t *ret_size, struct refusal *refusal)
{
	return store_get_policy_on(store->reader, digest, ret_text, ret_size, refusal);
}
