/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/warden/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "loaderd/listen.h"
#include "loaderd/sandbox.h"

/* --- the door opens last ------------------------------------------------------------------------------ */

bool warden_knows(const struct warden *w)
{
	return w->reconciled && w->verification.complete;
}

static void open_door(struct warden *w)
{
	bool open = warden_knows(w);

	if (open)
		settle_registry(w);
	/* Not before what the bundles are is known, too: rules ask for it. */
	if (open && w->taken_over) {
		w->taken_over = false;
		attached_redecide_taken_over(w);
	}
	if (open && !w->ready) {
		w->ready = true;
		(void)sd_notify(0, "READY=1\nSTATUS=Ready");
	}
	connections_pause(w, !(w->ready && w->gate));
	if (open)
		verification_end_refused(w, NULL, w->verification.change);
}

static void on_reconciled(struct warden *w)
{
	open_door(w);
}

void warden_verified(struct warden *w)
{
	open_door(w);
}

/* --- peers -------------------------------------------------------------------------------------------- */

static int on_gate_record(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	(void)peer;
	return request_handle(userdata, m, fds, n_fds);
}

static int on_answer(struct peer *peer, const struct message *m, int *fds, size_t n_fds, void *userdata)
{
	struct warden *w = userdata;

	/* An answer that nobody waits for any more: the order has failed meanwhile. */
	(void)orders_answer(w, peer == w->parser ? SIDE_PARSER : SIDE_LOADER, m, fds, n_fds);
	return 0;
}

static void note_crash(struct warden *w, const char *process, const char *reason)
{
	char detail[128];
	struct act act = { .action = process, .detail = detail };

	snprintf(detail, sizeof(detail), "the %s is gone: %s", process, reason);
	process_log(4, "%s", detail);
	record_event(w, AUDIT_CRASH, &act);
}

static void on_gate_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct warden *w = userdata;

	(void)peer;
	w->gate = peer_free(w->gate);
	note_crash(w, "gate", reason);
	connections_close_all(w);
	open_door(w);
}

static void on_parser_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct warden *w = userdata;

	(void)peer;
	w->parser = peer_free(w->parser);
	note_crash(w, "parser", reason);
	orders_fail(w, SIDE_PARSER);
}

static void on_loader_closed(struct peer *peer, const char *reason, void *userdata)
{
	struct warden *w = userdata;

	(void)peer;
	w->loader = peer_free(w->loader);
	note_crash(w, "loader", reason);
	orders_fail(w, SIDE_LOADER);
}

static int welcome(struct warden *w, int fd, uid_t uid)
{
	struct peer_options options = { .self = SIDE_WARDEN, .userdata = w, .uid = uid };
	struct peer **slot;
	int r;

	if (uid == w->gate_uid) {
		options.other = SIDE_GATE;
		options.record = on_gate_record;
		options.closed = on_gate_closed;
		slot = &w->gate;
	} else if (uid == w->parser_uid) {
		options.other = SIDE_PARSER;
		options.record = on_answer;
		options.closed = on_parser_closed;
		slot = &w->parser;
	} else if (uid == w->loader_uid) {
		options.other = SIDE_LOADER;
		options.record = on_answer;
		options.closed = on_loader_closed;
		slot = &w->loader;
	} else {
		close_fd(fd);
		return -EPERM;
	}
	/* One of each: a second one while the first lives is none of ours. */
	if (*slot) {
		close_fd(fd);
		return -EBUSY;
	}
	r = peer_new(w->event, fd, true, &options, slot);
	if (r < 0)
		return r;
	if (slot == &w->loader)
		attached_reconcile(w, on_reconciled);
	if (slot == &w->parser)
		verification_request(w, CAUSE_START);
	open_door(w);
	return r;
}

static int on_peer(sd_event_source *source, int listener, uint32_t revents, void *userdata)
{
	struct ucred ucred;
	socklen_t size = sizeof(ucred);
	int fd, r = -EIO;

	(void)source;
	(void)revents;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ucred, &size) == 0)
		r = welcome(userdata, fd, ucred.uid);
	else
		close_fd(fd);
	if (r < 0)
		process_log(4, "refused a connection to the socket of the daemon's own processes: %s",
			    strerror(-r));
	return 0;
}

/* --- signals ------------------------------------------------------------------------------------------- */

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct warden *w = userdata;
	struct refusal refusal = { 0 };

	(void)source;
	(void)si;
	configuration_reload(w, NULL);
	(void)policy_reload(w, NULL, false, &refusal, NULL);
	trust_watch_start(w);
	verification_request(w, CAUSE_RELOAD);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct warden *w = userdata;
	struct act act = { .action = "stop" };

	(void)source;
	(void)si;
	record_event(w, AUDIT_STOP, &act);
	return sd_event_exit(w->event, 0);
}

