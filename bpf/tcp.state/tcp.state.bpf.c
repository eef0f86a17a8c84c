// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connections: how long they took to open, how long they lived, how they ended.
 *
 * A full socket passes through TCP_CLOSE exactly once at its end: what goes on as TIME_WAIT is a smaller
 * socket that takes over, see tcp_time_wait(). So one event a connection and side.
 */
#include "tcp.state/tcp.state.h"

#define BW_EVENT       struct tcp_state_event
#define BW_EVENT_BOUND __builtin_offsetof(struct tcp_state_event, local_port)
#define BW_EVENT_PII   __builtin_offsetof(struct tcp_state_event, local_address)
#define BW_LABELS      struct tcp_state_labels
#define BW_PARAMS      struct tcp_state_params
#define BW_HISTOGRAM   1024
#define BW_COUNTS      4096
#include "bpfwarden/subscribe.h"
#include "bpfwarden/birth.h"
#include "bpfwarden/socket.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void set_outcome(char *outcome, bool opened, int error)
{
	if (error == ECONNREFUSED)
		__builtin_memcpy(outcome, "refused", 8);
	else if (error == ECONNRESET)
		__builtin_memcpy(outcome, "reset\0\0", 8);
	else if (error == ETIMEDOUT)
		__builtin_memcpy(outcome, "timeout", 8);
	else if (error)
		__builtin_memcpy(outcome, "error\0\0", 8);
	else if (opened)
		__builtin_memcpy(outcome, "closed\0", 8);
	else
		__builtin_memcpy(outcome, "aborted", 8);
}

static __always_inline void fill_event(struct bw_record *r, struct sock *sk, const struct bw_birth *birth)
{
	struct tcp_state_event *event = &r->event;
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);

	event->error = sk->sk_err;
	event->family = sk->__sk_common.skc_family;
	event->remote_port = bw_remote_port(sk);
	bw_socket_addresses(sk, event->local_address, event->remote_address);
	if (birth) {
		event->head.tgid = birth->tgid;
		event->head.tid = birth->tid;
	}
	if (!tcp)
		return;
	event->local_port = bw_local_port(tcp);
	event->bytes_sent = tcp->bytes_sent - tcp->bytes_retrans;
	event->bytes_received = tcp->bytes_received;
	event->srtt = tcp->srtt_us >> 3; /* the kernel keeps eighths */
	event->retransmits = tcp->total_retrans;
}

/* The handshake is over: an aggregate, not an event. Only the client's took time that can be measured. */
static __always_inline void set_opened(struct bw_record *r, __u32 side, __u64 born)
{
	__builtin_memcpy(r->labels.what, "connect", 8);
	__builtin_memcpy(r->labels.outcome, "ok\0\0\0\0\0", 8);
	r->parts |= BW_PART_COUNT;
	if (side == BW_SIDE_CLIENT) {
		bw_record_duration(r, bpf_ktime_get_ns() - born);
		r->parts |= BW_PART_HISTOGRAM;
	}
}

static __always_inline void set_ended(struct bw_record *r, bool opened, __u64 born)
{
	if (opened)
		__builtin_memcpy(r->labels.what, "lifetime", 8);
	else
		__builtin_memcpy(r->labels.what, "connect", 8);
	set_outcome(r->labels.outcome, opened, r->event.error);
	r->parts |= BW_PART_EVENT | BW_PART_COUNT;
	if (born) {
		bw_record_duration(r, bpf_ktime_get_ns() - born);
		r->event.duration = r->value;
		r->parts |= opened ? BW_PART_HISTOGRAM : 0;
	}
}

/* What the change of state means, with the labels that say so. Global, because it branches much: see
 * deliver.h. */
__attribute__((noinline)) int set_meaning(struct bw_record *r, __u32 side, __u64 born)
{
	if (!r)
		return 0;
	bw_set_side(r->event.side, side);
	bw_set_side(r->labels.side, side);
	if (r->event.new_state == TCP_CLOSE)
		set_ended(r, r->event.old_state != TCP_SYN_SENT && r->event.old_state != TCP_SYN_RECV, born);
	else if (r->event.new_state == TCP_ESTABLISHED)
		set_opened(r, side, born);
	return 0;
}

static __always_inline void report(struct bw_run *run, struct sock *sk, struct bw_change change,
				   bool transitions)
{
	struct bw_birth *birth = bpf_sk_storage_get(&bw_births, sk, NULL, 0);
	struct bw_record r;

	bw_record_start(&r, run, transitions ? BW_PART_EVENT : 0);
	r.event.old_state = change.from;
	r.event.new_state = change.to;
	r.labels.cgroup = run->owner.cgroup_id;
	fill_event(&r, sk, birth);
	set_meaning(&r, birth ? birth->side : BW_SIDE_UNKNOWN, birth ? birth->time : 0);
	bw_deliver(run, &r);
}

static __always_inline void handle(struct bw_run *run, struct sock *sk, struct bw_change change)
{
	const struct tcp_state_params *params;
	bool matched, transitions;

	bw_note_birth(sk, change);
	run->owner = bw_owner_of_socket(sk);
	matched = bw_match(run);
	params = bw_parameters();
	transitions = params && params->transitions;
	if (!transitions && change.to != TCP_CLOSE && change.to != TCP_ESTABLISHED)
		return;
	if (matched)
		report(run, sk, change, transitions);
	else if (transitions || change.to == TCP_CLOSE)
		bw_count_unmatched(run);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int from, int to)
{
	struct bw_change change = { from, to };
	struct bw_run run;

	/* Other protocols share the tracepoint; a listening socket that opens or closes is no connection. */
	if (sk->sk_protocol != IPPROTO_TCP || from == to || to == TCP_LISTEN)
		return 0;
	if (from == TCP_LISTEN && to != TCP_SYN_RECV)
		return 0;
	if (!bw_start(&run))
		return 0;
	handle(&run, sk, change);
	return bw_finish(&run);
}
