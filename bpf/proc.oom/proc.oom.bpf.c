// SPDX-License-Identifier: GPL-2.0-only
/* From Linux 6.9, and in later versions of its stable branches: the tracepoint gives the task and its uid. */
#include "proc.oom/oom.h"

SEC("tp_btf/mark_victim")
int BPF_PROG(oom_victim, struct task_struct *task)
{
	return handle(task->pid);
}
