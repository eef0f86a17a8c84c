// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a task did not run: from being switched out to being switched in.
 *
 * The kernel keeps no such moment, and nothing may be allocated here, with the run queue locked: that could
 * wake a thread, which wants the lock. So each task that is switched out is noted in an array, in the place
 * that the low bits of its id give. No look-up by key, no lock, nothing that leaks when a task never returns.
 * A place remembers whom a later task overwrote there, so that the loss is told to whoever would have seen
 * that task come back; of two in one place, the earlier one is told to nobody and counts for the program.
 */
#include "sched.offcpu/sched.offcpu.h"

#define BW_EVENT         struct sched_offcpu_event
#define BW_LABELS        struct sched_offcpu_labels
#define BW_PARAMS        struct sched_offcpu_params
#define BW_HISTOGRAM     1024
#define BW_NOT_REENTRANT /* the tracepoint is inside the scheduler, with interrupts off */
#include "bpfwarden/subscribe.h"
#include "bpfwarden/sched.h"

char LICENSE[] SEC("license") = "GPL";

#define PLACES 65536 /* a power of two */

/* include/linux/sched.h; the tracepoint's prev_state is a set of them. */
#define TASK_INTERRUPTIBLE   0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_STOPPED         0x4
#define TASK_TRACED          0x8
#define TASK_DEAD            0x80
#define TASK_NOLOAD          0x400

struct away {
	__u64 since; /* clock of the run queue, ns */
	__u32 pid;   /* 0: nobody is away here */
	__u16 state; /* 0: it could have gone on */
	__u16 lost;  /* mark of the task whose place it was, until that one comes back; 0: none */
};
BW_MAP(offcpu_away, ARRAY, PLACES, __u32, struct away);

/* The record of all whose place was taken: zero but for its parts. */
BW_MAP(offcpu_lost, ARRAY, 1, __u32, struct bw_record);

static __always_inline struct away *place_of(const struct task_struct *task)
{
	__u32 index = task->pid & (PLACES - 1);

	return bpf_map_lookup_elem(&offcpu_away, &index);
}

/* What tells the tasks of one place apart: the bits of the id that do not give the place. */
static __always_inline __u16 mark_of(__u32 pid)
{
	return (__u16)(pid / PLACES + 1);
}

static __always_inline void overwrite(struct bw_run *run, struct away *away)
{
	if (away->lost) {
		BW_ADD(run->totals->seen, 1);
		BW_ADD(run->totals->map_full, 1);
	}
	away->lost = mark_of(away->pid);
}

static __always_inline void leave(struct bw_run *run, const struct task_struct *task, __u32 state)
{
	struct away *away = place_of(task);

	if (!task->pid || !away) /* the idle task is nobody */
		return;
	if (state & TASK_DEAD) { /* it will not be back */
		if (away->pid == (__u32)task->pid)
			away->pid = 0;
		return;
	}
	if (away->pid && away->pid != (__u32)task->pid)
		overwrite(run, away);
	away->since = bw_queue_clock(task);
	away->state = (__u16)state;
	away->pid = task->pid;
}

static __always_inline void set_class(char *class, __u32 state)
{
	if (!state)
		__builtin_memcpy(class, "preempted\0\0\0\0\0\0", 16);
	else if (state & TASK_INTERRUPTIBLE)
		__builtin_memcpy(class, "sleep\0\0\0\0\0\0\0\0\0\0", 16);
	else if (state & TASK_UNINTERRUPTIBLE && state & TASK_NOLOAD)
		__builtin_memcpy(class, "idle\0\0\0\0\0\0\0\0\0\0\0", 16);
	else if (state & TASK_UNINTERRUPTIBLE)
		__builtin_memcpy(class, "disk\0\0\0\0\0\0\0\0\0\0\0", 16);
	else if (state & (TASK_STOPPED | TASK_TRACED))
		__builtin_memcpy(class, "stopped\0\0\0\0\0\0\0\0", 16);
	else
		__builtin_memcpy(class, "other\0\0\0\0\0\0\0\0\0\0", 16);
}

/* Global, because it branches much: see deliver.h. */
__attribute__((noinline)) int set_meaning(struct bw_record *r, __u32 state, __u64 off)
{
	if (!r)
		return 0;
	set_class(r->labels.class, state);
	__builtin_memcpy(r->event.class, r->labels.class, sizeof(r->event.class));
	r->event.off = off;
	bw_record_duration(r, off);
	return 0;
}

static __always_inline void report(struct bw_run *run, const struct task_struct *task, __u32 state, __u64 off)
{
	const struct sched_offcpu_params *params = bw_parameters();
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_HISTOGRAM);
	r.threshold = params ? params->threshold : 0;
	r.labels.cgroup = run->owner.cgroup_id;
	r.event.head.tgid = task->tgid;
	r.event.head.tid = task->pid;
	set_meaning(&r, state, off);
	bw_deliver(run, &r);
}

/* A task whose place a later one took: nobody knows since when it was away. */
static __noinline void come_back_lost(struct bw_run *run, struct task_struct *task)
{
	struct bw_record *r;
	__u32 zero = 0;

	run->owner = bw_owner_of_task(task);
	if (!bw_match(run)) {
		bw_count_unmatched(run);
		return;
	}
	r = bpf_map_lookup_elem(&offcpu_lost, &zero);
	if (!r)
		return;
	r->parts = BW_PART_LOST;
	bw_deliver(run, r);
}

static __always_inline void come_back(struct bw_run *run, struct task_struct *task)
{
	struct away *away = place_of(task);
	__u64 now, since;
	__u32 state;

	if (!task->pid || !away)
		return;
	if (away->pid != (__u32)task->pid) {
		if (away->lost == mark_of((__u32)task->pid)) {
			away->lost = 0;
			come_back_lost(run, task);
		}
		return;
	}
	since = away->since;
	state = away->state;
	away->pid = 0;
	now = bw_queue_clock(
		task); /* of another CPU than before, perhaps: they agree to within microseconds */
	run->owner = bw_owner_of_task(task);
	if (bw_match(run))
		report(run, task, state, now > since ? now - since : 0);
	else
		bw_count_unmatched(run);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_offcpu, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	leave(&run, prev, preempt ? 0 : prev_state);
	come_back(&run, next);
	return bw_finish(&run);
}
