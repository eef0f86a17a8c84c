/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the decision of an attachment to its end. What began before the period and goes on into it belongs to
 * the report; what ended before it does not.
 */
#include <string.h>

#include "client/cli/audit-report/model.h"

void report_attachment_clear(struct report_attachment *a)
{
	free(a->user);
	free(a->process);
	free(a->cgroup);
	free(a->probe);
	free(a->target);
	free(a->data);
	free(a->rule);
	free(a->how);
	*a = (struct report_attachment){ 0 };
}

static bool is_open(const struct report_attachment *a)
{
	return a->state == REPORT_ASKED || a->state == REPORT_ATTACHED;
}

static struct report_attachment *find(struct audit_report *report, uint64_t decision, const char *id)
{
	struct report_attachment *a;

	/* The newest first: it is asked for most. */
	for (size_t i = report->attachments.n; i > 0; i--) {
		a = &report->attachments.rows[i - 1];
		if (is_open(a) && ((decision && a->decision == decision) || (*id && !strcmp(a->id, id))))
			return a;
	}
	return NULL;
}

static void drop(struct audit_report *report, struct report_attachment *a)
{
	report_attachment_clear(a);
	*a = report->attachments.rows[--report->attachments.n];
}

static int fill(struct report_attachment *a, const struct report_entry *e)
{
	const json_t *requester = json_object_get(e->json, "requester");

	a->from = e->time;
	a->decision = e->seq;
	a->user = strdup(e->user);
	a->process = strdup(report_string(requester, "comm"));
	a->cgroup = strdup(report_string(requester, "cgroup"));
	a->probe = report_probe(e->json);
	a->target = report_target(e->json);
	a->data = report_data(e->json);
	a->rule = strdup(e->rule);
	a->how = strdup("");
	snprintf(a->id, sizeof(a->id), "%s", e->attachment);
	return a->user && a->process && a->cgroup && a->probe && a->target && a->data && a->rule && a->how
		       ? 0
		       : -ENOMEM;
}

static int begin(struct audit_report *report, const struct report_entry *e)
{
	struct report_attachment *a;
	int r = 0;

	if (report->options.until && e->time > report->options.until)
		return 0;
	a = REPORT_ROW(&report->attachments, &r);
	if (!a)
		return r;
	if (e->within && report->listed < report->options.rows) {
		a->listed = true;
		report->listed++;
	}
	return fill(a, e);
}

/* Of the period's own, whether they are listed or not. */
static int count(struct audit_report *report, const struct report_attachment *a, const struct report_entry *e)
{
	const char *const part[TALLY_PARTS_MAX] = { a->user, a->probe };
	struct tally *use = tally_get(&report->use, part);
	bool failed = a->state == REPORT_FAILED;
	int r = tally_count(use, 1, e->seq, a->from);

	if (r)
		return r;
	use->failed += failed;
	report->n_failed += failed;
	if (failed)
		return 0;
	report->n_attachments++;
	density_add(&report->density, DENSITY_ATTACHMENTS, a->from, 1);
	r = tally_count(tally_get_one(&report->users, a->user), 1, e->seq, a->from);
	return r ? r : tally_count(tally_get_one(&report->probes, a->probe), 1, e->seq, a->from);
}

static int set_how(struct report_attachment *a, char *how)
{
	if (!how)
		return -ENOMEM;
	free(a->how);
	a->how = how;
	return 0;
}

/* The time that an attachment lasted, as far as it is within the period. */
static uint64_t lasted(const struct audit_report *report, const struct report_attachment *a, uint64_t to)
{
	uint64_t from = a->from > report->options.since ? a->from : report->options.since;

	if (report->options.until && to > report->options.until)
		to = report->options.until;
	return to > from ? to - from : 0;
}

static int count_duration(struct audit_report *report, const struct report_attachment *a, uint64_t to)
{
	const char *const part[TALLY_PARTS_MAX] = { a->user, a->probe };
	struct tally *use = tally_get(&report->use, part);

	if (!use)
		return -ENOMEM;
	if (!use->first_seq) {
		use->first_seq = use->last_seq = a->decision;
		use->first_time = use->last_time = a->from;
	}
	use->duration += lasted(report, a, to);
	return 0;
}

/* It is over, or failed: kept only if it has a row. */
static int settle(struct audit_report *report, struct report_attachment *a)
{
	bool before = a->from < report->options.since;
	int r = 0;

	if (a->state == REPORT_ENDED && a->to >= report->options.since)
		r = count_duration(report, a, a->to);
	if (before && a->state == REPORT_ENDED && a->to >= report->options.since) {
		report->before++;
		if (report->listed < report->options.rows) {
			a->listed = true;
			report->listed++;
		}
	}
	if (!a->listed) {
		report->attachments.left_out += !before || a->to >= report->options.since;
		drop(report, a);
	}
	return r;
}

static int on_outcome(struct audit_report *report, const struct report_entry *e)
{
	struct report_attachment *a = find(report, e->decision, "");
	int r;

	/* What lives again after a restart was attached before. */
	if (!a || a->state != REPORT_ASKED)
		return 0;
	a->outcome = e->seq;
	if (*e->attachment)
		snprintf(a->id, sizeof(a->id), "%s", e->attachment);
	a->state = strcmp(e->verdict, "ok") != 0 ? REPORT_FAILED : REPORT_ATTACHED;
	if (a->state == REPORT_ATTACHED)
		a->from = e->time;
	r = a->from >= report->options.since ? count(report, a, e) : 0;
	if (r || a->state == REPORT_ATTACHED)
		return r;
	a->to = e->time;
	r = set_how(a, report_reason(e));
	return r ? r : settle(report, a);
}

int report_attach(struct audit_report *report, const struct report_entry *e)
{
	return !strcmp(e->kind, "decision") ? begin(report, e) : on_outcome(report, e);
}

int report_detach(struct audit_report *report, const struct report_entry *e)
{
	struct report_attachment *a = find(report, 0, e->attachment);
	int r;

	if (!a)
		return 0;
	a->end = e->seq;
	a->to = e->time;
	a->state = REPORT_ENDED;
	r = set_how(a, report_reason(e));
	return r ? r : settle(report, a);
}

static int compare(const void *left, const void *right)
{
	const struct report_attachment *a = left, *b = right;

	return a->decision < b->decision ? -1 : a->decision > b->decision;
}

int report_attachments_finish(struct audit_report *report)
{
	uint64_t from, to;
	int r = 0;

	report_period(report, &from, &to);
	for (size_t i = 0; i < report->attachments.n && !r; i++) {
		struct report_attachment *a = &report->attachments.rows[i];
		bool before = a->from < report->options.since;

		if (!is_open(a))
			continue;
		if (a->state == REPORT_ATTACHED)
			r = count_duration(report, a, to);
		report->before += before;
		if (a->listed)
			continue;
		if (report->listed < report->options.rows) {
			a->listed = true;
			report->listed++;
		} else {
			report->attachments.left_out++;
		}
	}
	if (report->attachments.n)
		qsort(report->attachments.rows, report->attachments.n, sizeof(*report->attachments.rows),
		      compare);
	return r;
}
