/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"

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

int cmd_policy_show(struct cli *cli, int argc, char **argv)
{
	unsigned int found = 0;
	struct cli_query query = {
		.method = "io.bpfwarden.Policy.Mine", .more = true, .each = policy_row, .data = &found
	};
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	r = cli_query(cli, &query);
	if (r == CLI_OK && !cli->json && !found && !cli->quiet)
		cli_say("no section of the policy concerns you: %s",
			getuid() == 0 ? "root may do all that the daemon does" : "nothing is allowed");
	return r;
}

int cmd_policy_reload(struct cli *cli, int argc, char **argv)
{
	struct cli_query query = { .method = "io.bpfwarden.Policy.Reload", .load = true };
	int first, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first);

	if (r != CLI_CONTINUE)
		return r;
	query.parameters = json_pack("{s:b}", "dry_run", cli->dry_run);
	r = cli_query(cli, &query);
	if (r == CLI_OK && !cli->json && !cli->quiet)
		printf(cli->dry_run ? "the policy on disk is valid\n" : "the policy is reloaded\n");
	return r;
}
