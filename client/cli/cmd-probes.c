/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"

struct list {
	struct table *table;
	const char *name; /* only this one; NULL: all */
	unsigned int found;
	bool json;
};

static int list_row(void *data, const json_t *parameters)
{
	const json_t *probe = json_object_get(parameters, "probe");
	char allowed[CLI_TEXT_MAX], kinds[64];
	const json_t *may = json_object_get(probe, "may");
	struct list *list = data;

	if (!json_is_object(probe) || (list->name && strcmp(list->name, cli_string(probe, "name"))))
		return CLI_CONTINUE;
	list->found++;
	if (list->json) {
		/* Chosen among the replies, so it can only be as the daemon said it, not the same bytes. */
		_cleanup_free_ char *text = json_dumps(parameters, JSON_COMPACT);

		printf("%s\n", text ? text : "{}");
		return CLI_CONTINUE;
	}
	/* A daemon of before says only which kinds. */
	cli_join(json_array_size(may) ? may : json_object_get(probe, "allowed"), allowed, sizeof(allowed));
	table_addf(list->table, "%s-%llu", cli_string(probe, "name"),
		   (unsigned long long)cli_number(probe, "serial"));
	table_add(list->table, *allowed ? allowed : "-");
	table_add(list->table,
		  *allowed ? cli_join(json_object_get(probe, "data"), kinds, sizeof(kinds)) : "-");
	table_add(list->table, *cli_string(probe, "problem") ? cli_string(probe, "problem")
							     : cli_string(probe, "summary"));
	return CLI_CONTINUE;
}

