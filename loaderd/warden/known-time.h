/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * The latest real time that is known: the greatest that the log has seen, moved on by the clock that nobody
 * can set. What had expired by it stays expired when somebody turns the clock back. docs/SECURITY.md says
 * what it holds against, and how an administrator takes it back after a mistake.
 */
#include <stdbool.h>
#include <stdint.h>

struct connection;
struct warden;

/* All in ns: CLOCK_REALTIME at a moment of CLOCK_BOOTTIME. */
struct known_time {
	uint64_t real, boottime;
};

/* What is known at a moment at which the clock says real: never less than before. */
uint64_t known_time_at(struct known_time *known, uint64_t real, uint64_t boottime);
/* By how much the clock was set since `seen`, in ns; seen becomes the present moment. */
int64_t known_time_jump(struct known_time *seen, uint64_t real, uint64_t boottime);

/* What the log knows; before the first record of a run. Says in the log if the clock is behind it. */
int known_time_read(struct warden *w);
uint64_t known_time(struct warden *w);
/* Somebody has set the clock: records it if it was by more than CLOCK_SET_MIN. */
void known_time_clock_set(struct warden *w);
/* What the clock says is the latest time that is known, because somebody says so. */
void known_time_accept(struct warden *w, struct connection *by);
