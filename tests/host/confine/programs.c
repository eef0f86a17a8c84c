/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/host/confine/programs.h"

#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

unsigned int programs_of(uid_t uid)
{
	unsigned int n = 0;
	uint32_t id = 0;

	for (;;) {
		union bpf_attr attr = { .start_id = id };
		struct bpf_prog_info info = { 0 };
		int fd;

		if (bpf(BPF_PROG_GET_NEXT_ID, &attr) < 0)
			return n;
		id = attr.next_id;
		attr = (union bpf_attr){ .prog_id = id };
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		attr = (union bpf_attr){ .info = { .bpf_fd = (uint32_t)fd,
						   .info_len = sizeof(info),
						   .info = (uint64_t)(uintptr_t)&info } };
		if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0)
			n += info.created_by_uid == uid && info.type != BPF_PROG_TYPE_SYSCALL;
		close(fd);
	}
}
