/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify-scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "common/digest.h"
#include "common/fd.h"

/* ---- files ---- */

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[SCENE_PATH_MAX + 256];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (unlink(name) < 0)
			remove_directory(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void copy_file(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC),
			    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fd_read_all(in, 256U << 20, &bytes, &size), 0);
	assert_int_equal(fd_write_all(out, bytes, size), 0);
}

static void copy_directory(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	struct dirent *entry;

	assert_non_null(dir);
	remove_directory(to);
	assert_int_equal(mkdir(to, 0700), 0);
	while ((entry = readdir(dir))) {
		char source[SCENE_PATH_MAX + 256], target[SCENE_PATH_MAX + 256];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(source, sizeof(source), "%s/%s", from, entry->d_name);
		snprintf(target, sizeof(target), "%s/%s", to, entry->d_name);
		copy_file(source, target);
	}
	closedir(dir);
}

void scene_copy(struct scene *scene, const char *from)
{
	copy_directory(from, scene->copy);
}

const char *scene_path(const struct scene *scene, const char *name)
{
	static char path[SCENE_PATH_MAX + 256];

	snprintf(path, sizeof(path), "%s/%s", scene->copy, name);
	return path;
}

void scene_take(struct scene *scene, const char *name, const struct scene *other, const char *from)
{
	char source[SCENE_PATH_MAX + 256];

	snprintf(source, sizeof(source), "%s/%s", other->log, from);
	copy_file(source, scene_path(scene, name));
}

void scene_write(struct scene *scene, const char *name, const char *text)
{
	const char *path = scene_path(scene, name);
	int fd;

	unlink(path);
	if (!text)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

/* ---- the log ---- */

static void append(struct audit *audit, const uint8_t digest[DIGEST_SIZE], uid_t uid)
{
	struct audit_requester requester = AUDIT_REQUESTER_INIT;
	struct audit_record record = AUDIT_RECORD_INIT(AUDIT_DECISION);

	requester.uid = uid;
	requester.comm = "curl";
	record.requester = &requester;
	record.verdict = AUDIT_ALLOW;
	record.action = "attach";
	record.probe = "tcp.state";
	record.rule = "users";
	record.policy_digest = digest;
	assert_int_equal(audit_append(audit, &record, NULL, NULL), 0);
}

static int take_leaf(const struct audit_row *row, void *userdata)
{
	struct scene *scene = userdata;

	assert_in_range(row->seq, 1, SCENE_RECORDS);
	scene->copies[row->seq - 1].seq = row->seq;
	memcpy(scene->copies[row->seq - 1].leaf, row->leaf, DIGEST_SIZE);
	return 0;
}

static struct audit *open_log(const struct scene *scene)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	struct audit *audit = NULL;

	options.directory = scene->log;
	if (audit_open(&options, &audit, &refusal) != 0)
		fail_msg("%s: %s", refusal.subject, refusal.reason);
	return audit;
}

static void grow(struct scene *scene, unsigned from, unsigned to, bool segments, char *note)
{
	static const char policy[] = "[allow users]\ngroup = users\n";
	struct audit *audit = open_log(scene);
	struct audit_state state;
	uint8_t digest[DIGEST_SIZE];

	assert_int_equal(audit_put_text(audit, policy, strlen(policy), digest, NULL), 0);
	digest_to_hex(digest, scene->text);
	for (unsigned i = from; i < to; i++) {
		if (segments && (i + 1 == SCENE_SECOND || i + 1 == SCENE_THIRD)) {
			assert_int_equal(audit_commit(audit, NULL), 0);
			assert_int_equal(audit_rotate(audit, NULL), 0);
			assert_int_equal(audit_put_text(audit, policy, strlen(policy), digest, NULL), 0);
		}
		append(audit, digest, 1000 + i % 7);
		if (i % 50 == 49)
			assert_int_equal(audit_commit(audit, NULL), 0);
	}
	assert_int_equal(audit_checkpoint(audit, NULL), 0);
	snprintf(note, NOTE_SIZE_MAX, "%s", audit_last_checkpoint(audit));
	audit_describe(audit, &state);
	snprintf(scene->vkey, sizeof(scene->vkey), "%s", state.key);
	if (to == SCENE_RECORDS)
		assert_int_equal(audit_query(audit, NULL, take_leaf, scene, NULL), 0);
	audit_close(audit);
}

