// SPDX-License-Identifier: GPL-2.0-only
/* Linux 6.1 to 6.8 before that came to their stable branches: the tracepoint gives the number of the task. */
#include "proc.oom/oom.h"

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim, int pid)
{
	return handle(pid);
}
