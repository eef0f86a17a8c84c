/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "common/cleanup.h"
#include "loaderd/launcher-child.h"
#include "loaderd/launcher-store.h"
#include "loaderd/process.h"

/* A process that ends soon after its start is started again later each time, up to a bound. */
#define RESTART_DELAY_US     (100 * 1000)
#define RESTART_DELAY_MAX_US (2000 * 1000)
#define SETTLED_US           (5000 * 1000) /* one that lived so long begins anew */
#define DESCRIPTORS_MAX      16384         /* as LimitNOFILE= of the units allows */
#define SOCKET_NOTIFY        PATH_RUNTIME "/notify"

struct launcher;

struct managed {
	struct launcher *launcher;
	struct launcher_child child;
	sd_event_source *source;
	uint64_t started, delay; /* µs */
	bool ready;
};

enum { WARDEN, GATE, PARSER, LOADER, N_MANAGED };

struct launcher {
	sd_event *event;
	struct managed managed[N_MANAGED];
	struct launcher_store *store;
	int ready_fd;
	bool stopping;
};

static int start(struct managed *m);

static int start_later(struct managed *m);

static int on_restart(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct managed *m = userdata;
	int r;

	(void)usec;
	sd_event_source_disable_unref(source);
	if (m->launcher->stopping)
		return 0;
	r = start(m);
	if (r >= 0)
		return 0;
	/* Out of processes or memory: without this one there is no daemon, so it is tried for ever. */
	process_log(3, "cannot start %s: %s", m->child.process, strerror(-r));
	return start_later(m);
}

static uint64_t next_delay(struct managed *m)
{
	uint64_t now = 0;

	(void)sd_event_now(m->launcher->event, CLOCK_MONOTONIC, &now);
	if (!m->delay || now - m->started > SETTLED_US)
		m->delay = RESTART_DELAY_US;
	else if (m->delay < RESTART_DELAY_MAX_US)
		m->delay *= 2;
	return m->delay;
}

static int start_later(struct managed *m)
{
	sd_event_source *timer = NULL;

	return sd_event_add_time_relative(m->launcher->event, &timer, CLOCK_MONOTONIC, next_delay(m), 0,
					  on_restart, m);
}

static bool any_lives(const struct launcher *l)
{
	for (int i = 0; i < N_MANAGED; i++)
		if (l->managed[i].child.pid)
			return true;
	return false;
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *si, void *userdata)
{
	struct managed *m = userdata;

	(void)source;
	m->source = sd_event_source_disable_unref(m->source);
	m->child.pid = 0;
	m->ready = false;
	if (!m->launcher->stopping && (si->si_code != CLD_EXITED || si->si_status))
		process_log(4, "%s ended by %s %d: starting it again", m->child.process,
			    si->si_code == CLD_EXITED ? "status" : "signal", si->si_status);
	if (m->launcher->stopping)
		return any_lives(m->launcher) ? 0 : sd_event_exit(m->launcher->event, 0);
	return start_later(m);
}

static int start(struct managed *m)
{
	int r;

	r = launcher_child_start(&m->child, m->child.side == SIDE_LOADER ? m->launcher->store : NULL);
	if (r < 0)
		return r;
	(void)sd_event_now(m->launcher->event, CLOCK_MONOTONIC, &m->started);
	return sd_event_add_child(m->launcher->event, &m->source, m->child.pid, WEXITED, on_exit_of_child, m);
}

static void on_ready(pid_t pid, void *userdata)
{
	struct launcher *l = userdata;

	for (int i = 0; i < N_MANAGED; i++)
		if (l->managed[i].child.pid == pid)
			l->managed[i].ready = true;
	for (int i = 0; i < N_MANAGED; i++)
		if (!l->managed[i].ready)
			return;
	if (l->ready_fd >= 0) {
		(void)!write(l->ready_fd, "\n", 1);
		l->ready_fd = close_fd(l->ready_fd);
	}
}

static bool is_loader(pid_t pid, void *userdata)
{
	struct launcher *l = userdata;

	return pid > 0 && l->managed[LOADER].child.pid == pid;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct launcher *l = userdata;

	(void)source;
	(void)si;
	l->stopping = true;
	for (int i = 0; i < N_MANAGED; i++)
		if (l->managed[i].child.pid)
			(void)kill(l->managed[i].child.pid, SIGTERM);
	return any_lives(l) ? 0 : sd_event_exit(l->event, 0);
}

/* SIGHUP is `reload`, and the warden's business. */
static int on_reload(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct launcher *l = userdata;

	(void)source;
	(void)si;
	if (l->managed[WARDEN].child.pid)
		(void)kill(l->managed[WARDEN].child.pid, SIGHUP);
	return 0;
}

