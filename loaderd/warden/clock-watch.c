/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Notices that somebody has set the clock: more may have expired, a machine without a clock of
 * its own finds everything not yet valid until it has asked the network for the time, and time windows of the
 * policy may have opened or closed. timerfd_create(2),
 * TFD_TIMER_CANCEL_ON_SET.
 */
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>

#include "loaderd/warden/warden.h"

#define FAR_AWAY (1LL << 40) /* seconds: the timer itself never fires */

static int arm(int fd)
{
	const struct itimerspec never = { .it_value = { .tv_sec = FAR_AWAY } };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0 ? -errno
												  : 0;
}

static int on_set(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct warden *w = userdata;
	uint64_t expirations;

	(void)source;
	(void)revents;
	if (read(fd, &expirations, sizeof(expirations)) >= 0 || errno != ECANCELED)
		return 0;
	process_log(5, "the clock was set: everything is verified and decided again");
	known_time_clock_set(w);
	verification_request(userdata, CAUSE_TIME);
	if (policy_next_change(w->policy, minute_of_week(now_realtime())) != UINT32_MAX)
		redecide_now(w);
	(void)arm(fd);
	return 0;
}

void clock_watch_start(struct warden *w)
{
	_cleanup_close_ int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	sd_event_source *source = NULL;
	int r;

	r = fd < 0 ? -errno : arm(fd);
	if (r >= 0)
		r = sd_event_add_io(w->event, &source, fd, EPOLLIN, on_set, w);
	if (r < 0) {
		process_log(4, "changes of the clock are noticed at SIGHUP only: %s", strerror(-r));
		return;
	}
	(void)sd_event_source_set_io_fd_own(source, true);
	(void)take_fd(fd);
	(void)sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
}
