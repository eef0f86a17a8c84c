/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The first of the loader's two yeses: what the parser says about manifests, over a connection that the
 * warden has no part in. A bounded number is kept, the oldest goes first; none is believed for longer than it
 * says itself, so that a warden that is owned cannot live on what was said before trust changed. Where one is
 * missing, the warden asks the parser again.
 */
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "format/message.h"

struct verdicts;

/* Listens for the parser on an inherited socket, which it takes. */
int verdicts_new(sd_event *event, int listener, struct verdicts **ret);
struct verdicts *verdicts_free(struct verdicts *verdicts);

/* Reads what has arrived, without waiting. */
void verdicts_drain(struct verdicts *verdicts);

/* The verdict on the manifest with this SHA-256; NULL if the parser gave none that still holds. */
const struct message_verdict *verdicts_find(const struct verdicts *verdicts,
					    const uint8_t digest[DIGEST_SIZE]);
