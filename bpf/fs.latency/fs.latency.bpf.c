// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long system calls on regular files took: read, write, fsync and open, with their relatives.
 *
 * Every system call of the host passes here, so those that do not count must leave after one look into a
 * table. What a call is about is known at its entry by the file descriptor; that of an open() at its exit.
 */
#include "fs.latency/fs.latency.h"

#define BW_EVENT     struct fs_latency_event
#define BW_LABELS    struct fs_latency_labels
#define BW_PARAMS    struct fs_latency_params
#define BW_HISTOGRAM 1024
#include "bpfwarden/subscribe.h"
#include "bpfwarden/syscall.h"
#include "fs.latency/calls.h"

char LICENSE[] SEC("license") = "GPL";

#define S_IFMT  0170000 /* include/uapi/linux/stat.h */
#define S_IFREG 0100000

/* include/linux/errno.h: results between these are not results; the kernel makes the call again. */
#define ERESTARTSYS           512
#define ERESTART_RESTARTBLOCK 516

/* The call that a task is in. */
struct fs_call {
	__u64 began; /* ns, monotonic; 0: none that counts */
	__u64 type;  /* address of the name below, so that it need not be read each time */
	char fstype[16];
	__u32 op;
	__u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct fs_call);
} fs_calls_now SEC(".maps");

/* The address of the name of the file's file system, or 0: no regular file. */
static __always_inline __u64 regular_file(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = task->files->fdt;
	struct inode *inode;
	struct file *file;

	if (fd >= table->max_fds || bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd) < 0 || !file)
		return 0;
	inode = BPF_CORE_READ(file, f_inode);
	if (!inode || (BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFREG)
		return 0;
	return (__u64)BPF_CORE_READ(inode, i_sb, s_type, name);
}

static __always_inline void set_type(struct fs_call *call, __u64 type)
{
	if (call->type == type)
		return;
	__builtin_memset(call->fstype, 0, sizeof(call->fstype));
	bpf_probe_read_kernel_str(call->fstype, sizeof(call->fstype), (const void *)type);
	call->type = type;
}

/* Global, because it branches much: see deliver.h. */
__attribute__((noinline)) int set_op(struct bw_record *r, __u32 op)
{
	if (!r)
		return 0;
	if (op == FS_READ)
		__builtin_memcpy(r->labels.op, "read\0\0\0", 8);
	else if (op == FS_WRITE)
		__builtin_memcpy(r->labels.op, "write\0\0", 8);
	else if (op == FS_FSYNC)
		__builtin_memcpy(r->labels.op, "fsync\0\0", 8);
	else
		__builtin_memcpy(r->labels.op, "open\0\0\0", 8);
	__builtin_memcpy(r->event.op, r->labels.op, sizeof(r->event.op));
	return 0;
}

static __always_inline void report(struct bw_run *run, const struct task_struct *task,
				   const struct fs_call *call, __u64 latency, __u32 op, long result)
{
	const struct fs_latency_params *params = bw_parameters();
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_HISTOGRAM);
	r.threshold = params ? params->threshold : 0;
	r.labels.cgroup = run->owner.cgroup_id;
	r.event.head.tgid = task->tgid;
	r.event.head.tid = task->pid;
	__builtin_memcpy(r.labels.fstype, call->fstype, sizeof(r.labels.fstype));
	__builtin_memcpy(r.event.fstype, call->fstype, sizeof(r.event.fstype));
	set_op(&r, op);
	if (result < 0)
		r.event.error = -result;
	else if (op == FS_READ || op == FS_WRITE)
		r.event.bytes = result;
	r.event.latency = latency;
	bw_record_duration(&r, latency);
	bw_deliver(run, &r);
}

static __always_inline void count_lost(struct bw_run *run)
{
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_LOST);
	bw_deliver(run, &r);
}

static __always_inline void begin(struct bw_run *run, struct task_struct *task, __u64 type, __u32 op)
{
	struct fs_call *call =
		bpf_task_storage_get(&fs_calls_now, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!call) {
		count_lost(run);
		return;
	}
	if (type)
		set_type(call, type);
	call->op = op;
	call->began = bpf_ktime_get_ns();
}

static __always_inline void end(struct bw_run *run, struct task_struct *task, struct fs_call *call,
				__u64 latency, __u32 op, long result)
{
	__u64 type;

	if (op == FS_OPEN) { /* one that fails opens nothing of which to say what it is */
		type = result < 0 ? 0 : regular_file(task, result);
		if (!type)
			return;
		set_type(call, type);
	}
	run->owner = bw_owner_of_task(task);
	if (bw_match(run))
		report(run, task, call, latency, op, result);
	else
		bw_count_unmatched(run);
}

/* Attached before the other one, so that no call is noted whose end is not seen. */
SEC("tp_btf/sys_exit")
int BPF_PROG(fs_exit, struct pt_regs *regs, long result)
{
	__u32 op = fs_op_of(bw_syscall_number(regs));
	struct task_struct *task;
	struct fs_call *call;
	struct bw_run run;
	__u64 began;

	if (op == FS_NONE)
		return 0;
	task = bpf_get_current_task_btf();
	call = bpf_task_storage_get(&fs_calls_now, task, NULL, 0);
	if (!call || !call->began)
		return 0;
	began = call->began;
	call->began = 0;
	if (call->op != op) /* what is noted is of a call whose end was not seen */
		return 0;
	if ((result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) || !bw_start(&run))
		return 0;
	end(&run, task, call, bpf_ktime_get_ns() - began, op, result);
	return bw_finish(&run);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(fs_enter, struct pt_regs *regs, long number)
{
	__u32 op = fs_op_of(number);
	struct task_struct *task;
	struct bw_run run;
	__u64 type = 0;

	if (op == FS_NONE)
		return 0;
	task = bpf_get_current_task_btf();
	if (bw_syscall_is_compat(task) || !bw_start(&run))
		return 0;
	run.owner = bw_owner_of_task(task);
	if (!bw_match(&run)) {
		bw_count_unmatched(&run);
		return bw_finish(&run);
	}
	if (op != FS_OPEN)
		type = regular_file(task, bw_syscall_argument(regs));
	if (type || op == FS_OPEN)
		begin(&run, task, type, op);
	return bw_finish(&run);
}