static void remember(struct scene *scene, const char *directory, struct memory *ret)
{
	const struct scene_visit first = { 0 };
	_cleanup_(verify_free_p) struct verify *verify = scene_visit(scene, directory, &first);

	assert_int_equal(verify_remember(verify, NULL, ret), 0);
}

void scene_make(struct scene *scene, bool segments)
{
	uint8_t seed[NOTE_SEED_SIZE] = { 7 };
	struct note_signer *signer;
	struct note_key key;

	memset(scene, 0, sizeof(*scene));
	strcpy(scene->root, "/tmp/test-verify-XXXXXX");
	assert_non_null(mkdtemp(scene->root));
	snprintf(scene->log, sizeof(scene->log), "%s/log", scene->root);
	snprintf(scene->old, sizeof(scene->old), "%s/old", scene->root);
	snprintf(scene->copy, sizeof(scene->copy), "%s/copy", scene->root);
	assert_int_equal(mkdir(scene->log, 0700), 0);
	grow(scene, 0, SCENE_EARLIER, segments, scene->note_earlier);
	copy_directory(scene->log, scene->old);
	remember(scene, scene->old, &scene->earlier);
	grow(scene, SCENE_EARLIER, SCENE_RECORDS, segments, scene->note_end);
	remember(scene, scene->log, &scene->end);
	assert_int_equal(note_key_parse(scene->vkey, &key), 0);
	assert_int_equal(note_signer_new(key.name, seed, &signer), 0);
	note_signer_vkey(signer, scene->foreign);
	note_signer_free(signer);
}

void scene_clear(struct scene *scene)
{
	memory_clear(&scene->earlier);
	memory_clear(&scene->end);
	remove_directory(scene->root);
}

/* ---- what root can do ---- */

static void sql_leaf(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	uint8_t leaf[DIGEST_SIZE];

	assert_int_equal(argc, 1);
	assert_int_equal(
		tree_hash_leaf(sqlite3_value_blob(argv[0]), (size_t)sqlite3_value_bytes(argv[0]), leaf), 0);
	sqlite3_result_blob(context, leaf, sizeof(leaf), SQLITE_TRANSIENT);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
}

#define TRIGGERS_MAX 32

struct opened {
	sqlite3 *db;
	char *triggers[TRIGGERS_MAX];
	size_t n;
};

static void open_file(struct scene *scene, const char *file, struct opened *ret)
{
	struct opened opened = { 0 };
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_open(scene_path(scene, file), &opened.db), SQLITE_OK);
	assert_int_equal(
		sqlite3_create_function(opened.db, "leaf", 1, SQLITE_UTF8, NULL, sql_leaf, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(opened.db, "SELECT sql FROM sqlite_schema WHERE type = 'trigger'",
					    -1, &stmt, NULL),
			 SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_true(opened.n < TRIGGERS_MAX);
		opened.triggers[opened.n++] = strdup((const char *)sqlite3_column_text(stmt, 0));
	}
	sqlite3_finalize(stmt);
	for (size_t i = 0; i < opened.n; i++) {
		char name[64], drop[128];

		assert_int_equal(sscanf(opened.triggers[i], "CREATE TRIGGER %63s", name), 1);
		snprintf(drop, sizeof(drop), "DROP TRIGGER %s", name);
		run_sql(opened.db, drop);
	}
	*ret = opened;
}

static void close_file(struct opened *opened)
{
	for (size_t i = 0; i < opened->n; i++) {
		run_sql(opened->db, opened->triggers[i]);
		free(opened->triggers[i]);
	}
	assert_int_equal(sqlite3_close(opened->db), SQLITE_OK);
}

