// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes: fork (counted), exec and exit (events). Threads are not processes: a process ends when its
 * leader does.
 */
#include "proc.lifecycle/proc.lifecycle.h"

#define BW_EVENT       struct proc_lifecycle_event
#define BW_EVENT_BOUND __builtin_offsetof(struct proc_lifecycle_event, command)
#define BW_LABELS      struct proc_lifecycle_labels
#define BW_COUNTS      4096
#include "bpfwarden/subscribe.h"

char LICENSE[] SEC("license") = "GPL";

enum what { WHAT_FORK, WHAT_EXEC, WHAT_EXIT };

static __always_inline void set_what(char *text, enum what what)
{
	if (what == WHAT_FORK)
		__builtin_memcpy(text, "fork\0\0\0", 8);
	else if (what == WHAT_EXEC)
		__builtin_memcpy(text, "exec\0\0\0", 8);
	else
		__builtin_memcpy(text, "exit\0\0\0", 8);
}

static __always_inline void fill_event(struct proc_lifecycle_event *event, struct task_struct *task,
				       enum what what)
{
	event->head.tgid = task->tgid;
	event->head.tid = task->pid;
	event->duration = event->head.time - task->start_boottime;
	set_what(event->what, what);
	bpf_core_read(event->command, sizeof(event->command), &task->comm);
	if (what == WHAT_EXIT) {
		event->exit_code = task->exit_code >> 8 & 0xff; /* wait(2) */
		event->exit_signal = task->exit_code & 0x7f;
	}
}

static __always_inline void report(struct bw_run *run, struct task_struct *task, enum what what)
{
	struct bw_record r;

	bw_record_start(&r, run, what == WHAT_FORK ? BW_PART_COUNT : BW_PART_EVENT | BW_PART_COUNT);
	r.labels.cgroup = run->owner.cgroup_id;
	set_what(r.labels.what, what);
	if (what != WHAT_FORK)
		fill_event(&r.event, task, what);
	bw_deliver(run, &r);
}

static __always_inline int handle(struct task_struct *task, enum what what)
{
	struct bw_run run;

	if (task->pid != task->tgid || !bw_start(&run))
		return 0;
	run.owner = bw_owner_of_task(task);
	if (bw_match(&run))
		report(&run, task, what);
	else if (what != WHAT_FORK)
		bw_count_unmatched(&run);
	return bw_finish(&run);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(proc_fork, struct task_struct *parent, struct task_struct *child)
{
	return handle(child, WHAT_FORK);
}

/* The new credentials and mm are in place: a set-user-ID program is already somebody else's. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(proc_exec, struct task_struct *task)
{
	return handle(task, WHAT_EXEC);
}

/* Up to Linux 6.15 the task has already given up its mm, which owner.h copes with. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(proc_exit, struct task_struct *task)
{
	return handle(task, WHAT_EXIT);
}
