/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the two pictures of a period share: single marks, and how many of them where they are too many.
 */
#include "client/cli/audit-report/model.h"

#define TIMELINE_WIDTH 1000
#define TIMELINE_LEFT  150 /* of the first moment */
#define TIMELINE_RIGHT 985
#define TIMELINE_TOP   26

struct timeline {
	const struct audit_report *report;
	FILE *out;
	uint64_t from, to;
};

double timeline_x(const struct timeline *timeline, uint64_t time);
/* Times above, lines down to bottom. */
void timeline_axis(const struct timeline *timeline, int bottom);

/* Each draws what stands below the axis, and returns where that ends. */
int timeline_marks(const struct timeline *timeline);
int timeline_density(const struct timeline *timeline);
void timeline_marks_legend(const struct timeline *timeline);
void timeline_density_legend(const struct timeline *timeline);
