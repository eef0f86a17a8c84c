/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "audit/sentence.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "audit/message-ids.h"
#include "common/utf8.h"

static const struct {
	const char *kind, *verdict, *action; /* NULL: any */
	struct message_class class;
} classes[] = {
	{ "decision", "allow", NULL, { AUDIT_MESSAGE_DECISION_ALLOW, LOG_INFO } },
	{ "decision", NULL, NULL, { AUDIT_MESSAGE_DECISION_DENY, LOG_NOTICE } },
	{ "outcome", "ok", NULL, { AUDIT_MESSAGE_OUTCOME_OK, LOG_INFO } },
	{ "outcome", NULL, NULL, { AUDIT_MESSAGE_OUTCOME_FAILED, LOG_NOTICE } },
	{ "end", "ok", NULL, { AUDIT_MESSAGE_END_OK, LOG_INFO } },
	{ "end", NULL, NULL, { AUDIT_MESSAGE_END_FAILED, LOG_WARNING } },
	{ "change", "failed", "audit", { AUDIT_MESSAGE_BEGUN_ANEW, LOG_CRIT } },
	{ "change", "failed", "audit-reserve", { AUDIT_MESSAGE_RESERVE_GONE, LOG_CRIT } },
	{ "change", "ok", "audit-reserve", { AUDIT_MESSAGE_RESERVE_BACK, LOG_NOTICE } },
	{ "change", NULL, "audit-retention", { AUDIT_MESSAGE_RETENTION, LOG_NOTICE } },
	{ "change", NULL, "clock", { AUDIT_MESSAGE_CLOCK, LOG_WARNING } },
	{ "change", "ok", NULL, { AUDIT_MESSAGE_CHANGE_OK, LOG_NOTICE } },
	{ "change", NULL, NULL, { AUDIT_MESSAGE_CHANGE_FAILED, LOG_NOTICE } },
	{ "start", NULL, NULL, { AUDIT_MESSAGE_START, LOG_INFO } },
	{ "stop", NULL, NULL, { AUDIT_MESSAGE_STOP, LOG_INFO } },
	{ "crash", NULL, NULL, { AUDIT_MESSAGE_CRASH, LOG_WARNING } },
	{ "read", NULL, NULL, { AUDIT_MESSAGE_READ, LOG_INFO } },
	{ "denials", NULL, NULL, { AUDIT_MESSAGE_DENIALS, LOG_NOTICE } },
};

static const char *text(json_t *record, const char *key)
{
	const char *value = json_string_value(json_object_get(record, key));

	return value ? value : "";
}

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

struct message_class sentence_class(json_t *record)
{
	const char *kind = text(record, "kind"), *verdict = text(record, "verdict"),
		   *action = text(record, "action");

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (is(classes[i].kind, kind) && (!classes[i].verdict || is(classes[i].verdict, verdict)) &&
		    (!classes[i].action || is(classes[i].action, action)))
			return classes[i].class;
	return (struct message_class){ AUDIT_MESSAGE_CHANGE_OK, LOG_NOTICE };
}

struct line {
	char *buffer;
	size_t used;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *line, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line->buffer + line->used, SENTENCE_MAX - line->used, format, ap);
	va_end(ap);
	if (n > 0)
		line->used +=
			(size_t)n < SENTENCE_MAX - line->used ? (size_t)n : SENTENCE_MAX - 1 - line->used;
}

static void add_number(struct line *line, json_t *record, const char *format_before, const char *key)
{
	json_t *value = json_object_get(record, key);

	if (json_is_integer(value))
		add(line, "%s%" JSON_INTEGER_FORMAT, format_before, json_integer_value(value));
}

static void add_text(struct line *line, json_t *record, const char *before, const char *key,
		     const char *after)
{
	if (*text(record, key))
		add(line, "%s%s%s", before, text(record, key), after);
}

/* "attach tcp.state to unit shop.service" */
static void add_request(struct line *line, json_t *record)
{
	json_t *target = json_object_get(record, "target");

	add(line, "%s", *text(record, "action") ? text(record, "action") : "act");
	add_text(line, record, " ", "probe", "");
	if (target) {
		add(line, " for %s", *text(target, "kind") ? text(target, "kind") : "target");
		add_text(line, target, " ", "name", "");
	}
}

static void add_who(struct line *line, json_t *record)
{
	json_t *requester = json_object_get(record, "requester");

	add(line, "%s", requester ? text(requester, "user") : "bpfwardend");
}

static void add_why(struct line *line, json_t *record)
{
	json_t *refusal = json_object_get(record, "refusal");

	add_text(line, record, " (rule ", "rule", ")");
	if (refusal)
		add(line, ": %s", *text(refusal, "reason") ? text(refusal, "reason") : text(refusal, "name"));
	add_number(line, record, ", errno ", "errno");
	add_text(line, record, ": ", "detail", "");
}

static void add_event(struct line *line, json_t *record, const char *kind)
{
	if (is(kind, "end")) {
		add(line, "%s", *text(record, "probe") ? text(record, "probe") : "an attachment");
		add(line, is(text(record, "verdict"), "ok") ? " ended" : " was lost");
		add_text(line, record, ", attachment ", "attachment", "");
	} else if (is(kind, "start"))
		add(line, "bpfwardend started");
	else if (is(kind, "stop"))
		add(line, "bpfwardend stopped");
	else if (is(kind, "crash"))
		add(line, "a process of bpfwardend died");
	else if (is(kind, "read"))
		add_who(line, record),
			add(line, " read %s",
			    !strncmp(text(record, "action"), "policy-", 7) ? "the policy" : "the audit log");
}

void sentence_compose(json_t *record, char ret[SENTENCE_MAX])
{
	const char *kind = text(record, "kind"), *verdict = text(record, "verdict");
	struct line line = { .buffer = ret };

	ret[0] = '\0';
	if (is(kind, "decision")) {
		add_who(&line, record);
		add(&line, is(verdict, "allow") ? " may " : " may not ");
		add_request(&line, record);
	} else if (is(kind, "outcome") || is(kind, "change")) {
		add_who(&line, record);
		add(&line, ": ");
		add_request(&line, record);
		add(&line, is(verdict, "ok") ? ": done" : ": failed");
		add_text(&line, record, ", attachment ", "attachment", "");
	} else if (is(kind, "denials")) {
		add_number(&line, record, "", "count");
		add(&line, " further denials for ");
		add_who(&line, record);
	} else {
		add_event(&line, record, kind);
	}
	add_why(&line, record);
	utf8_make_printable(ret, SENTENCE_MAX);
}
