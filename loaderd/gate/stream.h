/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Streams: one ring for each attachment, shared by everybody who watches it. An event leaves the ring only
 * after one client has it, so that a gate that dies loses none for whoever watches next. A sole watcher that
 * is slow lets the ring fill, and the kernel counts; of several, a slow one loses only its own events. Either
 * way the exact number goes to whoever lost them.
 */
#include "format/message.h"
#include "loaderd/gate/gate.h"

#define WATCHER_MARKS_MAX 16

/* Up to this byte of the client's output, the events before this position of the ring are written. */
struct mark {
	uint64_t bytes, position;
};

/* A connection's part in a stream. */
struct watcher {
	struct stream *stream; /* NULL: none */
	struct watcher *next;
	int64_t lost; /* events not yet reported as lost; below 0: reported, but came late */
	struct mark marks[WATCHER_MARKS_MAX];
	unsigned int n_marks;
};

/* Makes the connection watch the attachment of m. fresh: made by this call, so the first event of every CPU
 * has number 0. Descriptors that are kept are taken out of fds. -EINVAL: not a usable ring, spec or
 * enumeration. */
int stream_watch(struct connection *c, const struct message_stream *m, bool fresh, int *fds, size_t n_fds);

/* The connection does not watch any more. */
void stream_leave(struct connection *c);

/* The socket took some of the connection's output. */
void stream_written(struct connection *c);

/* An attachment is gone: its watchers get the events that are left, what they lost, and the reason. */
void stream_ended(struct gate *gate, uint64_t id, const char *reason);

/* Reads the enumerations memfd into a new array. -EINVAL: not sealed, or not such an array. */
int stream_read_enumerations(int fd, struct enumeration_entry **ret, size_t *ret_n);
