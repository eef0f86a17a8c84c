/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Where an auditor's process reads a log from: a copied directory of the daemon's, an exported one, or the
 * daemon itself over its socket (that one is client/cli's). Nothing read from it is believed: verify.h does
 * that. Functions return 0, a refusal (REFUSAL_AUDIT_UNAVAILABLE, subject the file or step), or negative.
 */
#include <stddef.h>
#include <stdint.h>

#include "audit/tree/note.h"
#include "common/refusal.h"

struct audit_source;

struct audit_source_log {
	char origin[NOTE_NAME_MAX];
	char key[NOTE_VKEY_MAX]; /* what the source says its key is; "" it says nothing */
	uint64_t base;           /* leaf i is record base + i + 1 */
	uint64_t first, last; /* sequences of the oldest and the newest record that are there; last 0: none */
	char stub[NOTE_SIZE_MAX]; /* about the records before first; "": none */
};

struct audit_source_row {
	uint64_t seq;
	const char *bytes; /* exact, valid during the callback */
	size_t size;
	const uint8_t *leaf; /* as stored; NULL: this source stores none */
	const char *place;   /* file, for messages */
};
/* 0 goes on, positive ends with success, negative is returned. */
typedef int (*audit_source_row_fn)(const struct audit_source_row *row, void *userdata);
typedef int (*audit_source_node_fn)(unsigned level, uint64_t index, const uint8_t hash[DIGEST_SIZE],
				    void *userdata);
typedef int (*audit_source_note_fn)(const char *note, size_t size, void *userdata);

struct audit_source_calls {
	int (*describe)(struct audit_source *source, struct audit_source_log *ret, struct refusal *refusal);
	/* Records from this sequence on, in the order in which they are stored, whatever that is. */
	int (*rows)(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		    struct refusal *refusal);
	/* Stored subtrees; NULL: this source has none. */
	int (*nodes)(struct audit_source *source, audit_source_node_fn fn, void *userdata,
		     struct refusal *refusal);
	/* Signed checkpoints by ascending size, those above this size. */
	int (*checkpoints)(struct audit_source *source, uint64_t above, audit_source_note_fn fn,
			   void *userdata, struct refusal *refusal);
	/* The text (of a policy, of a long list of groups) with this digest, NUL-terminated; -ENOENT. */
	int (*text)(struct audit_source *source, const uint8_t digest[DIGEST_SIZE], char **ret,
		    size_t *ret_size, struct refusal *refusal);
	void (*close)(struct audit_source *source);
};

/* The first member of each kind of source. */
struct audit_source {
	const struct audit_source_calls *calls;
};

static inline struct audit_source *audit_source_close(struct audit_source *source)
{
	if (source)
		source->calls->close(source);
	return NULL;
}
DEFINE_CLEANUP(struct audit_source *, audit_source_close)

/* A copy of the daemon's directory (log-*.sqlite), or what `audit export` wrote: whichever it is. */
int audit_source_open(const char *directory, struct audit_source **ret, struct refusal *refusal);
