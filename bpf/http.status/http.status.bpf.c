// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP/1.x without TLS: how long the first byte of each answer took, and its status.
 *
 * A socket's state says in which direction a message is to start, and at which sequence number; only the
 * bytes there are looked at. So what is sent again, in larger or smaller segments, or out of order counts
 * once. Phases pass from one direction to the other: each is ended by segments of one direction alone.
 */
#include "http.status/http.status.h"

#define BW_EVENT       struct http_status_event
#define BW_EVENT_BOUND __builtin_offsetof(struct http_status_event, local_port)
#define BW_EVENT_PII   __builtin_offsetof(struct http_status_event, local_address)
#define BW_LABELS      struct http_status_labels
#define BW_PARAMS      struct http_status_params
#define BW_HISTOGRAM   1024
#define BW_COUNTS      4096
#include "bpfwarden/subscribe.h"
#include "bpfwarden/socket.h"
#include "http.status/message.h"
#include "http.status/segment.h"

char LICENSE[] SEC("license") = "GPL";

enum way { WAY_OUT, WAY_IN };

enum phase {
	PHASE_NEW,
	PHASE_REQUEST, /* a request is to come */
	PHASE_ANSWER,  /* its answer is to come */
	PHASE_REPORT,  /* it has come; both directions leave the state alone */
	PHASE_SKIP,    /* nothing here is HTTP/1.x (any more) */
};

struct exchange {
	__u64 requested; /* ns, monotonic */
	__u32 phase;
	__u32 kind;        /* of the request */
	__u32 request_way; /* WAY_OUT: this is the client's socket */
	__u32 interim;     /* an answer that was none (100 Continue) has passed */
	__u32 high[2];     /* by way: the sequence number behind all that was seen */
	__u32 start[2];    /* by way: where the message that is waited for starts */
	__u8 known[2];     /* by way: high counts */
	__u8 reserved[6];
	struct http_target target;
	/* Of PHASE_REPORT. With it, the stack would be larger than Linux 6.1 allows. */
	struct bw_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct exchange);
} http_exchanges SEC(".maps");

/* The record of all answers that were lost: zero but for its parts. */
BW_MAP(http_lost, ARRAY, 1, __u32, struct bw_record);

static __always_inline bool is_behind(__u32 sequence, __u32 other)
{
	return (__s32)(sequence - other) > 0;
}

/* False: the other direction was first. */
static __always_inline bool pass(struct exchange *x, enum phase from, enum phase to)
{
	return __sync_val_compare_and_swap(&x->phase, from, to) == from;
}

/* Notes how far this direction is. What the segment acknowledges beyond what was seen of the other one has
 * passed while nobody listened (its end, FIN, is one more): then all begins anew. */
static __always_inline void advance(struct exchange *x, const struct segment *s, const enum way way)
{
	__u32 end = s->sequence + s->length, phase = x->phase;

	if (x->known[!way] && is_behind(s->acked, x->high[!way] + 1) && phase != PHASE_REPORT) {
		x->known[!way] = 0;
		pass(x, phase, PHASE_NEW);
	}
	if (!x->known[way] || is_behind(end, x->high[way]))
		x->high[way] = end;
	x->known[way] = 1;
}

/* The kind of message that starts where one is waited for; HTTP_NOTHING: no such message starts there. False:
 * that place is not in this segment. */
static __always_inline bool message_at(struct __sk_buff *skb, const struct segment *s, __u32 at,
				       __u32 *ret_kind)
{
	struct http_start start = {};
	__u32 skipped = at - s->sequence;

	if (is_behind(s->sequence, at) || skipped >= s->length)
		return false;
	*ret_kind = HTTP_NOTHING;
	if (bpf_skb_load_bytes(skb, s->offset + skipped, &start, sizeof(start)) == 0)
		*ret_kind = http_kind(&start);
	return true;
}

static __always_inline void keep_target(struct __sk_buff *skb, struct exchange *x, const struct segment *s,
					__u32 at)
{
	const struct http_status_params *params = bw_parameters();
	__u32 skipped = at - s->sequence + http_method_length(x->kind) + 1, length;

	__builtin_memset(&x->target, 0, sizeof(x->target));
	if (!params || params->path != HTTP_PATH_PATH || skipped >= s->length)
		return;
	length = s->length - skipped;
	if (length > sizeof(x->target))
		length = sizeof(x->target);
	/* The verifier of Linux 6.1 learns both bounds from this alone. */
	barrier_var(length);
	length = ((length - 1) & (sizeof(x->target) - 1)) + 1;
	if (bpf_skb_load_bytes(skb, s->offset + skipped, &x->target, length) == 0)
		http_cut_target(&x->target);
}

