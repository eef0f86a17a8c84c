// SPDX-License-Identifier: GPL-2.0-only
/* Up to Linux 6.14: the tracepoint has two arguments and fires for what was sent. */
#include "tcp.retransmit/retransmit.h"

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk, const struct sk_buff *skb)
{
	return handle(sk, skb);
}