void scene_sql(struct scene *scene, const char *file, const char *sql)
{
	struct opened opened;

	open_file(scene, file, &opened);
	run_sql(opened.db, sql);
	close_file(&opened);
}

/* ---- what who has the key can do ---- */

struct rebuilt {
	sqlite3_stmt *insert;
	const struct note_signer *signer; /* NULL: nothing is signed */
	uint64_t sizes[64];
	size_t n;
	sqlite3_stmt *sign;
	struct tree_edge edge;
	char origin[NOTE_NAME_MAX];
	char note[NOTE_SIZE_MAX];
};

static int insert_node(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE], void *userdata)
{
	struct rebuilt *rebuilt = userdata;

	if (!rebuilt->insert)
		return 0;
	sqlite3_reset(rebuilt->insert);
	sqlite3_bind_int64(rebuilt->insert, 1, (sqlite3_int64)level);
	sqlite3_bind_int64(rebuilt->insert, 2, (sqlite3_int64)index);
	sqlite3_bind_blob(rebuilt->insert, 3, hash, DIGEST_SIZE, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(rebuilt->insert), SQLITE_DONE);
	return 0;
}

static void sign(struct rebuilt *rebuilt)
{
	struct checkpoint checkpoint = { .size = rebuilt->edge.size };
	char text[NOTE_SIZE_MAX];

	strcpy(checkpoint.origin, rebuilt->origin);
	assert_int_equal(tree_root(&rebuilt->edge, checkpoint.root), 0);
	assert_int_equal(checkpoint_format(&checkpoint, text), 0);
	assert_int_equal(note_sign(rebuilt->signer, text, rebuilt->note), 0);
	sqlite3_reset(rebuilt->sign);
	sqlite3_bind_text(rebuilt->sign, 1, rebuilt->note, -1, SQLITE_STATIC);
	sqlite3_bind_int64(rebuilt->sign, 2, (sqlite3_int64)checkpoint.size);
	assert_int_equal(sqlite3_step(rebuilt->sign), SQLITE_DONE);
}

static void walk(sqlite3 *db, struct rebuilt *rebuilt)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT leaf FROM record ORDER BY seq", -1, &stmt, NULL),
			 SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_int_equal(
			tree_append(&rebuilt->edge, sqlite3_column_blob(stmt, 0), insert_node, rebuilt), 0);
		for (size_t i = 0; i < rebuilt->n; i++)
			if (rebuilt->sizes[i] == rebuilt->edge.size)
				sign(rebuilt);
	}
	sqlite3_finalize(stmt);
}

void scene_rebuild(struct scene *scene, const char *file)
{
	struct rebuilt rebuilt = { 0 };
	struct opened opened;

	open_file(scene, file, &opened);
	run_sql(opened.db, "DELETE FROM node");
	assert_int_equal(sqlite3_prepare_v2(opened.db, "INSERT INTO node VALUES (?1, ?2, ?3)", -1,
					    &rebuilt.insert, NULL),
			 SQLITE_OK);
	run_sql(opened.db, "BEGIN");
	walk(opened.db, &rebuilt);
	run_sql(opened.db, "COMMIT");
	sqlite3_finalize(rebuilt.insert);
	close_file(&opened);
}

static struct note_signer *make_signer(struct scene *scene, bool stolen)
{
	uint8_t seed[NOTE_SEED_SIZE] = { 7 };
	struct note_signer *signer;
	struct note_key key;

	if (stolen) {
		int fd = open(scene_path(scene, "key"), O_RDONLY | O_CLOEXEC);

		assert_int_equal(read(fd, seed, sizeof(seed)), sizeof(seed));
		close(fd);
	}
	assert_int_equal(note_key_parse(scene->vkey, &key), 0);
	assert_int_equal(note_signer_new(key.name, seed, &signer), 0);
	return signer;
}

