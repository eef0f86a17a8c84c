/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts about the process that connected, from /proc under a pidfd: they count only if the pidfd still lives
 * and the uid still agrees after they were read, so that a reused pid cannot lend somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "loaderd/warden/warden.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static int read_proc(pid_t pid, const char *name, char *buffer, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buffer, size - 1);
	if (n < 0)
		return -errno;
	buffer[n] = '\0';
	return 0;
}

static int peer_pidfd(int socket, pid_t pid)
{
	socklen_t size = sizeof(int);
	int fd;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
		return fd;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : fd;
}

static bool is_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* The line that starts with key, after it; NULL if there is none. */
static const char *line_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? line + strlen(key) : NULL;
}

static void read_comm(const char *status, struct connection *c)
{
	const char *name = line_of(status, "Name:\t");
	size_t n = name ? strcspn(name, "\n") : 0;

	if (n >= sizeof(c->comm))
		n = sizeof(c->comm) - 1;
	memcpy(c->comm, name ? name : "", n);
	c->comm[n] = '\0';
}

/* A path above the root of our own cgroup namespace says nothing about where that is. */
static bool leaves_namespace(const char *path)
{
	for (; *path == '/'; path += strcspn(path, "/")) {
		path++;
		if (!strncmp(path, "..", 2) && (path[2] == '/' || !path[2]))
			return true;
	}
	return false;
}

bool facts_cgroup(const char *text, char path[TARGET_NAME_MAX])
{
	const char *line = !strncmp(text, "0::", 3) ? text + 3 : line_of(text, "\n0::");
	size_t n = line ? strcspn(line, "\n") : 0;
	bool whole = line && line[n] == '\n' && n < TARGET_NAME_MAX;

	if (n >= TARGET_NAME_MAX)
		n = TARGET_NAME_MAX - 1;
	memcpy(path, line ? line : "", n);
	path[n] = '\0';
	return whole && path[0] == '/' && !leaves_namespace(path) && message_text_ok(path, TARGET_NAME_MAX);
}

static void read_cgroup(pid_t pid, struct connection *c)
{
	char text[4096];

	if (read_proc(pid, "cgroup", text, sizeof(text)) >= 0)
		c->cgroup_known = facts_cgroup(text, c->cgroup);
}

/* container = its pid has a number in more than one pid namespace, or its user namespace maps anything but
 * everything to itself. */
static uint32_t read_namespace(pid_t pid, const char *status)
{
	const char *nspid = line_of(status, "\nNSpid:\t");
	unsigned int inside, outside, count;
	char map[256];

	if (!nspid || read_proc(pid, "uid_map", map, sizeof(map)) < 0)
		return POLICY_NAMESPACE_UNKNOWN;
	if (strcspn(nspid, "\t") < strcspn(nspid, "\n"))
		return POLICY_NAMESPACE_CONTAINER;
	if (sscanf(map, "%u %u %u", &inside, &outside, &count) != 3)
		return POLICY_NAMESPACE_UNKNOWN;
	return inside == 0 && outside == 0 && count == UINT32_MAX ? POLICY_NAMESPACE_HOST
								  : POLICY_NAMESPACE_CONTAINER;
}

static bool uid_agrees(const char *status, uid_t uid)
{
	const char *uids = line_of(status, "\nUid:\t");
	unsigned int real, effective;

	return uids && sscanf(uids, "%u\t%u", &real, &effective) == 2 && effective == uid;
}

void facts_read(int socket, struct connection *c)
{
	_cleanup_close_ int pidfd = -EBADF;
	struct connection facts = *c;
	char status[4096], text[32];
	struct stat st;
	unsigned int loginuid;

	if (c->pid <= 0) { /* a pid namespace that we cannot see into */
		c->namespace = POLICY_NAMESPACE_CONTAINER;
		return;
	}
	pidfd = peer_pidfd(socket, c->pid);
	if (pidfd < 0 || read_proc(c->pid, "status", status, sizeof(status)) < 0)
		return;
	if (fstat(pidfd, &st) == 0)
		facts.pidfd_inode = st.st_ino;
	read_comm(status, &facts);
	read_cgroup(c->pid, &facts);
	facts.namespace = read_namespace(c->pid, status);
	if (read_proc(c->pid, "loginuid", text, sizeof(text)) >= 0 && sscanf(text, "%u", &loginuid) == 1)
		facts.loginuid = loginuid;
	if (is_alive(pidfd) && uid_agrees(status, c->uid))
		*c = facts;
}
