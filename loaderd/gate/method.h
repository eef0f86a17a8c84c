/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The methods, as rows of one table: what they take, which message carries them to the warden, and how the
 * rows that come back become replies.
 */
#include "format/varlink.h"
#include "format/message.h"
#include "loaderd/gate/gate.h"

enum reply_kind {
	REPLY_LOCAL,  /* answered by the gate itself */
	REPLY_EMPTY,  /* one reply without members */
	REPLY_ONE,    /* one reply with the members of the rows */
	REPLY_ROWS,   /* a reply a row, and a last one without */
	REPLY_READ,   /* one reply with everything that is known of an attachment */
	REPLY_STREAM, /* events until the attachment ends */
};

struct method_input;

struct method {
	const char *name;
	enum reply_kind reply;
	bool takes_fds;
	const struct varlink_field *fields;
	size_t n_fields;
	enum message_type row; /* of the rows that answer it, if there are any */
	bool (*write_row)(struct json_text *t, const struct message *m);
	/* Sends the message, or answers. Returns NULL or the name of the parameter that is wrong. */
	const char *(*perform)(struct connection *c, const struct method_input *in);
};

/* True for methods that may only be called with `more`. */
bool method_streams(const struct method *method);

/* True for Run: its attachment is made by this very call. */
bool method_is_run(const struct method *method);

/* Handles one frame without its NUL. Returns -EBADMSG if the connection is to be closed: a malformed call, or
 * descriptors where there may be none. The caller closes the descriptors. */
int method_call(struct connection *c, const char *frame, size_t size, const int *fds, size_t n_fds);
