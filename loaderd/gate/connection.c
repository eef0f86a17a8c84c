/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/connection.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/control.h"
#include "format/event.h"

/* Calls a connection may have answered in one turn of the loop, before others have theirs. */
#define CALLS_PER_TURN 16
/* No further call is begun, nor more rows asked for, while this much of what was answered is unread. */
#define OUTPUT_BEFORE_CALL (64U << 10)
/* As many descriptors as any call takes; the kernel does not even install more (MSG_CTRUNC). */
#define FDS_PER_FRAME_MAX (1 + SIGNATURES_MAX + BUNDLE_FILES_MAX)

static uint64_t now_usec(struct gate *gate)
{
	uint64_t now = 0;

	(void)sd_event_now(gate->event, CLOCK_MONOTONIC, &now);
	return now;
}

static struct connection **bucket(struct gate *gate, uint64_t number)
{
	return &gate->connections[number % GATE_BUCKETS];
}

struct connection *connection_find(struct gate *gate, uint64_t number)
{
	struct connection *c = *bucket(gate, number);

	while (c && c->number != number)
		c = c->next;
	return c;
}

static void call_clear(struct call *call)
{
	json_text_clear(&call->held);
	json_text_clear(&call->histograms);
	json_text_clear(&call->counts);
	event_format_free(call->format);
	*call = (struct call){ 0 };
}

static struct connection *connection_free(struct connection *c)
{
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->timer);
	sd_event_source_disable_unref(c->defer);
	close_fd(c->fd);
	json_text_clear(&c->input);
	json_text_clear(&c->output);
	call_clear(&c->call);
	free(c);
	return NULL;
}

void connection_free_dead(struct gate *gate)
{
	while (gate->dead) {
		struct connection *c = gate->dead;

		gate->dead = c->next;
		connection_free(c);
	}
}

void connection_free_all(struct gate *gate)
{
	for (size_t i = 0; i < GATE_BUCKETS; i++)
		while (gate->connections[i]) {
			struct connection *c = gate->connections[i];

			gate->connections[i] = c->next;
			stream_leave(c);
			connection_free(c);
		}
	connection_free_dead(gate);
}

void connection_close(struct connection *c)
{
	struct message m = { .type = MESSAGE_CLOSED, .connection = c->number };
	struct connection **p = bucket(c->gate, c->number);

	if (connection_closed(c))
		return;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	stream_leave(c);
	c->io = sd_event_source_disable_unref(c->io);
	c->timer = sd_event_source_disable_unref(c->timer);
	c->defer = sd_event_source_disable_unref(c->defer);
	c->fd = close_fd(c->fd);
	c->next = c->gate->dead;
	c->gate->dead = c;
	(void)sd_event_source_set_enabled(c->gate->reaper, SD_EVENT_ONESHOT);
	(void)gate_send(c->gate, &m, sizeof(m), NULL, 0);
}

static bool is_busy(const struct connection *c)
{
	return c->call.id || c->watcher.stream;
}

/* The length of the first frame in the buffer without its NUL, or -1. */
static ssize_t first_frame(struct connection *c)
{
	size_t n = c->input.size - c->input_start;
	const char *start, *end;

	if (c->scanned >= n)
		return -1;
	start = c->input.bytes + c->input_start;
	end = memchr(start + c->scanned, '\0', n - c->scanned);
	if (end)
		return end - start;
	c->scanned = n;
	return -1;
}

static bool may_call(struct connection *c)
{
	return !is_busy(c) && connection_pending(c) < OUTPUT_BEFORE_CALL;
}

