/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "format/event.h"
#include "loaderd/gate/connection.h"
#include "loaderd/gate/reply.h"
#include "loaderd/gate/ring.h"
#include "loaderd/gate/row.h"
#include "loaderd/gate/sequence.h"

/* Events that one stream decodes before others have their turn. */
#define EVENTS_PER_TURN 512
/* How often the rings are looked at while somebody watches: without and with events flowing. Only what waits
 * below the program's wake-up threshold waits for this. */
#define TICK_QUIET_USEC 50000
#define TICK_BUSY_USEC  2000

struct stream {
	struct gate *gate;
	struct stream *next;
	uint64_t id;
	struct event_format *format;
	struct ring *ring; /* NULL: an attachment without events */
	struct sequence *sequence;
	sd_event_source *io, *defer;
	struct watcher *watchers;
	struct json_text text; /* one reply */
	uint64_t rate;         /* events a second that policy allows; UINT32_MAX and above: any number */
	uint64_t allowance;    /* events that may go out now */
	uint64_t refilled;     /* when the allowance was last added to, µs */
	bool in_turn;          /* the stream must outlive this turn */
	bool flowing;          /* the last turn found events */
};

static struct stream *stream_free(struct stream *s)
{
	if (!s)
		return NULL;
	sd_event_source_disable_unref(s->io);
	sd_event_source_disable_unref(s->defer);
	event_format_free(s->format);
	ring_free(s->ring);
	sequence_free(s->sequence);
	json_text_clear(&s->text);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct stream *, stream_free)

static struct connection *connection_of(struct watcher *w)
{
	return (struct connection *)(void *)((char *)w - offsetof(struct connection, watcher));
}

static void stream_unlink(struct stream *s)
{
	struct stream **p = &s->gate->streams;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	s->next = NULL;
}

static void drop_if_unwatched(struct stream *s)
{
	if (s->watchers || s->in_turn)
		return;
	stream_unlink(s);
	if (!s->gate->streams)
		(void)sd_event_source_set_enabled(s->gate->tick, SD_EVENT_OFF);
	stream_free(s);
}

void stream_leave(struct connection *c)
{
	struct stream *s = c->watcher.stream;
	struct watcher **p;

	if (!s)
		return;
	for (p = &s->watchers; *p != &c->watcher; p = &(*p)->next)
		;
	*p = c->watcher.next;
	c->watcher = (struct watcher){ 0 };
	drop_if_unwatched(s);
}

static bool has_room(struct watcher *w)
{
	return connection_pending(connection_of(w)) < CONNECTION_OUTPUT_MAX;
}

static bool any_room(struct stream *s)
{
	for (struct watcher *w = s->watchers; w; w = w->next)
		if (has_room(w))
			return true;
	return false;
}

/* Tells a watcher what did not reach it, at the place of the stream where it is missing. */
static void report_lost(struct watcher *w)
{
	struct json_text *t = &connection_of(w)->output;

	if (w->lost <= 0)
		return;
	varlink_reply_begin(t);
	json_member_s64(t, "lost", w->lost);
	varlink_reply_end(t, true);
	w->lost = 0;
}

/* One event to everybody; who has no room loses it. */
static void hand_out(struct stream *s, const void *bytes, size_t size, int64_t gap)
{
	s->text.size = 0;
	varlink_reply_begin(&s->text);
	JSON_APPEND_LITERAL(&s->text, "\"event\":");
	event_write(s->format, &s->text, bytes, size);
	varlink_reply_end(&s->text, true);
	for (struct watcher *w = s->watchers; w; w = w->next) {
		w->lost += gap;
		if (!has_room(w)) {
			w->lost++;
			continue;
		}
		report_lost(w);
		json_append(&connection_of(w)->output, s->text.bytes, s->text.size);
	}
}

/* How many events are missing before this one, by its number on its CPU; below 0: it was counted as missing.
 */
static int gap_before(struct stream *s, const void *bytes, int64_t *ret)
{
	struct bw_event header;

	*ret = 0;
	if (!event_format_has_header(s->format))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	return sequence_next(s->sequence, header.cpu, header.sequence, ret);
}

/* How many of n events policy lets through now. The rest stays in the ring, and when that is full the program
 * counts what it drops: the limit costs nobody but the attachment itself. */
static int limit_events(struct stream *s, int n)
{
	uint64_t now = 0, elapsed, more;

	if (s->rate >= UINT32_MAX)
		return n;
	(void)sd_event_now(s->gate->event, CLOCK_MONOTONIC, &now);
	/* At most one second's worth is saved up. */
	elapsed = now - s->refilled < 1000000 ? now - s->refilled : 1000000;
	more = elapsed * s->rate / 1000000;
	if (more) {
		s->allowance = s->allowance + more < s->rate ? s->allowance + more : s->rate;
		s->refilled = now;
	}
	return s->allowance < (uint64_t)n ? (int)s->allowance : n;
}

