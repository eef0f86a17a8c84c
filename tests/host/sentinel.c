// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Loads a program of two instructions, prints its id and ends. Ids are given in sequence: two sentinels with
 * consecutive ones say that nothing was loaded between them. bpf(2) itself: libraries load programs of their
 * own.
 */
#include <err.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
				.insn_cnt = 2,
				.insns = (uint64_t)(uintptr_t)insns,
				.license = (uint64_t)(uintptr_t) "GPL" };
	struct bpf_prog_info info = { 0 };
	union bpf_attr query = { .info = { .info_len = sizeof(info), .info = (uint64_t)(uintptr_t)&info } };
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));

	if (fd < 0)
		err(1, "BPF_PROG_LOAD");
	query.info.bpf_fd = (uint32_t)fd;
	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &query, sizeof(query)) < 0)
		err(1, "BPF_OBJ_GET_INFO_BY_FD");
	printf("%u\n", info.id);
	return 0;
}
