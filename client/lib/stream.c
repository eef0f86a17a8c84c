/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <string.h>

#include "client/lib/internal.h"
#include "common/limits.h"

#define REPLIES_A_TURN 256 /* so that a busy stream leaves its caller time for other descriptors */

/*
 * A stream is connected or between two attempts. Once its attachment is known, a broken connection opens a
 * window in which it connects again and watches the same attachment: the window closes with the first reply.
 */
struct bpfwarden_stream {
	char *path;       /* NULL: the default */
	char *id;         /* NULL: not yet confirmed */
	char *parameters; /* of the first call */
	const char *method;
	struct bpfwarden_handlers handlers;
	struct bpfwarden *connection; /* NULL: between two attempts */
	struct bpfwarden_reply *refusal;
	uint64_t answer_until; /* when the first reply on this connection is due; 0: it came */
	uint64_t window_until; /* 0: the connection is whole */
	uint64_t attempt_at;
	bool established; /* a reply came: a break is worth repairing */
	bool attached_told;
	bool busy; /* the last turn ended before the input did */
};

static int stream_call(struct bpfwarden_stream *stream, const char *method, const char *parameters,
		       unsigned int connect_timeout)
{
	_cleanup_(bpfwarden_disconnect_p) struct bpfwarden *connection = NULL;
	bool run = !strcmp(method, "io.bpfwarden.Probe.Run");
	int r;

	r = connection_open(stream->path, connect_timeout, &connection);
	if (r < 0)
		return r;
	r = bpfwarden_call(connection, method, parameters, BPFWARDEN_CALL_MORE, NULL, 0);
	if (r < 0)
		return r;
	stream->connection = take_ptr(connection);
	stream->answer_until = client_now() + (run ? CLIENT_LOAD_TIMEOUT : CLIENT_CALL_TIMEOUT);
	return 0;
}

static struct bpfwarden_handlers handlers_adopt(const struct bpfwarden_handlers *handlers)
{
	struct bpfwarden_handlers adopted = {};

	memcpy(&adopted, handlers, handlers->size < sizeof(adopted) ? handlers->size : sizeof(adopted));
	return adopted;
}

static int stream_new(const char *path, const char *method, const char *parameters, const char *id,
		      const struct bpfwarden_handlers *handlers, struct bpfwarden_stream **ret)
{
	_cleanup_(bpfwarden_stream_free_p) struct bpfwarden_stream *stream = NULL;
	int r;

	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	stream->handlers = handlers_adopt(handlers);
	stream->path = path ? strdup(path) : NULL;
	stream->id = id ? strdup(id) : NULL;
	if ((path && !stream->path) || (id && !stream->id))
		return -ENOMEM;
	r = stream_call(stream, method, parameters, CLIENT_CALL_TIMEOUT);
	if (r < 0)
		return r;
	*ret = take_ptr(stream);
	return 0;
}

int bpfwarden_run(const char *path, const struct bpfwarden_options *options,
		  const struct bpfwarden_handlers *handlers, struct bpfwarden_stream **ret)
{
	_cleanup_free_ char *parameters = NULL;
	int r;

	parameters = options_to_json(options, &r);
	if (!parameters)
		return r;
	return stream_new(path, "io.bpfwarden.Probe.Run", parameters, NULL, handlers, ret);
}

int bpfwarden_watch(const char *path, const char *attachment, const struct bpfwarden_handlers *handlers,
		    struct bpfwarden_stream **ret)
{
	_cleanup_free_ char *parameters = attachment_to_json(attachment);

	if (!parameters)
		return -EINVAL;
	return stream_new(path, "io.bpfwarden.Probe.Watch", parameters, attachment, handlers, ret);
}

struct bpfwarden_stream *bpfwarden_stream_free(struct bpfwarden_stream *stream)
{
	if (stream) {
		bpfwarden_disconnect(stream->connection);
		bpfwarden_reply_free(stream->refusal);
		free(stream->path);
		free(stream->id);
		free(stream);
	}
	return NULL;
}

int bpfwarden_stream_fd(const struct bpfwarden_stream *stream)
{
	return stream->connection ? bpfwarden_fd(stream->connection) : -EBADF;
}

int bpfwarden_stream_timeout(const struct bpfwarden_stream *stream)
{
	uint64_t now = client_now(), at;

	if (stream->busy)
		return 0;
	if (!stream->connection)
		at = stream->attempt_at;
	else if (stream->answer_until)
		at = stream->answer_until;
	else
		return -1;
	return at > now ? (int)(at - now) : 0;
}

const struct bpfwarden_reply *bpfwarden_stream_refusal(const struct bpfwarden_stream *stream)
{
	return stream->refusal;
}

const char *bpfwarden_stream_id(const struct bpfwarden_stream *stream)
{
	return stream->id;
}

static int tell(int (*handler)(void *), void *userdata)
{
	return handler ? handler(userdata) : 0;
}

