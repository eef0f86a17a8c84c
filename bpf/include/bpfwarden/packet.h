/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * Whose packet it is, for cgroup_skb programs; subscribe.h includes it with BW_PACKETS. Such a program has
 * the packet's socket as a struct bpf_sock, through which the verifier lets it see neither uid nor cgroup. So
 * the cgroups come from helpers, as ids, and only at the levels that somebody subscribed to.
 */
#include "bpfwarden/owner.h"

/* The id of the cgroup that holds the packet's socket at this level, or 0. */
__attribute__((noinline)) __u64 bw_packet_level(struct __sk_buff *skb, __u32 wanted, __u32 level)
{
	if (level >= BW_CGROUP_LEVELS_MAX || !(wanted >> level & 1))
		return 0;
	return bpf_skb_ancestor_cgroup_id(skb, (int)level);
}

/*
 * bpf_get_socket_uid() is of no use here: it gives the number in the user namespace that owns the socket's
 * network namespace, and there everybody may have any number. What is read as memory, the socket's address,
 * is a number to the verifier, to which an offset can be added.
 */
static __always_inline bool bw_packet_uid(struct bpf_sock *sk, __u32 *ret_uid)
{
	struct sock *address = NULL;
	__u32 uid;

	if (bpf_probe_read_kernel(&address, sizeof(address), &sk) < 0 ||
	    bpf_core_read(&uid, sizeof(uid), &address->sk_uid.val) < 0)
		return false;
	*ret_uid = uid;
	return true;
}

/* sk: a full socket, bpf_sk_fullsock(skb->sk). */
static __always_inline void bw_run_set_packet(struct bw_run *run, struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct bw_owner owner = {};

	owner.has_uid = bw_packet_uid(sk, &owner.uid);
	owner.cgroup_id = bpf_skb_cgroup_id(skb);
	run->owner = owner;
	__builtin_memset(run->level_id, 0, sizeof(run->level_id));
	if (!run->control->n_cgroup)
		return;
	for (__u32 level = 0; level < BW_CGROUP_LEVELS_MAX; level++)
		run->level_id[level] = bw_packet_level(skb, run->control->cgroup_levels, level);
}
