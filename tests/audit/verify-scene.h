/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A log by the real writer, at two times, and what somebody with a shell, and perhaps with the audit key, can
 * make of a copy of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include <sqlite3.h>

#include "audit/verify/verify.h"

#define SCENE_EARLIER 300 /* records at the first visit, which ends with a checkpoint */
#define SCENE_RECORDS 700 /* at the second one */

#define SCENE_PATH_MAX 512

struct scene {
	char root[64];             /* of everything */
	char log[SCENE_PATH_MAX];  /* the log at its end; never touched */
	char old[SCENE_PATH_MAX];  /* as it was at the first visit */
	char copy[SCENE_PATH_MAX]; /* what is tampered with: made anew for each case */
	char vkey[NOTE_VKEY_MAX], foreign[NOTE_VKEY_MAX];
	char note_earlier[NOTE_SIZE_MAX], note_end[NOTE_SIZE_MAX]; /* kept elsewhere */
	struct memory earlier, end;                                /* of an auditor who was there */
	struct verify_copy copies[SCENE_RECORDS];                  /* of the journal */
	char text[DIGEST_HEX_MAX]; /* digest of the policy that all records refer to, in hexadecimal */
};

#define SCENE_SECOND 201 /* where further files begin, if there are any */
#define SCENE_THIRD  451

/* All of it, in one file or in three; removed by scene_clear(). */
void scene_make(struct scene *scene, bool segments);
void scene_clear(struct scene *scene);

/* A fresh copy of a directory in scene->copy. */
void scene_copy(struct scene *scene, const char *from);

/* "COPY/NAME" in a static buffer. */
const char *scene_path(const struct scene *scene, const char *name);

#define SCENE_FILE        "log-000000000001.sqlite"
#define SCENE_FILE_SECOND "log-000000000201.sqlite"
#define SCENE_FILE_THIRD  "log-000000000451.sqlite"

/* Statements on the copy, as root would run them: with the triggers taken away before, and put back after, to
 * the letter. leaf(bytes) is the leaf hash. */
void scene_sql(struct scene *scene, const char *file, const char *sql);

/* All interior nodes of the file anew from its leaves. */
void scene_rebuild(struct scene *scene, const char *file);

/* All checkpoints, and the file `checkpoint`, anew over the tree as it is now: with the log's own stolen key,
 * or with one of the attacker's that gets the log's name. */
void scene_sign(struct scene *scene, const char *file, bool stolen);

/* What retention leaves of the log when it removes the first file: a note signed with the log's key, over so
 * many leaves, or over other ones than those that were there. */
void scene_remove_first(struct scene *scene, uint64_t size, bool right);

/* A file of another scene's log in place of the copy's. */
void scene_take(struct scene *scene, const char *name, const struct scene *other, const char *from);

/* A file of the copy; NULL: it is removed. */
void scene_write(struct scene *scene, const char *name, const char *text);

/* The findings of a verification, "leaf 41-41; root 1-256 (+2)", in a static buffer; of a source that cannot
 * be read, "refused: …". */
struct scene_visit {
	const struct memory *memory;
	const char *anchor; /* a note; NULL */
	const char *key;
	const struct verify_copy *copies;
	size_t n_copies;
};
const char *scene_verify(struct scene *scene, const char *directory, const struct scene_visit *visit);

/* The verification itself; the caller frees. Fails the test if the source cannot be read. */
struct verify *scene_visit(struct scene *scene, const char *directory, const struct scene_visit *visit);
