/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of registry, trust, policy and log; and what interrupts a log.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "client/cli/audit-report/html.h"
#include "client/cli/audit-report/model.h"

void report_change_clear(struct report_change *c)
{
	free(c->user);
	free(c->action);
	free(c->what);
	free(c->rule);
	free(c->detail);
	free(c->result);
}

/* The thing that was changed: a bundle, a policy by its digest, or nothing more than the action says. */
static char *what(const struct report_entry *e)
{
	const char *policy = report_string(e->json, "policy");

	if (*report_string(e->json, "probe"))
		return report_probe(e->json);
	if (!strcmp(e->action, "policy-reload") && *policy)
		return report_format("policy %.12s", policy);
	return strdup("");
}

static char *result(const struct report_entry *e)
{
	const json_t *ended = json_object_get(e->json, "ended");

	if (*e->refusal)
		return strdup(e->refusal);
	if (ended && report_number(e->json, "ended"))
		return report_format("ended %" PRIu64 " attachments", report_number(e->json, "ended"));
	return strdup("");
}

int report_change(struct audit_report *report, const struct report_entry *e)
{
	struct report_change *c;
	int r = 0;

	report->n_changes += !e->dry_run;
	if (!e->dry_run)
		density_add(&report->density, DENSITY_CHANGES, e->time, 1);
	c = REPORT_ROW(&report->changes, &r);
	if (!c)
		return r;
	c->seq = e->seq;
	c->time = e->time;
	c->dry_run = e->dry_run;
	c->state = !strcmp(e->kind, "decision") ? REPORT_ASKED
		   : strcmp(e->verdict, "ok")   ? REPORT_FAILED
						: REPORT_ATTACHED;
	c->user = strdup(e->user);
	c->action = strdup(e->action);
	c->what = what(e);
	c->rule = strdup(e->rule);
	c->detail = strdup(e->detail);
	c->result = result(e);
	return c->user && c->action && c->what && c->rule && c->detail && c->result ? 0 : -ENOMEM;
}

int report_change_outcome(struct audit_report *report, const struct report_entry *e)
{
	struct report_change *c = NULL;
	char *text;

	for (size_t i = report->changes.n; i > 0 && !c; i--)
		if (report->changes.rows[i - 1].seq == e->decision)
			c = &report->changes.rows[i - 1];
	/* The outcomes of what a revocation ended carry its decision, too: those are detaches, not this. */
	if (!c || c->outcome)
		return 0;
	text = strcmp(e->verdict, "ok")       ? report_reason(e)
	       : strcmp(e->detail, c->detail) ? strdup(e->detail)
					      : strdup("");
	if (!text)
		return -ENOMEM;
	free(c->result);
	c->result = text;
	c->outcome = e->seq;
	c->state = strcmp(e->verdict, "ok") ? REPORT_FAILED : REPORT_ATTACHED;
	return 0;
}

int report_event(struct audit_report *report, const struct report_entry *e, const char *name, bool bad,
		 const char *format, ...)
{
	struct report_event *event;
	va_list arguments;
	int r = 0, n;

	if (bad)
		density_add(&report->density, DENSITY_TROUBLE, e->time, 1);
	event = REPORT_ROW(&report->events, &r);
	if (!event)
		return r;
	va_start(arguments, format);
	n = vasprintf(&event->text, format, arguments);
	va_end(arguments);
	if (n < 0) {
		event->text = NULL;
		return -ENOMEM;
	}
	event->seq = e->seq;
	event->time = e->time;
	event->what = name;
	event->bad = bad;
	return 0;
}

/* The daemon's coming and going. Who starts without having stopped has been killed, or the host has. */
static int on_run(struct audit_report *report, const struct report_entry *e)
{
	bool start = !strcmp(e->kind, "start"), was_running = report->running;
	char text[HTML_TEXT_MAX];
	int r = 0;

	report->running = start;
	if (!e->within)
		return 0;
	report->n_starts += start;
	report->n_stops += !start;
	if (!start)
		return report_event(report, e, "stop", false, "%s",
				    *e->detail ? e->detail : "the daemon stopped");
	if (was_running)
		r = report_event(
			report, e, "killed", true,
			"the run before has no stop record: nothing was recorded for up to %s",
			html_duration(e->time > report->previous_time ? e->time - report->previous_time : 0,
				      text));
	return r ? r
		 : report_event(report, e, "start", false, "%s%s%s", e->detail,
				!was_running && report->previous_time && e->time > report->previous_time
					? "; nothing ran for "
					: "",
				!was_running && report->previous_time && e->time > report->previous_time
					? html_duration(e->time - report->previous_time, text)
					: "");
}

int report_continuity(struct audit_report *report, const struct report_entry *e)
{
	uint64_t seq = report->previous_seq, time = report->previous_time;
	char text[HTML_TEXT_MAX];
	int r = 0;

	if (seq && e->seq != seq + 1 && e->seq > seq)
		r = report_event(report, e, "gap", true,
				 "%" PRIu64 " records are missing: %" PRIu64 " to %" PRIu64, e->seq - seq - 1,
				 seq + 1, e->seq - 1);
	else if (seq && e->seq <= seq)
		r = report_event(report, e, "order", true, "record %" PRIu64 " stands behind record %" PRIu64,
				 e->seq, seq);
	if (!r && e->within && e->time < time)
		r = report_event(report, e, "clock", true,
				 "the clock went back by %s: the order is that of the numbers",
				 html_duration(time - e->time, text));
	if (!r && (!strcmp(e->kind, "start") || !strcmp(e->kind, "stop")))
		r = on_run(report, e);
	else if (!report->previous_seq)
		report->running = true; /* a log of which the beginning was removed */
	report->previous_seq = e->seq;
	report->previous_time = e->time;
	return r;
}
