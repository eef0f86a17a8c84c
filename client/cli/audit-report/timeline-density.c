/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The period in numbers, where single marks would cover one another: a row of columns for each series.
 */
#include <inttypes.h>

#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/timeline.h"

#define ROW    58
#define COLUMN 44

static const struct {
	const char *name, *class;
} series[_DENSITY_MAX] = {
	[DENSITY_ATTACHMENTS] = { "attachments", "p0" },
	[DENSITY_DENIALS] = { "denials", "p4" },
	[DENSITY_CHANGES] = { "changes", "p2" },
	[DENSITY_TROUBLE] = { "crashes and gaps", "p1" },
};

static void draw_columns(const struct timeline *t, enum density_series s, int bottom)
{
	const struct density *density = &t->report->density;
	uint64_t most = density_max(density, s), at = density->from;

	for (size_t i = 0; most && i < DENSITY_SPANS; i++, at += density->width) {
		uint64_t n = density->counts[s][i];
		double x = timeline_x(t, at), end = timeline_x(t, at + density->width),
		       height = COLUMN * ((double)n / (double)most);
		char from[HTML_TEXT_MAX], number[HTML_TEXT_MAX];

		if (!n)
			continue;
		/* Few beside many are still to be seen. */
		if (height < 1.5)
			height = 1.5;
		fprintf(t->out,
			"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>from "
			"%s: %s</title></rect>\n",
			series[s].class, x, bottom - height, end - x > 1 ? end - x - 0.3 : 1, height,
			html_time(at, from), html_number(n, number));
	}
}

int timeline_density(const struct timeline *timeline)
{
	int y = TIMELINE_TOP;

	for (enum density_series s = 0; s < _DENSITY_MAX; s++, y += ROW) {
		char number[HTML_TEXT_MAX];

		fprintf(timeline->out,
			"<line class=\"rule\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><text class=\"lane\" "
			"x=\"4\" y=\"%d\">%s</text>"
			"<text x=\"4\" y=\"%d\">at most %s</text>\n",
			TIMELINE_WIDTH, y + ROW, y + ROW, y + 28, series[s].name, y + 43,
			html_number(density_max(&timeline->report->density, s), number));
		draw_columns(timeline, s, y + ROW);
	}
	return y;
}

void timeline_density_legend(const struct timeline *timeline)
{
	char text[HTML_TEXT_MAX];

	fprintf(timeline->out,
		"<p class=\"cut\">Too much happened for single marks: each column counts %s. A shorter "
		"period (--since, --until) shows who did "
		"what.</p>\n",
		html_duration(timeline->report->density.width, text));
}
