/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/table.h"
#include "client/cli/units.h"

struct registry {
	struct table *table;
	const char *name; /* NULL: all */
	unsigned int found;
	bool json;
};

static int registry_row(void *data, const json_t *parameters)
{
	const json_t *bundle = json_object_get(parameters, "bundle");
	struct registry *registry = data;
	uint64_t at = cli_number(bundle, "enrolled_at");
	char text[256];

	if (!json_is_object(bundle) || (registry->name && strcmp(registry->name, cli_string(bundle, "name"))))
		return CLI_CONTINUE;
	registry->found++;
	if (registry->json) {
		_cleanup_free_ char *line = json_dumps(parameters, JSON_COMPACT);

		printf("%s\n", line ? line : "{}");
		return CLI_CONTINUE;
	}
	table_addf(registry->table, "%s-%llu", cli_string(bundle, "name"),
		   (unsigned long long)cli_number(bundle, "serial"));
	table_add(registry->table, cli_string(bundle, "version"));
	table_add(registry->table, json_is_true(json_object_get(bundle, "revoked"))
					   ? "revoked"
					   : cli_string(bundle, "channel"));
	table_add(registry->table, cli_join(json_object_get(bundle, "signers"), text, sizeof(text)));
	table_add(registry->table, at ? cli_string(bundle, "enrolled_by") : "package");
	table_add(registry->table, at ? unit_realtime(at, text) : "-");
	table_addf(registry->table, "%.16s", cli_string(bundle, "digest"));
	table_add(registry->table, cli_string(bundle, "problem"));
	return CLI_CONTINUE;
}

static int registry_query(const struct cli *cli, const char *name)
{
	static const char *const headers[] = { "BUNDLE", "VERSION", "CHANNEL", "SIGNERS", "BY",
					       "AT",     "DIGEST",  "",        NULL };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	struct registry registry = { .table = table, .name = name, .json = cli->json };
	struct cli_query query = { .method = "io.bpfwarden.Registry.List",
				   .more = true,
				   .silent = name != NULL,
				   .each = registry_row,
				   .data = &registry };
	int r = cli_query(cli, &query);

	if (r != CLI_OK)
		return r;
	if (name && !registry.found) {
		cli_say("no bundle \"%s\"; what there is: bpfwarden registry list", name);
		return CLI_NOT_FOUND;
	}
	table_print(table);
	return CLI_OK;
}

int cmd_registry_list(struct cli *cli, int argc, char **argv)
{
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	return r == CLI_CONTINUE ? registry_query(cli, NULL) : r;
}

int cmd_registry_show(struct cli *cli, int argc, char **argv)
{
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, 1, &first);

	return r == CLI_CONTINUE ? registry_query(cli, argv[first]) : r;
}

static bool revoke_option(void *data, int option, const char *value)
{
	(void)option;
	*(const char **)data = value;
	return true;
}

/* "tcp.state 3" or "tcp.state-3". */
static bool bundle_name(int n, char **words, char *name, size_t size, uint64_t *ret_serial)
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

static int revoke_reply(void *data, const json_t *parameters)
{
	const struct cli *cli = data;

	if (!cli->quiet)
		printf("%s: %llu attachments %s in %llu ms\n", cli->dry_run ? "would be revoked" : "revoked",
		       (unsigned long long)cli_number(parameters, "detached"),
		       cli->dry_run ? "would end" : "ended",
		       (unsigned long long)cli_number(parameters, "milliseconds"));
	return CLI_CONTINUE;
}

int cmd_registry_revoke(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "reason", required_argument, NULL, 0x100 }, {} };
	struct cli_query query = {
		.method = "io.bpfwarden.Registry.Revoke", .load = true, .each = revoke_reply, .data = cli
	};
	const char *reason = NULL;
	char name[256];
	uint64_t serial;
	int first, r = cli_parse(cli, argc, argv, options, revoke_option, &reason, 1, 2, &first);

	if (r != CLI_CONTINUE)
		return r;
	if (!bundle_name(argc - first, argv + first, name, sizeof(name), &serial))
		return cli_usage(cli, "which one? say NAME SERIAL or NAME-SERIAL, for example tcp.state-3");
	query.parameters = json_pack("{s:s, s:I, s:s*, s:b}", "name", name, "serial", (json_int_t)serial,
				     "reason", reason, "dry_run", cli->dry_run);
	if (!query.parameters)
		return cli_usage(cli, "the name or the reason is not UTF-8");
	return cli_query(cli, &query);
}
