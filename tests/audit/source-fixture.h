/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A log in memory as a source, and an honest one unless a test changes it: for whatever reads sources. */
#include "audit/tree/tree.h"
#include "audit/verify/source.h"

#define FIXTURE_ORIGIN "bpfwarden/shop-7/5f0c3a9b1d2e4f60"
#define FIXTURE_POLICY "[default]\nverdict = deny\n" /* what each third record refers to */

struct fixture_record {
	char *bytes;
	size_t size;
};

struct fixture_log {
	struct audit_source source;
	struct audit_source_log log;
	struct note_signer *signer;
	uint64_t n;                     /* leaves */
	struct fixture_record *records; /* by leaf */
	struct tree_edge *edges;        /* by size, n + 1 of them */
	char (*notes)[NOTE_SIZE_MAX];   /* signed checkpoints, ascending */
	size_t n_notes;

	uint64_t fail_at; /* the sequence at which rows() fails with -EIO; 0: never */
	bool no_text;
	uint64_t rows_given;
};

/* A log of n records, the first of which is base + 1; the seed's first byte is the key. */
struct fixture_log *fixture_log_new(uint64_t n, uint64_t base, uint8_t key);
struct fixture_log *fixture_log_free(struct fixture_log *log);
DEFINE_CLEANUP(struct fixture_log *, fixture_log_free)

/* Adds the signed checkpoint of this size. */
void fixture_log_sign(struct fixture_log *log, uint64_t size);
/* From now on as if the first records were removed, with a stub. */
void fixture_log_remove(struct fixture_log *log, uint64_t records);
