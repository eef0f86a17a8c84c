/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The records of an exported directory in their order: out of the entry bundles, with the lines of
 * records.jsonl held against them; or, where there are no tiles, out of those lines alone.
 */
#include "audit/verify/source.h"

struct export_records_place {
	int directory;
	bool lines;          /* there are no tiles */
	uint64_t base;       /* leaf i is record base + i + 1 */
	uint64_t begin, end; /* leaves that are there, without end */
};

/* What the first record says its own sequence is. */
int export_records_first(const struct export_records_place *place, uint64_t *ret, struct refusal *refusal);

/* As audit_source_calls.rows(), from this leaf on. Lines that are not the records of the bundles, or missing,
 * refuse once all records were given; a line more or less than there are leaves, too. records.jsonl itself
 * may be missing where there are bundles. */
int export_records_walk(const struct export_records_place *place, uint64_t leaf, audit_source_row_fn fn,
			void *userdata, struct refusal *refusal);