/* Reads and hands out up to n events while somebody has room. The number of events, or -EBADMSG, -ENOMEM. */
static int pump(struct stream *s, int n)
{
	int done = 0;

	while (done < n && any_room(s)) {
		const void *bytes;
		size_t size;
		int64_t gap;
		int r;

		r = ring_next(s->ring, &bytes, &size);
		if (r <= 0)
			return r < 0 ? r : done;
		if (size < event_format_size(s->format))
			return -EBADMSG;
		r = gap_before(s, bytes, &gap);
		if (r < 0)
			return r;
		hand_out(s, bytes, size, gap);
		if (s->text.error)
			return s->text.error;
		done++;
	}
	return done;
}

/* Notes for a watcher that its output up to here covers the ring up to here. */
static void put_mark(struct stream *s, struct watcher *w)
{
	struct connection *c = connection_of(w);

	/* A full list merges: the ring is then freed later, never earlier. */
	if (w->n_marks == WATCHER_MARKS_MAX)
		w->n_marks--;
	w->marks[w->n_marks++] = (struct mark){ c->written + connection_pending(c), ring_position(s->ring) };
}

void stream_written(struct connection *c)
{
	struct watcher *w = &c->watcher;
	struct stream *s = w->stream;
	unsigned int n = 0;

	while (n < w->n_marks && w->marks[n].bytes <= c->written)
		n++;
	if (n) {
		ring_commit(s->ring, w->marks[n - 1].position);
		w->n_marks -= n;
		memmove(w->marks, w->marks + n, w->n_marks * sizeof(w->marks[0]));
	}
	if (!s->in_turn && s->ring && has_room(w) && ring_waiting(s->ring))
		(void)sd_event_source_set_enabled(s->defer, SD_EVENT_ONESHOT);
}

/* Sends what a turn has queued. Connections that end in here leave the stream. */
static void flush_all(struct stream *s)
{
	struct watcher *next;

	for (struct watcher *w = s->watchers; w; w = next) {
		next = w->next;
		if (has_room(w))
			report_lost(w);
		put_mark(s, w);
		connection_flush(connection_of(w), SIZE_MAX);
	}
}

/* The last reply of a watcher's call, after which its connection is free for others. */
static void end_watcher(struct watcher *w, const char *reason)
{
	struct connection *c = connection_of(w);
	struct json_text *t = &c->output;

	report_lost(w);
	varlink_reply_begin(t);
	json_append_key(t, "ended");
	json_append_printable(t, reason, REFUSAL_REASON_MAX);
	varlink_reply_end(t, false);
	stream_leave(c);
	connection_flush(c, SIZE_MAX);
	if (!connection_closed(c))
		connection_call_done(c);
}

static void end_all(struct stream *s, const char *reason)
{
	s->in_turn = true;
	while (s->watchers)
		end_watcher(s->watchers, reason);
	s->in_turn = false;
	drop_if_unwatched(s);
}

static void turn(struct stream *s)
{
	int n;

	s->in_turn = true;
	n = pump(s, limit_events(s, EVENTS_PER_TURN));
	if (n >= 0) {
		s->allowance -= s->rate >= UINT32_MAX ? 0 : (uint64_t)n;
		flush_all(s);
	}
	s->in_turn = false;
	if (n < 0) {
		end_all(s, "the ring holds what cannot be an event");
		return;
	}
	s->flowing = n > 0;
	if (n == EVENTS_PER_TURN)
		(void)sd_event_source_set_enabled(s->defer, SD_EVENT_ONESHOT);
	drop_if_unwatched(s);
}

static int on_ring(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	(void)source;
	(void)fd;
	(void)revents;
	turn(userdata);
	return 0;
}

static int on_defer(sd_event_source *source, void *userdata)
{
	(void)source;
	turn(userdata);
	return 0;
}

