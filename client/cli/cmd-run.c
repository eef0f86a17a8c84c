/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "client/cli/describe.h"
#include "client/cli/request.h"
#include "client/cli/run.h"
#include "client/cli/schema.h"
#include "client/cli/view-options.h"

static void tell_dry_run(const json_t *attachment)
{
	printf("would attach %s-%llu on %s, allowed by \"%s\"\n", cli_string(attachment, "probe"),
	       (unsigned long long)cli_number(attachment, "serial"), cli_string(attachment, "target"),
	       cli_string(attachment, "rule"));
}

static int dry_run(const struct cli *cli, const struct request *request)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	_cleanup_json_ json_t *parameters = NULL;
	int r = cli_connect(&connection);

	if (r != CLI_CONTINUE)
		return r;
	/* Attach is decided as Run is, and its dry run leaves no stream to end. */
	r = bpfwarden_attach(connection, &request->options, &reply);
	if (r < 0)
		return cli_broken(r);
	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, "io.bpfwarden.Probe.Attach");
	if (cli->json) {
		printf("%s\n", bpfwarden_reply_parameters(reply));
		return CLI_OK;
	}
	parameters = cli_printable(reply);
	if (!parameters)
		return cli_broken(-ENOMEM);
	tell_dry_run(json_object_get(parameters, "attachment"));
	return CLI_OK;
}

/* The first "--" ends the options; what follows is the command. */
static int find_command(int argc, char **argv, char ***ret)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			*ret = argv + i + 1;
			return i;
		}
	*ret = NULL;
	return argc;
}

struct arguments {
	struct request request;
	struct view_options view;
};

static const struct option run_options[] = {
	REQUEST_OPTIONS,
	{ "for", required_argument, NULL, 'f' },
	VIEW_OPTIONS,
	{},
};

static bool run_option(void *data, int option, const char *value)
{
	struct arguments *arguments = data;

	return view_option(&arguments->view, option, value) ||
	       request_option(&arguments->request, option, value);
}

/* A KEY that the probe does not have is told before anything is attached, and only what --top needs is asked
 * for. A daemon that does not describe the probe says why when it is to attach it. */
static int plan_top(const struct cli *cli, const char *top, struct bpfwarden_options *options)
{
	bool events = !options->data || (options->data & BPFWARDEN_DATA_EVENTS),
	     aggregates = !options->data || (options->data & BPFWARDEN_DATA_AGGREGATES);
	_cleanup_json_ json_t *description = describe_probe(options->probe, options->serial);
	_cleanup_json_ json_t *schema = schema_new(description, events, aggregates, options->privacy);
	enum schema_key by;
	int r = schema ? schema_find_key(cli, schema, top, &by) : CLI_CONTINUE;

	if (schema && r == CLI_CONTINUE && !options->data)
		options->data = by == SCHEMA_LABEL ? BPFWARDEN_DATA_AGGREGATES : BPFWARDEN_DATA_EVENTS;
	return r;
}

static int run_or_dry_run(const struct cli *cli, struct request *request, struct run_options *options)
{
	if (cli->dry_run) {
		request->options.duration = request->duration;
		return dry_run(cli, request);
	}
	/* The client keeps --for itself, so that it can still read what there is to sum up. The daemon only
	 * has to know of what is longer than it would grant unasked. */
	if (request->duration * 1000 > ATTACHMENT_DEADLINE_DEFAULT)
		request->options.duration = request->duration;
	options->duration = request->duration;
	return run_main(cli, options);
}

int cmd_run(struct cli *cli, int argc, char **argv)
{
	struct arguments arguments = { .request.cli = cli };
	struct request *request = &arguments.request;
	struct run_options options = { .probe = &request->options };
	int first, r, n_arguments = find_command(argc, argv, &options.command);

	r = cli_parse(cli, n_arguments, argv, run_options, run_option, &arguments, 1, 1, &first);
	if (r == CLI_CONTINUE && options.command && !options.command[0])
		r = cli_usage(cli, "no command after --");
	if (r == CLI_CONTINUE)
		r = view_options_check(cli, &arguments.view);
	if (r == CLI_CONTINUE)
		r = request_finish(request, argv[first]);
	if (r == CLI_CONTINUE && arguments.view.top)
		r = plan_top(cli, arguments.view.top, &request->options);
	options.view = arguments.view;
	if (r == CLI_CONTINUE)
		r = run_or_dry_run(cli, request, &options);
	request_clear(request);
	return request->failed ? request->failed : r;
}

int cmd_watch(struct cli *cli, int argc, char **argv)
{
	static const struct option own[] = { VIEW_OPTIONS, {} };
	_cleanup_free_ char *id = NULL;
	struct run_options options = {};
	int first, r = cli_parse(cli, argc, argv, own, view_option, &options.view, 1, 1, &first);

	if (r == CLI_CONTINUE)
		r = view_options_check(cli, &options.view);
	if (r == CLI_CONTINUE)
		r = attachment_resolve(cli, argv[first], &id);
	if (r != CLI_CONTINUE)
		return r;
	options.watch = id;
	return run_main(cli, &options);
}
