// SPDX-License-Identifier: GPL-2.0-only
/* Up to Linux 6.8: the tracepoint gives the number of the task. */
#include "proc.oom/oom.h"

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim, int pid)
{
	return handle(pid);
}
