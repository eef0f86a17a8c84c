/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A source that hands every record to a report on its way to whoever reads it. So a report says what was
 * verified: the same bytes, read once.
 */
#include "audit/verify/source.h"
#include "client/cli/audit-report/report.h"

struct audit_tee {
	struct audit_source source;
	struct audit_source_calls calls; /* those that inner has */
	struct audit_source *inner;      /* both borrowed */
	struct audit_report *report;
	int error; /* -ENOMEM of the report: the reading ends with it */
};

/* Becomes a view of inner. Not to be closed. */
void audit_tee_init(struct audit_tee *tee, struct audit_source *inner, struct audit_report *report);
