/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/reply.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include "format/event.h"
#include "loaderd/gate/row.h"
#include "loaderd/process.h"

void reply_send(struct connection *c, size_t start, bool last)
{
	if (c->call.oneway)
		c->output.size = start;
	connection_flush(c, CONNECTION_REPLY_MAX);
	if (last && !connection_closed(c))
		connection_call_done(c);
}

void reply_refuse(struct connection *c, const struct refusal *refusal)
{
	size_t start = c->output.size;

	varlink_write_refusal(&c->output, refusal);
	reply_send(c, start, true);
}

void reply_error(struct connection *c, const char *error, const char *key, const char *value)
{
	size_t start = c->output.size;

	varlink_write_error(&c->output, error, key, value);
	reply_send(c, start, true);
}

static int on_refusal(struct connection *c, const struct message *m)
{
	const struct message_refusal *refusal = (const void *)m;

	stream_leave(c);
	reply_refuse(c, &refusal->refusal);
	return 0;
}

/* A comma before what follows, unless it is the first. */
static void separate(struct json_text *t)
{
	if (t->size)
		JSON_APPEND_LITERAL(t, ",");
}

static int hold_row(struct connection *c, const struct message *m)
{
	separate(&c->call.held);
	return c->call.method->write_row(&c->call.held, m) ? 0 : -EPROTO;
}

static int send_row(struct connection *c, const struct message *m)
{
	size_t start = c->output.size;

	varlink_reply_begin(&c->output);
	if (!c->call.method->write_row(&c->output, m))
		return -EPROTO;
	varlink_reply_end(&c->output, true);
	reply_send(c, start, false);
	return 0;
}

/* What a record that begins something came to. A spec or ring that cannot be used costs this client only. */
static int begun(struct connection *c, int r)
{
	if (r >= 0 || r == -EPROTO)
		return r;
	process_log(LOG_WARNING, "events of a client cannot be decoded: %s", strerror(-r));
	connection_close(c);
	return 0;
}

/* The first record of the answer to Read: whose values follow, and how their labels are laid out. */
static int read_begin(struct connection *c, const struct message_stream *m, const int *fds)
{
	_cleanup_free_ struct enumeration_entry *entries = NULL;
	size_t n_entries;
	int r;

	if (c->call.format)
		return -EPROTO;
	r = stream_read_enumerations(fds[0], &entries, &n_entries);
	if (r < 0)
		return r;
	r = event_format_new(&m->spec, m->a.privacy_max, entries, n_entries, &c->call.format);
	if (r < 0)
		return r;
	row_write_stream(&c->call.held, m);
	return 0;
}

static int read_counters(struct connection *c, const struct message_counters *m)
{
	json_append_key(&c->call.held, m->program_wide ? "total" : "counters");
	event_write_counters(&c->call.held, &m->counters);
	return 0;
}

static int read_row(struct connection *c, const struct message *m, const int *fds)
{
	struct refusal refusal;
	struct call *call = &c->call;

	if (m->type == MESSAGE_REPLY_STREAM)
		return begun(c, read_begin(c, (const void *)m, fds));
	if (!call->format)
		return -EPROTO;
	switch (m->type) {
	case MESSAGE_REPLY_COUNTERS:
		return read_counters(c, (const void *)m);
	case MESSAGE_REPLY_HISTOGRAM:
		separate(&call->histograms);
		event_write_histogram(call->format, &call->histograms, (const void *)m);
		break;
	case MESSAGE_REPLY_COUNT:
		separate(&call->counts);
		event_write_count(call->format, &call->counts, (const void *)m);
		break;
	default:
		return -EPROTO;
	}
	if (call->histograms.size + call->counts.size > CONNECTION_REPLY_MAX) {
		refusal_set(&refusal, REFUSAL_LIMIT_EXCEEDED, "reply", "the values do not fit one reply");
		refusal.used = call->histograms.size + call->counts.size;
		refusal.max = CONNECTION_REPLY_MAX;
		reply_refuse(c, &refusal);
	}
	return 0;
}

static void append_array(struct json_text *t, const char *key, const struct json_text *items)
{
	json_append_key(t, key);
	JSON_APPEND_LITERAL(t, "[");
	json_append(t, items->bytes, items->size);
	JSON_APPEND_LITERAL(t, "]");
}

static int on_end(struct connection *c)
{
	struct json_text *t = &c->output;
	struct call *call = &c->call;
	size_t start = t->size;

	/* Rows that ran out of memory end the connection rather than be left out. */
	if (call->held.error || call->histograms.error || call->counts.error) {
		connection_close(c);
		return 0;
	}
	varlink_reply_begin(t);
	json_append(t, call->held.bytes, call->held.size);
	if (call->method->reply == REPLY_READ) {
		append_array(t, "histograms", &call->histograms);
		append_array(t, "counts", &call->counts);
	}
	varlink_reply_end(t, false);
	reply_send(c, start, true);
	return 0;
}

static int on_row(struct connection *c, const struct message *m, int *fds, size_t n_fds)
{
	const struct method *method = c->call.method;

	if (method->reply == REPLY_READ)
		return read_row(c, m, fds);
	if (m->type == MESSAGE_REPLY_STREAM && method->reply == REPLY_STREAM)
		return begun(c, stream_watch(c, (const void *)m, method_is_run(method), fds, n_fds));
	if (m->type != method->row || c->watcher.stream || c->call.paused)
		return -EPROTO;
	return method->reply == REPLY_ONE ? hold_row(c, m) : send_row(c, m);
}

/* What says how the rows go on, and is none. */
static int on_progress(struct connection *c, const struct message *m)
{
	const struct message_next *next = (const void *)m;

	if (c->call.method->reply != REPLY_ROWS || c->call.paused || c->call.held.size)
		return -EPROTO;
	if (m->type == MESSAGE_REPLY_PAUSE)
		connection_pause(c);
	else
		json_member_u64(&c->call.held, "next", next->next);
	return 0;
}

int reply_record(struct gate *gate, const struct message *m, int *fds, size_t n_fds)
{
	struct connection *c = connection_find(gate, m->connection);

	if (!c || !c->call.id || c->call.id != m->call)
		return 0;
	if (m->type == MESSAGE_REPLY_REFUSAL)
		return on_refusal(c, m);
	if (m->type == MESSAGE_REPLY_END)
		return c->watcher.stream ? 0 : on_end(c);
	if (m->type == MESSAGE_REPLY_PAUSE || m->type == MESSAGE_REPLY_NEXT)
		return on_progress(c, m);
	return on_row(c, m, fds, n_fds);
}
