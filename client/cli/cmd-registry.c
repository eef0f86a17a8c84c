/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"

static int registry_row(void *data, const json_t *parameters)
{
	const json_t *bundle = json_object_get(parameters, "bundle");
	struct table *table = data;
	uint64_t at = cli_number(bundle, "enrolled_at");
	char text[256];

	if (!json_is_object(bundle))
		return CLI_CONTINUE;
	table_addf(table, "%s-%llu", cli_string(bundle, "name"),
		   (unsigned long long)cli_number(bundle, "serial"));
	table_add(table, cli_string(bundle, "version"));
	table_add(table, json_is_true(json_object_get(bundle, "revoked")) ? "revoked"
									  : cli_string(bundle, "channel"));
	table_add(table, cli_join(json_object_get(bundle, "signers"), text, sizeof(text)));
	table_add(table, at ? cli_string(bundle, "enrolled_by") : "package");
	table_add(table, at ? unit_realtime(at, text) : "-");
	table_addf(table, "%.16s", cli_string(bundle, "digest"));
	table_add(table, cli_string(bundle, "problem"));
	return CLI_CONTINUE;
}

int cmd_registry_list(struct cli *cli, int argc, char **argv)
{
	static const char *const headers[] = { "BUNDLE", "VERSION", "CHANNEL", "SIGNERS", "BY",
					       "AT",     "DIGEST",  "",        NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.List", .more = true, .each = registry_row, .data = table
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	r = cli_query(cli, &query);
	if (r == CLI_OK)
		table_print(table);
	return r;
}

/* --- one bundle --------------------------------------------------------------------------------------- */

static void show_time(const char *title, uint64_t seconds, const char *none)
{
	char text[64];

	printf("%-12s%s\n", title, seconds ? unit_realtime(seconds * 1000000000, text) : none);
}

static void show_highest(const json_t *parameters)
{
	printf("%-12sproduction %llu, experimental %llu: no lower serial can be enrolled\n", "highest",
	       (unsigned long long)cli_number(parameters, "highest_production"),
	       (unsigned long long)cli_number(parameters, "highest_experimental"));
}

static void show_signatures(const json_t *signatures)
{
	const json_t *row;
	size_t i;

	json_array_foreach (signatures, i, row) {
		printf("\nsignature by %s\n", cli_string(row, "subject"));
		printf("  key         %s\n", cli_string(row, "key"));
		printf("  certificate %s\n", cli_string(row, "certificate"));
		show_time("  not after", cli_number(row, "not_after"), "-");
	}
}

static void show_files(const json_t *files)
{
	static const char *const headers[] = { "  SHA256", "SIZE", "NAME", NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	const json_t *row;
	size_t i;

	if (!table || json_array_size(files) == 0)
		return;
	json_array_foreach (files, i, row) {
		char text[64];

		table_addf(table, "  %s", cli_string(row, "sha256"));
		table_add(table, unit_bytes(cli_number(row, "size"), text));
		table_add(table, cli_string(row, "name"));
	}
	printf("\nfiles\n");
	table_print(table);
}

static int show_reply(void *data, const json_t *parameters)
{
	const json_t *bundle = json_object_get(parameters, "bundle");
	uint64_t at = cli_number(bundle, "enrolled_at");
	char text[256];

	(void)data;
	printf("%s-%llu %s\n  %s\n\n", cli_string(bundle, "name"),
	       (unsigned long long)cli_number(bundle, "serial"), cli_string(bundle, "version"),
	       cli_string(bundle, "summary"));
	printf("%-12s%s\n", "digest", cli_string(bundle, "digest"));
	printf("%-12s%s%s\n", "channel", cli_string(bundle, "channel"),
	       json_is_true(json_object_get(bundle, "revoked")) ? ", revoked" : "");
	printf("%-12s%s\n", "roles", cli_join(json_object_get(bundle, "signers"), text, sizeof(text)));
	printf("%-12s%s", "enrolled", at ? cli_string(bundle, "enrolled_by") : "with the package");
	printf("%s%s\n", at ? ", " : "", at ? unit_realtime(at, text) : "");
	show_time("issued", cli_number(parameters, "issued"), "-");
	show_time("not after", cli_number(parameters, "not_after"), "no limit of its own");
	show_time("valid until", cli_number(parameters, "valid_until"), "-");
	show_highest(parameters);
	if (*cli_string(bundle, "problem"))
		printf("%-12s%s\n", "problem", cli_string(bundle, "problem"));
	show_signatures(json_object_get(parameters, "signatures"));
	show_files(json_object_get(parameters, "files"));
	return CLI_CONTINUE;
}

bool cli_bundle_name(int n, char **words, char *name, size_t size, uint64_t *ret_serial)
{
	const char *serial = n > 1 ? words[1] : strrchr(words[0], '-');
	size_t length = n > 1 ? strlen(words[0]) : serial ? (size_t)(serial - words[0]) : 0;

	if (!serial || length == 0 || length >= size)
		return false;
	memcpy(name, words[0], length);
	name[length] = 0;
	return unit_parse_number(serial + (n == 1), ret_serial) && *ret_serial > 0 &&
	       *ret_serial <= INT64_MAX;
}

int cmd_registry_show(struct cli *cli, int argc, char **argv)
{
	struct cli_query query = { .method = "io.bpfwarden.Registry.Describe", .each = show_reply };
	char name[256];
	uint64_t serial = 0;
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 2, &first);

	if (r != CLI_CONTINUE)
		return r;
	if (!cli_bundle_name(argc - first, argv + first, name, sizeof(name), &serial)) {
		if (argc - first > 1)
			return cli_usage(cli, "\"%s\" is no serial", argv[first + 1]);
		snprintf(name, sizeof(name), "%s", argv[first]);
		serial = 0;
	}
	query.parameters = json_pack("{s:s}", "name", name);
	if (!query.parameters)
		return cli_usage(cli, "the name is not UTF-8");
	if (serial)
		json_object_set_new(query.parameters, "serial", json_integer((json_int_t)serial));
	return cli_query(cli, &query);
}

/* --- promotion ---------------------------------------------------------------------------------------- */

static int promote_reply(void *data, const json_t *parameters)
{
	const json_t *bundle = json_object_get(parameters, "bundle");
	const struct cli *cli = data;

	if (!cli->quiet)
		printf("%s %s-%llu to %s\n", cli->dry_run ? "would promote" : "promoted",
		       cli_string(bundle, "name"), (unsigned long long)cli_number(bundle, "serial"),
		       cli_string(bundle, "channel"));
	return CLI_CONTINUE;
}

int cmd_registry_promote(struct cli *cli, int argc, char **argv)
{
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.Promote", .load = true, .each = promote_reply, .data = cli
	};
	char name[256];
	uint64_t serial;
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 2, &first);

	if (r != CLI_CONTINUE)
		return r;
	if (!cli_bundle_name(argc - first, argv + first, name, sizeof(name), &serial))
		return cli_usage(cli, "which one? say NAME SERIAL or NAME-SERIAL, for example tcp.state-3");
	query.parameters = json_pack("{s:s, s:I, s:b}", "name", name, "serial", (json_int_t)serial, "dry_run",
				     cli->dry_run);
	if (!query.parameters)
		return cli_usage(cli, "the name is not UTF-8");
	return cli_query(cli, &query);
}

/* --- the clock ---------------------------------------------------------------------------------------- */

static int accept_reply(void *data, const json_t *parameters)
{
	char known[UNIT_TEXT_MAX], clock[UNIT_TEXT_MAX];
	const struct cli *cli = data;

	unit_realtime(cli_number(parameters, "known") * 1000000000, known);
	unit_realtime(cli_number(parameters, "clock") * 1000000000, clock);
	if (!cli->quiet)
		printf("what had expired by %s and not by %s %s judged anew\n", known, clock,
		       cli->dry_run ? "would be" : "is");
	return CLI_CONTINUE;
}

int cmd_registry_accept_clock(struct cli *cli, int argc, char **argv)
{
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.AcceptClock", .load = true, .each = accept_reply, .data = cli
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	query.parameters = json_pack("{s:b}", "dry_run", cli->dry_run);
	return query.parameters ? cli_query(cli, &query) : cli_broken(-ENOMEM);
}
