/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report's tables. Each says how many rows it leaves out.
 */
#include <inttypes.h>
#include <string.h>

#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/model.h"

static void begin_section(FILE *out, const char *id, const char *title, const char *lead)
{
	fprintf(out, "<section id=\"%s\"><h2>%s</h2>\n<p class=\"lead\">%s</p>\n", id, title, lead);
}

/* The heads, separated by bars; one that begins with # is of numbers. */
static void begin_table(FILE *out, const char *heads)
{
	fputs("<table><thead><tr>", out);
	while (*heads) {
		size_t length = strcspn(heads, "|");
		bool number = *heads == '#';

		fprintf(out, "<th scope=\"col\"%s>%.*s</th>", number ? " class=\"n\"" : "",
			(int)length - number, heads + number);
		heads += length + (heads[length] == '|');
	}
	fputs("</tr></thead><tbody>\n", out);
}

static void end_table(FILE *out, uint64_t shown, uint64_t left_out, const char *what)
{
	char number[2][HTML_TEXT_MAX];

	fputs("</tbody></table>\n", out);
	if (left_out)
		fprintf(out,
			"<p class=\"cut\">This table shows %s %s; <b>%s more are not shown</b>. They are "
			"part of all sums. A shorter "
			"period (--since, --until) shows them.</p>\n",
			html_number(shown, number[0]), what, html_number(left_out, number[1]));
}

static void cell_class(FILE *out, const char *class, const char *text)
{
	fprintf(out, "<td class=\"%s\">", class);
	html_value(out, text && *text ? text : "–");
	fputs("</td>", out);
}

static void cell(FILE *out, const char *text)
{
	cell_class(out, "a", text);
}

/* A name that is better not broken. */
static void cell_word(FILE *out, const char *text)
{
	cell_class(out, "w", text);
}

static void cell_number(FILE *out, uint64_t n)
{
	char text[HTML_TEXT_MAX];

	fprintf(out, "<td class=\"n\">%s</td>", html_number(n, text));
}

static void cell_time(FILE *out, uint64_t time)
{
	char text[HTML_TEXT_MAX];

	fprintf(out, "<td class=\"t\">%s</td>", html_time(time, text));
}

static void cell_probe(FILE *out, const char *first, const char *second)
{
	fputs("<td class=\"w\">", out);
	html_value(out, *first ? first : "–");
	if (*second) {
		fputs("<span class=\"sub\">", out);
		html_value(out, second);
		fputs("</span>", out);
	}
	fputs("</td>", out);
}

static void cell_requester(FILE *out, const struct report_attachment *a)
{
	fputs("<td class=\"u\">", out);
	html_value(out, a->user);
	if (*a->process) {
		fputs("<span class=\"sub\">", out);
		html_value(out, a->process);
		fputs(" in ", out);
		html_value(out, a->cgroup);
		fputs("</span>", out);
	}
	fputs("</td>", out);
}

static void cell_seqs(FILE *out, uint64_t first, uint64_t second, uint64_t third)
{
	fprintf(out, "<td class=\"seq\"><span id=\"r%" PRIu64 "\">%" PRIu64 "</span>", first, first);
	if (second)
		fprintf(out, " <span>%" PRIu64 "</span>", second);
	if (third)
		fprintf(out, " <span>%" PRIu64 "</span>", third);
	fputs("</td>", out);
}

/* ---- attachments ---- */

static void attachment_end(const struct audit_report *report, const struct report_attachment *a, FILE *out)
{
	uint64_t from, to;
	char text[HTML_TEXT_MAX];

	report_period(report, &from, &to);
	switch (a->state) {
	case REPORT_ASKED:
		fputs("<td class=\"n\">–</td><td><span class=\"tag warn\">no outcome</span></td>", out);
		return;
	case REPORT_FAILED:
		fputs("<td class=\"n\">–</td><td><span class=\"tag bad\">failed</span> ", out);
		break;
	case REPORT_ATTACHED:
		fprintf(out, "<td class=\"n\">%s</td><td><span class=\"tag on\">still attached</span></td>",
			html_duration(to > a->from ? to - a->from : 0, text));
		return;
	case REPORT_ENDED:
		fprintf(out, "<td class=\"n\">%s</td><td>",
			html_duration(a->to > a->from ? a->to - a->from : 0, text));
		break;
	}
	html_value(out, *a->how ? a->how : "ended");
	fputs("</td>", out);
}

