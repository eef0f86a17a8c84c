/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli.h"
#include "client/cli/request.h"
#include "client/cli/table.h"
#include "client/cli/units.h"
#include "client/cli/view.h"

struct search {
	const char *prefix;
	char *found; /* an id that begins so */
	unsigned int n_found;
	bool exact;
};

static int search_row(void *data, const json_t *parameters)
{
	struct search *search = data;
	const char *id = cli_string(json_object_get(parameters, "attachment"), "id");

	if (search->exact || !*id || strncmp(id, search->prefix, strlen(search->prefix)))
		return CLI_CONTINUE;
	search->exact = !strcmp(id, search->prefix);
	free(search->found);
	search->found = strdup(id);
	search->n_found = search->exact ? 1 : search->n_found + 1;
	return search->found ? CLI_CONTINUE : cli_broken(-ENOMEM);
}

static int search_run(const struct cli *cli, struct search *search, bool all)
{
	struct cli_query query = { .method = "io.bpfwarden.Probe.Status",
				   .parameters = all ? json_pack("{s:b}", "all", 1) : NULL,
				   .more = true,
				   .silent = true,
				   .each = search_row,
				   .data = search };

	return cli_query(cli, &query);
}

int attachment_resolve(const struct cli *cli, const char *prefix, char **ret)
{
	struct search search = { .prefix = prefix };
	int r;

	if (!*prefix)
		return cli_usage(cli, "the id is empty");
	r = search_run(cli, &search, false);
	if (r == CLI_OK && search.n_found == 1) {
		*ret = search.found;
		return CLI_CONTINUE;
	}
	free(search.found);
	if (r != CLI_OK)
		return r;
	if (search.n_found > 1)
		return cli_usage(cli, "%u attachments begin with \"%s\"; see: bpfwarden ps", search.n_found,
				 prefix);
	/* None of the caller's own: an administrator may mean somebody else's, whose id the daemon judges
	 * whole. */
	*ret = strdup(prefix);
	return *ret ? CLI_CONTINUE : cli_broken(-ENOMEM);
}

/* Of one CPU, on the average of its life. */
static const char *average_cpu(const json_t *attachment, char *buffer)
{
	const json_t *cost = json_object_get(attachment, "cost");
	uint64_t since = cli_number(attachment, "since");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	double age = ((double)now.tv_sec * 1e9 + (double)now.tv_nsec) - (double)since;

	if (!json_is_object(cost) || age <= 0)
		return "-";
	return unit_share((double)cli_number(cost, "cpu") / age, buffer);
}

const char *attachment_lost(const json_t *counters, char *buffer)
{
	if (!json_is_object(counters))
		return "-";
	snprintf(buffer, UNIT_TEXT_MAX, "%llu",
		 (unsigned long long)(cli_number(counters, "ring_full") + cli_number(counters, "map_full")));
	return buffer;
}

static int ps_row(void *data, const json_t *parameters)
{
	const json_t *attachment = json_object_get(parameters, "attachment");
	char text[UNIT_TEXT_MAX];

	if (!json_is_object(attachment))
		return CLI_CONTINUE;
	table_add(data, cli_string(attachment, "id"));
	table_addf(data, "%s-%llu", cli_string(attachment, "probe"),
		   (unsigned long long)cli_number(attachment, "serial"));
	table_add(data, cli_string(attachment, "target"));
	table_add(data, cli_string(attachment, "user"));
	table_add(data, unit_realtime(cli_number(attachment, "since"), text));
	table_add(data, unit_remaining(cli_number(attachment, "remaining"), text));
	table_add(data, unit_bytes(cli_number(attachment, "memory"), text));
	table_add(data, average_cpu(attachment, text));
	table_add(data,
		  attachment_lost(json_object_get(json_object_get(attachment, "cost"), "counters"), text));
	table_add(data, cli_string(attachment, "rule"));
	return CLI_CONTINUE;
}

