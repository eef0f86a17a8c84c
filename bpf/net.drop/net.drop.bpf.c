// SPDX-License-Identifier: GPL-2.0-only
/* Up to Linux 6.10: the tracepoint has three arguments. */
#include "net.drop/drop.h"

SEC("tp_btf/kfree_skb")
int BPF_PROG(net_drop, struct sk_buff *skb, void *location, unsigned int reason)
{
	return handle(skb, (__u64)location, reason, skb->sk);
}
