// SPDX-License-Identifier: GPL-2.0-only
/* From Linux 6.15: a third argument, the error of what could not be sent, which is no retransmission. */
#include "tcp.retransmit/retransmit.h"

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk, const struct sk_buff *skb, int error)
{
	return error ? 0 : handle(sk, skb);
}