static __always_inline void wait_for_answer(struct __sk_buff *skb, struct exchange *x,
					    const struct segment *s, __u32 at, __u32 kind, const enum way way)
{
	x->kind = kind;
	x->request_way = way;
	x->interim = 0;
	x->requested = bpf_ktime_get_ns();
	x->start[!way] = x->known[!way] ? x->high[!way] : s->acked;
	keep_target(skb, x, s, at);
	x->phase = PHASE_ANSWER;
}

/* The first bytes that are seen of a connection. Like all that follows it returns what is to be reported: an
 * answer, a connection that is not covered, or HTTP_NOTHING. */
static __always_inline __u32 begin(struct __sk_buff *skb, struct exchange *x, const struct segment *s,
				   const enum way way)
{
	__u32 kind = HTTP_NOTHING;

	if (!pass(x, PHASE_NEW, PHASE_SKIP))
		return HTTP_NOTHING;
	message_at(skb, s, s->sequence, &kind);
	if (http_is_request(kind)) {
		wait_for_answer(skb, x, s, s->sequence, kind, way);
		return HTTP_NOTHING;
	}
	if (kind == HTTP_NOTHING || (kind >= HTTP_ANSWER && kind < HTTP_ANSWER + 200))
		return HTTP_NOTHING;
	x->kind = HTTP_UNKNOWN;
	x->requested = 0;
	x->request_way = kind < HTTP_ANSWER ? way : !way;
	x->start[!way] = x->known[!way] ? x->high[!way] : s->acked;
	__builtin_memset(&x->target, 0, sizeof(x->target));
	x->phase = PHASE_REPORT;
	return kind;
}

/* What is no request is the rest of a body whose answer did not wait for it. */
static __always_inline __u32 take_request(struct __sk_buff *skb, struct exchange *x, const struct segment *s,
					  const enum way way)
{
	__u32 kind, at = x->start[way];

	if (!message_at(skb, s, at, &kind))
		return HTTP_NOTHING;
	if (http_is_request(kind))
		wait_for_answer(skb, x, s, at, kind, way);
	else
		x->start[way] = x->high[way];
	return HTTP_NOTHING;
}

/* After 1xx the answer is still to come, but for 101, which is the last of HTTP. */
static __always_inline __u32 take_answer(struct __sk_buff *skb, struct exchange *x, const struct segment *s,
					 const enum way way)
{
	__u32 kind;

	if (!message_at(skb, s, x->start[way], &kind))
		return HTTP_NOTHING;
	if (kind >= HTTP_ANSWER + 200 || kind == HTTP_ANSWER + 101) {
		if (!pass(x, PHASE_ANSWER, PHASE_REPORT))
			return HTTP_NOTHING;
		x->start[!way] = x->high[!way];
		return kind;
	}
	if (kind >= HTTP_ANSWER || x->interim) {
		x->interim = 1;
		x->start[way] = x->high[way];
	} else {
		x->phase = PHASE_SKIP;
	}
	return HTTP_NOTHING;
}

static __always_inline __u32 take(struct __sk_buff *skb, struct exchange *x, const struct segment *s,
				  const enum way way)
{
	advance(x, s, way);
	if (x->phase == PHASE_NEW)
		return begin(skb, x, s, way);
	if (x->phase == PHASE_REQUEST && x->request_way == way)
		return take_request(skb, x, s, way);
	if (x->phase == PHASE_ANSWER && x->request_way != way)
		return take_answer(skb, x, s, way);
	return HTTP_NOTHING;
}

/* What follows: another request, or what another protocol makes of the connection. */
static __always_inline void settle(struct exchange *x, __u32 kind)
{
	bool tunnel = x->kind == HTTP_CONNECT && kind < HTTP_ANSWER + 300;

	x->phase = kind < HTTP_ANSWER + 200 || tunnel ? PHASE_SKIP : PHASE_REQUEST;
}

static __always_inline void fill_event(struct http_status_event *event, struct tcp_sock *tcp,
				       const struct exchange *x)
{
	struct sock *sk = (struct sock *)tcp;

	event->local_port = bw_local_port(tcp);
	event->remote_port = bw_remote_port(sk);
	bw_socket_addresses(sk, event->local_address, event->remote_address);
	__builtin_memcpy(event->path, &x->target, sizeof(event->path));
}

