/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/describe.h"

#include "client/cli/cli.h"
#include "common/limits.h"

json_t *describe_event(const char *probe, uint64_t serial)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	_cleanup_json_ json_t *parameters =
		json_pack("{s:s, s:I}", "probe", probe, "serial", (json_int_t)serial);
	_cleanup_free_ char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	_cleanup_json_ json_t *answer = NULL;

	if (!text || bpfwarden_connect(NULL, &connection) < 0 ||
	    bpfwarden_call(connection, "io.bpfwarden.Probe.Describe", text, 0, NULL, 0) < 0 ||
	    bpfwarden_receive(connection, CLIENT_CALL_TIMEOUT, &reply) < 0 ||
	    bpfwarden_reply_error_name(reply))
		return NULL;
	answer = cli_printable(reply);
	return json_incref(json_object_get(answer, "event"));
}
