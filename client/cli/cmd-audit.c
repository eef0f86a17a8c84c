/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/units.h"

enum {
	OPTION_SINCE = 0x100,
	OPTION_UNTIL,
	OPTION_USER,
	OPTION_PROBE,
	OPTION_VERDICT,
	OPTION_ACTION,
	OPTION_ATTACHMENT,
};

struct audit_list {
	const struct cli *cli;
	json_t *parameters;
	int failed; /* exit code if an option was wrong */
};

static bool fail(struct audit_list *list, int code)
{
	list->failed = code;
	return false;
}

static bool set(struct audit_list *list, const char *key, json_t *value)
{
	if (json_object_set_new(list->parameters, key, value) < 0)
		return fail(list, cli_usage(list->cli, "--%s is not UTF-8", key));
	return true;
}

static bool set_time(struct audit_list *list, const char *key, const char *value)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!unit_parse_time(value, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, &ns))
		return fail(list,
			    cli_usage(list->cli,
				      "--%s takes 2026-01-31, \"2026-01-31 10:00\", 2h (ago) or @SECONDS, "
				      "not \"%s\"",
				      key, value));
	return set(list, key, json_integer((json_int_t)ns));
}

static bool set_user(struct audit_list *list, const char *value)
{
	uint64_t uid;

	if (!unit_parse_number(value, &uid) || uid >= UINT32_MAX) {
		const struct passwd *user = getpwnam(value);

		if (!user)
			return fail(list, cli_usage(list->cli, "there is no user \"%s\"", value));
		uid = user->pw_uid;
	}
	return set(list, "uid", json_integer((json_int_t)uid));
}

static bool set_lines(struct audit_list *list, const char *value)
{
	uint64_t lines;

	if (!unit_parse_number(value, &lines) || !lines || lines > INT64_MAX)
		return fail(list, cli_usage(list->cli, "-n takes a number above 0, not \"%s\"", value));
	return set(list, "limit", json_integer((json_int_t)lines));
}

static bool list_option(void *data, int option, const char *value)
{
	struct audit_list *list = data;

	switch (option) {
	case OPTION_SINCE:
		return set_time(list, "since", value);
	case OPTION_UNTIL:
		return set_time(list, "until", value);
	case OPTION_USER:
		return set_user(list, value);
	case OPTION_PROBE:
		return set(list, "probe", json_string(value));
	case OPTION_VERDICT:
		return set(list, "verdict", json_string(value));
	case OPTION_ACTION:
		return set(list, "action", json_string(value));
	case OPTION_ATTACHMENT:
		return set(list, "attachment", json_string(value));
	case 'n':
		return set_lines(list, value);
	case 'r':
		return set(list, "reverse", json_true());
	}
	return false;
}

static void print_target(const json_t *target)
{
	const char *name = cli_string(target, "name");

	if (json_is_object(target))
		printf(" on %s%s%s", cli_string(target, "kind"), *name ? ":" : "", name);
}

/* One line: sequence, time, kind, verdict, who, what, on what, why. */
static int list_row(void *data, const json_t *parameters)
{
	const json_t *record = json_object_get(parameters, "record"),
		     *refusal = json_object_get(record, "refusal");
	const char *user = cli_string(json_object_get(record, "requester"), "user");
	char time[UNIT_TEXT_MAX];

	(void)data;
	if (!json_is_object(record))
		return CLI_CONTINUE;
	printf("%6llu  %s  %-8s %-6s %-12s %s%s%s", (unsigned long long)cli_number(record, "seq"),
	       unit_realtime(cli_number(record, "time_ns"), time), cli_string(record, "kind"),
	       cli_string(record, "verdict"), *user ? user : "-", cli_string(record, "action"),
	       *cli_string(record, "probe") ? " " : "", cli_string(record, "probe"));
	if (cli_number(record, "serial"))
		printf("-%llu", (unsigned long long)cli_number(record, "serial"));
	print_target(json_object_get(record, "target"));
	if (*cli_string(record, "rule"))
		printf(" [%s]", cli_string(record, "rule"));
	if (cli_number(record, "count"))
		printf(" (%llu times)", (unsigned long long)cli_number(record, "count"));
	if (cli_number(record, "decision"))
		printf(" of %llu", (unsigned long long)cli_number(record, "decision"));
	if (*cli_string(refusal, "reason"))
		printf(": %s", cli_string(refusal, "reason"));
	if (*cli_string(record, "detail"))
		printf(": %s", cli_string(record, "detail"));
	putchar('\n');
	return CLI_CONTINUE;
}

int cmd_audit_list(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, OPTION_SINCE },
		{ "until", required_argument, NULL, OPTION_UNTIL },
		{ "user", required_argument, NULL, OPTION_USER },
		{ "probe", required_argument, NULL, OPTION_PROBE },
		{ "verdict", required_argument, NULL, OPTION_VERDICT },
		{ "action", required_argument, NULL, OPTION_ACTION },
		{ "attachment", required_argument, NULL, OPTION_ATTACHMENT },
		{ "lines", required_argument, NULL, 'n' },
		{ "reverse", no_argument, NULL, 'r' },
		{},
	};
	struct audit_list list = { .cli = cli, .parameters = json_object() };
	struct cli_query query = { .method = "io.bpfwarden.Audit.Query", .more = true, .each = list_row };
	int first, r = cli_parse(cli, argc, argv, options, list_option, &list, 0, 0, &first);

	if (r != CLI_CONTINUE) {
		json_decref(list.parameters);
		return list.failed ? list.failed : r;
	}
	query.parameters = list.parameters;
	return cli_query(cli, &query);
}

struct audit_show {
	uint64_t seq;
	bool json, found;
};

static int show_row(void *data, const json_t *parameters)
{
	const json_t *record = json_object_get(parameters, "record");
	struct audit_show *show = data;
	_cleanup_free_ char *text = NULL;

	if (!json_is_object(record) || cli_number(record, "seq") != show->seq)
		return CLI_CONTINUE;
	show->found = true;
	text = json_dumps(show->json ? parameters : record, show->json ? JSON_COMPACT : JSON_INDENT(2));
	printf("%s\n", text ? text : "{}");
	return CLI_CONTINUE;
}

int cmd_audit_show(struct cli *cli, int argc, char **argv)
{
	struct audit_show show = { .json = cli->json };
	struct cli_query query = { .method = "io.bpfwarden.Audit.Query",
				   .more = true,
				   .silent = true,
				   .each = show_row,
				   .data = &show };
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	show.json = cli->json;
	if (!unit_parse_number(argv[first], &show.seq) || show.seq > INT64_MAX)
		return cli_usage(cli, "a record's sequence is a number, not \"%s\"", argv[first]);
	query.parameters = json_pack("{s:I, s:i}", "from", (json_int_t)show.seq, "limit", 1);
	r = cli_query(cli, &query);
	if (r == CLI_OK && !show.found) {
		cli_say("no record %llu; what there is: bpfwarden audit list -n 10 --reverse",
			(unsigned long long)show.seq);
		return CLI_NOT_FOUND;
	}
	return r;
}
