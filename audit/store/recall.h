/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The last checkpoint outside of the database: the file `checkpoint` in the log's directory, and a copy that
 * everybody may read, for anchors off the host. Both remember how far the log was, should the database ever
 * be older than that.
 */
#include <stdbool.h>

#include "audit/store/directory.h"
#include "audit/tree/note.h"

struct recall {
	const struct directory *directory;
	const char *published; /* path; NULL: none */
};

/* Replaces both. What cannot be written is an older memory, which the next call makes good. */
void recall_save(const struct recall *recall, const char *note);

/* One that has this note already is left alone. */
void recall_refresh(const struct recall *recall, const char *note);

/* What is remembered: 0, in the log's directory; 1, published. False: nothing that can be read. */
bool recall_read(const struct recall *recall, int which, char ret[NOTE_SIZE_MAX]);

/* Moves the one to this name, and forgets the other one. Negative. */
int recall_move_aside(const struct recall *recall, const char *name);
