/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/policy-text.h"
#include "client/cli/table.h"
#include "client/cli/units.h"

/* A value of a section: text, a number or a list of them. */
static void print_value(const json_t *value)
{
	char text[1024];

	if (json_is_array(value))
		printf("%s", cli_join(value, text, sizeof(text)));
	else if (json_is_string(value))
		printf("%s", json_string_value(value));
	else if (json_is_integer(value))
		printf("%lld", (long long)json_integer_value(value));
	else
		printf("%s", json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
}

static int policy_row(void *data, const json_t *parameters)
{
	const json_t *section = json_object_get(parameters, "section");
	unsigned int *found = data;
	const char *key;
	json_t *value;

	if (!json_is_object(section))
		return CLI_CONTINUE;
	(*found)++;
	printf("[%s %s]", cli_string(section, "kind"), cli_string(section, "name"));
	if (*cli_string(section, "file"))
		printf(" # %s:%llu", cli_string(section, "file"),
		       (unsigned long long)cli_number(section, "line"));
	putchar('\n');
	json_object_foreach ((json_t *)section, key, value) {
		if (!strcmp(key, "kind") || !strcmp(key, "name") || !strcmp(key, "file") ||
		    !strcmp(key, "line") || json_is_null(value))
			continue;
		if (json_is_object(value)) {
			const char *inner;
			json_t *item;

			json_object_foreach (value, inner, item) {
				printf("%s = ", inner);
				print_value(item);
				putchar('\n');
			}
			continue;
		}
		printf("%s = ", key);
		print_value(value);
		putchar('\n');
	}
	return CLI_CONTINUE;
}

/* The sections that concern the caller, which everybody may see. */
static int show_mine(const struct cli *cli)
{
	unsigned int found = 0;
	struct cli_query query = {
		.method = "io.bpfwarden.Policy.Mine", .more = true, .each = policy_row, .data = &found
	};
	int r = cli_query(cli, &query);

	if (r == CLI_OK && !cli->json && !found && !cli->quiet)
		cli_say("no section of the policy concerns you: %s",
			getuid() == 0 ? "root may do all that the daemon does" : "nothing is allowed");
	return r;
}

struct show {
	const struct cli *cli;
	uint64_t at;
	bool mine;
};

static bool show_option(void *data, int option, const char *value)
{
	struct show *show = data;

	if (option == 0x101) {
		show->mine = true;
		return true;
	}
	if (unit_parse_number(value, &show->at) && show->at && show->at <= INT64_MAX)
		return true;
	cli_usage(show->cli, "--at takes the number of an audit record, not \"%s\"", value);
	return false;
}

static int show_text(const struct cli *cli, const struct show *show)
{
	struct policy_text text;
	int r = policy_text_get(cli, show->at, false, !show->at, &text);

	if (r != CLI_CONTINUE)
		return r;
	if (cli->json) {
		_cleanup_json_ json_t *object = json_pack("{s:s}", "text", text.text);

		if (object)
			cli_print_json(object);
	} else {
		policy_text_print(&text);
	}
	free(text.text);
	return CLI_OK;
}

int cmd_policy_show(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "at", required_argument, NULL, 0x100 },
						 { "mine", no_argument, NULL, 0x101 },
						 {} };
	struct show show = { .cli = cli };
	int first, r = cli_parse(cli, argc, argv, options, show_option, &show, 0, 0, &first);

	if (r == CLI_CONTINUE && show.mine && show.at)
		r = cli_usage(cli, "--mine is about the policy in force, not that of --at");
	if (r != CLI_CONTINUE)
		return r;
	/* Whoever may not see the whole text sees their own part of it. */
	if (!show.mine) {
		r = show_text(cli, &show);
		if (r != CLI_DENIED || show.at)
			return r;
	}
	return show_mine(cli);
}

void ended_print(const json_t *ended)
{
	static const char *const headers[] = { "  ID", "PROBE", "TARGET", "USER", "REASON", NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	const json_t *row;
	size_t i;

	if (!table)
		return;
	json_array_foreach (ended, i, row) {
		table_addf(table, "  %s", cli_string(row, "attachment"));
		table_addf(table, "%s-%llu", cli_string(row, "probe"),
			   (unsigned long long)cli_number(row, "serial"));
		table_add(table, cli_string(row, "target"));
		table_add(table, cli_string(row, "user"));
		table_add(table, cli_string(row, "reason"));
	}
	table_print(table);
}

static int reload_reply(void *data, const json_t *parameters)
{
	const struct cli *cli = data;
	const json_t *ended = json_object_get(parameters, "ended");
	size_t n = json_array_size(ended);

	if (!cli->quiet)
		printf("%s%s\n", cli->dry_run ? "the policy on disk is valid" : "the policy is reloaded",
		       json_is_false(json_object_get(parameters, "changed")) ? ", and is the one in force"
									     : "");
	if (n)
		printf("%zu attachment%s %s:\n", n, n == 1 ? "" : "s",
		       cli->dry_run ? "would end" : (n == 1 ? "has ended" : "have ended"));
	ended_print(ended);
	return CLI_CONTINUE;
}

int cmd_policy_reload(struct cli *cli, int argc, char **argv)
{
	struct cli_query query = {
		.method = "io.bpfwarden.Policy.Reload", .load = true, .each = reload_reply, .data = cli
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	query.parameters = json_pack("{s:b}", "dry_run", cli->dry_run);
	return cli_query(cli, &query);
}
