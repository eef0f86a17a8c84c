/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audit list: records in pages; with --follow, also what is recorded later, over restarts of the daemon. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/audit-client.h"
#include "client/cli/audit-filter.h"
#include "client/cli/audit-line.h"
#include "client/cli/units.h"
#include "common/limits.h"

#define RETRY_MAX 2000 /* ms between two looks whether the daemon is back */

struct list {
	struct cli *cli;
	struct audit_filter filter;
	uint64_t lines; /* 0: all */
	bool reverse, follow;
	bool begun;               /* the header is printed */
	uint64_t printed, newest; /* how many; the highest sequence of them */
	struct bpfwarden *connection;
	char **held; /* the newest rows, newest first, to be printed the other way round */
	size_t n_held;
};

static bool list_option(void *data, int option, const char *value)
{
	struct list *list = data;

	switch (option) {
	case 'n':
		if (unit_parse_number(value, &list->lines) && list->lines && list->lines <= INT64_MAX)
			return true;
		list->filter.failed = cli_usage(list->cli, "-n takes a number above 0, not \"%s\"", value);
		return false;
	case 'r':
		list->reverse = true;
		return true;
	case 'f':
		list->follow = true;
		return true;
	}
	return audit_filter_option(&list->filter, option, value);
}

static int print_row(struct list *list, const char *parameters)
{
	_cleanup_json_ json_t *row = cli_printable_text(parameters);
	const json_t *record = json_object_get(row, "record");
	uint64_t seq = cli_number(record, "seq");

	if (!row)
		return cli_broken(-ENOMEM);
	if (list->cli->json) {
		printf("%s\n", parameters);
	} else {
		if (!list->begun && !list->cli->quiet)
			audit_line_header();
		audit_line_print(record);
	}
	list->begun = true;
	list->printed++;
	if (seq > list->newest)
		list->newest = seq;
	/* Whoever follows sees each record when it is there, through pipes as well. */
	return list->follow ? (cli_flush() == CLI_OK ? CLI_CONTINUE : CLI_FAILED) : CLI_CONTINUE;
}

static int on_row(void *data, const struct bpfwarden_reply *reply)
{
	return print_row(data, bpfwarden_reply_parameters(reply));
}

static int on_held_row(void *data, const struct bpfwarden_reply *reply)
{
	struct list *list = data;
	char **held = reallocarray(list->held, list->n_held + 1, sizeof(*held));

	if (!held)
		return cli_broken(-ENOMEM);
	list->held = held;
	held[list->n_held] = strdup(bpfwarden_reply_parameters(reply));
	if (!held[list->n_held])
		return cli_broken(-ENOMEM);
	list->n_held++;
	return CLI_CONTINUE;
}

/* Query's parameters for the records from this one on; 0: from the beginning, or from the end backwards. */
static json_t *parameters(const struct list *list, uint64_t from, uint64_t limit, bool reverse, bool follow)
{
	json_t *p = json_copy(list->filter.parameters);

	if (from)
		json_object_set_new(p, "from", json_integer((json_int_t)from));
	if (limit)
		json_object_set_new(p, "limit", json_integer((json_int_t)limit));
	if (reverse)
		json_object_set_new(p, "reverse", json_true());
	if (follow)
		json_object_set_new(p, "follow", json_true());
	return p;
}

/* All pages. */
static int list_pages(struct list *list, bool reverse, int (*row)(void *, const struct bpfwarden_reply *),
		      const uint64_t *n)
{
	struct audit_page page = { .connection = list->connection, .row = row, .data = list };
	int r;

	do {
		page.parameters =
			parameters(list, page.next, list->lines ? list->lines - *n : 0, reverse, false);
		r = audit_page_read(&page);
		if (page.lost)
			return cli_broken(page.lost);
	} while (r == CLI_CONTINUE && page.next && (!list->lines || *n < list->lines));
	return r;
}

/* The newest, in order. */
static int list_newest(struct list *list)
{
	uint64_t n = 0;
	int r;

	for (;;) {
		struct audit_page page = { .connection = list->connection, .row = on_held_row, .data = list };

		page.parameters = parameters(list, n, list->lines - list->n_held, true, false);
		r = audit_page_read(&page);
		if (page.lost)
			return cli_broken(page.lost);
		n = page.next;
		if (r != CLI_CONTINUE || !n || list->n_held >= list->lines)
			break;
	}
	while (r == CLI_CONTINUE && list->n_held) {
		char *text = list->held[--list->n_held];

		r = print_row(list, text);
		free(text);
	}
	return r;
}

/* --- follow ------------------------------------------------------------------------------------------- */

/* The daemon's restart, as its clients see it. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET || r == -EPIPE || r == -EAGAIN ||
	       r == -ETIMEDOUT;
}

static int reconnect(struct list *list)
{
	unsigned int pause = CLIENT_RECONNECT_PAUSE;
	int r;

	list->connection = bpfwarden_disconnect(list->connection);
	if (!list->cli->quiet)
		cli_say("the daemon is gone; waiting until it is back");
	for (;;) {
		r = bpfwarden_connect(NULL, &list->connection);
		if (r >= 0)
			return CLI_CONTINUE;
		if (!is_gone(r))
			return cli_broken(r);
		nanosleep(&(struct timespec){ pause / 1000, (long)(pause % 1000) * 1000000 }, NULL);
		pause = 2 * pause < RETRY_MAX ? 2 * pause : RETRY_MAX;
	}
}

/* For ever; the sequence says where it was. */
static int follow(struct list *list)
{
	int r = CLI_CONTINUE;

	while (r == CLI_CONTINUE) {
		struct audit_page page = {
			.connection = list->connection, .follow = true, .row = on_row, .data = list
		};

		page.parameters = parameters(list, list->newest ? list->newest + 1 : 0, 0, false, true);
		r = audit_page_read(&page);
		if (page.lost)
			r = is_gone(page.lost) ? reconnect(list) : cli_broken(page.lost);
		else if (r == CLI_CONTINUE)
			return CLI_OK;
	}
	return r;
}

/* --- the verb ----------------------------------------------------------------------------------------- */

static int list_records(struct list *list)
{
	int r = cli_connect(&list->connection);

	if (r != CLI_CONTINUE)
		return r;
	if (!list->follow)
		return list_pages(list, list->reverse, on_row, &list->printed);
	if (list->lines)
		r = list_newest(list);
	return r == CLI_CONTINUE ? follow(list) : r;
}

int cmd_audit_list(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		AUDIT_FILTER_OPTIONS,
		{ "lines", required_argument, NULL, 'n' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "follow", no_argument, NULL, 'f' },
		{},
	};
	struct list list = { .cli = cli, .filter = { .cli = cli, .parameters = json_object() } };
	int first, r = cli_parse(cli, argc, argv, options, list_option, &list, 0, 0, &first);

	if (r == CLI_CONTINUE && list.follow && list.reverse)
		r = cli_usage(cli, "--follow and --reverse do not go together: what comes later comes last");
	if (r == CLI_CONTINUE)
		r = list_records(&list);
	else if (list.filter.failed)
		r = list.filter.failed;
	while (list.n_held)
		free(list.held[--list.n_held]);
	free(list.held);
	json_decref(list.filter.parameters);
	bpfwarden_disconnect(list.connection);
	return r == CLI_CONTINUE ? CLI_OK : r;
}
