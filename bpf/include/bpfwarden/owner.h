/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * Whose event it is. For sockets the socket's uid and cgroup, never those of the current task, which in
 * softirq is somebody else's. For tasks the task's own. Who has no owner is seen by host subscribers only.
 */
#include "bpfwarden/abi.h"
/* kernel.h comes first: the helpers' header needs its integer types. */
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

struct bw_owner {
	struct cgroup *cgroup; /* NULL: not known */
	__u64 cgroup_id;
	__u32 uid;
	__u32 has_uid; /* subscribers of this uid may see it */
};

#define BW_SUID_DUMP_USER 1 /* prctl(2), PR_SET_DUMPABLE */
#define BW_MMF_DUMPABLE   3 /* the two lowest bits of mm->flags */

static __always_inline void bw_owner_set_cgroup(struct bw_owner *owner, struct cgroup *cgroup)
{
	owner->cgroup = cgroup;
	owner->cgroup_id = cgroup ? cgroup->kn->id : 0;
}

/* TIME_WAIT and request sockets are smaller objects, in which sk_uid lies beyond the end. */
static __always_inline bool bw_is_full_socket(const struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;

	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

static __always_inline struct bw_owner bw_owner_of_socket(const struct sock *sk)
{
	struct bw_owner owner = {};

	if (!sk || !bw_is_full_socket(sk))
		return owner;
	owner.uid = sk->sk_uid.val;
	owner.has_uid = true;
	bw_owner_set_cgroup(&owner, sk->sk_cgrp_data.cgroup);
	return owner;
}

/* The bits of dumpability. Without mm (an exiting task) the kernel's own note counts; a kernel without that
 * note says no. */
static __always_inline __u32 bw_dumpable(struct task_struct *task)
{
	struct task_struct___user_dumpable *noted = (void *)task;
	struct mm_struct___bitmap *bitmap;
	struct mm_struct *mm = task->mm;

	if (!mm)
		return bpf_core_field_exists(noted->user_dumpable)
			       ? BPF_CORE_READ_BITFIELD(noted, user_dumpable)
			       : 0;
	bitmap = (void *)mm;
	if (bpf_core_field_exists(bitmap->flags.__mm_flags))
		return bitmap->flags.__mm_flags[0] & BW_MMF_DUMPABLE;
	return bpf_core_field_exists(mm->flags) ? mm->flags & BW_MMF_DUMPABLE : 0;
}

/* The rule of ptrace(2)'s read check: uid, euid and suid are one, and the mm is dumpable. */
__attribute__((noinline)) __u32 bw_may_see(__u32 uid, __u32 euid, __u32 suid, __u32 dumpable)
{
	return euid == uid && suid == uid && dumpable == BW_SUID_DUMP_USER;
}

static __always_inline struct bw_owner bw_owner_of_task(struct task_struct *task)
{
	const struct cred *cred = task->real_cred;
	struct bw_owner owner = {};

	owner.uid = cred->uid.val;
	owner.has_uid = bw_may_see(owner.uid, cred->euid.val, cred->suid.val, bw_dumpable(task));
	bw_owner_set_cgroup(&owner, task->cgroups->dfl_cgrp);
	return owner;
}