/* Wakes the streams whose rings have something; each has its turn as a source of its own. */
static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gate *gate = userdata;
	bool flowing = false, any = false;

	(void)usec;
	for (struct stream *s = gate->streams; s; s = s->next) {
		any = any || s->ring;
		if (!s->ring || !ring_waiting(s->ring))
			continue;
		flowing = flowing || s->flowing;
		(void)sd_event_source_set_enabled(s->defer, SD_EVENT_ONESHOT);
	}
	if (!any)
		return 0;
	(void)sd_event_source_set_time_relative(source, flowing ? TICK_BUSY_USEC : TICK_QUIET_USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int arm_tick(struct gate *gate)
{
	int r;

	if (!gate->tick) {
		r = sd_event_add_time_relative(gate->event, &gate->tick, CLOCK_MONOTONIC, TICK_QUIET_USEC,
					       1000, on_tick, gate);
		if (r < 0)
			return r;
	}
	(void)sd_event_source_set_time_relative(gate->tick, TICK_QUIET_USEC);
	return sd_event_source_set_enabled(gate->tick, SD_EVENT_ONESHOT);
}

int stream_read_enumerations(int fd, struct enumeration_entry **ret, size_t *ret_n)
{
	_cleanup_free_ char *bytes = NULL;
	size_t size;

	if (fd_check_sealed(fd) < 0)
		return -EINVAL;
	if (fd_read_all(fd, ENUMERATION_ENTRIES_MAX * sizeof(struct enumeration_entry), &bytes, &size) < 0 ||
	    size % sizeof(struct enumeration_entry))
		return -EINVAL;
	*ret_n = size / sizeof(struct enumeration_entry);
	*ret = (struct enumeration_entry *)(void *)take_ptr(bytes);
	return 0;
}

static int open_ring(struct stream *s, uint32_t size, int *fds)
{
	int r;

	r = ring_new(take_fd(fds[1]), size, &s->ring);
	if (r < 0)
		return r;
	r = sd_event_add_io(s->gate->event, &s->io, ring_fd(s->ring), EPOLLIN | EPOLLET, on_ring, s);
	if (r < 0)
		return r;
	/* What was there before the edge that epoll(7) waits for. */
	r = sd_event_add_defer(s->gate->event, &s->defer, on_defer, s);
	return r < 0 ? r : arm_tick(s->gate);
}

static int stream_new(struct gate *gate, const struct message_stream *m, bool fresh, int *fds, size_t n_fds,
		      struct stream **ret)
{
	_cleanup_free_ struct enumeration_entry *entries = NULL;
	_cleanup_(stream_free_p) struct stream *s = NULL;
	size_t n_entries = 0;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->gate = gate;
	s->id = m->a.id;
	s->rate = s->allowance = m->a.events_per_second;
	(void)sd_event_now(gate->event, CLOCK_MONOTONIC, &s->refilled);
	r = sequence_new(fresh, &s->sequence);
	if (r < 0)
		return r;
	r = stream_read_enumerations(fds[0], &entries, &n_entries);
	if (r < 0)
		return r;
	r = event_format_new(&m->spec, m->a.privacy_max, entries, n_entries, &s->format);
	if (r < 0)
		return r;
	if (n_fds > 1) {
		if (!event_format_size(s->format))
			return -EINVAL;
		r = open_ring(s, m->a.ring_size, fds);
		if (r < 0)
			return r;
	}
	s->next = gate->streams;
	gate->streams = s;
	*ret = take_ptr(s);
	return 0;
}

int stream_watch(struct connection *c, const struct message_stream *m, bool fresh, int *fds, size_t n_fds)
{
	struct stream *s = c->gate->streams;
	size_t start = c->output.size;
	int r;

	if (c->watcher.stream)
		return -EPROTO;
	if (!spec_check(&m->spec))
		return -EINVAL;
	while (s && s->id != m->a.id)
		s = s->next;
	if (!s) {
		r = stream_new(c->gate, m, fresh, fds, n_fds, &s);
		if (r < 0)
			return r;
	}
	c->watcher = (struct watcher){ .stream = s, .next = s->watchers };
	s->watchers = &c->watcher;
	varlink_reply_begin(&c->output);
	row_write_stream(&c->output, m);
	varlink_reply_end(&c->output, true);
	reply_send(c, start, false);
	return 0;
}

/* Hands out what is left in the ring, and counts what the queues do not hold. */
static int drain(struct stream *s)
{
	int64_t missing = 0;
	int r;

	r = pump(s, INT32_MAX);
	if (r < 0)
		return r;
	for (;;) {
		const void *bytes;
		size_t size;
		int64_t gap;

		r = ring_next(s->ring, &bytes, &size);
		if (r <= 0)
			break;
		if (size < event_format_size(s->format) || gap_before(s, bytes, &gap) < 0)
			return -EBADMSG;
		missing += 1 + gap;
	}
	for (struct watcher *w = s->watchers; w; w = w->next)
		w->lost += missing;
	return r;
}

void stream_ended(struct gate *gate, uint64_t id, const char *reason)
{
	struct stream *s = gate->streams;

	while (s && s->id != id)
		s = s->next;
	if (!s)
		return;
	if (s->ring && drain(s) < 0)
		reason = "the ring holds what cannot be an event";
	end_all(s, reason);
}