/* The connection is of no use any more. 1: the stream goes on and tries again; otherwise why not. */
static int stream_break(struct bpfwarden_stream *stream, int error)
{
	uint64_t now = client_now();
	int r;

	if (!stream->established)
		return error;
	stream->connection = bpfwarden_disconnect(stream->connection);
	stream->answer_until = 0;
	if (stream->window_until) {
		stream->attempt_at = now + CLIENT_RECONNECT_PAUSE;
		return now < stream->window_until ? 1 : error;
	}
	stream->window_until = now + CLIENT_RECONNECT_TIMEOUT;
	stream->attempt_at = now;
	r = tell(stream->handlers.disconnected, stream->handlers.userdata);
	return r < 0 ? r : r == 0;
}

static int stream_attempt(struct bpfwarden_stream *stream)
{
	_cleanup_free_ char *parameters = NULL;
	int r;

	if (client_now() < stream->attempt_at)
		return 1;
	parameters = attachment_to_json(stream->id);
	if (!parameters)
		return -ENOMEM;
	r = stream_call(stream, "io.bpfwarden.Probe.Watch", parameters, 0);
	return r == -ENOMEM ? r : r < 0 ? stream_break(stream, -ECONNRESET) : 1;
}

static int stream_attached(struct bpfwarden_stream *stream, struct bpfwarden_reply *reply)
{
	const json_t *attachment = json_object_get(reply->members, "attachment");
	const char *id = json_string_value(json_object_get(attachment, "id"));
	const char *text;

	if (!id)
		return -EBADMSG;
	if (!stream->id && !(stream->id = strdup(id)))
		return -ENOMEM;
	if (stream->attached_told)
		return 0;
	stream->attached_told = true;
	text = reply_member_text(reply, "attachment");
	if (!text)
		return -EBADMSG;
	return stream->handlers.attached ? stream->handlers.attached(stream->handlers.userdata, text) : 0;
}

/* Hands one reply to its handler. 0: go on; positive: a handler wants to stop; negative: an error. */
static int stream_dispatch(struct bpfwarden_stream *stream, struct bpfwarden_reply *reply)
{
	const struct bpfwarden_handlers *handlers = &stream->handlers;
	const json_t *lost = json_object_get(reply->members, "lost");
	const char *ended = json_string_value(json_object_get(reply->members, "ended"));
	const char *event;
	int r = 0;

	if (json_is_object(json_object_get(reply->members, "attachment")))
		return stream_attached(stream, reply);
	if (json_integer_value(lost) > 0 && handlers->lost)
		r = handlers->lost(handlers->userdata, (uint64_t)json_integer_value(lost));
	if (r == 0 && handlers->event && (event = reply_member_text(reply, "event")))
		r = handlers->event(handlers->userdata, event);
	if (r == 0 && ended) {
		r = handlers->ended ? handlers->ended(handlers->userdata, ended) : 0;
		return r ? r : 1;
	}
	return r;
}

/* The first reply on this connection. */
static int stream_answered(struct bpfwarden_stream *stream)
{
	stream->answer_until = 0;
	stream->established = true;
	if (!stream->window_until)
		return 0;
	stream->window_until = 0;
	return tell(stream->handlers.reconnected, stream->handlers.userdata);
}

static int stream_refused(struct bpfwarden_stream *stream, struct bpfwarden_reply **reply)
{
	if ((*reply)->code == BPFWARDEN_ERROR_UNAVAILABLE && stream->established)
		return stream_break(stream, -ECONNRESET);
	bpfwarden_reply_free(stream->refusal);
	stream->refusal = take_ptr(*reply);
	return -EREMOTEIO;
}

/* 1: there may be more; 0: over; -EAGAIN: nothing is there; other errors end the stream. */
static int stream_receive(struct bpfwarden_stream *stream)
{
	_cleanup_(bpfwarden_reply_free_p) struct bpfwarden_reply *reply = NULL;
	bool continues;
	int r;

	r = bpfwarden_receive(stream->connection, 0, &reply);
	if (r == -EAGAIN && stream->answer_until && client_now() >= stream->answer_until)
		return stream_break(stream, -ETIMEDOUT);
	if (r == -ECONNRESET)
		return stream_break(stream, r);
	if (r < 0)
		return r;
	if (reply->error)
		return stream_refused(stream, &reply);
	continues = reply->continues;
	r = stream_answered(stream);
	if (r == 0)
		r = stream_dispatch(stream, reply);
	if (r != 0)
		return r < 0 ? r : 0;
	return continues ? 1 : 0;
}

int bpfwarden_stream_process(struct bpfwarden_stream *stream)
{
	stream->busy = false;
	for (int i = 0; i < REPLIES_A_TURN; i++) {
		int r;

		if (!stream->connection) {
			r = stream_attempt(stream);
			if (r != 1 || !stream->connection)
				return r;
		}
		r = stream_receive(stream);
		if (r != 1)
			return r == -EAGAIN ? 1 : r;
	}
	stream->busy = true;
	return 1;
}

int bpfwarden_stream_loop(struct bpfwarden_stream *stream)
{
	for (;;) {
		struct pollfd poll_fd;
		int r = bpfwarden_stream_process(stream);

		if (r != 1)
			return r;
		poll_fd = (struct pollfd){ .fd = bpfwarden_stream_fd(stream), .events = POLLIN };
		if (poll(&poll_fd, 1, bpfwarden_stream_timeout(stream)) < 0 && errno != EINTR)
			return -errno;
	}
}
