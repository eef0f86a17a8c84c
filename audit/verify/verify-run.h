/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One verification under way: what its parts share. They run in the order in which they stand here. */
#include "audit/verify/points.h"
#include "audit/verify/references.h"
#include "audit/verify/verify.h"
#include "audit/verify/walk.h"

/* A file of the daemon's, as far as rows can come from it or should have. */
struct run_segment {
	uint64_t first, last;
	char *place;
};

struct run {
	struct audit_source *source;
	const struct verify_options *options;
	struct verify *verify;
	struct findings *findings; /* of verify */
	struct refusal *refusal;

	char *origin; /* the log's that is being verified */
	struct note_key key;
	bool keyed;
	const struct memory *memory; /* of this very log; NULL: there is none */

	struct run_segment *segments; /* that can be read and belong to the log, by first record */
	size_t n_segments;

	struct walk walk;
	struct points points;
	uint64_t good, below;      /* the newest size at which a root matched, and the one before */
	bool diverged[_POINT_MAX]; /* the last one of this kind did not */

	struct references references;
	uint64_t last; /* sequence of the last record that came; before the first one: of the one before */
	size_t segment, copy;
	bool begun;
};

static inline uint64_t run_seq(const struct run *run, uint64_t size)
{
	return run->verify->log.base + size;
}

/* verify-identity.c: which log this is, by whose key, and whether it is the one that was known. */
int run_identify(struct run *run);
int run_key(struct run *run);

/* verify-segments.c: which files belong to it; those that do not are named and left out. */
int run_segments(struct run *run);

/* verify-begin.c: where the records begin, and who says what the root was when. */
int run_begin(struct run *run);

/* verify-rows.c: all records; judges each point when the tree has its size. */
int run_rows(struct run *run);
int run_judge(struct run *run);
/* The next point, when it may be looked at; NULL: it was none that counts, and a finding says so. */
int run_take_point(struct run *run, const struct point **ret);

/* verify-quick.c: instead of rows, a proof. */
int run_quick(struct run *run);
/* Whether the source proves that the first is a prefix of the second. */
int run_prove(struct run *run, const struct point *from, const struct point *to, bool *ret);

/* verify-end.c: what should have come and did not; what cannot be proved. */
int run_end(struct run *run);
