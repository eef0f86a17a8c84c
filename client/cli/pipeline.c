/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/cli/pipeline.h"

#include "common/limits.h"

/* Calls of at most a few kilobytes each: they fit the socket's buffer, so that sending never waits for
 * answers that nobody reads. */
#define UNDER_WAY_MAX 16

struct run {
	const struct pipeline *pipeline;
	struct bpfwarden *connection;
	size_t sent, answered;
};

static int send_next(struct run *run)
{
	_cleanup_json_ json_t *parameters = run->pipeline->call(run->pipeline->data, run->sent);
	_cleanup_free_ char *text = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	int r = text ? bpfwarden_call(run->connection, run->pipeline->method, text, BPFWARDEN_CALL_MORE, NULL,
				      0)
		     : -ENOMEM;

	if (r < 0)
		return cli_broken(r);
	run->sent++;
	return CLI_CONTINUE;
}

/* Whether a refusal is the answer to this one question, and says nothing about the others. */
static bool about_question(enum bpfwarden_error error)
{
	return error == BPFWARDEN_ERROR_NO_SUCH_TARGET || error == BPFWARDEN_ERROR_TARGET_UNSUPPORTED ||
	       error == BPFWARDEN_ERROR_KERNEL_UNSUPPORTED;
}

static int hand_on(struct run *run, const struct bpfwarden_reply *reply)
{
	const struct pipeline *pipeline = run->pipeline;
	_cleanup_json_ json_t *parameters = NULL;

	if (about_question(bpfwarden_reply_error(reply)))
		return pipeline->answer(pipeline->data, run->answered, NULL);
	if (bpfwarden_reply_error_name(reply))
		return cli_refused(reply, pipeline->method);
	parameters = cli_printable(reply);
	return parameters ? pipeline->answer(pipeline->data, run->answered, parameters) : cli_broken(-ENOMEM);
}

/* All replies to the oldest call. */
static int receive_one(struct run *run)
{
	bool first = true, more = true;
	int r = CLI_CONTINUE;

	while (r == CLI_CONTINUE && more) {
		_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;

		r = bpfwarden_receive(run->connection, CLIENT_CALL_TIMEOUT, &reply);
		if (r < 0)
			return cli_broken(r == -EAGAIN ? -ETIMEDOUT : r);
		more = bpfwarden_reply_continues(reply);
		r = first ? hand_on(run, reply) : CLI_CONTINUE;
		first = false;
	}
	run->answered++;
	return r;
}

int pipeline_run(const struct pipeline *pipeline)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	struct run run = { .pipeline = pipeline };
	int r = cli_connect(&connection);

	run.connection = connection;
	while (r == CLI_CONTINUE && run.answered < pipeline->n) {
		while (r == CLI_CONTINUE && run.sent < pipeline->n && run.sent - run.answered < UNDER_WAY_MAX)
			r = send_next(&run);
		if (r == CLI_CONTINUE)
			r = receive_one(&run);
	}
	return r == CLI_CONTINUE ? CLI_OK : r;
}
