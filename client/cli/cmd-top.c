/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What attachments cost now: two looks at Status, a second apart, make a row. A terminal is redrawn;
 * elsewhere one table, or with JSON one line, follows another.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "common/limits.h"

#define TIMED_MIN 32 /* timed runs whose mean is worth something */

/* One look; an object by id, of what Status said. */
struct look {
	json_t *attachments;
	uint64_t at; /* CLOCK_MONOTONIC, ns */
};

/* Between two looks. */
struct row {
	const json_t *attachment; /* of the later one */
	double cpu, program;      /* of one CPU; below 0: not known */
	double events, lost;      /* a second */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int keep(void *data, const json_t *parameters)
{
	json_t *attachment = json_object_get(parameters, "attachment");
	struct look *look = data;

	if (json_is_object(attachment))
		json_object_set(look->attachments, cli_string(attachment, "id"), attachment);
	return CLI_CONTINUE;
}

static int look(const struct cli *cli, bool all, struct look *ret)
{
	struct look now = { .attachments = json_object(), .at = now_ns() };
	struct cli_query query = { .method = "io.bpfwarden.Probe.Status",
				   .parameters = json_pack("{s:b, s:b}", "all", all, "cost", 1),
				   .more = true,
				   .silent = true,
				   .each = keep,
				   .data = &now };
	int r = cli_query(cli, &query);

	if (r != CLI_OK) {
		json_decref(now.attachments);
		return r;
	}
	json_decref(ret->attachments);
	*ret = now;
	return CLI_CONTINUE;
}

/* --- what happened between two looks ------------------------------------------------------------------- */

/* Counts go up; one that went down is of something else. */
static double grown(const json_t *now, const json_t *before, const char *key)
{
	uint64_t a = cli_number(before, key), b = cli_number(now, key);

	return b > a ? (double)(b - a) : 0;
}

/* CPU time of one event of the attachment: what was told of all of them, which changes with the mean. */
static double event_cpu(const json_t *cost)
{
	uint64_t seen = cli_number(json_object_get(cost, "counters"), "seen");

	return seen ? (double)cli_number(cost, "cpu") / (double)seen : 0;
}

/* CPU time of the program's runs since: at the mean of those of them that were timed, or if those are few, of
 * all that ever were. */
static double program_cpu(const json_t *now, const json_t *before)
{
	double timed = grown(now, before, "timed_runs"), ns = grown(now, before, "timed");

	if (timed < TIMED_MIN) {
		timed = (double)cli_number(now, "timed_runs");
		ns = (double)cli_number(now, "timed");
	}
	return timed > 0 ? grown(now, before, "runs") * ns / timed : 0;
}

static struct row compare(const json_t *attachment, const json_t *earlier, double ns)
{
	const json_t *cost = json_object_get(attachment, "cost"), *cost0 = json_object_get(earlier, "cost");
	const json_t *counters = json_object_get(cost, "counters"),
		     *counters0 = json_object_get(cost0, "counters");
	const json_t *program = json_object_get(cost, "program"),
		     *program0 = json_object_get(cost0, "program");
	struct row row = { .attachment = attachment, .cpu = -1, .program = -1 };

	if (!json_is_object(cost) || !json_is_object(cost0))
		return row;
	row.cpu = grown(counters, counters0, "seen") * event_cpu(cost) / ns;
	row.events = grown(counters, counters0, "seen") * 1e9 / ns;
	row.lost =
		(grown(counters, counters0, "ring_full") + grown(counters, counters0, "map_full")) * 1e9 / ns;
	if (json_is_object(program) && json_is_object(program0))
		row.program = program_cpu(program, program0) / ns;
	return row;
}

static int by_cpu(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? 1 : -1;
	if (x->program != y->program)
		return x->program < y->program ? 1 : -1;
	return strcmp(cli_string(x->attachment, "id"), cli_string(y->attachment, "id"));
}

/* The costliest first. The caller frees; NULL: out of memory. */
static struct row *rows_new(const struct look *now, const struct look *before, size_t *ret_n)
{
	struct row *rows = calloc(json_object_size(now->attachments) + 1, sizeof(*rows));
	const char *id;
	json_t *attachment;
	size_t n = 0;

