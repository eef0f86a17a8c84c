/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Disk space set aside for what must be recorded when there is no more: a file of AUDIT_RESERVE_SIZE in the
 * log's directory, removed once a write fails for lack of space or quota, and made again when there is room.
 * While it is gone nothing new may be allowed, but what ends, is refused or fails still finds its place.
 */
#include <stdbool.h>
#include <stdint.h>

#include "audit/store/directory.h"

#define RESERVE_FILE "reserve"

struct reserve {
	bool held;
	int error;      /* errno: why it is not held */
	uint64_t again; /* µs of CLOCK_MONOTONIC: when to try to make it again */
};

/* Whether it was left from before. */
void reserve_find(struct reserve *reserve, const struct directory *directory);

/* Makes it, or finds it made. Whatever the reason why it cannot be, the log goes on without. */
void reserve_take(struct reserve *reserve, const struct directory *directory, uint64_t now);

/* Gives the space back, because of this error; false: there was none to give. */
bool reserve_give_up(struct reserve *reserve, const struct directory *directory, int error, uint64_t now);

/* Makes it again if it is gone, the time has come, and there is twice as much room, so that the next few
 * records do not take it away at once. */
void reserve_look(struct reserve *reserve, const struct directory *directory, uint64_t now);

/* What comes of writing a little to this disk: 0, or errno. */
int reserve_disk_error(const struct directory *directory);

/* Whether a call failed for want of space. */
bool reserve_is_want(int error);
