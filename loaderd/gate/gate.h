/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The gate: clients' connections on one side, the warden on the other. It parses every client byte and has
 * nothing that a client could want: no capability, no file, no secret.
 */
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "loaderd/peer.h"

struct gate;
struct connection;
struct stream;

#define GATE_BUCKETS 1024 /* of the table of connections, by number */

struct gate {
	sd_event *event;
	struct peer *warden;
	struct connection *connections[GATE_BUCKETS];
	struct connection *dead; /* closed, freed by `reaper` when nobody's stack holds them any more */
	sd_event_source *reaper;
	struct stream *streams;
	sd_event_source *tick; /* looks after the rings; armed only while somebody watches */
	uint64_t last_call;
	char *scratch; /* one read of a client, VARLINK_FRAME_MAX + 1 bytes */
};

/* A gate on this loop whose warden is at the other end of the connected socket fd (taken also on failure).
 * The loop ends, with exit code 0, when the warden's connection does. */
int gate_new(sd_event *event, int fd, uid_t warden_uid, struct gate **ret);

/* The same, connecting to the socket at path. */
int gate_new_connect(sd_event *event, const char *path, uid_t warden_uid, struct gate **ret);
struct gate *gate_free(struct gate *gate);
DEFINE_CLEANUP(struct gate *, gate_free)

/* Sends a record to the warden for a connection. What cannot be delivered ends the gate, as the connection to
 * the warden is then over. */
int gate_send(struct gate *gate, struct message *m, size_t size, const int *fds, size_t n_fds);
