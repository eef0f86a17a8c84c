/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* The two ends of a connection, for probes of sockets. Full sockets only: see bw_is_full_socket(). */
#include "bpfwarden/owner.h"

#include <bpf/bpf_endian.h>

static __always_inline __u16 bw_remote_port(const struct sock *sk)
{
	return bpf_ntohs(sk->__sk_common.skc_dport);
}

/* skc_num is already 0 when a socket that was not bound by name closes. */
static __always_inline __u16 bw_local_port(const struct tcp_sock *tcp)
{
	return bpf_ntohs(tcp->inet_conn.icsk_inet.inet_sport);
}

/* 16 bytes each; IPv4 is mapped into IPv6. The buffers are zero. */
static __always_inline void bw_socket_addresses(const struct sock *sk, __u8 *local, __u8 *remote)
{
	const struct sock_common *c = &sk->__sk_common;

	if (c->skc_family == AF_INET6) {
		bpf_core_read(local, 16, &c->skc_v6_rcv_saddr);
		bpf_core_read(remote, 16, &c->skc_v6_daddr);
		return;
	}
	local[10] = local[11] = 0xff;
	remote[10] = remote[11] = 0xff;
	*(__be32 *)&local[12] = c->skc_rcv_saddr;
	*(__be32 *)&remote[12] = c->skc_daddr;
}
