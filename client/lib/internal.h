/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the library's files share. A Varlink message is one JSON object and a NUL
 * (https://varlink.org/Protocol).
 */
#include <jansson.h>
#include <stdint.h>

#include "client/lib/bpfwarden.h"
#include "common/cleanup.h"

DEFINE_CLEANUP(struct bpfwarden *, bpfwarden_disconnect)
DEFINE_CLEANUP(struct bpfwarden_reply *, bpfwarden_reply_free)
DEFINE_CLEANUP(struct bpfwarden_stream *, bpfwarden_stream_free)

static inline void json_decref_p(json_t **json)
{
	json_decref(*json);
}
#define _cleanup_json_ _cleanup_(json_decref_p)

struct bpfwarden_reply {
	json_t *root;      /* the whole message */
	json_t *members;   /* its parameters, an object; borrowed from root */
	char *parameters;  /* their text */
	const char *error; /* borrowed from root; NULL: success */
	enum bpfwarden_error code;
	bool continues;
	char reason[1024], subject[256]; /* printable copies */
};

/* CLOCK_MONOTONIC in milliseconds. */
uint64_t client_now(void);

/* bpfwarden_connect() that waits up to timeout milliseconds for room in the daemon's backlog; 0: -EAGAIN. */
int connection_open(const char *path, unsigned int timeout, struct bpfwarden **ret);

/* Parses one message of size bytes, NUL beyond them. 0, -ENOMEM or -EBADMSG. */
int reply_parse(const char *text, size_t size, struct bpfwarden_reply **ret);

/* Terminates the text of member key in the parameters and returns it; what follows it in the parameters is
 * lost. NULL: there is no such object. */
char *reply_member_text(struct bpfwarden_reply *reply, const char *key);

/* The parameters of Attach and Run; the caller frees. NULL and -errno in *ret_error: -EINVAL for options
 * without a probe or with parameters that are no object, -ENOMEM. */
char *options_to_json(const struct bpfwarden_options *options, int *ret_error);

/* {"attachment":"ID"}; NULL: out of memory or id not UTF-8. */
char *attachment_to_json(const char *id);