/* --- start-up ----------------------------------------------------------------------------------------- */

static int open_audit(struct warden *w)
{
	struct audit_options options = AUDIT_OPTIONS_INIT;
	struct refusal refusal = { 0 };
	int r;

	options.directory = PATH_AUDIT;
	options.journal_socket = AUDIT_JOURNAL_SOCKET;
	options.published = PATH_CHECKPOINT;
	options.segment_size = w->configuration.audit_segment_size;
	options.keep = w->configuration.audit_keep;
	options.credentials = getenv("CREDENTIALS_DIRECTORY");
	if (mkdir(PATH_AUDIT, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = audit_open(&options, &w->audit, &refusal);
	if (r > 0) {
		process_log(2, "the audit log cannot be opened (%s): %s", refusal.subject, refusal.reason);
		r = -EIO;
	}
	if (r >= 0 && audit_begun_anew(w->audit))
		process_log(2, "the audit log cannot be continued and is begun anew: %s",
			    audit_begun_anew(w->audit));
	return r;
}

static int load_first_policy(struct warden *w)
{
	struct refusal refusal = { 0 };
	int r;

	/* Whatever is wrong with the files, a daemon that denies everything still answers and logs. */
	r = policy_deny_all(&w->policy);
	if (r >= 0)
		(void)policy_reload(w, NULL, false, &refusal, NULL);
	return r;
}

static int find_peers(struct warden *w)
{
	int r;

	r = process_uid(SIDE_GATE, &w->gate_uid);
	if (r >= 0)
		r = process_uid(SIDE_PARSER, &w->parser_uid);
	if (r >= 0)
		r = process_uid(SIDE_LOADER, &w->loader_uid);
	return r;
}

static int block_signals(struct warden *w)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(w->event, NULL, SIGHUP, on_reload, w);
	if (r >= 0)
		r = sd_event_add_signal(w->event, NULL, SIGTERM, on_stop, w);
	if (r >= 0)
		r = sd_event_add_signal(w->event, NULL, SIGINT, on_stop, w);
	return r;
}

static int startup(struct warden *w)
{
	struct act act = { .action = "start", .detail = "bpfwarden " BPFWARDEN_VERSION };
	int r;

	umask(077);
	w->unit_inotify = w->trust_watch.inotify = -EBADF;
	w->client_listener = listen_find(LISTEN_NAME_CLIENTS);
	w->peer_listener = listen_find(LISTEN_NAME_PEERS);
	if (w->client_listener < 0 || w->peer_listener < 0)
		return -ENOENT;
	r = sd_event_default(&w->event);
	if (r >= 0)
		r = block_signals(w);
	if (r >= 0)
		r = find_peers(w);
	configuration_read(w);
	if (r >= 0)
		r = open_audit(w);
	if (r >= 0)
		r = pending_start(w);
	if (r < 0)
		return r;
	r = settle_read(w);
	if (r >= 0)
		r = known_time_read(w);
	if (r < 0)
		return r;
	record_event(w, AUDIT_START, &act);
	configuration_record(w, NULL);
	r = load_first_policy(w);
	if (r >= 0)
		r = connections_listen(w, w->client_listener);
	if (r >= 0) {
		trust_watch_start(w);
		clock_watch_start(w);
	}
	if (r >= 0)
		connections_pause(w, true);
	if (r >= 0)
		r = sd_event_add_io(w->event, NULL, w->peer_listener, EPOLLIN, on_peer, w);
	if (r >= 0)
		r = sandbox_enter(SIDE_WARDEN);
	return r;
}

int warden_main(void)
{
	struct warden w = { .client_listener = -EBADF, .peer_listener = -EBADF };
	int r;

	r = startup(&w);
	if (r >= 0)
		r = sd_event_loop(w.event);
	if (r < 0)
		process_log(3, "cannot go on: %s", strerror(-r));
	audit_close(w.audit);
	peer_free(w.gate);
	peer_free(w.parser);
	peer_free(w.loader);
	attached_free_all(&w);
	listings_free_all(&w);
	headings_free_all(&w);
	trust_watch_stop(&w);
	registry_free(w.bundles);
	policy_free(w.policy);
	policy_free(w.candidate);
	load_rates_done(&w.load_rates);
	sd_event_source_disable_unref(w.policy_timer);
	sd_event_source_disable_unref(w.policy_retry);
	sd_event_source_disable_unref(w.cost_timer);
	sd_event_unref(w.event);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