int cmd_list(struct cli *cli, int argc, char **argv)
{
	static const char *const headers[] = { "PROBE", "YOU MAY USE IT ON", "DATA", "", NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	struct list list = { .table = table, .json = cli->json };
	struct cli_query query = {
		.method = "io.bpfwarden.Probe.List", .more = true, .each = list_row, .data = &list
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	list.name = first < argc ? argv[first] : NULL;
	query.silent = list.name != NULL;
	r = cli_query(cli, &query);
	if (r != CLI_OK)
		return r;
	if (list.name && !list.found) {
		cli_say("no probe \"%s\"; what there is: bpfwarden list", list.name);
		return CLI_NOT_FOUND;
	}
	table_print(table);
	if (!cli->json && !list.found && !cli->quiet)
		cli_say("no probes are enrolled, or policy lets you see none");
	return CLI_OK;
}

static void show_fields(const char *title, const json_t *fields)
{
	static const char *const headers[] = { "  NAME", "TYPE", "UNIT", "PRIVACY", NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	const json_t *field;
	size_t i;

	if (!table || json_array_size(fields) == 0)
		return;
	json_array_foreach (fields, i, field) {
		table_addf(table, "  %s", cli_string(field, "name"));
		table_add(table, cli_string(field, "type"));
		table_add(table, cli_string(field, "unit"));
		table_add(table, cli_string(field, "privacy"));
	}
	printf("\n%s\n", title);
	table_print(table);
}

static void show_parameters(const json_t *parameters)
{
	static const char *const headers[] = { "  NAME",          "TYPE", "UNIT", "DEFAULT", "MIN", "MAX",
					       "NAMES OF VALUES", NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	const json_t *row;
	size_t i;

	if (!table || json_array_size(parameters) == 0)
		return;
	json_array_foreach (parameters, i, row) {
		const json_t *values = json_object_get(row, "values");
		const json_t *name = json_array_get(values, cli_number(row, "default"));
		char names[CLI_TEXT_MAX];

		table_addf(table, "  %s", cli_string(row, "name"));
		table_add(table, cli_string(row, "type"));
		table_add(table, cli_string(row, "unit"));
		if (json_is_string(name))
			table_add(table, json_string_value(name));
		else
			table_addf(table, "%llu", (unsigned long long)cli_number(row, "default"));
		table_addf(table, "%llu", (unsigned long long)cli_number(row, "min"));
		table_addf(table, "%llu", (unsigned long long)cli_number(row, "max"));
		table_add(table, cli_join(values, names, sizeof(names)));
	}
	printf("\nparameters (--set NAME=VALUE)\n");
	table_print(table);
}

static void show_programs(const json_t *programs)
{
	static const char *const headers[] = {
		"  VARIANT", "PROGRAM", "HOOK", "HELPERS", "MAY MODIFY", NULL
	};
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	const json_t *row;
	size_t i;

	if (!table || json_array_size(programs) == 0)
		return;
	json_array_foreach (programs, i, row) {
		const json_t *may_modify = json_object_get(row, "may_modify");

		table_addf(table, "  %s", cli_string(row, "variant"));
		table_add(table, cli_string(row, "name"));
		table_add(table, cli_string(row, "hook"));
		table_addf(table, "%zu", json_array_size(json_object_get(row, "helpers")));
		table_add(table, json_is_true(may_modify) ? "yes" : json_is_false(may_modify) ? "no" : "?");
	}
	printf("\nprograms\n");
	table_print(table);
}

static int show_reply(void *data, const json_t *parameters)
{
	const json_t *probe = json_object_get(parameters, "probe");
	const json_t *may = json_object_get(probe, "may");
	char text[CLI_TEXT_MAX];

	(void)data;
	printf("%s-%llu %s\n  %s\n\n", cli_string(probe, "name"),
	       (unsigned long long)cli_number(probe, "serial"), cli_string(probe, "version"),
	       cli_string(probe, "summary"));
	printf("channel   %s\n", cli_string(probe, "channel"));
	printf("signers   %s\n", cli_join(json_object_get(probe, "signers"), text, sizeof(text)));
	printf("digest    %s\n", cli_string(probe, "digest"));
	printf("licence   %s\n", cli_string(parameters, "licence"));
	printf("memory    %s in the kernel, and a ring for each attachment\n",
	       unit_bytes(cli_number(parameters, "memory"), text));
	printf("targets   %s\n", cli_join(json_object_get(probe, "targets"), text, sizeof(text)));
	if (json_array_size(may) == 0)
		may = json_object_get(probe, "allowed");
	printf("you may   %s%s\n", json_array_size(may) ? "use it on " : "not use it",
	       cli_join(may, text, sizeof(text)));
	if (*cli_string(probe, "problem"))
		printf("problem   %s\n", cli_string(probe, "problem"));
	show_fields("event", json_object_get(parameters, "event"));
	show_fields("labels of histograms and counts", json_object_get(parameters, "labels"));
	show_parameters(json_object_get(parameters, "parameters"));
	show_programs(json_object_get(parameters, "programs"));
	return CLI_CONTINUE;
}

static bool show_option(void *data, int option, const char *value)
{
	(void)option;
	if (unit_parse_number(value, data))
		return true;
	cli_say("--serial takes a number, not \"%s\"", value);
	return false;
}

int cmd_show(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "serial", required_argument, NULL, 0x100 }, {} };
	struct cli_query query = { .method = "io.bpfwarden.Probe.Describe", .each = show_reply };
	uint64_t serial = 0;
	int first, r = cli_parse(cli, argc, argv, options, show_option, &serial, 1, 1, &first);

	if (r != CLI_CONTINUE)
		return r;
	query.parameters = json_pack("{s:s}", "probe", argv[first]);
	if (!query.parameters)
		return cli_usage(cli, "the probe's name is not UTF-8");
	if (serial)
		json_object_set_new(query.parameters, "serial", json_integer((json_int_t)serial));
	return cli_query(cli, &query);
}

struct overview {
	unsigned int probes, usable;
};

static int overview_row(void *data, const json_t *parameters)
{
	const json_t *probe = json_object_get(parameters, "probe");
	struct overview *overview = data;

	overview->probes += json_is_object(probe);
	overview->usable += json_array_size(json_object_get(probe, "allowed")) > 0;
	return CLI_CONTINUE;
}

/* Without a verb. */
int cmd_overview(struct cli *cli, int argc, char **argv)
{
	struct overview overview = {};
	struct cli_query query = {
		.method = "io.bpfwarden.Probe.List", .more = true, .each = overview_row, .data = &overview
	};
	int r = cli_query(cli, &query);

	(void)argc, (void)argv;
	if (r != CLI_OK || cli->json)
		return r;
	printf("the daemon is up; you may use %u of %u probes\n", overview.usable, overview.probes);
	if (cli->quiet)
		return CLI_OK;
	if (overview.usable)
		printf("which, and on what: bpfwarden list\n");
	else
		cli_hint_group("bpfwarden-users");
	printf("all verbs: bpfwarden help\n");
	return CLI_OK;
}
