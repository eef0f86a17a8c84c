/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/*
 * One process of the daemon as its unit would start it: its user and group and no other, an empty set of
 * capabilities (the loader: CAP_BPF and CAP_PERFMON), no new privileges, its sockets by sd_listen_fds(3).
 */
#include <sys/types.h>

#include "format/message.h"
#include "loaderd/launcher-store.h"

struct launcher_child {
	enum message_side side;
	const char *process, *user, *notify_path;
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: not running */
	size_t n_sockets;
	const char *names[2];
	int sockets[2]; /* kept open over restarts, so that connections wait */
};

/* Finds the user; -ENOENT. The texts must live as long as the child. */
int launcher_child_init(struct launcher_child *child, enum message_side side, const char *process,
			const char *user, const char *notify_path);

/* Takes a listening socket that every start hands over under this name. */
void launcher_child_pass(struct launcher_child *child, const char *name, int fd);

/* Forks and executes; with a store, everything in it is handed over, too. */
int launcher_child_start(struct launcher_child *child, const struct launcher_store *store);
