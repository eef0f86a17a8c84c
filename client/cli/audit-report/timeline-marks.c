/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The period mark by mark: a lane for each user, attachments as bars in the colour of their probe, denials as
 * ticks; below, changes and what happened to the daemon.
 */
#include <inttypes.h>
#include <string.h>

#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/timeline.h"

#define BAR       13
#define ROWS_MAX  8 /* of bars in a lane; what overlaps further is drawn over one another */
#define LANES_MAX 14
#define COLOURS   8 /* style.c has as many, and one for the rest */

struct lane {
	const char *user; /* NULL: everybody else */
	double end[ROWS_MAX];
	size_t rows;
	bool denials;
	int top;
};

struct picture {
	const struct timeline *timeline;
	const struct audit_report *report;
	FILE *out;
	struct lane lanes[LANES_MAX];
	size_t n_lanes;
	int bottom; /* of the lanes */
};

/* ---- lanes ---- */

static struct lane *lane_of(struct picture *p, const char *user)
{
	for (size_t i = 0; i < p->n_lanes; i++)
		if (!p->lanes[i].user || !strcmp(p->lanes[i].user, user))
			return &p->lanes[i];
	if (p->n_lanes < LANES_MAX) {
		/* The last one is everybody else's. */
		p->lanes[p->n_lanes].user = p->n_lanes + 1 < LANES_MAX ? user : NULL;
		p->n_lanes++;
	}
	return &p->lanes[p->n_lanes - 1];
}

static const char *tick_user(const struct audit_report *report, const struct report_tick *tick)
{
	return tick->user < report->denied.n ? report->denied.items[tick->user].part[0] : "";
}

/* The row of a lane in which a bar from x to end has room. */
static size_t row_of(struct lane *lane, double x, double end)
{
	size_t row = 0;

	while (row < lane->rows && lane->end[row] > x)
		row++;
	if (row == ROWS_MAX)
		row--;
	if (row >= lane->rows)
		lane->rows = row + 1;
	if (end > lane->end[row])
		lane->end[row] = end;
	return row;
}

static bool is_drawn(const struct report_attachment *a)
{
	return a->listed && (a->state == REPORT_ATTACHED || a->state == REPORT_ENDED);
}

static double end_of(const struct picture *p, const struct report_attachment *a)
{
	double x = timeline_x(p->timeline, a->from),
	       end = a->state == REPORT_ENDED ? timeline_x(p->timeline, a->to) : TIMELINE_RIGHT;

	return end > x + 2 ? end : x + 2;
}

/* Who is there, and how much room each needs: the same steps as when the bars are drawn. */
static void lay_out(struct picture *p)
{
	const struct audit_report *report = p->report;
	int y = TIMELINE_TOP;

	for (size_t i = 0; i < report->attachments.n; i++)
		if (is_drawn(&report->attachments.rows[i])) {
			const struct report_attachment *a = &report->attachments.rows[i];

			row_of(lane_of(p, a->user), timeline_x(p->timeline, a->from), end_of(p, a) + 1);
		}
	for (size_t i = 0; i < report->ticks.n; i++)
		lane_of(p, tick_user(report, &report->ticks.rows[i]))->denials = true;
	for (size_t i = 0; i < p->n_lanes; i++) {
		struct lane *lane = &p->lanes[i];

		lane->top = y;
		y += (int)lane->rows * (BAR + 2) + (lane->denials ? 12 : 0) + 10;
		memset(lane->end, 0, sizeof(lane->end));
	}
	p->bottom = y;
}

static void draw_lane_name(struct picture *p, const struct lane *lane, int height)
{
	fprintf(p->out,
		"<line class=\"rule\" x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/><text class=\"lane\" x=\"4\" "
		"y=\"%d\">",
		TIMELINE_WIDTH, lane->top + height, lane->top + height, lane->top + height / 2 + 4);
	if (lane->user) {
		char name[25];

		/* Cut at a character: what follows is in the table. */
		snprintf(name, sizeof(name), "%.23s", lane->user);
		while (*name && (name[strlen(name) - 1] & 0xc0) == 0x80)
			name[strlen(name) - 1] = 0;
		html_text(p->out, strlen(lane->user) < sizeof(name) - 1 ? lane->user : name);
		if (strlen(lane->user) >= sizeof(name) - 1)
			fputs("…", p->out);
	} else {
		fputs("everybody else", p->out);
	}
	fputs("</text>\n", p->out);
}

/* ---- marks ---- */

/* Colours go to the probes that are used most. */
static size_t colour_of(const struct audit_report *report, const char *probe)
{
	for (size_t i = 0; i < report->probes.n && i < COLOURS; i++)
		if (!strcmp(report->probes.items[i].part[0], probe))
			return i;
	return COLOURS;
}

static void draw_bar(struct picture *p, const struct report_attachment *a)
{
	struct lane *lane = lane_of(p, a->user);
	double x = timeline_x(p->timeline, a->from), end = end_of(p, a);
	size_t row = row_of(lane, x, end + 1);
	char from[HTML_TEXT_MAX], to[HTML_TEXT_MAX];
	double y = lane->top + 5 + (double)row * (BAR + 2);

	fprintf(p->out, "<g><title>%" PRIu64 ": ", a->decision);
	html_text(p->out, a->probe);
	fputs(" on ", p->out);
	html_text(p->out, a->target);
	fprintf(p->out,
		", %s to %s</title><rect class=\"bar p%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
		"height=\"%d\" rx=\"2\"/>",
		html_time(a->from, from), a->state == REPORT_ENDED ? html_time(a->to, to) : "now",
		colour_of(p->report, a->probe), x, y, end - x, BAR);
	if (end - x > 7.0 * (double)strlen(a->probe) + 8) {
		fprintf(p->out, "<text class=\"in\" x=\"%.1f\" y=\"%.1f\">", x + 4, y + 10);
		html_text(p->out, a->probe);
		fputs("</text>", p->out);
	}
	fputs("</g>\n", p->out);
}

