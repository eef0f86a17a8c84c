/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/launcher-child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/cleanup.h"

#define FIRST_FD  3 /* SD_LISTEN_FDS_START */
#define NAMES_MAX (64U << 10)

int launcher_child_init(struct launcher_child *child, enum message_side side, const char *process,
			const char *user, const char *notify_path)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return errno ? -errno : -ENOENT;
	*child = (struct launcher_child){ .side = side,
					  .process = process,
					  .user = user,
					  .notify_path = notify_path,
					  .uid = pw->pw_uid,
					  .gid = pw->pw_gid };
	return 0;
}

void launcher_child_pass(struct launcher_child *child, const char *name, int fd)
{
	child->names[child->n_sockets] = name;
	child->sockets[child->n_sockets++] = fd;
}

static int set_capabilities(uint64_t wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++)
		data[i].permitted = data[i].effective = data[i].inheritable = (uint32_t)(wanted >> (32 * i));
	if (syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (int cap = 0; cap < 64; cap++)
		if ((wanted & (1ULL << cap)) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -errno;
	return 0;
}

static int become(const struct launcher_child *child)
{
	uint64_t wanted = 0;

	if (child->side == SIDE_LOADER)
		wanted = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;
	/* Only probes of packets need it, and a container may not have it. */
	if (child->side == SIDE_LOADER && prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) == 1)
		wanted |= 1ULL << CAP_NET_ADMIN;
	for (int cap = 0; cap <= 63; cap++)
		if (!(wanted & (1ULL << cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(child->gid, child->gid, child->gid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(child->uid, child->uid, child->uid) < 0)
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return set_capabilities(wanted);
}

/* Puts the descriptors at 3, 4, … in the child. All of them are first moved out of the way. */
static int place(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)n);
		if (fds[i] < 0)
			return -errno;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(fds[i], FIRST_FD + (int)i) < 0)
			return -errno;
	return close_range(FIRST_FD + (unsigned int)n, ~0U, 0) < 0 ? -errno : 0;
}

_Noreturn static void run(const struct launcher_child *child, int *fds, char *names, size_t n, pid_t parent)
{
	static const char self[] = "/proc/self/exe";
	char *argv[] = { (char *)"bpfwardend", (char *)(uintptr_t)child->process, NULL };
	char number[32];
	sigset_t none;

	sigemptyset(&none);
	snprintf(number, sizeof(number), "%zu", n);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0 || place(fds, n) < 0)
		_exit(1);
	(void)clearenv();
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("LISTEN_FDS", number, 1);
	setenv("LISTEN_FDNAMES", names, 1);
	setenv("NOTIFY_SOCKET", child->notify_path, 1);
	snprintf(number, sizeof(number), "%ld", (long)getpid());
	setenv("LISTEN_PID", number, 1);
	/* After the change of users, which forgets it. */
	if (become(child) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		_exit(1);
	if (getppid() != parent)
		_exit(1);
	execv(self, argv);
	_exit(1);
}

int launcher_child_start(struct launcher_child *child, const struct launcher_store *store)
{
	size_t n_stored = store ? launcher_store_size(store) : 0, n = 0;
	_cleanup_free_ int *fds = calloc(child->n_sockets + n_stored + 1, sizeof(*fds));
	_cleanup_free_ char *names = calloc(1, NAMES_MAX + 128 * n_stored);
	size_t length = 0;
	pid_t pid, parent = getpid();

	if (!fds || !names)
		return -ENOMEM;
	for (; n < child->n_sockets; n++) {
		fds[n] = child->sockets[n];
		length += (size_t)sprintf(names + length, "%s%s", n ? ":" : "", child->names[n]);
	}
	for (size_t i = 0; i < n_stored; i++, n++) {
		const char *name = launcher_store_get(store, i, &fds[n]);

		length += (size_t)sprintf(names + length, "%s%s", n ? ":" : "", name);
	}
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run(child, fds, names, n, parent);
	child->pid = pid;
	return 0;
}