static void attachments(const struct audit_report *report, FILE *out)
{
	begin_section(out, "attachments", "Who attached what",
		      "Every attachment that was allowed in this period, and those that went on into it. "
		      "Durations are those of the whole "
		      "attachment. Records: the decision, what came of it, its end.");
	if (!report->listed) {
		fputs("<p class=\"none\">Nobody attached anything.</p></section>\n", out);
		return;
	}
	begin_table(out, "Time (UTC)|User|Probe|Target|Sees|Rule|#Duration|How it ended|#Records");
	for (size_t i = 0; i < report->attachments.n; i++) {
		const struct report_attachment *a = &report->attachments.rows[i];

		if (!a->listed)
			continue;
		fputs("<tr>", out);
		cell_time(out, a->from);
		cell_requester(out, a);
		cell_probe(out, a->probe, a->id);
		cell_class(out, "g", a->target);
		cell_class(out, "b", a->data);
		cell_word(out, a->rule);
		attachment_end(report, a, out);
		cell_seqs(out, a->decision, a->outcome, a->end);
		fputs("</tr>\n", out);
	}
	end_table(out, report->listed, report->attachments.left_out, "attachments");
	fputs("</section>\n", out);
}

static void use(struct audit_report *report, FILE *out)
{
	char text[HTML_TEXT_MAX];

	begin_section(out, "use", "Use by user and probe",
		      "All attachments of the period, also those that the table below leaves out. Time is "
		      "the time attached within the period.");
	if (!report->use.n) {
		fputs("<p class=\"none\">Nothing was used.</p></section>\n", out);
		return;
	}
	begin_table(out, "User|Probe|#Requests allowed|#of these failed|#Time attached|First|Last");
	for (size_t i = 0; i < report->use.n; i++) {
		const struct tally *u = &report->use.items[i];

		fputs("<tr>", out);
		cell(out, u->part[0]);
		cell_word(out, u->part[1]);
		cell_number(out, u->n);
		cell_number(out, u->failed);
		fprintf(out, "<td class=\"n\">%s</td>", html_duration(u->duration, text));
		cell_time(out, u->first_time);
		cell_time(out, u->last_time);
		fputs("</tr>\n", out);
	}
	end_table(out, report->use.n, report->use.rest.n,
		  "pairs of user and probe, by number of requests; of further pairs, requests");
	fputs("</section>\n", out);
}

/* ---- denials, changes, readings, interruptions ---- */

static void denials(struct audit_report *report, FILE *out)
{
	begin_section(out, "denials", "Denials by user, rule and action",
		      "A user's first denial of an action by a rule is a record of its own; further ones "
		      "within a minute are counted, and the count becomes a record when the minute is over. "
		      "Denials are the sum of both.");
	if (!report->denials.n) {
		fputs("<p class=\"none\">Nothing was denied.</p></section>\n", out);
		return;
	}
	begin_table(out, "User|Rule|#Denials|#with a record of their own|Asked for last|First|Last|#Records");
	for (size_t i = 0; i < report->denials.n; i++) {
		const struct tally *d = &report->denials.items[i];

		fputs("<tr>", out);
		cell(out, d->part[0]);
		cell_word(out, d->part[1]);
		cell_number(out, d->n);
		cell_number(out, d->records);
		cell(out, d->note ? d->note : d->part[2]);
		cell_time(out, d->first_time);
		cell_time(out, d->last_time);
		cell_seqs(out, d->first_seq, d->last_seq != d->first_seq ? d->last_seq : 0, 0);
		fputs("</tr>\n", out);
	}
	end_table(out, report->denials.n, report->denials.rest.n,
		  "rows by number of denials; of further ones, denials");
	fputs("</section>\n", out);
}

