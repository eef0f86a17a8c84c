/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Changes a slot in several arrays of maps at once. After each change of such an array the kernel waits for an
 * RCU grace period (maybe_wait_bpf_programs(), 8 to 30 ms), so that no program that still runs uses what was
 * there. Changes that are made at the same time wait for the same one.
 */
#include <stddef.h>
#include <stdint.h>

struct slot_change {
	int outer; /* an array of maps */
	int inner; /* descriptor of the map that the slot gets; -EBADF: it gets none */
	int error; /* 0 or -errno: the outcome */
};

/* Makes n changes to the same slot, each by a thread of its own if one can be had. When this returns every
 * grace period is over and no thread is left. Returns the first error, or 0. */
int slot_change(uint32_t slot, struct slot_change *changes, size_t n);
