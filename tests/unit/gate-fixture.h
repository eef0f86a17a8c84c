/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * A gate between clients and a warden that are both the test: real sockets, real records, one thread. Nothing
 * waits for time: every step runs the loop until what it wants is there, and fails the test after 20 s.
 */
#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

#include "format/message.h"
#include "loaderd/gate/gate.h"
#include "loaderd/peer.h"

#define RECORDS_MAX    64
#define RECORD_FDS_MAX 8 /* of a record that the test looks at */

struct record {
	union {
		struct message m;
		struct message_bundle bundle;
		struct message_revoke revoke;
		struct message_attach attach;
		struct message_attachment_id id;
		struct message_status status;
		struct message_enroll enroll;
		struct message_flags flags;
		struct message_explain explain;
		struct message_policy_text policy_text;
		struct message_audit_query query;
		struct message_audit_checkpoints checkpoints;
		struct message_audit_prove prove;
		struct message_audit_text audit_text;
	};
	size_t n_fds;
	int fds[RECORD_FDS_MAX];
};

struct fixture {
	sd_event *event;
	struct gate *gate;
	struct peer *warden;
	struct record records[RECORDS_MAX];
	size_t first, n;
	uint64_t last_connection;
	bool warden_closed; /* the gate broke off, or we did */
};

struct client {
	struct fixture *f;
	int fd;
	uint64_t number;
	char *bytes;
	size_t size, capacity;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

struct client client_new(struct fixture *f);
void client_free(struct client *c);
void client_send(struct client *c, const void *bytes, size_t size);
void client_send_fds(struct client *c, const void *bytes, size_t size, const int *fds, size_t n_fds);
/* A call as text without its NUL. */
void client_call(struct client *c, const char *call);

/* The next reply; the caller frees. */
json_t *client_reply(struct client *c);
/* The next reply is this, as text without its NUL. */
void client_expect(struct client *c, const char *reply);
/* Reads what is there now without running the loop; false once the gate has closed. */
bool client_read(struct client *c);
void client_expect_closed(struct client *c);

/* The next record of the gate to the warden. */
struct record *warden_record(struct fixture *f, uint32_t type);
void warden_answer(struct fixture *f, const struct record *to, struct message *m, size_t size, const int *fds,
		   size_t n_fds);
#define WARDEN_ANSWER(f, to, record) warden_answer((f), (to), &(record)->m, sizeof(*(record)), NULL, 0)
void warden_end(struct fixture *f, const struct record *to);

/* One turn of the loop. */
void fixture_run(struct fixture *f);
size_t count_fds(void);
