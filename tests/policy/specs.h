/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The bundles and signers of the tests of policy. */
#include "format/message.h"
#include "format/spec.h"

/*
 * tcp.state: looks on; version 1.4.2; safe labels, events with bound and personal fields; parameters
 * threshold (1 to 100000, 5000), names (all, folded, none; all) and every (1 to 64, 1).
 * net.shape: filters packets, with a helper that has no name; version 2.0; bound labels, no events, no
 * parameters. proc.mixed: its variant 0 looks on from two hooks, its variant 1 decides as LSM does;
 * version 1.9; events with personal fields, no aggregates; parameters every (1 to 9, 3) and names (all, none;
 * none).
 */
extern struct spec spec_looks_on, spec_shapes, spec_mixed;

/* Alice's key is 64 times 'a' and her subject "CN=Alice A,O=Shop"; Bob's 'b', "CN=Bob". */
extern const struct message_signer spec_signers[2];

/* To be called before any of them is used. */
void specs_fill(void);
