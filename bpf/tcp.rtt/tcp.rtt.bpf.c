// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round-trip times of TCP connections, as the kernel has smoothed them: once when a connection ends, and
 * while it lives at most once an interval, when a segment arrives. A sample is an aggregate, the end an
 * event, too.
 */
#include "tcp.rtt/tcp.rtt.h"

#define BW_EVENT       struct tcp_rtt_event
#define BW_EVENT_BOUND __builtin_offsetof(struct tcp_rtt_event, local_port)
#define BW_EVENT_PII   __builtin_offsetof(struct tcp_rtt_event, local_address)
#define BW_LABELS      struct tcp_rtt_labels
#define BW_PARAMS      struct tcp_rtt_params
#define BW_HISTOGRAM   1024
#include "bpfwarden/subscribe.h"
#include "bpfwarden/birth.h"

char LICENSE[] SEC("license") = "GPL";

struct sample {
	__u64 time; /* of the last one, ns, monotonic */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sample);
} rtt_samples SEC(".maps");

static __always_inline void fill_event(struct tcp_rtt_event *event, struct sock *sk, struct tcp_sock *tcp)
{
	event->srtt = tcp->srtt_us >> 3;      /* the kernel keeps eighths */
	event->variation = tcp->mdev_us >> 2; /* and quarters */
	event->minimum = tcp->rtt_min.s[0].v;
	event->local_port = bw_local_port(tcp);
	event->remote_port = bw_remote_port(sk);
	bw_socket_addresses(sk, event->local_address, event->remote_address);
}

static __always_inline void report(struct bw_run *run, struct sock *sk, struct tcp_sock *tcp, __u32 parts)
{
	struct bw_birth *birth = bpf_sk_storage_get(&bw_births, sk, NULL, 0);
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_HISTOGRAM | parts);
	fill_event(&r.event, sk, tcp);
	if (birth) {
		r.event.head.tgid = birth->tgid;
		r.event.head.tid = birth->tid;
	}
	bw_set_side(r.event.side, birth ? birth->side : BW_SIDE_UNKNOWN);
	__builtin_memcpy(r.labels.side, r.event.side, sizeof(r.labels.side));
	r.labels.cgroup = run->owner.cgroup_id;
	bw_record_duration(&r, r.event.srtt * 1000ULL);
	bw_deliver(run, &r);
}

/* A connection whose handshake was completed, and of which a segment was acknowledged: it has a time. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_rtt_state, struct sock *sk, int from, int to)
{
	struct bw_change change = { from, to };
	struct tcp_sock *tcp;
	struct bw_run run;

	if (sk->sk_protocol != IPPROTO_TCP || from == to || to == TCP_LISTEN)
		return 0;
	if (!bw_start(&run))
		return 0;
	bw_note_birth(sk, change);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (to != TCP_CLOSE || from == TCP_LISTEN || from == TCP_SYN_SENT || !tcp || !tcp->srtt_us)
		return bw_finish(&run);
	run.owner = bw_owner_of_socket(sk);
	if (bw_match(&run))
		report(&run, sk, tcp, BW_PART_EVENT);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}

/* True if it is time for another sample of this connection, which is noted. The first is due an interval
 * after the first segment: a short connection has one time, that of its end. */
static __always_inline bool is_due(struct sock *sk, __u64 interval)
{
	struct sample *sample = bpf_sk_storage_get(&rtt_samples, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u64 now = bpf_ktime_get_ns();
	bool due;

	if (!sample)
		return false;
	due = sample->time && now - sample->time >= interval;
	if (due || !sample->time)
		sample->time = now;
	return due;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_rtt_probe, struct sock *sk)
{
	const struct tcp_rtt_params *params = bw_parameters();
	struct tcp_sock *tcp;
	struct bw_run run;

	if (!params || !params->interval || !bw_start(&run))
		return 0;
	run.owner = bw_owner_of_socket(sk);
	tcp = bpf_skc_to_tcp_sock(sk);
	if (tcp && tcp->srtt_us && bw_match(&run) && is_due(sk, params->interval))
		report(&run, sk, tcp, 0);
	return bw_finish(&run);
}