/* Frames begun have FRAME_TIMEOUT, connections without anything going on CONNECTION_IDLE_TIMEOUT. */
static int set_timer(struct connection *c, bool partial)
{
	uint64_t when;
	int r;

	if (is_busy(c))
		return sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
	if (!partial)
		c->frame_since = 0;
	else if (!c->frame_since)
		c->frame_since = now_usec(c->gate);
	when = c->idle_since + CONNECTION_IDLE_TIMEOUT * 1000ULL;
	if (partial && c->frame_since + FRAME_TIMEOUT * 1000ULL < when)
		when = c->frame_since + FRAME_TIMEOUT * 1000ULL;
	r = sd_event_source_set_time(c->timer, when);
	return r < 0 ? r : sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Brings the event sources in line with the connection's state; closes it when there is nothing left to do.
 */
static void update(struct connection *c)
{
	bool frame, more, partial;
	uint32_t events = 0;
	int r = 0;

	if (connection_closed(c))
		return;
	frame = first_frame(c) >= 0;
	partial = !frame && c->input.size > c->input_start;
	more = frame && may_call(c);
	if (c->end_of_file && !is_busy(c) && !more && !connection_pending(c)) {
		connection_close(c);
		return;
	}
	if (connection_pending(c))
		events |= EPOLLOUT;
	if (!frame && may_call(c) && !c->end_of_file)
		events |= EPOLLIN;
	if (events != c->io_events)
		r = sd_event_source_set_io_events(c->io, events);
	c->io_events = events;
	if (r >= 0)
		r = sd_event_source_set_enabled(c->defer, more ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (r >= 0)
		r = set_timer(c, partial);
	if (r < 0)
		connection_close(c);
}

/* Forgets what is handled, and gives memory back when nothing is left. */
static void compact_input(struct connection *c)
{
	size_t n = c->input.size - c->input_start;

	if (!n) {
		json_text_clear(&c->input);
	} else if (c->input_start) {
		memmove(c->input.bytes, c->input.bytes + c->input_start, n);
		c->input.size = n;
	}
	c->input_start = 0;
}

static int handle_frame(struct connection *c, size_t size, const int *fds, size_t n_fds)
{
	const char *frame = c->input.bytes + c->input_start;

	c->input_start += size + 1;
	c->scanned = 0;
	c->frame_since = 0;
	c->idle_since = now_usec(c->gate);
	return method_call(c, frame, size, fds, n_fds);
}

static void handle_frames(struct connection *c)
{
	int r = 0;

	for (unsigned int i = 0; i < CALLS_PER_TURN && r >= 0 && !connection_closed(c) && may_call(c); i++) {
		ssize_t n = first_frame(c);

		if (n < 0)
			break;
		r = handle_frame(c, (size_t)n, NULL, 0);
	}
	if (r < 0)
		connection_close(c);
	if (connection_closed(c))
		return;
	if (first_frame(c) < 0)
		compact_input(c);
	update(c);
}

/* Bytes that came with descriptors: exactly one whole frame, and nothing before or behind it. */
static int handle_with_fds(struct connection *c, const int *fds, size_t n_fds, bool truncated)
{
	ssize_t n = first_frame(c);
	int r;

	if (truncated || n < 0 || (size_t)n + 1 != c->input.size - c->input_start)
		return -EBADMSG;
	r = handle_frame(c, (size_t)n, fds, n_fds);
	if (r >= 0 && !connection_closed(c))
		compact_input(c);
	return r;
}

/* One read. Negative: close the connection. */
static int receive(struct connection *c)
{
	CONTROL_FDS(FDS_PER_FRAME_MAX) control;
	struct iovec iov = { .iov_base = c->gate->scratch, .iov_len = VARLINK_FRAME_MAX + 1 - c->input.size };
	struct msghdr mh = { .msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     /* Not CMSG_SPACE(): the kernel would use its padding for one more. */
			     .msg_controllen = CMSG_LEN(sizeof(int) * FDS_PER_FRAME_MAX) };
	int fds[FDS_PER_FRAME_MAX], r = 0;
	size_t n_fds;
	ssize_t n;

	n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	n_fds = control_get_fds(&mh, fds);
	if (n == 0)
		c->end_of_file = true;
	json_append(&c->input, c->gate->scratch, (size_t)n);
	if (c->input.error)
		r = -ENOMEM;
	else if (n_fds || (mh.msg_flags & MSG_CTRUNC))
		r = handle_with_fds(c, fds, n_fds, mh.msg_flags & MSG_CTRUNC);
	else if (first_frame(c) < 0 && c->input.size > VARLINK_FRAME_MAX)
		r = -EMSGSIZE;
	for (size_t i = 0; i < n_fds; i++)
		close_fd(fds[i]);
	return r;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct connection *c = userdata;

	(void)source;
	(void)fd;
	/* The client is gone. What it sent before is still done if it can be read, for the sake of oneway
	 * calls. */
	if ((revents & (EPOLLHUP | EPOLLERR)) && (is_busy(c) || !may_call(c))) {
		connection_close(c);
		return 0;
	}
	if (revents & EPOLLOUT) {
		connection_flush(c, SIZE_MAX);
		if (connection_closed(c))
			return 0;
	}
	if ((revents & (EPOLLIN | EPOLLHUP)) && may_call(c) && first_frame(c) < 0 && receive(c) < 0)
		connection_close(c);
	if (!connection_closed(c))
		handle_frames(c);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	connection_close(userdata);
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	(void)source;
	handle_frames(userdata);
	return 0;
}

static void trim_output(struct connection *c)
{
	size_t n = connection_pending(c);

	if (!n) {
		/* Thousands of idle connections must not each keep the room of their last answer. */
		if (!c->watcher.stream)
			json_text_clear(&c->output);
		c->output.size = c->output_start = 0;
	} else if (c->output_start > c->output.capacity / 2) {
		memmove(c->output.bytes, c->output.bytes + c->output_start, n);
		c->output.size = n;
		c->output_start = 0;
	}
}

/* Rows of a paused call are asked for when there is room for them: memory is bounded however slowly a client
 * reads, and nobody's reading holds up anybody else's. */
static void go_on(struct connection *c)
{
	struct message m = { .type = MESSAGE_GO_ON, .connection = c->number, .call = c->call.id };

	if (!c->call.paused || connection_pending(c) >= OUTPUT_BEFORE_CALL)
		return;
	c->call.paused = false;
	(void)gate_send(c->gate, &m, sizeof(m), NULL, 0);
}

void connection_pause(struct connection *c)
{
	c->call.paused = true;
	go_on(c);
}

void connection_flush(struct connection *c, size_t max)
{
	ssize_t n = 0;

	if (connection_closed(c))
		return;
	if (connection_pending(c))
		n = send(c->fd, c->output.bytes + c->output_start, connection_pending(c),
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if ((n < 0 && errno != EAGAIN && errno != EINTR) || c->output.error) {
		connection_close(c);
		return;
	}
	if (n > 0) {
		c->output_start += (size_t)n;
		c->written += (size_t)n;
		trim_output(c);
	}
	if (connection_pending(c) > max) {
		connection_close(c);
		return;
	}
	if (c->watcher.stream)
		stream_written(c);
	go_on(c);
	update(c);
}

void connection_call_done(struct connection *c)
{
	call_clear(&c->call);
	c->idle_since = now_usec(c->gate);
	/* What is pipelined comes in a turn of its own: replies never nest. */
	update(c);
}

static int add_sources(struct connection *c)
{
	int r;

	r = sd_event_add_io(c->gate->event, &c->io, c->fd, EPOLLIN, on_io, c);
	if (r < 0)
		return r;
	c->io_events = EPOLLIN;
	r = sd_event_add_time(c->gate->event, &c->timer, CLOCK_MONOTONIC, UINT64_MAX, 100000, on_timer, c);
	if (r < 0)
		return r;
	r = sd_event_add_defer(c->gate->event, &c->defer, on_defer, c);
	return r < 0 ? r : sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
}

int connection_new(struct gate *gate, int fd, uint64_t number)
{
	struct connection *c;
	int r;

	if (connection_find(gate, number)) {
		close_fd(fd);
		return -EEXIST;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close_fd(fd);
		return -ENOMEM;
	}
	c->gate = gate;
	c->fd = fd;
	c->number = number;
	c->idle_since = now_usec(gate);
	r = add_sources(c);
	if (r < 0) {
		connection_free(c);
		return r;
	}
	c->next = *bucket(gate, number);
	*bucket(gate, number) = c;
	update(c);
	return 0;
}
