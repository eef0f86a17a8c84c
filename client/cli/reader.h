/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Read on a connection of its own, without waiting, while a stream occupies the other.
 */
#include "client/cli/cli.h"

struct reader {
	struct bpfwarden *connection; /* NULL: none */
	bool pending;                 /* a reply is due */
};

/* Asks. 0 or -errno. */
int reader_start(struct reader *reader, const char *id);

/* To poll for POLLIN; negative: nothing is pending. */
int reader_fd(const struct reader *reader);

/* 1: *ret is the answer, printable, and the caller's; 0: not yet; -EREMOTEIO: refused; other -errno. After an
 * error nothing is pending and the next reader_start() connects again. */
int reader_finish(struct reader *reader, json_t **ret);

/* Forgets the pending request and closes. */
void reader_clear(struct reader *reader);
