/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which class of OCSF a record belongs to, and how much it matters.
 */
#include "client/cli/ocsf-event.h"

static const struct {
	const char *action;
	int class, activity;
} actions[] = {
	{ "attach", CLASS_API_ACTIVITY, 1 },      { "detach", CLASS_API_ACTIVITY, 4 },
	{ "detach-any", CLASS_API_ACTIVITY, 4 },  { "audit-read", CLASS_API_ACTIVITY, 2 },
	{ "enroll", CLASS_ENTITY_MANAGEMENT, 1 }, { "promote", CLASS_ENTITY_MANAGEMENT, 3 },
	{ "revoke", CLASS_ENTITY_MANAGEMENT, 4 }, { "policy-reload", CLASS_ENTITY_MANAGEMENT, 3 },
	{ "trust", CLASS_ENTITY_MANAGEMENT, 3 },  { "audit-retention", CLASS_ENTITY_MANAGEMENT, 4 },
};

static void classify_action(struct ocsf_event *e)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (is(e->action, actions[i].action)) {
			e->class = actions[i].class;
			e->activity = actions[i].activity;
			return;
		}
	e->class = is(e->kind, "change") ? CLASS_ENTITY_MANAGEMENT : CLASS_API_ACTIVITY;
	e->activity = is(e->kind, "change") ? 3 : 99;
}

void ocsf_classify(struct ocsf_event *e)
{
	static const char *const names[] = { "Unknown", "Create", "Read", "Update", "Delete" };

	if (is(e->kind, "start") || is(e->kind, "stop") || is(e->kind, "crash")) {
		e->class = CLASS_APPLICATION_LIFECYCLE;
		e->activity = is(e->kind, "start") ? 3 : 4;
		e->activity_name = is(e->kind, "start") ? "Start" : "Stop";
		return;
	}
	if (is(e->kind, "read")) {
		e->class = CLASS_API_ACTIVITY;
		e->activity = 2;
	} else if (is(e->kind, "denials")) {
		e->class = CLASS_API_ACTIVITY;
		e->activity = 99;
	} else if (is(e->kind, "decision") || is(e->kind, "outcome") || is(e->kind, "end") ||
		   is(e->kind, "change")) {
		classify_action(e);
	}
	e->activity_name = e->activity < 5 ? names[e->activity] : *e->action ? e->action : e->kind;
}

/* What an operator's console sorts by: a process that died, or a log that does not continue, comes first. */
unsigned ocsf_severity(const struct ocsf_event *e)
{
	if (is(e->kind, "crash"))
		return 4;
	if (is(e->verdict, "failed"))
		return is(e->action, "audit") ? 5 : 3;
	return is(e->verdict, "deny") || is(e->kind, "change") ? 2 : 1;
}
