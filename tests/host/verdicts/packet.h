/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 1024

/* The next packet of a sequence that the state alone decides: with an Ethernet header, whole or damaged.
 * Returns its length, which is at least 15. */
size_t packet_next(uint64_t *state, uint8_t packet[PACKET_MAX]);
