/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * From the warden's rows to replies. Nothing that the warden sends is trusted to be printable or in range.
 */
#include "loaderd/gate/connection.h"

/* One record that names a connection and a call; those of clients that are gone are dropped. -EPROTO: not an
 * answer to this call. Descriptors that are kept are taken out of fds. */
int reply_record(struct gate *gate, const struct message *m, int *fds, size_t n_fds);

/* Sends what was appended to c->output from byte `start` on, or forgets it if the call is oneway; with `last`
 * the call is then done. The connection may be closed afterwards. */
void reply_send(struct connection *c, size_t start, bool last);

/* Answers the call with a refusal, or an error of org.varlink.service, and ends it. */
void reply_refuse(struct connection *c, const struct refusal *refusal);
void reply_error(struct connection *c, const char *error, const char *key, const char *value);