static bool ps_option(void *data, int option, const char *value)
{
	(void)option, (void)value;
	*(bool *)data = true;
	return true;
}

int cmd_ps(struct cli *cli, int argc, char **argv)
{
	static const char *const headers[] = { "ID",     "PROBE", "TARGET", "USER", "SINCE", "LEFT",
					       "MEMORY", "CPU",   "LOST",   "RULE", NULL };
	static const struct option options[] = { { "all", no_argument, NULL, 'a' }, {} };
	_cleanup_(table_free_p) struct table *table = table_new(headers);
	struct cli_query query = {
		.method = "io.bpfwarden.Probe.Status", .more = true, .each = ps_row, .data = table
	};
	bool all = false;
	int first, r;

	r = cli_parse(cli, argc, argv, options, ps_option, &all, 0, 0, &first);
	if (r != CLI_CONTINUE)
		return r;
	query.parameters = json_pack("{s:b, s:b}", "all", all, "cost", 1);
	r = cli_query(cli, &query);
	if (r == CLI_OK && !cli->json && table_empty(table) && !cli->quiet)
		cli_say("no attachments%s", all ? "" : " of yours; everybody's: bpfwarden ps --all");
	if (r == CLI_OK)
		table_print(table);
	return r;
}

static int detach_one(const struct cli *cli, const char *prefix)
{
	_cleanup_free_ char *id = NULL;
	int r = attachment_resolve(cli, prefix, &id);
	struct cli_query query = { .method = "io.bpfwarden.Probe.Detach", .load = true };

	if (r != CLI_CONTINUE)
		return r;
	if (cli->dry_run) {
		printf("would detach %s\n", id);
		return CLI_OK;
	}
	query.parameters = json_pack("{s:s}", "attachment", id);
	r = cli_query(cli, &query);
	if (r == CLI_OK && !cli->json && !cli->quiet)
		printf("%s is detached\n", id);
	return r;
}

int cmd_detach(struct cli *cli, int argc, char **argv)
{
	int first, result = CLI_OK, r = cli_parse(cli, argc, argv, NULL, NULL, NULL, 1, argc, &first);

	if (r != CLI_CONTINUE)
		return r;
	for (int i = first; i < argc; i++) {
		r = detach_one(cli, argv[i]);
		result = result == CLI_OK ? r : result;
	}
	return result;
}

static int attached(const struct cli *cli, const struct bpfwarden_reply *reply)
{
	_cleanup_json_ json_t *parameters = NULL;

	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, "io.bpfwarden.Probe.Attach");
	if (cli->json) {
		printf("%s\n", bpfwarden_reply_parameters(reply));
		return CLI_OK;
	}
	parameters = cli_printable(reply);
	if (!parameters)
		return cli_broken(-ENOMEM);
	if (!cli->quiet)
		view_attached(json_object_get(parameters, "attachment"));
	if (!cli->dry_run)
		printf("%s\n", cli_string(json_object_get(parameters, "attachment"), "id"));
	return CLI_OK;
}

static int attach(const struct cli *cli, struct request *request)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	int r = cli_connect(&connection);

	if (r != CLI_CONTINUE)
		return r;
	request->options.duration = request->duration;
	r = bpfwarden_attach(connection, &request->options, &reply);
	return r < 0 ? cli_broken(r) : attached(cli, reply);
}

int cmd_attach(struct cli *cli, int argc, char **argv)
{
	struct request request = { .cli = cli };
	int first, r = cli_parse(cli, argc, argv, request_options, request_option, &request, 1, 1, &first);

	if (r == CLI_CONTINUE && !request.duration)
		r = cli_usage(cli, "how long? say --for TIME, for example --for 8h");
	if (r == CLI_CONTINUE)
		r = request_finish(&request, argv[first]);
	if (r == CLI_CONTINUE)
		r = attach(cli, &request);
	request_clear(&request);
	return request.failed ? request.failed : r;
}
