/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/reader.h"

static int fail(struct reader *reader, int r)
{
	reader_clear(reader);
	return r;
}

int reader_start(struct reader *reader, const char *id)
{
	_cleanup_json_ json_t *parameters = json_pack("{s:s}", "attachment", id);
	_cleanup_free_ char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	int r;

	if (!text)
		return -ENOMEM;
	if (!reader->connection) {
		r = bpfwarden_connect(NULL, &reader->connection);
		if (r < 0)
			return r;
	}
	r = bpfwarden_call(reader->connection, "io.bpfwarden.Probe.Read", text, 0, NULL, 0);
	if (r < 0)
		return fail(reader, r);
	reader->pending = true;
	return 0;
}

int reader_fd(const struct reader *reader)
{
	return reader->pending ? bpfwarden_fd(reader->connection) : -EBADF;
}

int reader_finish(struct reader *reader, json_t **ret)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	json_t *answer;
	int r;

	if (!reader->pending)
		return 0;
	r = bpfwarden_receive(reader->connection, 0, &reply);
	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return fail(reader, r);
	if (bpfwarden_reply_error_name(reply))
		return fail(reader, -EREMOTEIO);
	answer = cli_printable(reply);
	if (!answer)
		return fail(reader, -ENOMEM);
	reader->pending = false;
	*ret = answer;
	return 1;
}

void reader_clear(struct reader *reader)
{
	reader->connection = bpfwarden_disconnect(reader->connection);
	reader->pending = false;
}
