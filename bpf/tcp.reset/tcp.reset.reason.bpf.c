// SPDX-License-Identifier: GPL-2.0-only
/* From Linux 6.10: a third argument, enum sk_rst_reason; and the socket may be NULL. */
#include "tcp.reset/reset.h"

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(send_reset, struct sock *sk, const struct sk_buff *skb, unsigned int reason)
{
	return handle(sk, true, reason);
}
