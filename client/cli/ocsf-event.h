/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * An event while it is being made of a record: for ocsf.c and what classifies.
 */
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "client/cli/ocsf.h"

enum {
	CLASS_BASE = 0,
	CLASS_ENTITY_MANAGEMENT = 3004,
	CLASS_APPLICATION_LIFECYCLE = 6002,
	CLASS_API_ACTIVITY = 6003,
};

/* A record, and the event that it becomes. */
struct ocsf_event {
	const struct ocsf_log *log;
	const json_t *record;
	const char *kind, *verdict, *action;
	int class, activity;
	const char *activity_name;
	char host[256];
	json_t *json;
	int error;
};

static inline bool is(const char *text, const char *other)
{
	return !strcmp(text, other);
}

/* Sets class, activity and its name. */
void ocsf_classify(struct ocsf_event *event);
/* 1 informational to 5 critical. */
unsigned ocsf_severity(const struct ocsf_event *event);