	if (!rows)
		return NULL;
	json_object_foreach (now->attachments, id, attachment)
		rows[n++] = compare(attachment, json_object_get(before->attachments, id),
				    (double)(now->at - before->at));
	qsort(rows, n, sizeof(*rows), by_cpu);
	*ret_n = n;
	return rows;
}

/* --- shown --------------------------------------------------------------------------------------------- */

static const char *share(double value, char *buffer)
{
	return value < 0 ? "-" : unit_share(value, buffer);
}

static void print_table(const struct row *rows, size_t n)
{
	static const char *const headers[] = { "CPU",  "PROGRAM", "EVENTS/S", "LOST/S", "MEMORY",
					       "USER", "PROBE",   "TARGET",   "ID",     NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	char text[UNIT_TEXT_MAX];

	for (size_t i = 0; table && i < n; i++) {
		const struct row *row = &rows[i];

		table_add(table, share(row->cpu, text));
		table_add(table, share(row->program, text));
		table_addf(table, "%.0f", row->events);
		table_addf(table, "%.0f", row->lost);
		table_add(table, unit_bytes(cli_number(row->attachment, "memory"), text));
		table_add(table, cli_string(row->attachment, "user"));
		table_addf(table, "%s-%llu", cli_string(row->attachment, "probe"),
			   (unsigned long long)cli_number(row->attachment, "serial"));
		table_add(table, cli_string(row->attachment, "target"));
		table_add(table, cli_string(row->attachment, "id"));
	}
	if (table)
		table_print(table);
}

static void set_share(json_t *object, const char *key, double value)
{
	if (value >= 0)
		json_object_set_new(object, key, json_real(value * 100));
}

static void print_json(const struct row *rows, size_t n, double seconds)
{
	_cleanup_json_ json_t *line = json_pack("{s:f, s:[]}", "seconds", seconds, "attachments");

	for (size_t i = 0; i < n; i++) {
		json_t *item = json_object();

		set_share(item, "cpu_percent", rows[i].cpu);
		set_share(item, "program_cpu_percent", rows[i].program);
		json_object_set_new(item, "events_per_second", json_real(rows[i].events));
		json_object_set_new(item, "lost_per_second", json_real(rows[i].lost));
		json_object_set_new(item, "attachment", json_incref((json_t *)(uintptr_t)rows[i].attachment));
		json_array_append_new(json_object_get(line, "attachments"), item);
	}
	cli_print_json(line);
}

static int show(const struct cli *cli, const struct look *now, const struct look *before, bool live)
{
	size_t n;
	_cleanup_free_ struct row *rows = rows_new(now, before, &n);

	if (!rows)
		return cli_broken(-ENOMEM);
	if (live)
		fputs("\033[H\033[2J", stdout);
	if (cli->json)
		print_json(rows, n, (double)(now->at - before->at) / 1e9);
	else if (n)
		print_table(rows, n);
	else if (!cli->quiet)
		puts("no attachments");
	return cli_flush() == CLI_OK ? CLI_CONTINUE : CLI_FAILED;
}

struct top {
	bool all, once;
};

static bool top_option(void *data, int option, const char *value)
{
	struct top *top = data;

	(void)value;
	if (option == 'a')
		top->all = true;
	else
		top->once = true;
	return true;
}

static void sleep_until(uint64_t at)
{
	struct timespec until = { .tv_sec = (time_t)(at / 1000000000), .tv_nsec = (long)(at % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

int cmd_top(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' },
						 { "once", no_argument, NULL, 'O' },
						 {} };
	struct look now = { 0 }, before = { 0 };
	struct top top = { 0 };
	bool live = !cli->json && isatty(STDOUT_FILENO);
	int first, r = cli_parse(cli, argc, argv, options, top_option, &top, 0, 0, &first);

	if (r == CLI_CONTINUE)
		r = look(cli, top.all, &before);
	while (r == CLI_CONTINUE) {
		sleep_until(before.at + CLIENT_REFRESH * 1000000ULL);
		r = look(cli, top.all, &now);
		if (r == CLI_CONTINUE)
			r = show(cli, &now, &before, live && !top.once);
		json_decref(before.attachments);
		before = now;
		now = (struct look){ 0 };
		if (top.once && r == CLI_CONTINUE)
			r = CLI_OK;
	}
	json_decref(before.attachments);
	return r;
}
