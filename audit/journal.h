/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Copies of records for journald, by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL) on a
 * socket of our own that never blocks. sd_journal_sendv() will not do for a process of one thread: it waits
 * while journald's queue is full, and reports success when there is no journald (systemd 252,
 * src/libsystemd/sd-journal/journal-send.c), so nothing could ever be sent again later.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cleanup.h"

struct journal;

/* A sender to this socket, which need not exist yet; NULL: one that refuses everything. */
int journal_new(const char *path, struct journal **ret);
struct journal *journal_free(struct journal *journal);
DEFINE_CLEANUP(struct journal *, journal_free)

/* Sends one record without waiting. Every error means "later": -EAGAIN, the queue is full; -ENOENT and
 * -ECONNREFUSED, nobody is there. json is the parsed form of bytes. */
int journal_send(struct journal *journal, json_t *json, const char *bytes, size_t size);

/* The same for a checkpoint, a signed note over size leaves, the last of which is record head. */
int journal_send_checkpoint(struct journal *journal, const char *note, uint64_t size, uint64_t head);
