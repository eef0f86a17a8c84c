// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a task that could run waited for a CPU: from being queued (woken, new or preempted) to running.
 *
 * The kernel notes the moment of queuing itself, for run_delay in /proc/PID/schedstat:
 * sched_info.last_queued, on the clock of the run queue, cleared by sched_info_arrive() just after this
 * tracepoint. So one look at each switch is enough, without programs at the wake-ups and without state of our
 * own, and the sum is run_delay's.
 */
#include "sched.runqlat/sched.runqlat.h"

#define BW_EVENT         struct sched_runqlat_event
#define BW_LABELS        struct sched_runqlat_labels
#define BW_PARAMS        struct sched_runqlat_params
#define BW_HISTOGRAM     1024
#define BW_NOT_REENTRANT /* the tracepoint is inside the scheduler, with interrupts off */
#include "bpfwarden/subscribe.h"
#include "bpfwarden/sched.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void report(struct bw_run *run, struct task_struct *task, __u64 waited)
{
	const struct sched_runqlat_params *params = bw_parameters();
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_HISTOGRAM);
	r.threshold = params ? params->threshold : 0;
	r.labels.cgroup = run->owner.cgroup_id;
	r.event.head.tgid = task->tgid;
	r.event.head.tid = task->pid;
	r.event.waited = waited;
	bw_record_duration(&r, waited);
	bw_deliver(run, &r);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_runqlat, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u64 queued = next->sched_info.last_queued, now;
	struct bw_run run;

	if (!queued || !next->pid) /* the idle task waits for nothing */
		return 0;
	if (!bw_start(&run))
		return 0;
	now = bw_queue_clock(next);
	run.owner = bw_owner_of_task(next);
	if (bw_match(&run))
		report(&run, next, now > queued ? now - queued : 0);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}
