/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * Notices changes of the trust directories, whether they are there or not: each component of their paths is
 * watched for the next one. A change counts once the writes have settled; then everything is verified again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct warden;

#define TRUST_WATCHES_MAX 64 /* components of the three paths together */

struct trust_watch {
	int inotify; /* -EBADF: changes are noticed at SIGHUP only */
	sd_event_source *io, *settle;
	uint64_t first; /* CLOCK_MONOTONIC us of the first change that has not been acted on; 0: none */
	size_t n;
	struct {
		int wd;
		const char *next; /* in the path; empty: this is the trust directory itself */
		size_t size;
	} row[TRUST_WATCHES_MAX];
};

/* From now on, also if it had failed before; best effort. */
void trust_watch_start(struct warden *w);
void trust_watch_stop(struct warden *w);
