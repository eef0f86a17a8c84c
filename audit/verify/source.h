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
#include "audit/tree/tree.h"
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
	const char *column;  /* copied out of the bytes, and says something else than they do; NULL: none */
	const char *place;   /* file, for messages */
	size_t segment;      /* its number among the segments; 0 if the source has none */
};
/* 0 goes on, positive ends with success, negative is returned. */
typedef int (*audit_source_row_fn)(const struct audit_source_row *row, void *userdata);
typedef int (*audit_source_note_fn)(const char *note, size_t size, void *userdata);

/* One file of the daemon's. Each says itself which log it is a part of. */
struct audit_source_segment {
	size_t number;
	const char *place;    /* file */
	uint64_t named;       /* sequence of its first record, by its name */
	uint64_t first, last; /* by what is in it; last below first: no record */
	uint64_t base;
	const char *origin, *key;
	const struct refusal *refusal; /* why it cannot be read, and only place and named are set; NULL */
};
typedef int (*audit_source_segment_fn)(const struct audit_source_segment *segment, void *userdata);

struct audit_source_calls {
	/* Of the newest segment that can be read, where there are any. */
	int (*describe)(struct audit_source *source, struct audit_source_log *ret, struct refusal *refusal);
	/* By ascending first record; those that cannot be read come last. NULL: this source has none. */
	int (*segments)(struct audit_source *source, audit_source_segment_fn fn, void *userdata,
			struct refusal *refusal);
	/* From now on as if this segment were not there. NULL with segments. */
	void (*skip)(struct audit_source *source, size_t segment);
	/* Records from this sequence on (0: all that are stored), in the order in which they are stored,
	 * whatever that is. */
	int (*rows)(struct audit_source *source, uint64_t from, audit_source_row_fn fn, void *userdata,
		    struct refusal *refusal);
	/* The stored hash of an interior node, level 1 and above; -ENOENT: it is not stored; -ENODATA: this
	 * source stores none of that level. NULL: none is. */
	int (*node)(struct audit_source *source, unsigned level, uint64_t index, uint8_t ret[DIGEST_SIZE]);
	/* The right edge of the first size leaves as the segment that begins there stores it; -ENOENT: none
	 * begins there, or its edge is not whole. NULL: none is stored. */
	int (*edge)(struct audit_source *source, uint64_t size, struct tree_edge *ret);
	/* Signed checkpoints by ascending size, those above this size. */
	int (*checkpoints)(struct audit_source *source, uint64_t above, audit_source_note_fn fn,
			   void *userdata, struct refusal *refusal);
	/* That the tree of size `from` is a prefix of that of size `to`. NULL: this source proves nothing. */
	int (*prove)(struct audit_source *source, uint64_t from, uint64_t to, struct tree_proof *ret,
		     struct refusal *refusal);
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

/* A copy of the daemon's directory (log-*.sqlite), or what `audit export` wrote: whichever it is. -ENOENT: no
 * such directory. */
int audit_source_open(const char *directory, struct audit_source **ret, struct refusal *refusal);
