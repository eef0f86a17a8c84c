/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One record after the other: what it says, and whose business it is.
 */
#include <inttypes.h>
#include <string.h>

#include "client/cli/audit-report/model.h"

static void json_decref_p(json_t **json)
{
	json_decref(*json);
}

int audit_report_new(const struct audit_report_options *options, struct audit_report **ret)
{
	struct audit_report *report = calloc(1, sizeof(*report));
	size_t rows = options->rows ? options->rows : AUDIT_REPORT_ROWS_MAX;
	struct tally_table *tables[] = {
		&report->users,  &report->probes,   &report->use,   &report->denials,
		&report->denied, &report->readings, &report->boots, &report->policies
	};

	if (!report)
		return -ENOMEM;
	report->options = *options;
	report->options.rows = rows;
	report->attachments.max = rows + REPORT_OPEN_MAX;
	report->changes.max = report->events.max = report->ticks.max = rows;
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		tables[i]->max = AUDIT_REPORT_TALLIES_MAX;
	*ret = report;
	return 0;
}

struct audit_report *audit_report_free(struct audit_report *report)
{
	if (!report)
		return NULL;
	for (size_t i = 0; i < report->attachments.n; i++)
		report_attachment_clear(&report->attachments.rows[i]);
	for (size_t i = 0; i < report->changes.n; i++)
		report_change_clear(&report->changes.rows[i]);
	for (size_t i = 0; i < report->events.n; i++)
		free(report->events.rows[i].text);
	free(report->attachments.rows);
	free(report->changes.rows);
	free(report->events.rows);
	free(report->ticks.rows);
	tally_clear(&report->users);
	tally_clear(&report->probes);
	tally_clear(&report->use);
	tally_clear(&report->denials);
	tally_clear(&report->denied);
	tally_clear(&report->readings);
	tally_clear(&report->boots);
	tally_clear(&report->policies);
	free(report);
	return NULL;
}

void *report_grow(void *rows, size_t n, size_t size)
{
	return n & (n - 1) ? rows : reallocarray(rows, n ? 2 * n : 1, size);
}

static int count_denials(struct audit_report *report, const struct report_entry *e, uint64_t n, bool record)
{
	const char *const part[TALLY_PARTS_MAX] = { e->user, *e->rule ? e->rule : "-", e->action };
	struct tally *user, *item = tally_get(&report->denials, part);
	/* A count is written down up to a minute later. */
	uint64_t until = report_number(e->json, "until_ns"), time = until ? until : e->time;
	struct report_tick *tick;
	int r = tally_count(item, n, e->seq, time);

	report->n_denials += n;
	density_add(&report->density, DENSITY_DENIALS, time, n);
	if (!r && record) {
		_cleanup_free_ char *probe = report_probe(e->json), *target = report_target(e->json);
		_cleanup_free_ char *note = probe && target ? report_format("%s %s%s%s", e->action, probe,
									    *target ? " on " : "", target)
							    : NULL;

		item->records++;
		if (!note)
			return -ENOMEM;
		r = tally_note(item, note);
	}
	if (r)
		return r;
	user = tally_get_one(&report->denied, e->user);
	r = tally_count(user, n, e->seq, time);
	if (r)
		return r;
	tick = REPORT_ROW(&report->ticks, &r);
	if (tick)
		*tick = (struct report_tick){ .time = time,
					      .user = user == &report->denied.rest
							      ? UINT32_MAX
							      : (uint32_t)(user - report->denied.items) };
	return r;
}

static int count_reading(struct audit_report *report, const struct report_entry *e)
{
	const char *const part[TALLY_PARTS_MAX] = { e->user, *e->detail ? e->detail : e->action };

	report->n_readings++;
	return tally_count(tally_get(&report->readings, part), 1, e->seq, e->time);
}

static bool is_attach(const struct report_entry *e)
{
	return !strcmp(e->action, "attach");
}

static bool is_detach(const struct report_entry *e)
{
	return !strncmp(e->action, "detach", 6);
}

static int on_decision(struct audit_report *report, const struct report_entry *e)
{
	if (e->dry_run)
		report->dry_runs += e->within;
	else if (strcmp(e->verdict, "allow") != 0)
		return e->within ? count_denials(report, e, 1, true) : 0;
	if (is_attach(e))
		return e->dry_run ? 0 : report_attach(report, e);
	/* Of a detach, the outcome says what came of it. */
	if (is_detach(e) || !strcmp(e->action, "audit-read"))
		return 0;
	return e->within ? report_change(report, e) : 0;
}

