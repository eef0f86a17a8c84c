/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/describe.h"

#include "client/cli/cli.h"
#include "common/limits.h"

json_t *describe_probe(const char *probe, uint64_t serial)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	_cleanup_json_ json_t *parameters = json_pack("{s:s}", "probe", probe);
	_cleanup_free_ char *text = NULL;

	if (serial)
		json_object_set_new(parameters, "serial", json_integer((json_int_t)serial));
	text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	if (!text || bpfwarden_connect(NULL, &connection) < 0 ||
	    bpfwarden_call(connection, "io.bpfwarden.Probe.Describe", text, 0, NULL, 0) < 0 ||
	    bpfwarden_receive(connection, CLIENT_CALL_TIMEOUT, &reply) < 0 ||
	    bpfwarden_reply_error_name(reply))
		return NULL;
	return cli_printable(reply);
}

json_t *describe_values(const char *probe, uint64_t serial)
{
	_cleanup_json_ json_t *answer = describe_probe(probe, serial);

	return json_incref(json_object_get(answer, "parameters"));
}

static int take_parameters(void *data, const json_t *answer)
{
	*(json_t **)data = json_incref(json_object_get(answer, "parameters"));
	return CLI_CONTINUE;
}

int describe_parameters(const struct cli *cli, const char *probe, uint64_t serial, json_t **ret)
{
	json_t *rows = NULL;
	struct cli_query query = { .method = "io.bpfwarden.Probe.Describe",
				   .silent = true,
				   .each = take_parameters,
				   .data = &rows };
	int r;

	query.parameters = json_pack("{s:s}", "probe", probe);
	if (!query.parameters)
		return cli_usage(cli, "the probe's name is not UTF-8");
	if (serial)
		json_object_set_new(query.parameters, "serial", json_integer((json_int_t)serial));
	r = cli_query(cli, &query);
	if (r == CLI_OK && !rows)
		return cli_broken(-EBADMSG);
	*ret = rows;
	return r == CLI_OK ? CLI_CONTINUE : r;
}
