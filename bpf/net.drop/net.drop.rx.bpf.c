// SPDX-License-Identifier: GPL-2.0-only
/* From Linux 6.11: a fourth argument, the receiving socket, or NULL. */
#include "net.drop/drop.h"

SEC("tp_btf/kfree_skb")
int BPF_PROG(net_drop, struct sk_buff *skb, void *location, unsigned int reason, struct sock *receiver)
{
	struct sock *sk = skb->sk;

	if (!sk || !bw_is_full_socket(sk))
		sk = receiver;
	return handle(skb, (__u64)location, reason, sk);
}
