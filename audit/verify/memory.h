/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What an auditor remembers of each log between visits, as Go's client of the checksum database does: the
 * key, the newest checkpoint that held, and the hash of each complete group of 256 records, which narrows a
 * rewrite down. One JSON file a key in the auditor's own directory; it is replaced atomically, and only by
 * what goes on from it.
 */
#include <stddef.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "common/limits.h"

#define MEMORY_BLOCK     256 /* records */
#define MEMORY_PLACE_MAX 256

struct memory {
	char key[NOTE_VKEY_MAX];
	char origin[NOTE_NAME_MAX];
	char place[MEMORY_PLACE_MAX]; /* where it was read, if that names a log for good: a socket; "" */
	uint64_t base, size;
	uint8_t root[DIGEST_SIZE];
	char checkpoint[NOTE_SIZE_MAX];
	uint8_t (*blocks)[DIGEST_SIZE]; /* from first_block on */
	uint64_t first_block;
	size_t n_blocks;
	uint64_t visited; /* CLOCK_REALTIME, ns */
};
#define MEMORY_INIT \
	{           \
		0   \
	}

void memory_clear(struct memory *memory);

/* ${XDG_STATE_HOME:-~/.local/state}/bpfwarden/audit; the caller frees. -ENOENT: there is no home. */
int memory_directory(char **ret);

/* What is remembered of the log with this key; if there is nothing, of a log that stood in its stead before:
 * one of the same host by its origin, or one that was read at the same place (may be NULL). -ENOENT: this is
 * the first visit. -EBADMSG: a file is none of ours or damaged; *ret_path (may be NULL) says which, and the
 * caller frees it. */
int memory_load(const char *directory, const char *key, const char *place, struct memory *ret,
		char **ret_path);

/* Makes the directory (0700) if need be. -ESTALE: the file knows more by now, and stays. */
int memory_store(const char *directory, const struct memory *memory);
