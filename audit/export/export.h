/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A log as files that outlive this program: tiles and entry bundles that tools for transparency logs read
 * (c2sp.org/tlog-tiles), the same records as lines of JSON, and the texts that they refer to. docs/AUDIT.md,
 * "An export", says which file is what.
 */
#include <stdio.h>

#include "audit/verify/source.h"

struct audit_export {
	char origin[NOTE_NAME_MAX];
	uint64_t base, first; /* leaf i is record base + i + 1; the oldest record that is in it */
	uint64_t size;        /* of the tree that its checkpoint signs */
	uint8_t root[DIGEST_SIZE];
	uint64_t grown_from;     /* size of the earlier export that was there; 0: none */
	uint64_t newer;          /* records that no checkpoint signs yet: they are left out */
	uint64_t texts, missing; /* that are new in it; that records refer to, but the log does not have */
	bool tiles;              /* false: records before `first` were removed, and tiles need all of them */
};

/*
 * Exports what the newest checkpoint of the source signs, and checks it on the way: what is written always
 * matches its checkpoint. directory is made, or it is empty, or an earlier export of the same log that what
 *the source has continues; then only what is new is read. Refuses with REFUSAL_AUDIT_UNAVAILABLE, and leaves
 *what is in directory as it was:
 *
 *	"directory"   see stage.h; the export of another log, of one that was larger, of another history
 *	"checkpoint"  the source has none that its key has signed
 *	"record"      one that is missing, out of order, or too large for an entry
 *	"root"        the records are not those that the checkpoint signs
 *	a file's name of an earlier export that is damaged
 */
int audit_export(struct audit_source *source, const char *directory, struct audit_export *ret,
		 struct refusal *refusal);

/* Writes one record as a line, without its newline; 0 or as audit_source_row_fn. */
typedef int (*audit_export_line_fn)(const struct audit_source_row *row, FILE *out, void *userdata);
/* All records that are there, a line each; line NULL: the exact bytes. Nothing is checked but that a record
 * is one line, since nothing is signed. */
int audit_export_lines(struct audit_source *source, FILE *out, audit_export_line_fn line, void *userdata,
		       uint64_t *ret_records, struct refusal *refusal);
/* The same as the file `name` in a directory that is made, or is empty. */
int audit_export_lines_into(struct audit_source *source, const char *directory, const char *name,
			    audit_export_line_fn line, void *userdata, uint64_t *ret_records,
			    struct refusal *refusal);
