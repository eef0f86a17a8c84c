// SPDX-License-Identifier: GPL-2.0-only
/* Up to Linux 6.9: the tracepoint has two arguments. */
#include "tcp.reset/reset.h"

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(send_reset, struct sock *sk)
{
	return handle(sk, true, 0);
}
