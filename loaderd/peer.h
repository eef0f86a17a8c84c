/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One connection between two processes of the daemon: SOCK_SEQPACKET records of format/message.h on an
 * sd-event loop. Both ends check the other's uid: the accepting side by SO_PEERCRED, the connecting side by
 * the SCM_CREDENTIALS of the HELLO that the other sends first (a listening socket made by the service
 * manager shows uid 0 in SO_PEERCRED). A record that does not fit its row of the table ends the connection.
 */
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "format/message.h"

struct peer;

/* One record. Descriptors that the handler wants to keep it takes with take_fd(); the others are closed when
 * it returns. A negative result ends the connection as a protocol violation does. */
typedef int (*peer_record_fn)(struct peer *peer, const struct message *m, int *fds, size_t n_fds,
			      void *userdata);

/* The connection is over (end of file, error or violation: reason says which). The peer is still valid and
 * is to be freed by its owner, in this call or later. */
typedef void (*peer_closed_fn)(struct peer *peer, const char *reason, void *userdata);

struct peer_options {
	enum message_side self, other;
	peer_record_fn record;
	peer_closed_fn closed;
	void *userdata;
	uid_t uid; /* the other process's user */
};

/* Takes a connected socket (also when it fails). accepted: check SO_PEERCRED at once and greet with HELLO;
 * otherwise the first record must be a HELLO whose credentials show options->uid. */
int peer_new(sd_event *event, int fd, bool accepted, const struct peer_options *options, struct peer **ret);

/* Connects to the listening socket at path; blocks until the listener's queue takes it. */
int peer_connect(sd_event *event, const char *path, const struct peer_options *options, struct peer **ret);

/* Sends one record; m->size need not be set except for message_text. Descriptors are not taken. What the
 * socket does not take now is queued (with duplicated descriptors) up to 64 MiB; -ENOBUFS above. */
int peer_send(struct peer *peer, struct message *m, size_t size, const int *fds, size_t n_fds);
#define PEER_SEND(peer, record, fds, n_fds) peer_send((peer), &(record)->m, sizeof(*(record)), (fds), (n_fds))

/* Reads and handles what is there now, without waiting: for a connection whose records must be seen before
 * another's. */
int peer_drain(struct peer *peer);

/* Bytes that wait in the queue: streams of rows pause above a bound. */
size_t peer_queued(const struct peer *peer);

/* Closes and frees; NULL is fine. Returns NULL. */
struct peer *peer_free(struct peer *peer);
DEFINE_CLEANUP(struct peer *, peer_free)