static void draw_denials(struct picture *p)
{
	const struct audit_report *report = p->report;
	double last[LANES_MAX];

	for (size_t i = 0; i < LANES_MAX; i++)
		last[i] = -1;
	for (size_t i = 0; i < report->ticks.n; i++) {
		const struct lane *lane = lane_of(p, tick_user(report, &report->ticks.rows[i]));
		double x = timeline_x(p->timeline, report->ticks.rows[i].time),
		       y = lane->top + 6 + (double)lane->rows * (BAR + 2);

		/* Those that would cover one another are one. */
		if (last[lane - p->lanes] >= 0 && x - last[lane - p->lanes] < 1.5)
			continue;
		last[lane - p->lanes] = x;
		fprintf(p->out, "<path class=\"denial\" d=\"M%.1f %.1fv9\"/>\n", x, y);
	}
}

static int draw_marks(struct picture *p)
{
	const struct audit_report *report = p->report;
	int y = p->bottom;

	if (report->changes.n) {
		fprintf(p->out, "<text class=\"lane\" x=\"4\" y=\"%d\">changes</text>\n", y + 15);
		for (size_t i = 0; i < report->changes.n; i++) {
			const struct report_change *c = &report->changes.rows[i];

			fprintf(p->out,
				"<path class=\"change\" d=\"M%.1f %dl5 5-5 5-5-5z\"><title>%" PRIu64 ": ",
				timeline_x(p->timeline, c->time), y + 6, c->seq);
			html_text(p->out, c->action);
			fputs("</title></path>\n", p->out);
		}
		y += 22;
	}
	if (report->events.n) {
		fprintf(p->out, "<text class=\"lane\" x=\"4\" y=\"%d\">the daemon</text>\n", y + 15);
		for (size_t i = 0; i < report->events.n; i++) {
			const struct report_event *e = &report->events.rows[i];

			fprintf(p->out,
				e->bad ? "<path class=\"cross\" d=\"M%.1f %dm-4 -4l8 8m0-8l-8 8\">"
				       : "<path class=\"run\" d=\"M%.1f %dm0-5v10\">",
				timeline_x(p->timeline, e->time), y + 11);
			fprintf(p->out, "<title>%" PRIu64 ": %s</title></path>\n", e->seq, e->what);
		}
		y += 22;
	}
	return y;
}

void timeline_marks_legend(const struct timeline *p)
{
	const struct audit_report *report = p->report;

	fputs("<ul class=\"legend\">", p->out);
	for (size_t i = 0; i < report->probes.n && i < COLOURS; i++) {
		fprintf(p->out,
			"<li><svg width=\"14\" height=\"10\" aria-hidden=\"true\"><rect class=\"p%zu\" "
			"width=\"14\" height=\"10\" rx=\"2\"/></svg> ",
			i);
		html_value(p->out, report->probes.items[i].part[0]);
		fputs("</li>", p->out);
	}
	if (report->probes.n > COLOURS)
		fprintf(p->out,
			"<li><svg width=\"14\" height=\"10\" aria-hidden=\"true\"><rect class=\"p%d\" "
			"width=\"14\" height=\"10\" rx=\"2\"/></svg> other probes</li>",
			COLOURS);
	if (report->ticks.n)
		fputs("<li><svg width=\"8\" height=\"10\" aria-hidden=\"true\"><path class=\"denial\" d=\"M4 "
		      "0v10\"/></svg> denial</li>",
		      p->out);
	if (report->changes.n)
		fputs("<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><path class=\"change\" "
		      "d=\"M6 1l5 5-5 5-5-5z\"/></svg> change</li>",
		      p->out);
	if (report->events.n)
		fputs("<li><svg width=\"10\" height=\"10\" aria-hidden=\"true\"><path class=\"run\" d=\"M5 "
		      "0v10\"/></svg> start or stop</li>"
		      "<li><svg width=\"10\" height=\"10\" aria-hidden=\"true\"><path class=\"cross\" d=\"M1 "
		      "1l8 8m0-8l-8 8\"/></svg> crash or gap</li>",
		      p->out);
	fputs("</ul>\n", p->out);
}

int timeline_marks(const struct timeline *timeline)
{
	const struct audit_report *report = timeline->report;
	struct picture p = { .timeline = timeline, .report = report, .out = timeline->out };
	int bottom;

	lay_out(&p);
	for (size_t i = 0; i < p.n_lanes; i++)
		draw_lane_name(&p, &p.lanes[i],
			       (i + 1 < p.n_lanes ? p.lanes[i + 1].top : p.bottom) - p.lanes[i].top);
	bottom = draw_marks(&p);
	draw_denials(&p);
	for (size_t i = 0; i < report->attachments.n; i++)
		if (is_drawn(&report->attachments.rows[i]))
			draw_bar(&p, &report->attachments.rows[i]);
	return bottom;
}
