/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The Varlink wire protocol (https://varlink.org/Method-Call): one JSON object and a NUL a message. Calls are
 * read strictly, because any local user may send them; replies are written, and read for the client's side.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/refusal.h"
#include "format/json.h"

#define VARLINK_METHOD_NAME_MAX 256

/* Parses one JSON object strictly: size ≤ max, depth ≤ VARLINK_DEPTH_MAX before jansson sees it, well-formed
 * UTF-8, no duplicate keys, no \u0000, numbers within int64 and double. -EBADMSG: it is not that; -ENOMEM.
 * The caller owns *ret. */
int varlink_json_parse(const char *bytes, size_t size, size_t max, json_t **ret);

/* A call. Everything borrows from root; varlink_call_clear() frees. */
struct varlink_call {
	json_t *root;
	json_t *parameters; /* an object; an empty one if the call has none */
	const char *method; /* "io.bpfwarden.Probe.List" */
	bool more, oneway, upgrade;
};

/* Parses a frame without its NUL, at most VARLINK_FRAME_MAX bytes. -EBADMSG: not a call, end the connection.
 */
int varlink_call_parse(const char *frame, size_t size, struct varlink_call *ret);
void varlink_call_clear(struct varlink_call *call);

/* One declared parameter, and where in the method's struct its value goes. */
enum varlink_type {
	VARLINK_STRING, /* const char *, borrowed from the call */
	VARLINK_INT,    /* struct varlink_int */
	VARLINK_BOOL,   /* bool */
	VARLINK_OBJECT, /* json_t *, borrowed */
	VARLINK_ARRAY,  /* json_t *, borrowed */
};
struct varlink_int {
	bool present;
	int64_t value;
};
struct varlink_field {
	const char *name;
	enum varlink_type type;
	bool required;
	size_t offset;
};

/* Fills the zeroed struct at `into`. Missing optional parameters and null stay zero. False for a missing
 * required one, a wrong type or an unknown member; its name, cut and printable, is then in bad. */
bool varlink_parameters(const json_t *parameters, const struct varlink_field *fields, size_t n_fields,
			void *into, char *bad, size_t bad_size);

/* Writing, each with its terminating NUL. A reply is `begin`, members or nothing, `end`. */
void varlink_reply_begin(struct json_text *t);
void varlink_reply_end(struct json_text *t, bool continues);
void varlink_write_error(struct json_text *t, const char *error, const char *key, const char *value);
void varlink_write_refusal(struct json_text *t, const struct refusal *refusal);

/* The client's side: writes a call (parameters may be NULL); -ENOMEM. */
#define VARLINK_CALL_MORE   1U
#define VARLINK_CALL_ONEWAY 2U
int varlink_write_call(struct json_text *t, const char *method, const json_t *parameters, unsigned int flags);

/* A reply, read by a client: error is NULL for success. */
struct varlink_reply {
	json_t *root;
	json_t *parameters; /* an object */
	const char *error;
	bool continues;
};

/* Parses a reply without its NUL of at most max bytes. -EBADMSG: not a reply. */
int varlink_reply_parse(const char *frame, size_t size, size_t max, struct varlink_reply *ret);
void varlink_reply_clear(struct varlink_reply *reply);

/* Turns an error reply into the refusal that varlink_write_refusal() wrote; false if it is another error. */
bool varlink_reply_refusal(const struct varlink_reply *reply, struct refusal *ret);