static int on_outcome(struct audit_report *report, const struct report_entry *e)
{
	if (is_attach(e))
		return report_attach(report, e);
	if (is_detach(e))
		return report_detach(report, e);
	return report_change_outcome(report, e);
}

static int on_crash(struct audit_report *report, const struct report_entry *e)
{
	report->n_crashes++;
	return report_event(report, e, "crash", true, "%s: %s", e->action, e->detail);
}

static int sort_out(struct audit_report *report, const struct report_entry *e)
{
	if (!strcmp(e->kind, "decision"))
		return on_decision(report, e);
	if (!strcmp(e->kind, "outcome"))
		return on_outcome(report, e);
	if (!strcmp(e->kind, "end"))
		return report_detach(report, e);
	if (!e->within)
		return 0;
	if (!strcmp(e->kind, "change"))
		return report_change(report, e);
	if (!strcmp(e->kind, "denials"))
		return count_denials(report, e, report_number(e->json, "count"), false);
	if (!strcmp(e->kind, "read"))
		return count_reading(report, e);
	if (!strcmp(e->kind, "crash"))
		return on_crash(report, e);
	if (strcmp(e->kind, "start") != 0 && strcmp(e->kind, "stop") != 0)
		return report_event(report, e, "unknown", true,
				    "a record of the kind \"%s\", which this program does not know", e->kind);
	return 0;
}

static void fill_entry(struct report_entry *e, const struct audit_report *report, const json_t *json,
		       uint64_t seq)
{
	const json_t *requester = json_object_get(json, "requester");
	uint64_t until = report->options.until;

	*e = (struct report_entry){
		.json = json,
		.seq = seq,
		.time = report_number(json, "time_ns"),
		.decision = report_number(json, "decision"),
		.kind = report_string(json, "kind"),
		.verdict = report_string(json, "verdict"),
		.action = report_string(json, "action"),
		.attachment = report_string(json, "attachment"),
		.rule = report_string(json, "rule"),
		.detail = report_string(json, "detail"),
		.refusal = report_string(json_object_get(json, "refusal"), "reason"),
	};
	e->dry_run = !strncmp(e->detail, "dry run", 7);
	e->within = e->time >= report->options.since && (!until || e->time <= until);
	if (requester)
		snprintf(e->user, sizeof(e->user), "%.256s (%" PRIu64 ")", report_string(requester, "user"),
			 report_number(requester, "uid"));
	else
		snprintf(e->user, sizeof(e->user), "the daemon");
}

static int count_record(struct audit_report *report, const struct report_entry *e)
{
	const char *policy = report_string(e->json, "policy"), *boot = report_string(e->json, "boot");
	int r = 0;

	if (!report->records++) {
		report->first_seq = e->seq;
		report->first_time = report->last_time = e->time;
	}
	report->last_seq = e->seq;
	if (e->time > report->last_time)
		report->last_time = e->time;
	if (e->time < report->first_time)
		report->first_time = e->time;
	if (*policy)
		r = tally_count(tally_get_one(&report->policies, policy), 1, e->seq, e->time);
	if (!r && *boot)
		r = tally_count(tally_get_one(&report->boots, boot), 1, e->seq, e->time);
	return r;
}

int audit_report_add(struct audit_report *report, uint64_t seq, const char *bytes, size_t size)
{
	_cleanup_(json_decref_p) json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, NULL);
	struct report_entry e;
	int r;

	report->all_records++;
	fill_entry(&e, report, json, seq);
	if (!json_is_object(json) || !*e.kind || !e.time || report_number(json, "seq") != seq) {
		report->n_unreadable++;
		e.time = report->previous_time;
		return report_event(report, &e, "unreadable", true,
				    "record %" PRIu64 " is not one of this format", seq);
	}
	r = report_continuity(report, &e);
	if (!r && e.within)
		r = count_record(report, &e);
	return r ? r : sort_out(report, &e);
}

const char *audit_report_policy(const struct audit_report *report, size_t i)
{
	return i < report->policies.n && i < AUDIT_REPORT_TEXTS_MAX ? report->policies.items[i].part[0]
								    : NULL;
}
