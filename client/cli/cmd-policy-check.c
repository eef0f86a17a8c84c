/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bpfwarden policy check: would the daemon take it, and what in it is odd. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/policy-files.h"

struct check {
	bool json, strict, assume;
	json_t *warnings;
	size_t n;
};

static int warn(struct check *c, const char *file, uint32_t line, uint32_t column, const char *sentence)
{
	json_t *row;

	c->n++;
	if (!c->json && column)
		printf("%s:%u:%u: %s\n", file, line, column, sentence);
	else if (!c->json)
		printf("%s:%u: %s\n", file, line, sentence);
	if (!c->json)
		return 0;
	row = json_pack("{s:s, s:I, s:s}", "file", file, "line", (json_int_t)line, "warning", sentence);
	if (row && column)
		json_object_set_new(row, "column", json_integer(column));
	return json_array_append_new(c->warnings, row) < 0 ? -ENOMEM : 0;
}

static int warn_lint(void *userdata, const char *file, uint32_t line, const char *sentence)
{
	return warn(userdata, file, line, 0, sentence);
}

/* "FILE:LINE:COLUMN: sentence": the numbers are the first two that stand between colons. */
static int warn_place(struct check *c, const char *warning)
{
	for (const char *p = strchr(warning, ':'); p; p = strchr(p + 1, ':')) {
		_cleanup_free_ char *file = strndup(warning, (size_t)(p - warning));
		unsigned int line, column;
		int n = 0;

		if (!file)
			return -ENOMEM;
		if (sscanf(p, ":%u:%u: %n", &line, &column, &n) == 2 && n)
			return warn(c, file, line, column, p + n);
	}
	return warn(c, "", 0, 0, warning);
}

static int check(struct check *c, const struct policy *policy)
{
	for (size_t i = 0; i < policy_n_warnings(policy); i++)
		if (warn_place(c, policy_warning(policy, i)) < 0)
			return -ENOMEM;
	return policy_lint(policy, warn_lint, c);
}

static int report(const struct cli *cli, const struct check *c, size_t n_sections)
{
	if (cli->json) {
		_cleanup_json_ json_t *root =
			json_pack("{s:I, s:O}", "sections", (json_int_t)n_sections, "warnings", c->warnings);

		if (!root || json_dumpf(root, stdout, JSON_COMPACT) < 0)
			return cli_broken(-ENOMEM);
		printf("\n");
	} else if (!cli->quiet) {
		printf("%zu section%s, %zu warning%s\n", n_sections, n_sections == 1 ? "" : "s", c->n,
		       c->n == 1 ? "" : "s");
	}
	return c->strict && c->n ? CLI_FAILED : CLI_OK;
}

enum { OPTION_STRICT = 0x100, OPTION_ASSUME };

static bool check_option(void *data, int option, const char *value)
{
	struct check *c = data;

	(void)value;
	if (option == OPTION_STRICT)
		c->strict = true;
	else
		c->assume = true;
	return true;
}

int cmd_policy_check(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "strict", no_argument, NULL, OPTION_STRICT },
						 { "assume-names", no_argument, NULL, OPTION_ASSUME },
						 {} };
	_cleanup_(host_names_done) struct host_names names = {};
	_cleanup_(policy_free_p) struct policy *policy = NULL;
	_cleanup_json_ json_t *warnings = json_array();
	struct check c = { .warnings = warnings };
	size_t n_sections;
	int first, r = cli_parse(cli, argc, argv, options, check_option, &c, 0, CONFIG_FILES_MAX, &first);

	if (r != CLI_CONTINUE)
		return r;
	host_names_init(&names, c.assume);
	r = policy_files_open(cli, argv + first, (size_t)(argc - first), &names, &policy, &n_sections);
	if (r != CLI_CONTINUE)
		return r;
	c.json = cli->json;
	r = warnings ? check(&c, policy) : -ENOMEM;
	return r < 0 ? cli_broken(r) : report(cli, &c, n_sections);
}