void scene_sign(struct scene *scene, const char *file, bool stolen)
{
	struct note_signer *signer = make_signer(scene, stolen);
	struct rebuilt rebuilt = { .signer = signer };
	struct opened opened;
	sqlite3_stmt *stmt;

	snprintf(rebuilt.origin, sizeof(rebuilt.origin), "%s", note_signer_name(signer));
	open_file(scene, file, &opened);
	assert_int_equal(
		sqlite3_prepare_v2(opened.db, "SELECT size FROM checkpoint ORDER BY size", -1, &stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_true(rebuilt.n < 64);
		rebuilt.sizes[rebuilt.n++] = (uint64_t)sqlite3_column_int64(stmt, 0);
	}
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_prepare_v2(opened.db, "UPDATE checkpoint SET note = ?1 WHERE size = ?2", -1,
					    &rebuilt.sign, NULL),
			 SQLITE_OK);
	walk(opened.db, &rebuilt);
	sqlite3_finalize(rebuilt.sign);
	close_file(&opened);
	scene_write(scene, "checkpoint", rebuilt.note);
	note_signer_free(signer);
}

void scene_remove_first(struct scene *scene, uint64_t size, bool right)
{
	struct note_signer *signer = make_signer(scene, true);
	struct tree_edge edge = TREE_EDGE_INIT;
	struct stub stub = { .size = size, .time = 1764000000000000000 };
	char text[NOTE_SIZE_MAX], note[NOTE_SIZE_MAX];

	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(tree_append(&edge, scene->copies[right ? i : i + 1].leaf, NULL, NULL), 0);
	snprintf(stub.origin, sizeof(stub.origin), "%s", note_signer_name(signer));
	assert_int_equal(tree_root(&edge, stub.root), 0);
	assert_int_equal(stub_format(&stub, text), 0);
	assert_int_equal(note_sign(signer, text, note), 0);
	scene_write(scene, "removed", note);
	scene_write(scene, SCENE_FILE, NULL);
	note_signer_free(signer);
}

/* ---- visits ---- */

static int visit(const char *directory, const struct scene_visit *visit, struct verify **ret,
		 struct refusal *refusal)
{
	_cleanup_(audit_source_close_p) struct audit_source *source = NULL;
	struct verify_anchor anchor = { "anchor", visit->anchor, visit->anchor ? strlen(visit->anchor) : 0 };
	struct verify_options options = VERIFY_OPTIONS_INIT;
	int r = audit_source_open(directory, &source, refusal);

	options.key = visit->key;
	options.memory = visit->memory;
	options.anchors = &anchor;
	options.n_anchors = visit->anchor ? 1 : 0;
	options.journal = visit->copies;
	options.copies = visit->copies;
	options.n_copies = visit->n_copies;
	return r ? r : verify_log(source, &options, ret, refusal);
}

struct verify *scene_visit(struct scene *scene, const char *directory, const struct scene_visit *how)
{
	struct verify *verify = NULL;
	struct refusal refusal = { 0 };

	(void)scene;
	if (visit(directory, how, &verify, &refusal) != 0)
		fail_msg("%s: %s: %s", directory, refusal.subject, refusal.reason);
	return verify;
}

const char *scene_verify(struct scene *scene, const char *directory, const struct scene_visit *how)
{
	static char text[4096];
	_cleanup_(verify_free_p) struct verify *verify = NULL;
	struct refusal refusal = { 0 };
	size_t n = 0;
	int r = visit(directory, how, &verify, &refusal);

	(void)scene;
	if (r) {
		snprintf(text, sizeof(text), "refused: %s", r > 0 ? refusal.reason : strerror(-r));
		return text;
	}
	*text = '\0';
	for (size_t i = 0; i < verify->findings.n; i++) {
		const struct finding *finding = &verify->findings.items[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? "; " : "",
				      finding_name(finding->kind));
		if (finding->first)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " %" PRIu64 "-%" PRIu64,
					      finding->first, finding->last);
		if (finding->more)
			n += (size_t)snprintf(text + n, sizeof(text) - n, " (+%" PRIu64 ")", finding->more);
	}
	return text;
}