static int listening_socket(const char *path, int type, mode_t mode, uid_t uid, gid_t gid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	(void)unlink(path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chown(path, uid, gid) < 0 || chmod(path, mode) < 0)
		return -errno;
	if (type != SOCK_DGRAM && listen(fd, 4096) < 0)
		return -errno;
	return take_fd(fd);
}

/* With the directories above it, which stay root's. */
static int make_directory(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	char above[256];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		if (mkdir(above, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return -errno;
	if (chown(path, uid, gid) < 0 || chmod(path, mode) < 0)
		return -errno;
	return 0;
}

static int make_sockets(struct launcher *l, int *ret_notify)
{
	struct launcher_child *warden = &l->managed[WARDEN].child, *parser = &l->managed[PARSER].child;
	int r;

	r = make_directory(PATH_RUNTIME, 0755, 0, 0);
	if (r >= 0)
		r = make_directory(PATH_STATE, 0700, warden->uid, warden->gid);
	if (r >= 0)
		r = make_directory(PATH_PUBLISHED, 0755, warden->uid, warden->gid);
	if (r < 0)
		return r;
	r = listening_socket(SOCKET_CLIENTS, SOCK_STREAM, 0666, 0, 0);
	if (r < 0)
		return r;
	launcher_child_pass(warden, LISTEN_NAME_CLIENTS, r);
	r = listening_socket(SOCKET_PEERS, SOCK_SEQPACKET, 0660, 0, warden->gid);
	if (r < 0)
		return r;
	launcher_child_pass(warden, LISTEN_NAME_PEERS, r);
	r = listening_socket(SOCKET_VERDICTS, SOCK_SEQPACKET, 0600, parser->uid, parser->gid);
	if (r < 0)
		return r;
	launcher_child_pass(&l->managed[LOADER].child, LISTEN_NAME_VERDICTS, r);
	r = listening_socket(SOCKET_NOTIFY, SOCK_DGRAM, 0660, 0, warden->gid);
	if (r < 0)
		return r;
	*ret_notify = r;
	return 0;
}

static int find_users(struct launcher *l)
{
	static const struct {
		enum message_side side;
		const char *process, *user;
	} rows[N_MANAGED] = {
		[WARDEN] = { SIDE_WARDEN, "warden", USER_WARDEN },
		[GATE] = { SIDE_GATE, "gate", USER_GATE },
		[PARSER] = { SIDE_PARSER, "parser", USER_PARSER },
		[LOADER] = { SIDE_LOADER, "loader", USER_LOADER },
	};

	for (int i = 0; i < N_MANAGED; i++) {
		struct managed *m = &l->managed[i];
		int r;

		m->launcher = l;
		r = launcher_child_init(&m->child, rows[i].side, rows[i].process, rows[i].user,
					SOCKET_NOTIFY);
		if (r < 0) {
			process_log(3, "user %s: %s (systemd-sysusers makes it)", rows[i].user, strerror(-r));
			return r;
		}
	}
	return 0;
}

/* The store holds several for each attachment, and so does the loader, which inherits this. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int launcher_run(struct launcher *l)
{
	int r, notify = -EBADF;
	sigset_t signals;

	raise_descriptor_limit();
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	r = find_users(l);
	if (r >= 0)
		r = make_sockets(l, &notify);
	if (r >= 0)
		r = sd_event_default(&l->event);
	if (r >= 0)
		r = launcher_store_new(l->event, notify, on_ready, is_loader, l, &l->store);
	if (r >= 0)
		r = sd_event_add_signal(l->event, NULL, SIGTERM, on_stop, l);
	if (r >= 0)
		r = sd_event_add_signal(l->event, NULL, SIGINT, on_stop, l);
	if (r >= 0)
		r = sd_event_add_signal(l->event, NULL, SIGHUP, on_reload, l);
	for (int i = 0; i < N_MANAGED && r >= 0; i++)
		r = start(&l->managed[i]);
	if (r >= 0)
		r = sd_event_loop(l->event);
	return r;
}

int launcher_main(int argc, char **argv)
{
	struct launcher l = { .ready_fd = -EBADF };
	int r;

	process_name = "launcher";
	for (int i = 1; i < argc; i++)
		if (sscanf(argv[i], "--ready-fd=%d", &l.ready_fd) != 1) {
			fprintf(stderr, "Usage: bpfwardend launch [--ready-fd=N]\n");
			return 2;
		}
	if (geteuid() != 0) {
		process_log(3, "only root can start four processes under four users");
		return 1;
	}
	umask(022);
	r = launcher_run(&l);
	if (r < 0)
		process_log(3, "cannot go on: %s", strerror(-r));
	launcher_store_free(l.store);
	sd_event_unref(l.event);
	(void)unlink(SOCKET_CLIENTS);
	(void)unlink(SOCKET_PEERS);
	(void)unlink(SOCKET_VERDICTS);
	(void)unlink(SOCKET_NOTIFY);
	return r < 0 ? 1 : 0;
}
