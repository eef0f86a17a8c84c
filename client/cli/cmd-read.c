/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "client/cli/cgroup-names.h"
#include "client/cli/cli.h"
#include "client/cli/describe.h"
#include "client/cli/regroup.h"
#include "client/cli/schema.h"
#include "client/cli/view-options.h"
#include "client/cli/view.h"

static int take_answer(void *data, const json_t *parameters)
{
	*(json_t **)data = json_incref((json_t *)parameters);
	return CLI_CONTINUE;
}

static void show_text(const json_t *read, const json_t *schema, const char *top)
{
	struct cgroup_names *names = cgroup_names_new();
	struct view view = { .style = view_style(), .schema = schema, .names = names, .top = top };
	struct view_data data = { .read = read, .seconds = view_age(json_object_get(read, "attachment")) };
	unsigned int lines;

	view_terminal(&data.width, &lines);
	view_print(&view, &data, stdout);
	cgroup_names_free(names);
}

static void show_json(const json_t *read)
{
	/* So many digits that the sums are what the daemon sent. */
	_cleanup_free_ char *text = json_dumps(read, JSON_COMPACT | JSON_REAL_PRECISION(17));

	printf("%s\n", text ? text : "null");
}

static int show(const struct cli *cli, const struct view_options *options, json_t *read)
{
	const json_t *attachment = json_object_get(read, "attachment");
	_cleanup_json_ json_t *description =
		describe_probe(cli_string(attachment, "probe"), cli_number(attachment, "serial"));
	/* Read has no events. */
	_cleanup_json_ json_t *schema = schema_new(description, false, true, NULL), *shown = NULL;
	enum schema_key by;
	int r = CLI_CONTINUE;

	if (!schema && (options->top || options->schema)) {
		cli_say("the daemon does not tell what the labels of this probe are");
		return CLI_FAILED;
	}
	if (options->top)
		r = schema_find_key(cli, schema, options->top, &by);
	if (r != CLI_CONTINUE)
		return r;
	shown = options->top ? regroup(read, options->top) : json_incref(read);
	if (!shown)
		return cli_broken(-ENOMEM);
	if (options->schema)
		schema_print(schema);
	if (cli->json)
		show_json(shown);
	else
		show_text(shown, schema, options->top);
	return CLI_OK;
}

int cmd_read(struct cli *cli, int argc, char **argv)
{
	static const struct option own[] = { VIEW_OPTIONS, {} };
	_cleanup_free_ char *id = NULL;
	_cleanup_json_ json_t *read = NULL;
	struct view_options options = {};
	int first, r = cli_parse(cli, argc, argv, own, view_option, &options, 1, 1, &first);
	struct cli_query query = { .method = "io.bpfwarden.Probe.Read", .each = take_answer, .data = &read };

	if (r == CLI_CONTINUE)
		r = view_options_check(cli, &options);
	if (r == CLI_CONTINUE)
		r = attachment_resolve(cli, argv[first], &id);
	if (r != CLI_CONTINUE)
		return r;
	/* As JSON it is printed as it came unless something is to be done with it. */
	query.silent = options.top || options.schema;
	query.exact = cli->json;
	query.parameters = json_pack("{s:s}", "attachment", id);
	r = cli_query(cli, &query);
	return r == CLI_OK && read ? show(cli, &options, read) : r;
}
