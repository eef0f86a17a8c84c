/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The last checkpoint outside of the database: the file `checkpoint` in the log's directory, and a copy that
 * everybody may read, for anchors off the host. Both remember how far the log was, should the database ever
 * be older than that.
 */
#include "audit/directory.h"
#include "audit/tree/note.h"

struct memory {
	const struct directory *directory;
	const char *published; /* path; NULL: none */
};

/* Replaces both. What cannot be written is an older memory, which the next call makes good. */
void memory_save(const struct memory *memory, const char *note);

/* One that has this note already is left alone. */
void memory_refresh(const struct memory *memory, const char *note);
