/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/trust-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "loaderd/warden/warden.h"

/* Of a path's component: the next one comes or goes. */
#define MASK_WAY (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)
/* Of a trust directory: any file in it, and who may write it. */
#define MASK_FILES (MASK_WAY | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

static const char *const directories[] = { PATH_TRUST_ETC, PATH_TRUST_RUN, PATH_TRUST_LIB };

static void add_row(struct trust_watch *t, const char *path, const char *next)
{
	/* One inode may be on several ways: its masks add up. Links are not followed, as trust is not read
	 * over any. */
	int wd = inotify_add_watch(t->inotify, path,
				   (*next ? MASK_WAY : MASK_FILES) | IN_MASK_ADD | IN_ONLYDIR |
					   IN_DONT_FOLLOW);

	if (wd < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			process_log(4, "%s cannot be watched: %s; SIGHUP makes its changes known", path,
				    strerror(errno));
		return;
	}
	if (t->n == TRUST_WATCHES_MAX)
		return;
	t->row[t->n].wd = wd;
	t->row[t->n].next = next;
	t->row[t->n++].size = strcspn(next, "/");
}

/* "/", "/etc", "/etc/bpfwarden", "/etc/bpfwarden/trust", as far as they are there. */
static void add_way(struct trust_watch *t, const char *path)
{
	char part[PATH_MAX] = "/";
	const char *next = path + strspn(path, "/");

	while (*next) {
		size_t size = strcspn(next, "/");

		add_row(t, part, next);
		next += size;
		if ((size_t)snprintf(part, sizeof(part), "%.*s", (int)(next - path), path) >= sizeof(part))
			return;
		next += strspn(next, "/");
	}
	add_row(t, part, next);
}

static bool concerns(const struct trust_watch *t, const struct inotify_event *e)
{
	if (e->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
		return true;
	for (size_t i = 0; i < t->n; i++)
		if (t->row[i].wd == e->wd &&
		    (!*t->row[i].next || (e->len && strlen(e->name) == t->row[i].size &&
					  !strncmp(e->name, t->row[i].next, t->row[i].size))))
			return true;
	return false;
}

static bool read_events(struct trust_watch *t)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t n;

	while ((n = read(t->inotify, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e =
				(const struct inotify_event *)(const void *)(buffer + at);

			any = any || concerns(t, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	return any;
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct warden *w = userdata;

	(void)source;
	(void)usec;
	w->trust_watch.first = 0;
	/* The way there may be another one now. What changes from here on is noticed by the new watches; what
	 * changed before is seen by what starts now. */
	trust_watch_start(w);
	verification_request(w, CAUSE_TRUST);
	return 0;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct warden *w = userdata;
	struct trust_watch *t = &w->trust_watch;
	uint64_t now, due;

	(void)source;
	(void)fd;
	(void)revents;
	if (!read_events(t) || sd_event_now(w->event, CLOCK_MONOTONIC, &now) < 0)
		return 0;
	if (!t->first)
		t->first = now;
	due = now + TRUST_SETTLE * 1000ULL;
	if (due > t->first + TRUST_SETTLE_MAX * 1000ULL)
		due = t->first + TRUST_SETTLE_MAX * 1000ULL;
	t->settle = sd_event_source_disable_unref(t->settle);
	if (sd_event_add_time(w->event, &t->settle, CLOCK_MONOTONIC, due, 1000, on_settled, w) < 0)
		verification_request(w, CAUSE_TRUST);
	return 0;
}

static void disarm(struct trust_watch *t)
{
	t->io = sd_event_source_disable_unref(t->io);
	t->inotify = close_fd(t->inotify);
	t->n = 0;
}

/* A new inotify descriptor each time: that forgets all watches, also those of inodes that have gone. If there
 * is none to be had, the old one goes on to notice what it can. */
static int arm(struct warden *w)
{
	struct trust_watch *t = &w->trust_watch;
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	sd_event_source *io = NULL;
	int r;

	if (fd < 0)
		return -errno;
	r = sd_event_add_io(w->event, &io, fd, EPOLLIN, on_events, w);
	if (r < 0)
		return r;
	disarm(t);
	t->io = io;
	t->inotify = take_fd(fd);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		add_way(t, directories[i]);
	return 0;
}

void trust_watch_start(struct warden *w)
{
	int r = arm(w);

	if (r < 0)
		process_log(4, "changes of trust may be noticed at the next SIGHUP only: %s", strerror(-r));
}

void trust_watch_stop(struct warden *w)
{
	w->trust_watch.settle = sd_event_source_disable_unref(w->trust_watch.settle);
	disarm(&w->trust_watch);
}
