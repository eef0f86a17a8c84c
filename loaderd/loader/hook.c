/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loaderd/loader/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "common/cleanup.h"
#include "loaderd/loader/bpfcall.h"

/* The root of cgroup2: every socket of the host is below it, in whatever network namespace. -EBADF: none. */
static int cgroup_root = -EBADF;

void hook_start(void)
{
	/* On hosts that still use the first version for their controllers, the second has a place of its own.
	 */
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < 2 && cgroup_root < 0; i++) {
		_cleanup_close_ int fd = open(roots[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct statfs fs;

		if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
			cgroup_root = take_fd(fd);
	}
}

int hook_attach(const struct spec_program *program, int fd)
{
	const char *name = strchr(program->hook, '/');

	switch (program->type) {
	case BPF_PROG_TYPE_TRACING:
		return bpfcall_raw_tracepoint_open(fd, NULL);
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		return bpfcall_raw_tracepoint_open(fd, name ? name + 1 : NULL);
	case BPF_PROG_TYPE_CGROUP_SKB:
		if (cgroup_root < 0)
			return -EOPNOTSUPP;
		return bpfcall_link_create(fd, cgroup_root, program->attach_type);
	default:
		return -EINVAL;
	}
}
