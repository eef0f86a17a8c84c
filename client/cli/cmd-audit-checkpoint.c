/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audit checkpoint: the signed note over all that is recorded, to be kept where the host cannot reach it. */
#include <stdio.h>

#include "client/cli/audit-client.h"

static bool on_option(void *data, int option, const char *value)
{
	(void)value;
	if (option == 'k')
		*(bool *)data = true;
	return option == 'k';
}

int cmd_audit_checkpoint(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", no_argument, NULL, 'k' },
		{},
	};
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	struct audit_head head = { 0 };
	bool key = false;
	int first, r = cli_parse(cli, argc, argv, options, on_option, &key, 0, 0, &first);

	if (r == CLI_CONTINUE)
		r = cli_connect(&connection);
	if (r == CLI_CONTINUE)
		r = audit_head_read(connection, &head);
	if (r != CLI_CONTINUE)
		return r;
	if (head.problem) {
		/* Not on standard output: whatever keeps checkpoints must not keep this one. */
		cli_say("%s", head.problem);
		r = CLI_FAILED;
	} else if (cli->json) {
		cli_print_json(head.reply);
		r = CLI_OK;
	} else {
		printf(key ? "%s\n" : "%s", key ? head.vkey : head.note);
		r = CLI_OK;
	}
	audit_head_clear(&head);
	return r;
}
