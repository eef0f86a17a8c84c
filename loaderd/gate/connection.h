/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One client. A connection handles one call at a time; what is pipelined behind it waits in the input buffer
 * (one frame's worth) and then in the socket. Descriptors are accepted only with a whole frame that stands
 * alone in the buffer, so none ever waits for its frame. All time-outs and budgets live here.
 */
#include "format/varlink.h"
#include "loaderd/gate/gate.h"
#include "loaderd/gate/method.h"
#include "loaderd/gate/stream.h"

/* Queued for a client that does not read the answers to its call: more than that and it is disconnected. */
#define CONNECTION_REPLY_MAX (8U << 20)

/* The call in progress; id 0: none. */
struct call {
	uint64_t id;
	const struct method *method;
	bool oneway;
	bool paused;                         /* the warden waits until the client has read what is queued */
	struct json_text held;               /* members of the one reply, until the warden ends the call */
	struct json_text histograms, counts; /* of Read */
	struct event_format *format;         /* of Read */
};

struct connection {
	struct gate *gate;
	struct connection *next;
	uint64_t number; /* the warden's */
	int fd;          /* -EBADF: closed, waiting to be freed */
	sd_event_source *io, *timer, *defer;
	uint32_t io_events;
	struct json_text input;
	size_t input_start; /* before it: handled */
	size_t scanned;     /* from input_start: known to hold no NUL */
	bool end_of_file;
	uint64_t idle_since, frame_since; /* CLOCK_MONOTONIC, µs; frame_since 0: no frame begun */
	struct json_text output;
	size_t output_start;
	uint64_t written; /* bytes that the socket took, ever */
	struct call call;
	struct watcher watcher;
};

/* Takes fd. -EEXIST: the number is taken. */
int connection_new(struct gate *gate, int fd, uint64_t number);
struct connection *connection_find(struct gate *gate, uint64_t number);

/* Closes the socket and tells the warden; the struct stays until the loop's next turn. */
void connection_close(struct connection *c);
void connection_free_dead(struct gate *gate);
void connection_free_all(struct gate *gate);

static inline bool connection_closed(const struct connection *c)
{
	return c->fd < 0;
}

/* Bytes that wait for the client to read. */
static inline size_t connection_pending(const struct connection *c)
{
	return c->output.size - c->output_start;
}

/* Sends what is in `output` as far as the socket takes it; what waits beyond `max` ends the connection. */
void connection_flush(struct connection *c, size_t max);

/* Tells the warden to go on with the call's rows, now or as soon as the client has read enough. */
void connection_pause(struct connection *c);

/* The call has its last reply: clears it, and goes on with what is pipelined. */
void connection_call_done(struct connection *c);
