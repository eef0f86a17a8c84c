/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * What the files of perform.h share: from a call's parameters into a record's members. False, or the name of
 * a parameter: it does not fit.
 */
#include "loaderd/gate/perform.h"

/* Copies a text that fits its array and that the warden will find printable; NULL is the empty one. */
bool put_text(char *array, size_t size, const char *text);
#define PUT_TEXT(array, text) put_text((array), sizeof(array), (text))

bool put_u64(uint64_t *to, const struct varlink_int *from);

/* The id of an attachment as replies print it. */
bool put_id(uint64_t *to, const char *text);

/* 64 digits, of either case: what openssl and sha256sum print. */
bool put_digest(uint8_t to[DIGEST_SIZE], const char *text);

/* What Attach and Explain are both asked: everything but the duration and what is to be done about it. */
const char *put_attach(struct message_attach *m, const struct method_input *in);

/* Numbers the call and sends it. Always NULL. */
const char *send_call(struct connection *c, struct message *m, size_t size, const struct method_input *in);
#define SEND_CALL(c, record, in) send_call((c), &(record)->m, sizeof(*(record)), (in))
const char *send_plain(struct connection *c, enum message_type type, const struct method_input *in);
