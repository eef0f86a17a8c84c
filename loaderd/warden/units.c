/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Follows units over restarts: a restarted unit has another cgroup, and the kernel filters by cgroup. While
 * some attachment's target is a unit, creations and removals of cgroups below the slices are watched.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "loaderd/warden/warden.h"

#define LOOK_AGAIN_US (1000 * 1000) /* while a unit is missing, or where one comes back cannot be watched */

static bool on_retargeted(struct order *order, const struct message *m, int *fds, size_t n_fds)
{
	struct attached *at = attached_find(order->w, order->number);

	(void)fds;
	(void)n_fds;
	if (m && !((const struct message_refusal *)(const void *)m)->refusal.code)
		return true;
	/* It is under no key that we know of: the next look tries again. */
	if (at)
		at->a.key.id = 0;
	if (m)
		process_log(4, "a unit could not be followed: %s",
			    ((const struct message_refusal *)(const void *)m)->refusal.reason);
	return true;
}

static void retarget(struct attached *at, const struct bw_key *key, uint32_t level)
{
	struct message_retarget m = {
		.m = { .type = MESSAGE_RETARGET }, .id = at->a.id, .key = *key, .key_level = level
	};
	struct order *order = order_new(at->w, SIDE_LOADER, on_retargeted, NULL);

	if (!order)
		return;
	order->number = at->a.id;
	at->a.key = *key;
	at->a.key_level = level;
	(void)order_send(order, &m.m, sizeof(m), NULL, 0);
}

/* An attachment before this one with the same unit, which has been looked for in this turn already. */
static const struct attached *looked_before(const struct warden *w, const struct attached *at)
{
	for (const struct attached *o = w->attached; o != at; o = o->next)
		if (o->a.target_kind == TARGET_UNIT && !o->ending && !strcmp(o->a.target, at->a.target))
			return o;
	return NULL;
}

/* Looks where the units are now, once for each; false if one of them is nowhere. */
static bool look(struct warden *w)
{
	bool all = true;

	for (struct attached *at = w->attached; at; at = at->next) {
		const struct attached *before;
		struct bw_key key;
		uint32_t level;

		if (at->a.target_kind != TARGET_UNIT || at->ending)
			continue;
		before = looked_before(w, at);
		if (before) {
			key = before->a.key;
			level = before->a.key_level;
		} else {
			target_find_unit(at->a.target, &key, &level);
		}
		if (key.id != at->a.key.id && level < BW_CGROUP_LEVELS_MAX)
			retarget(at, &key, level);
		all = all && key.id;
	}
	return all;
}

/* Every slice in which a unit is looked for, so that it is found wherever it comes back. Watching one twice
 * changes nothing. False if one could not be watched. */
static bool watch(struct warden *w, const char *path, int depth)
{
	struct dirent *entry;
	bool all = true;
	DIR *dir;

	if (inotify_add_watch(w->unit_inotify, path, IN_CREATE | IN_DELETE | IN_ONLYDIR) < 0)
		return errno == ENOENT; /* it has just gone */
	if (depth == TARGET_SLICE_DEPTH_MAX)
		return true;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT;
	while ((entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		char sub[PATH_MAX];

		if (entry->d_type != DT_DIR || n < 7 || strcmp(entry->d_name + n - 6, ".slice"))
			continue;
		if ((size_t)snprintf(sub, sizeof(sub), "%s/%s", path, entry->d_name) >= sizeof(sub) ||
		    !watch(w, sub, depth + 1))
			all = false;
	}
	closedir(dir);
	return all;
}

static int on_cgroup_change(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	char events[4096];

	(void)source;
	(void)revents;
	while (read(fd, events, sizeof(events)) > 0)
		;
	units_changed(userdata);
	return 0;
}

static int on_look_again(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	units_changed(userdata);
	return 0;
}

static bool have_units(struct warden *w)
{
	for (struct attached *at = w->attached; at; at = at->next)
		if (at->a.target_kind == TARGET_UNIT)
			return true;
	return false;
}

static int start_watching(struct warden *w)
{
	int r;

	if (w->unit_watch)
		return 0;
	w->unit_inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->unit_inotify < 0)
		return -errno;
	r = sd_event_add_io(w->event, &w->unit_watch, w->unit_inotify, EPOLLIN, on_cgroup_change, w);
	if (r < 0)
		w->unit_inotify = close_fd(w->unit_inotify);
	return r;
}

static void stop_watching(struct warden *w)
{
	w->unit_watch = sd_event_source_disable_unref(w->unit_watch);
	w->unit_inotify = close_fd(w->unit_inotify);
	w->unit_timer = sd_event_source_disable_unref(w->unit_timer);
}

void units_changed(struct warden *w)
{
	const char *root = target_cgroup_root();
	bool watched;

	if (!have_units(w) || !root) {
		stop_watching(w);
		return;
	}
	watched = start_watching(w) >= 0 && watch(w, root, 0);
	if (!watched && !w->unit_timer)
		process_log(4, "cannot watch all slices: units are looked for once a second");
	w->unit_timer = sd_event_source_disable_unref(w->unit_timer);
	if (!look(w) || !watched)
		(void)sd_event_add_time_relative(w->event, &w->unit_timer, CLOCK_MONOTONIC, LOOK_AGAIN_US, 0,
						 on_look_again, w);
}
