/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Changes a slot in several arrays of maps. Inside each such change, after it has taken effect, the kernel
 * waits for an RCU grace period (maybe_wait_bpf_programs(), 8 to 30 ms) so that no program that still runs
 * uses what was there before. Changes that are made by threads at the same time wait for the same one; and
 * where nothing was there before, nobody need wait at all.
 */
#include <stddef.h>
#include <stdint.h>

struct slot_change {
	int outer; /* an array of maps */
	int inner; /* the map that the slot gets; slot_clear() does not look at it */
};

/* Gives an empty slot its maps. When this returns they can be looked up; the grace periods go on in threads,
 * which hold no descriptor of the caller's. Returns 0 or -errno of one that failed. */
int slot_fill(uint32_t slot, const struct slot_change *changes, size_t n);

/* Empties a slot. When this returns no program uses the maps that it had. */
void slot_clear(uint32_t slot, const struct slot_change *changes, size_t n);
