/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* For programs inside the scheduler: tp_btf/sched_switch and its like. */
#include "bpfwarden/kernel.h"

#include <bpf/bpf_helpers.h>

/* The clock of the run queue that the task is on, which the scheduler has just brought up to date. Tasks of
 * every class have their cfs_rq set, see set_task_rq(). */
static __always_inline __u64 bw_queue_clock(const struct task_struct *task)
{
	return task->se.cfs_rq->rq->clock;
}
