/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * Victims of the out-of-memory killer. The tracepoint mark_victim also fires for a task that is ending anyway
 * and only gets the last reserves: nothing was killed then, and the kernel's oom_kill does not count it. What
 * it kills it first sends SIGKILL, as the kernel itself and from the same task, with the victim locked in
 * between, so both happen on one CPU. What there is to say is therefore written down when the signal is sent,
 * with the task at hand, and told when the task is marked: the older tracepoint gives its number alone, from
 * which no program gets to the task.
 */
#include "proc.oom/proc.oom.h"

#define BW_EVENT       struct proc_oom_event
#define BW_EVENT_BOUND __builtin_offsetof(struct proc_oom_event, command)
#define BW_LABELS      struct proc_oom_labels
#define BW_COUNTS      4096
#define BW_LEVEL_IDS
#include "bpfwarden/subscribe.h"

char LICENSE[] SEC("license") = "GPL";

#define SEND_SIG_PRIV 1    /* include/linux/sched/signal.h: in the place of a siginfo, from the kernel */
#define PAGE_SIZE     4096 /* on arm64, too, unless the kernel was configured otherwise */

struct signalled {
	__u64 sender; /* bpf_get_current_pid_tgid(); 0: nobody */
	__u32 uid;
	__u32 has_uid;
	__u64 cgroup_id;
	__u64 level_id[BW_CGROUP_LEVELS_MAX];
	struct proc_oom_event event;
};
BW_MAP(oom_signalled, PERCPU_ARRAY, 1, __u32, struct signalled);

static __always_inline struct signalled *last_signalled(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&oom_signalled, &zero);
}

/* Global, because it branches and is called in a loop: see subscribe.h. */
__attribute__((noinline)) int remember_level(__u32 level, __u64 id)
{
	struct signalled *s = last_signalled();

	if (s && level < BW_CGROUP_LEVELS_MAX)
		s->level_id[level] = id;
	return 0;
}

static __always_inline void remember_owner(struct signalled *s, struct task_struct *task)
{
	struct bw_owner owner = bw_owner_of_task(task);
	struct cgroup *cgroup = owner.cgroup;

	s->uid = owner.uid;
	s->has_uid = owner.has_uid;
	s->cgroup_id = owner.cgroup_id;
	__builtin_memset(s->level_id, 0, sizeof(s->level_id));
	for (int i = 0; i < BW_DEPTH_MAX && cgroup; i++) {
		__u32 level = cgroup->level;

		remember_level(level, cgroup->kn->id);
		cgroup = level ? cgroup->self.parent->cgroup : NULL;
	}
}

/* Read as memory: the verifier of Linux 6.1 does not look into an array of a typedef. What the CPUs still
 * keep for themselves can make a counter negative. */
#define BYTES(counter)                                              \
	({                                                          \
		__s64 pages_ = 0;                                   \
		bpf_core_read(&pages_, sizeof(pages_), &(counter)); \
		pages_ > 0 ? (__u64)pages_ *PAGE_SIZE : 0;          \
	})

static __always_inline void remember_memory(struct proc_oom_event *event, struct mm_struct *mm)
{
	struct mm_struct___percpu *percpu = (void *)mm;
	struct mm_struct___counters *counters = (void *)mm;

	if (bpf_core_field_exists(counters->rss_stat.count)) {
		event->rss_anon = BYTES(counters->rss_stat.count[MM_ANONPAGES].counter);
		event->rss_file = BYTES(counters->rss_stat.count[MM_FILEPAGES].counter);
		event->rss_shmem = BYTES(counters->rss_stat.count[MM_SHMEMPAGES].counter);
	} else {
		event->rss_anon = BYTES(percpu->rss_stat[MM_ANONPAGES].count);
		event->rss_file = BYTES(percpu->rss_stat[MM_FILEPAGES].count);
		event->rss_shmem = BYTES(percpu->rss_stat[MM_SHMEMPAGES].count);
	}
}

static __always_inline void remember(struct signalled *s, struct task_struct *task)
{
	struct proc_oom_event *event = &s->event;

	__builtin_memset(event, 0, sizeof(*event));
	event->head.tgid = task->tgid;
	event->head.tid = task->pid;
	event->oom_score_adj = task->signal->oom_score_adj;
	bpf_core_read(event->command, sizeof(event->command), &task->group_leader->comm);
	remember_memory(event, task->mm);
	remember_owner(s, task);
	s->sender = bpf_get_current_pid_tgid();
}

SEC("tp_btf/signal_generate")
int BPF_PROG(oom_signal, int sig, void *info, struct task_struct *task)
{
	struct signalled *s;
	struct bw_run run;

	if (sig != SIGKILL || (unsigned long)info != SEND_SIG_PRIV || !bw_start(&run))
		return 0;
	s = last_signalled();
	if (s)
		remember(s, task);
	return bw_finish(&run);
}

static __always_inline void report(struct bw_run *run, const struct signalled *s)
{
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_COUNT);
	r.labels.cgroup = run->owner.cgroup_id;
	r.event.head.tgid = s->event.head.tgid;
	r.event.head.tid = s->event.head.tid;
	r.event.rss_anon = s->event.rss_anon;
	r.event.rss_file = s->event.rss_file;
	r.event.rss_shmem = s->event.rss_shmem;
	r.event.oom_score_adj = s->event.oom_score_adj;
	__builtin_memcpy(r.event.command, s->event.command, sizeof(r.event.command));
	bw_deliver(run, &r);
}

static __always_inline int handle(__u32 pid)
{
	struct signalled *s;
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	s = last_signalled();
	if (!s || s->sender != bpf_get_current_pid_tgid() || s->event.head.tid != pid)
		return bw_finish(&run);
	s->sender = 0; /* said once */
	run.owner = (struct bw_owner){ .cgroup_id = s->cgroup_id, .uid = s->uid, .has_uid = s->has_uid };
	__builtin_memcpy(run.level_id, s->level_id, sizeof(run.level_id));
	if (bw_match(&run))
		report(&run, s);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}
