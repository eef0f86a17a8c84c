// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls: how long each took, how it ended, whether its task slept in it.
 *
 * Every system call of the host passes here twice. So it is only looked at in a part of the time, and at its
 * exit only if its entry has left a note with the task, which those whom nobody watches never have.
 */
#include "syscall.hotspots/syscall.hotspots.h"

#define BW_EVENT     struct syscall_event
#define BW_LABELS    struct syscall_labels
#define BW_PARAMS    struct syscall_params
#define BW_HISTOGRAM 2048
#include "bpfwarden/subscribe.h"
#include "bpfwarden/syscall.h"

char LICENSE[] SEC("license") = "GPL";

#define NUMBERS 1024 /* no architecture has more; those of x32 have bit 30 set, and other names */

#define PERIOD 32ULL /* ticks: 128 ms where the kernel makes 250 a second */

/* include/linux/errno.h: a signal came; the kernel makes the call again or has it end with EINTR. */
#define ERESTARTSYS           512
#define ERESTART_RESTARTBLOCK 516
#define MAX_ERRNO             4095

/* The call that a task is in. */
struct syscall_call {
	__u64 began; /* ns, monotonic; 0: none that counts */
	__u64 nvcsw; /* how often the task had slept */
	__u32 number;
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct syscall_call);
} syscall_calls SEC(".maps");

static __always_inline __s32 error_of(long result)
{
	if (result >= 0 || result < -MAX_ERRNO)
		return 0;
	if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK)
		return EINTR;
	return -result;
}

static __always_inline void report(struct bw_run *run, const struct task_struct *task,
				   const struct syscall_call *call, __s32 error)
{
	const struct syscall_params *params = bw_parameters();
	__u64 latency = bpf_ktime_get_ns() - call->began;
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_HISTOGRAM);
	r.threshold = params ? params->threshold : 0;
	r.event.head.tgid = task->tgid;
	r.event.head.tid = task->pid;
	r.event.latency = latency;
	r.event.syscall = call->number;
	r.event.error = error;
	r.event.waited = task->nvcsw != call->nvcsw;
	r.labels.cgroup = run->owner.cgroup_id;
	r.labels.syscall = call->number;
	r.labels.error = error;
	r.labels.waited = r.event.waited;
	bw_record_duration(&r, latency);
	bw_deliver(run, &r);
}

/* Before the program of the entries, and so attached before it: no entry without its exit. */
SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long result)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct syscall_call *call = bpf_task_storage_get(&syscall_calls, task, NULL, 0);
	struct syscall_call now;
	struct bw_run run;

	if (!call || !call->began)
		return 0;
	now = *call;
	call->began = 0;
	if (!bw_start(&run))
		return 0;
	run.owner = bw_owner_of_task(task); /* who may have changed in the call */
	/* What rt_sigreturn(2) leaves behind is the result of the code that the signal interrupted. */
	if (bw_match(&run))
		report(&run, task, &now, bw_syscall_number(regs) == (int)now.number ? error_of(result) : 0);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}

/*
 * Is it now the part of the time that counts? Of each period one stretch, which begins at another place in
 * each, between ticks, too: so a percentage is right in the long run whatever the length of a tick, and what
 * a program does at intervals of its own is neither always seen nor never. The clock of ticks costs one load;
 * the coarse clock in ns is not for tracing programs.
 */
static __always_inline bool is_on(__u32 duty)
{
	__u64 now, period, place;

	if (duty >= 100)
		return true;
	now = bpf_jiffies64();
	period = now / PERIOD;
	place = (now % PERIOD << 32) + period * 0x9e3779b97f4a7c15ULL;
	return place % (PERIOD << 32) * 100 < duty * (PERIOD << 32);
}

static __always_inline void begin(struct bw_run *run, struct task_struct *task, __u32 number)
{
	struct syscall_call *call =
		bpf_task_storage_get(&syscall_calls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct bw_record r;

	if (!call) {
		bw_record_start(&r, run, BW_PART_LOST);
		bw_deliver(run, &r);
		return;
	}
	call->number = number;
	call->nvcsw = task->nvcsw;
	call->began = bpf_ktime_get_ns();
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long number)
{
	const struct syscall_params *params = bw_parameters();
	struct task_struct *task;
	struct bw_run run;

	if (!params || !is_on(params->duty) || !bw_start(&run))
		return 0;
	task = bpf_get_current_task_btf();
	run.owner = bw_owner_of_task(task);
	if ((unsigned long)number < NUMBERS && !bw_syscall_is_compat(task) && bw_match(&run))
		begin(&run, task, number);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}
