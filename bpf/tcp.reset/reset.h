/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * TCP resets. The two objects differ in one thing: from Linux 6.10 the tracepoint also says why one was sent.
 * A reset that answers a segment without a socket has no owner; up to Linux 6.9 it is not reported at all.
 */
#include "tcp.reset/tcp.reset.h"

#define BW_EVENT       struct tcp_reset_event
#define BW_EVENT_BOUND __builtin_offsetof(struct tcp_reset_event, local_port)
#define BW_EVENT_PII   __builtin_offsetof(struct tcp_reset_event, local_address)
#define BW_LABELS      struct tcp_reset_labels
#define BW_COUNTS      4096
#include "bpfwarden/subscribe.h"
#include "bpfwarden/socket.h"

char LICENSE[] SEC("license") = "GPL";

/* Only full sockets have a family, ports and addresses in these places: see bw_is_full_socket(). */
static __always_inline void fill_socket(struct tcp_reset_event *event, struct sock *sk)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	event->state = sk->__sk_common.skc_state;
	event->family = sk->__sk_common.skc_family;
	event->remote_port = bw_remote_port(sk);
	bw_socket_addresses(sk, event->local_address, event->remote_address);
	if (tcp)
		event->local_port = bw_local_port(tcp);
}

static __always_inline void report(struct bw_run *run, struct sock *sk, bool sent, __u32 reason)
{
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_COUNT);
	if (sk && bw_is_full_socket(sk))
		fill_socket(&r.event, sk);
	if (sent)
		__builtin_memcpy(r.event.direction, "sent\0\0\0", 8);
	else
		__builtin_memcpy(r.event.direction, "recv\0\0\0", 8);
	__builtin_memcpy(r.labels.direction, r.event.direction, 8);
	r.event.reason = r.labels.reason = reason;
	r.labels.cgroup = run->owner.cgroup_id;
	bw_deliver(run, &r);
}

static __always_inline int handle(struct sock *sk, bool sent, __u32 reason)
{
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	run.owner = bw_owner_of_socket(sk);
	if (bw_match(&run))
		report(&run, sk, sent, reason);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(receive_reset, struct sock *sk)
{
	return handle(sk, false, 0);
}