static void change_result(const struct report_change *c, FILE *out)
{
	static const struct {
		const char *class, *text;
	} states[] = {
		[REPORT_ASKED] = { "warn", "no outcome" },
		[REPORT_FAILED] = { "bad", "failed" },
		[REPORT_ATTACHED] = { "ok", "done" },
	};

	if (c->dry_run)
		fputs("<td><span class=\"tag\">dry run</span> ", out);
	else
		fprintf(out, "<td><span class=\"tag %s\">%s</span> ", states[c->state].class,
			states[c->state].text);
	html_value(out, c->result);
	fputs("</td>", out);
}

static void changes(const struct audit_report *report, FILE *out)
{
	begin_section(out, "changes", "Changes of registry, trust and policy",
		      "What changed who may do what, by whom, and what came of it. The policies are printed "
		      "in full below.");
	if (!report->changes.n) {
		fputs("<p class=\"none\">Nothing was changed.</p></section>\n", out);
		return;
	}
	begin_table(out, "Time (UTC)|User|Action|What|Rule|Said about it|Result|#Records");
	for (size_t i = 0; i < report->changes.n; i++) {
		const struct report_change *c = &report->changes.rows[i];

		fputs("<tr>", out);
		cell_time(out, c->time);
		cell(out, c->user);
		cell_word(out, c->action);
		cell_word(out, c->what);
		cell_word(out, c->rule);
		cell(out, c->detail);
		change_result(c, out);
		cell_seqs(out, c->seq, c->outcome, 0);
		fputs("</tr>\n", out);
	}
	end_table(out, report->changes.n, report->changes.left_out, "changes");
	fputs("</section>\n", out);
}

static void readings(const struct audit_report *report, FILE *out)
{
	begin_section(out, "readings", "Who read this log",
		      "Reading is recorded, too, by whoever it is, before the first record is shown.");
	if (!report->readings.n) {
		fputs("<p class=\"none\">Nobody read the log.</p></section>\n", out);
		return;
	}
	begin_table(out, "User|What was read|#Readings|First|Last|#Records");
	for (size_t i = 0; i < report->readings.n; i++) {
		const struct tally *t = &report->readings.items[i];

		fputs("<tr>", out);
		cell(out, t->part[0]);
		cell(out, t->part[1]);
		cell_number(out, t->n);
		cell_time(out, t->first_time);
		cell_time(out, t->last_time);
		cell_seqs(out, t->first_seq, t->last_seq != t->first_seq ? t->last_seq : 0, 0);
		fputs("</tr>\n", out);
	}
	end_table(out, report->readings.n, report->readings.rest.n,
		  "kinds of readings; of further ones, readings");
	fputs("</section>\n", out);
}

static void events(const struct audit_report *report, FILE *out)
{
	begin_section(out, "gaps", "Gaps, crashes and restarts",
		      "Nothing is recorded, and nothing new can be attached, while the daemon does not run. "
		      "What was attached may go on.");
	if (!report->events.n) {
		fputs("<p class=\"none\">The daemon ran without interruption, and no record is missing "
		      "between the first and the last.</p></section>\n",
		      out);
		return;
	}
	begin_table(out, "Time (UTC)|What|Details|#Record");
	for (size_t i = 0; i < report->events.n; i++) {
		const struct report_event *e = &report->events.rows[i];

		fputs("<tr>", out);
		cell_time(out, e->time);
		fprintf(out, "<td><span class=\"tag%s\">%s</span></td>", e->bad ? " bad" : "", e->what);
		cell(out, e->text);
		cell_seqs(out, e->seq, 0, 0);
		fputs("</tr>\n", out);
	}
	end_table(out, report->events.n, report->events.left_out, "events");
	fputs("</section>\n", out);
}

void report_tables(struct audit_report *report, FILE *out)
{
	use(report, out);
	attachments(report, out);
	denials(report, out);
	changes(report, out);
	readings(report, out);
	events(report, out);
}
