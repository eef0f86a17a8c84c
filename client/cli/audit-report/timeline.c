/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The period as a picture.
 */
#include "client/cli/audit-report/timeline.h"

#include <time.h>

#include "client/cli/audit-report/html.h"

#define NS ((uint64_t)1000000000)

void report_period(const struct audit_report *report, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from = report->options.since ? report->options.since : report->first_time,
		 to = report->options.until ? report->options.until : report->last_time;

	/* Nothing is known of the time after the last record. */
	if (report->last_time && to > report->last_time)
		to = report->last_time;
	if (from < report->first_time && report->first_time && !report->before)
		from = report->first_time;
	*ret_from = from;
	*ret_to = to > from ? to : from + NS;
}

double timeline_x(const struct timeline *timeline, uint64_t time)
{
	if (time <= timeline->from)
		return TIMELINE_LEFT;
	if (time >= timeline->to)
		return TIMELINE_RIGHT;
	return TIMELINE_LEFT + (double)(time - timeline->from) / (double)(timeline->to - timeline->from) *
				       (TIMELINE_RIGHT - TIMELINE_LEFT);
}

/* At most nine steps. */
static uint64_t step_of(uint64_t span)
{
	static const unsigned seconds[] = { 1,      2,      5,       10,      30,      60,      120,   300,
					    600,    1800,   3600,    7200,    10800,   21600,   43200, 86400,
					    172800, 604800, 1209600, 2592000, 7776000, 31536000 };

	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		if (span / (seconds[i] * NS) <= 8)
			return seconds[i] * NS;
	return span / 8;
}

void timeline_axis(const struct timeline *p, int bottom)
{
	uint64_t step = step_of(p->to - p->from);

	for (uint64_t at = (p->from + step - 1) / step * step; at <= p->to && at >= p->from; at += step) {
		time_t seconds = (time_t)(at / NS);
		struct tm tm;
		char text[32] = "";

		if (gmtime_r(&seconds, &tm))
			strftime(text, sizeof(text),
				 step >= 28 * REPORT_DAY ? "%b %Y"
				 : step >= REPORT_DAY    ? "%d %b"
				 : seconds % 86400 == 0  ? "%d %b %H:%M"
				 : step >= 60 * NS       ? "%H:%M"
							 : "%H:%M:%S",
				 &tm);
		fprintf(p->out,
			"<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"axis\" x=\"%.1f\" "
			"y=\"14\">%s</text>\n",
			timeline_x(p, at), TIMELINE_TOP - 6, bottom, timeline_x(p, at), text);
	}
}

/* Single marks only if none is missing: half a picture would say that nothing happened in the other half. */
static bool too_many(const struct audit_report *report)
{
	return report->attachments.left_out || report->changes.left_out || report->events.left_out ||
	       report->ticks.left_out;
}

int report_timeline(const struct audit_report *report, FILE *out)
{
	_cleanup_free_ char *marks = NULL;
	struct timeline timeline = { .report = report };
	bool many = too_many(report);
	size_t size = 0;
	int bottom;

	report_period(report, &timeline.from, &timeline.to);
	/* The height is known once everything is drawn, and stands at the beginning. */
	timeline.out = open_memstream(&marks, &size);
	if (!timeline.out)
		return -ENOMEM;
	bottom = many ? timeline_density(&timeline) : timeline_marks(&timeline);
	if (fclose(timeline.out) || !marks)
		return -ENOMEM;
	fprintf(out,
		"<svg class=\"timeline\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"tl-title "
		"tl-desc\">\n"
		"<title id=\"tl-title\">Attachments, denials and changes over time</title>\n"
		"<desc id=\"tl-desc\">%s What is drawn here stands in the tables below.</desc>\n",
		TIMELINE_WIDTH, bottom + 6,
		many ? "How many attachments, denials, changes, and crashes or gaps there were in each span "
		       "of time."
		     : "A lane for each user with bars for attachments and ticks for denials, then changes "
		       "and what happened to the daemon.");
	timeline.out = out;
	timeline_axis(&timeline, bottom); /* below the marks */
	fprintf(out, "%s</svg>\n", marks);
	if (many)
		timeline_density_legend(&timeline);
	else
		timeline_marks_legend(&timeline);
	return 0;
}
