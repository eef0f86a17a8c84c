/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * An audit report: records go in one by one, one self-contained page comes out. Memory is bounded whatever
 * the log's size: rows are kept up to a limit, sums of everything, and the page says where rows were left
 * out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/cleanup.h"

#define AUDIT_REPORT_ROWS_MAX    2000 /* of each table, and of each kind of mark in the picture */
#define AUDIT_REPORT_TALLIES_MAX 1000 /* pairs of user and probe, of user and rule, … */
#define AUDIT_REPORT_TEXTS_MAX   24   /* policies that are printed */

struct audit_report;

struct audit_report_options {
	uint64_t since, until; /* realtime ns, both inclusive; until 0: no bound */
	size_t rows;           /* of a table; 0: AUDIT_REPORT_ROWS_MAX */
};

/* -ENOMEM */
int audit_report_new(const struct audit_report_options *options, struct audit_report **ret);
struct audit_report *audit_report_free(struct audit_report *report);
DEFINE_CLEANUP(struct audit_report *, audit_report_free)

/* One record, in the order of the log. Those outside the period are needed too: an attachment of last week
 * may have gone on into this one. What is no record is a finding of the report, not an error. -ENOMEM. */
int audit_report_add(struct audit_report *report, uint64_t seq, const char *bytes, size_t size);

/* The policies that the period's records refer to, as SHA-256 in hexadecimal; NULL behind the last. */
const char *audit_report_policy(const struct audit_report *report, size_t i);

enum audit_report_weight {
	AUDIT_REPORT_GOOD = 0, /* was checked, and holds */
	AUDIT_REPORT_NOTE,     /* what could not be proved, and why */
	AUDIT_REPORT_BAD,      /* something is wrong with the log */
};
struct audit_report_statement {
	enum audit_report_weight weight;
	const char *text;
};
struct audit_report_text {
	const char *digest, *text; /* text NULL: it could not be had */
};

/* What the page says besides the records. Everything is borrowed; NULL: not known. */
struct audit_report_about {
	const char *origin, *key, *host;
	const char *made_by, *made_on, *version; /* user, host and version of the program that makes it */
	const char *from;                        /* "the daemon of this host", or a directory */
	uint64_t made_at, since, until;          /* since and until as they were asked for; 0: were not */
	uint64_t size;                           /* of the tree that was checked */
	const char *root, *checkpoint, *stub;    /* hexadecimal; signed notes */
	const struct audit_report_statement *statements;
	size_t n_statements;
	const struct audit_report_text *texts;
	size_t n_texts;
};

/* Writes the page. To be called once, after the last record; the stream's own errors are the caller's to
 * look for. -ENOMEM. */
int audit_report_write(struct audit_report *report, const struct audit_report_about *about, FILE *out);