static __always_inline void set_side(char *side, bool client)
{
	if (client)
		__builtin_memcpy(side, "client\0", 8);
	else
		__builtin_memcpy(side, "server\0", 8);
}

static __always_inline void report(struct bw_run *run, struct tcp_sock *tcp, struct exchange *x, __u32 kind)
{
	const struct http_status_params *params = bw_parameters();
	struct bw_record *r = &x->record;
	struct http_method method = {};

	bw_record_start(r, run, BW_PART_COUNT);
	http_method_name(&method, kind > HTTP_ANSWER ? x->kind : kind);
	__builtin_memcpy(r->labels.method, method.text, sizeof(method));
	__builtin_memcpy(r->event.method, method.text, sizeof(method));
	set_side(r->labels.side, x->request_way == WAY_OUT);
	set_side(r->event.side, x->request_way == WAY_OUT);
	r->labels.cgroup = run->owner.cgroup_id;
	r->threshold = params ? params->threshold : 0;
	if (kind > HTTP_ANSWER) {
		r->parts |= BW_PART_EVENT;
		r->labels.status = r->event.status = kind - HTTP_ANSWER;
		fill_event(&r->event, tcp, x);
	}
	if (x->requested) {
		bw_record_duration(r, bpf_ktime_get_ns() - x->requested);
		r->event.latency = r->value;
		r->parts |= BW_PART_HISTOGRAM;
	}
	bw_deliver(run, r);
}

/* The state of a socket whose owner has subscribers. One that nobody has accepted yet gets its owner only
 * then: what it says until then is remembered in any case. */
static __always_inline struct exchange *exchange_of(struct bpf_sock *sk, struct tcp_sock *tcp, bool matched)
{
	struct sock *kernel_sk = (struct sock *)tcp;

	if (!matched && kernel_sk->sk_socket)
		return NULL;
	return bpf_sk_storage_get(&http_exchanges, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* There is no state of this socket because the kernel has no room for it; sockets have a limit of their own
 * (optmem_max). What can still be told is that an answer starts with this segment. */
static __always_inline void count_lost(struct bw_run *run, struct __sk_buff *skb, const struct segment *s)
{
	__u32 zero = 0, kind = HTTP_NOTHING;
	struct bw_record *r;

	message_at(skb, s, s->sequence, &kind);
	if (kind < HTTP_ANSWER + 200 && kind != HTTP_ANSWER + 101)
		return;
	r = bpf_map_lookup_elem(&http_lost, &zero);
	if (!r)
		return;
	r->parts = BW_PART_LOST;
	bw_deliver(run, r);
}

static __noinline bool match(struct bw_run *run)
{
	return bw_match(run);
}

static __always_inline void handle(struct bw_run *run, struct __sk_buff *skb, struct bpf_sock *sk,
				   const struct segment *s, const enum way way)
{
	struct exchange *x = bpf_sk_storage_get(&http_exchanges, sk, NULL, 0);
	struct tcp_sock *tcp;
	__u32 kind;

	if (x && x->phase == PHASE_SKIP)
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return;
	run->owner = bw_owner_of_socket((struct sock *)tcp);
	if (!x) {
		bool matched = match(run);

		x = exchange_of(sk, tcp, matched);
		if (!x && matched)
			count_lost(run, skb, s);
	}
	if (!x)
		return;
	kind = take(skb, x, s, way);
	if (kind == HTTP_NOTHING)
		return;
	if (match(run))
		report(run, tcp, x, kind);
	else if (kind > HTTP_ANSWER)
		bw_count_unmatched(run);
	settle(x, kind);
}

/* Always 1: the packet goes its way. */
static __always_inline int look(struct __sk_buff *skb, const enum way way)
{
	struct segment segment;
	struct bpf_sock *sk;
	struct bw_run run;

	if (!segment_parse(skb, &segment))
		return 1;
	sk = skb->sk;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->state == TCP_LISTEN || !bw_start(&run))
		return 1;
	handle(&run, skb, sk, &segment, way);
	bw_finish(&run);
	return 1;
}

SEC("cgroup_skb/egress")
int http_out(struct __sk_buff *skb)
{
	return look(skb, WAY_OUT);
}

SEC("cgroup_skb/ingress")
int http_in(struct __sk_buff *skb)
{
	return look(skb, WAY_IN);
}
