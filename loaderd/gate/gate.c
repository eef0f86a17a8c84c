/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/gate/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "loaderd/gate/connection.h"
#include "loaderd/gate/reply.h"
#include "loaderd/process.h"

/* A client that there is no memory for is sent away; the warden hears of it as of any that closes. */
static int on_connection(struct gate *gate, const struct message_connection *m, int fd)
{
	struct message closed = { .type = MESSAGE_CLOSED, .connection = m->m.connection };
	int r;

	if (!m->m.connection) {
		close_fd(fd);
		return -EPROTO;
	}
	r = connection_new(gate, fd, m->m.connection);
	if (r < 0 && r != -EEXIST)
		return gate_send(gate, &closed, sizeof(closed), NULL, 0);
	return r;
}

static int on_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	struct gate *gate = userdata;

	(void)peer;
	switch (m->type) {
	case MESSAGE_CONNECTION:
		return on_connection(gate, (const void *)m, take_fd(fds[0]));
	case MESSAGE_ENDED: {
		const struct message_ended *ended = (const void *)m;

		stream_ended(gate, ended->id, ended->reason);
		return 0;
	}
	default:
		return reply_record(gate, m, fds, n_fds);
	}
}

static void on_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct gate *gate = userdata;

	(void)peer;
	process_log(LOG_NOTICE, "the connection to the warden is over: %s", reason);
	(void)sd_event_exit(gate->event, 0);
}

int gate_send(struct gate *gate, struct message *m, size_t size, const int *fds, size_t n_fds)
{
	int r;

	if (!gate->warden)
		return -EPIPE;
	r = peer_send(gate->warden, m, size, fds, n_fds);
	if (r < 0) {
		process_log(LOG_ERR, "cannot send %s to the warden: %s", message_name(m->type), strerror(-r));
		(void)sd_event_exit(gate->event, 0);
	}
	return r;
}

static int on_reaper(sd_event_source *source, void *userdata)
{
	(void)source;
	connection_free_dead(userdata);
	return 0;
}

struct gate *gate_free(struct gate *gate)
{
	if (!gate)
		return NULL;
	/* First, so that no CLOSED is sent for connections that end only because the gate does. */
	gate->warden = peer_free(gate->warden);
	connection_free_all(gate);
	sd_event_source_disable_unref(gate->tick);
	sd_event_source_disable_unref(gate->reaper);
	sd_event_unref(gate->event);
	free(gate->scratch);
	free(gate);
	return NULL;
}

static int prepare(sd_event *event, struct gate **ret)
{
	_cleanup_(gate_free_p) struct gate *gate = calloc(1, sizeof(*gate));
	int r;

	if (!gate)
		return -ENOMEM;
	gate->event = sd_event_ref(event);
	gate->scratch = malloc(VARLINK_FRAME_MAX + 1);
	if (!gate->scratch)
		return -ENOMEM;
	r = sd_event_add_defer(event, &gate->reaper, on_reaper, gate);
	if (r >= 0)
		r = sd_event_source_set_enabled(gate->reaper, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = take_ptr(gate);
	return 0;
}

static struct peer_options options_for(struct gate *gate, uid_t warden_uid)
{
	return (struct peer_options){ .self = SIDE_GATE,
				      .other = SIDE_WARDEN,
				      .record = on_record,
				      .closed = on_closed,
				      .userdata = gate,
				      .uid = warden_uid };
}

int gate_new(sd_event *event, int fd, uid_t warden_uid, struct gate **ret)
{
	_cleanup_(gate_free_p) struct gate *gate = NULL;
	_cleanup_close_ int owned = fd;
	struct peer_options options;
	int r;

	r = prepare(event, &gate);
	if (r < 0)
		return r;
	options = options_for(gate, warden_uid);
	r = peer_new(event, take_fd(owned), false, &options, &gate->warden);
	if (r < 0)
		return r;
	*ret = take_ptr(gate);
	return 0;
}

int gate_new_connect(sd_event *event, const char *path, uid_t warden_uid, struct gate **ret)
{
	_cleanup_(gate_free_p) struct gate *gate = NULL;
	struct peer_options options;
	int r;

	r = prepare(event, &gate);
	if (r < 0)
		return r;
	options = options_for(gate, warden_uid);
	r = peer_connect(event, path, &options, &gate->warden);
	if (r < 0)
		return r;
	*ret = take_ptr(gate);
	return 0;
}
