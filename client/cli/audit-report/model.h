/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What a report keeps of the records: the inside of struct audit_report, for its own files.
 */
#include <jansson.h>
#include <string.h>

#include "client/cli/audit-report/density.h"
#include "client/cli/audit-report/report.h"
#include "client/cli/audit-report/tally.h"

#define REPORT_OPEN_MAX 4096 /* attachments without an end at once: the daemon itself allows 1024 */
#define REPORT_DAY      ((uint64_t)86400 * 1000000000)

/* A record while it is being added; everything borrowed from json, "" where there is nothing. */
struct report_entry {
	const json_t *json;
	uint64_t seq, time, decision;
	const char *kind, *verdict, *action, *attachment, *rule, *detail, *refusal;
	char user[320]; /* "alice (1000)"; "the daemon" */
	bool within;    /* the period */
	bool dry_run;
};

enum report_state {
	REPORT_ASKED = 0, /* allowed, and no outcome yet */
	REPORT_FAILED,
	REPORT_ATTACHED,
	REPORT_ENDED,
};

struct report_attachment {
	uint64_t decision, outcome, end; /* sequences; 0: none */
	uint64_t from, to;               /* ns; of the decision until there is an outcome */
	enum report_state state;
	bool listed; /* a row of the table; otherwise only counted */
	char id[24];
	char *user, *process, *cgroup, *probe, *target, *data, *rule;
	char *how; /* it ended or failed */
};

/* A change of registry, trust, policy or of the log itself. */
struct report_change {
	uint64_t seq, outcome, time;
	enum report_state state; /* ATTACHED: done */
	bool dry_run;
	char *user, *action, *what, *rule, *detail, *result;
};

/* What interrupts a log: starts, stops, crashes, missing numbers, a clock that went back. */
struct report_event {
	uint64_t seq, time;
	bool bad;
	const char *what;
	char *text;
};

struct report_tick {
	uint64_t time;
	uint32_t user; /* index into users */
};

/* A growing array with a limit: n are kept, left_out were not. */
#define REPORT_ROWS(type)          \
	struct {                   \
		type *rows;        \
		size_t n, max;     \
		uint64_t left_out; \
	}

struct audit_report {
	struct audit_report_options options;
	REPORT_ROWS(struct report_attachment) attachments; /* listed or open */
	size_t listed;
	REPORT_ROWS(struct report_change) changes;
	REPORT_ROWS(struct report_event) events;
	REPORT_ROWS(struct report_tick) ticks;
	struct tally_table users, probes;   /* of attachments */
	struct tally_table use;             /* user, probe */
	struct tally_table denials, denied; /* user, rule; user */
	struct tally_table readings;        /* user, what */
	struct tally_table policies;        /* digests */
	struct tally_table boots;
	uint64_t records, all_records, dry_runs;
	uint64_t n_attachments, n_failed, n_denials, n_changes, n_readings, n_crashes, n_starts, n_stops,
		n_unreadable;
	uint64_t before;                                     /* attached before the period, and on into it */
	uint64_t first_seq, last_seq, first_time, last_time; /* within the period */
	uint64_t previous_seq, previous_time;
	struct density density;
	bool running; /* between a start and a stop */
};

/* rows with room for at least one more than n; it doubles whenever n is a power of two. NULL: out of memory,
 * and rows stays. */
void *report_grow(void *rows, size_t n, size_t size);

/* One more row, zeroed, at the end. NULL: the limit is reached, which is counted; or out of memory, and
 * *error is -ENOMEM. */
#define REPORT_ROW(array, error)                                                        \
	({                                                                              \
		__typeof__((array)->rows) row_ = NULL, rows_;                           \
		if ((array)->n >= (array)->max) {                                       \
			(array)->left_out++;                                            \
		} else {                                                                \
			rows_ = report_grow((array)->rows, (array)->n, sizeof(*rows_)); \
			if (rows_) {                                                    \
				(array)->rows = rows_;                                  \
				row_ = memset(&rows_[(array)->n++], 0, sizeof(*rows_)); \
			} else {                                                        \
				*(error) = -ENOMEM;                                     \
			}                                                               \
		}                                                                       \
		row_;                                                                   \
	})

/* A new string; NULL: out of memory. */
char *report_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "" if it is NULL or not a string. */
const char *report_string(const json_t *object, const char *key);
/* Also of an integer that is written as a string of digits. */
uint64_t report_number(const json_t *object, const char *key);
/* "probe-serial", "kind name", "aggregates, events (pii)". New strings; NULL: out of memory. */
char *report_probe(const json_t *json);
char *report_target(const json_t *json);
char *report_data(const json_t *json);
/* Why it failed, in one sentence. */
char *report_reason(const struct report_entry *entry);

/* ---- attachments.c ---- */
int report_attach(struct audit_report *report, const struct report_entry *entry);
int report_detach(struct audit_report *report, const struct report_entry *entry);
void report_attachment_clear(struct report_attachment *attachment);
/* After the last record: lists what goes on, and orders the rows by sequence. */
int report_attachments_finish(struct audit_report *report);

/* ---- changes.c ---- */
int report_change(struct audit_report *report, const struct report_entry *entry);
int report_change_outcome(struct audit_report *report, const struct report_entry *entry);
void report_change_clear(struct report_change *change);
int report_continuity(struct audit_report *report, const struct report_entry *entry);
int report_event(struct audit_report *report, const struct report_entry *entry, const char *what, bool bad,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- timeline.c ---- */
int report_timeline(const struct audit_report *report, FILE *out);
/* The period as it is drawn: as asked for, or as far as there are records. */
void report_period(const struct audit_report *report, uint64_t *ret_from, uint64_t *ret_to);

/* ---- tables.c ---- */
void report_tables(struct audit_report *report, FILE *out);

/* ---- style.c ---- */
extern const char report_style[];
