/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * TCP segments that are sent again. The two objects differ in one thing: from Linux 6.15 the tracepoint also
 * fires for what could not be sent, and says so in a third argument.
 */
#include "tcp.retransmit/tcp.retransmit.h"

#define BW_EVENT       struct tcp_retransmit_event
#define BW_EVENT_BOUND __builtin_offsetof(struct tcp_retransmit_event, local_port)
#define BW_EVENT_PII   __builtin_offsetof(struct tcp_retransmit_event, local_address)
#define BW_LABELS      struct tcp_retransmit_labels
#define BW_COUNTS      4096
#include "bpfwarden/subscribe.h"
#include "bpfwarden/socket.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * Why: an expired timer enters the state of loss before it sends (tcp_enter_loss()), three duplicate
 * acknowledgements or RACK that of recovery; what is sent again in neither is a tail loss probe
 * (tcp_send_loss_probe()). The first segment of a connection is sent again by its timer alone.
 */
static __always_inline void set_kind(char *kind, __u8 state, __u8 congestion)
{
	if (state == TCP_SYN_SENT)
		__builtin_memcpy(kind, "syn\0\0\0\0", 8);
	else if (congestion == TCP_CA_Loss)
		__builtin_memcpy(kind, "rto\0\0\0\0", 8);
	else if (congestion == TCP_CA_Recovery)
		__builtin_memcpy(kind, "fast\0\0\0", 8);
	else
		__builtin_memcpy(kind, "tlp\0\0\0\0", 8);
}

static __always_inline void fill_event(struct tcp_retransmit_event *event, struct sock *sk,
				       const struct sk_buff *skb)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	event->state = sk->__sk_common.skc_state;
	event->family = sk->__sk_common.skc_family;
	event->remote_port = bw_remote_port(sk);
	event->segments = skb ? BPF_CORE_READ((const struct tcp_skb_cb *)skb->cb, tcp_gso_segs) : 1;
	bw_socket_addresses(sk, event->local_address, event->remote_address);
	if (!tcp)
		return;
	event->local_port = bw_local_port(tcp);
	if (!skb)
		__builtin_memcpy(event->kind, "synack\0", 8);
	else
		set_kind(event->kind, event->state, BPF_CORE_READ_BITFIELD(&tcp->inet_conn, icsk_ca_state));
}

static __always_inline void report(struct bw_run *run, struct sock *sk, const struct sk_buff *skb)
{
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_COUNT);
	fill_event(&r.event, sk, skb);
	r.amount = r.event.segments;
	__builtin_memcpy(r.labels.kind, r.event.kind, 8);
	r.labels.cgroup = run->owner.cgroup_id;
	bw_deliver(run, &r);
}

/* Without skb it is a SYN-ACK: sk is the listener, whose request has not become a socket yet. */
static __always_inline int handle(struct sock *sk, const struct sk_buff *skb)
{
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	run.owner = bw_owner_of_socket(sk);
	if (bw_match(&run))
		report(&run, sk, skb);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(retransmit_synack, struct sock *sk)
{
	return handle(sk, NULL);
}
