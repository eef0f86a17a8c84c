// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long DNS queries over UDP took, and what came of them, as their packets show it: resolvers that are
 * linked into their program are seen, too.
 *
 * A query is remembered under its socket and id until an answer comes, or until it is too old when a timer
 * goes through all that are remembered: a timer of each query's own would be an allocation for each, which
 * the kernel often refuses (Linux 6.18, which does not wait for a lock then). What is remembered is the
 * record that will be sent, so that little stands on the stack.
 */
#include "dns.latency/dns.latency.h"

#define BW_EVENT       struct dns_latency_event
#define BW_EVENT_BOUND __builtin_offsetof(struct dns_latency_event, remote_port)
#define BW_EVENT_PII   __builtin_offsetof(struct dns_latency_event, remote_address)
#define BW_LABELS      struct dns_latency_labels
#define BW_PARAMS      struct dns_latency_params
#define BW_HISTOGRAM   1024
#define BW_COUNTS      4096
#define BW_PACKETS
#include "bpfwarden/subscribe.h"
#include "dns.latency/message.h"

char LICENSE[] SEC("license") = "GPL";

#define DNS_QUERIES 4096 /* that are remembered at once, of all subscribers */
#define DNS_SWEEPS  16   /* in one timeout, so it comes at most a sixteenth late */

struct dns_key {
	__u64 cookie;
	__u16 id;
	__u16 remote_port;
	__u32 reserved;
};

struct dns_query {
	__u64 asked;   /* ns, monotonic; 0: it is being written */
	__u64 pending; /* a number of its own; whoever sets it to 0 reports the query */
	struct dns_key key;
	struct bw_owner owner; /* without the pointer */
	__u64 level_id[BW_CGROUP_LEVELS_MAX];
	struct bw_record record;
};

/* Preallocated: otherwise the kernel keeps only some free elements for each CPU and refills them by an
 * interrupt to itself, which may come as late as the next tick, long after quick queries used them up. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DNS_QUERIES);
	__type(key, struct dns_key);
	__type(value, struct dns_query);
} dns_queries SEC(".maps");
static const struct dns_query dns_query_empty;

struct dns_sweeper {
	struct bpf_timer timer;
	__u64 interval; /* ns */
	__u64 runs;
};
BW_MAP(dns_sweepers, ARRAY, 1, __u32, struct dns_sweeper);

/* The record of all queries that were not remembered: zero but for its parts. */
BW_MAP(dns_lost, ARRAY, 1, __u32, struct bw_record);

static __always_inline void count_lost(struct bw_run *run)
{
	__u32 zero = 0;
	struct bw_record *r = bpf_map_lookup_elem(&dns_lost, &zero);

	if (!r)
		return;
	r->parts = BW_PART_LOST;
	bw_deliver(run, r);
}

static __always_inline bool is_of(const struct dns_query *query, const struct dns_key *key)
{
	return query->key.cookie == key->cookie && query->key.id == key->id &&
	       query->key.remote_port == key->remote_port;
}

/*
 * Once for each query: the answer, the sweeper and an answer on another CPU may come at the same moment. An
 * element that was deleted meanwhile may already hold another query, with another number.
 */
static __always_inline bool claim(struct dns_query *query, const struct dns_key *key)
{
	__u64 number = __sync_fetch_and_add(&query->pending, 0); /* before the key is read */

	return number && is_of(query, key) &&
	       __sync_val_compare_and_swap(&query->pending, number, 0) == number;
}

static __always_inline void report(struct bw_run *run, struct dns_query *query, __u32 rcode)
{
	struct bw_record *r = &query->record;

	if (!bw_match(run)) {
		bw_count_unmatched(run);
		return;
	}
	r->event.head.time = bpf_ktime_get_boot_ns();
	r->event.head.cpu = bpf_get_smp_processor_id();
	dns_rcode_text((struct dns_word_text *)r->labels.rcode, rcode);
	__builtin_memcpy(r->event.rcode, r->labels.rcode, sizeof(r->event.rcode));
	bw_record_duration(r, bpf_ktime_get_ns() - query->asked);
	r->event.latency = r->value;
	r->parts = BW_PART_EVENT | BW_PART_COUNT | (rcode == DNS_TIMEOUT ? 0 : BW_PART_HISTOGRAM);
	bw_deliver(run, r);
}

struct dns_sweep {
	__u64 now;
	__u64 timeout;
	__u64 pending; /* 1: there are others */
};

/*
 * One that nobody waits for is just being written, or was reported and could not be deleted then: the kernel
 * refuses that now and then. One that was asked after the sweep began has a negative age.
 */
static long give_up(void *map, const struct dns_key *key, struct dns_query *query, struct dns_sweep *sweep)
{
	__s64 age = sweep->now - query->asked;
	bool waits = query->pending;
	struct bw_run run;

	if (!query->asked || age < (__s64)sweep->timeout || (!waits && age < 2 * (__s64)sweep->timeout)) {
		sweep->pending = 1;
		return 0;
	}
	if (waits) {
		if (!claim(query, key))
			return 0;
		sweep->pending = 1; /* until it is seen to be gone */
		if (bw_start(&run)) {
			run.owner = query->owner;
			__builtin_memcpy(run.level_id, query->level_id, sizeof(run.level_id));
			report(&run, query, DNS_TIMEOUT);
			bw_finish(&run);
		}
	}
	bpf_map_delete_elem(map, key);
	return 0;
}

/* Says that it has ended before it looks, so a query that comes too late to be seen starts the timer again.
 */
static int sweep(void *map, __u32 *key, struct dns_sweeper *sweeper)
{
	const struct dns_latency_params *params = bw_parameters();
	struct dns_sweep now = {};

	if (!params)
		return 0;
	now.now = bpf_ktime_get_ns();
	now.timeout = params->timeout;
	__sync_val_compare_and_swap(&sweeper->runs, 1, 0);
	bpf_for_each_map_elem(&dns_queries, give_up, &now, 0);
	if (now.pending && __sync_bool_compare_and_swap(&sweeper->runs, 0, 1) &&
	    bpf_timer_start(&sweeper->timer, sweeper->interval, 0))
		sweeper->runs = 0;
	return 0;
}

/* The question's name, in the form that the parameter asks for. */
static __always_inline void keep_name(struct __sk_buff *skb, struct dns_latency_event *event, __u32 shown,
				      __u32 at, __u32 length)
{
	struct dns_name *name = (struct dns_name *)event->name;
	__u64 hash;
	__u8 first;

	if (bpf_skb_load_bytes(skb, at, &first, 1) < 0)
		return;
	if (length < 2) /* the root */
		return;
	length -= 2;
	if (length > sizeof(*name) - 2)
		length = sizeof(*name) - 2;
	barrier_var(length); /* the value that is checked is the value that is used */
	/* One more than a number that may be 0: Linux 6.1 wants to see that a length is not. */
	if (length > sizeof(*name) - 2 || bpf_skb_load_bytes(skb, at + 1, name, length + 1) < 0)
		return;
	hash = dns_name_to_text(name, first);
	if (shown == DNS_NAME_HASH) {
		__builtin_memset(name, 0, sizeof(*name));
		event->name_hash = hash;
	}
}

/* Type and name of the only question. */
static __always_inline void keep_question(struct __sk_buff *skb, struct bw_record *r,
					  const struct dns_latency_params *params, __u32 at)
{
	__u32 end = dns_name_end(skb, at), type = 0;
	__u8 bytes[2];

	if (end && bpf_skb_load_bytes(skb, end, bytes, sizeof(bytes)) == 0) {
		type = dns_word(bytes);
		if (params->name != DNS_NAME_NONE)
			keep_name(skb, &r->event, params->name, at, end - at);
	}
	dns_type_text((struct dns_word_text *)r->labels.qtype, type);
	__builtin_memcpy(r->event.qtype, r->labels.qtype, sizeof(r->event.qtype));
}

/*
 * The map has the query before this looks whether somebody will sweep; sweep() does it the other way round.
 * The one timer is an allocation, too: if the kernel has no memory at that instant, the next query tries
 * again, and until then nothing is given up.
 */
static __always_inline void start_sweeping(__u64 timeout)
{
	__u32 zero = 0;
	struct dns_sweeper *sweeper = bpf_map_lookup_elem(&dns_sweepers, &zero);
	long error;

	if (!sweeper || !__sync_bool_compare_and_swap(&sweeper->runs, 0, 1))
		return;
	sweeper->interval = timeout / DNS_SWEEPS;
	error = bpf_timer_init(&sweeper->timer, &dns_sweepers, CLOCK_MONOTONIC);
	if (error && error != -EBUSY) {
		sweeper->runs = 0;
		return;
	}
	bpf_timer_set_callback(&sweeper->timer, sweep);
	if (bpf_timer_start(&sweeper->timer, sweeper->interval, 0))
		sweeper->runs = 0;
}

/* A query that is sent again under its id counts from the first time. */
static __always_inline void remember(struct bw_run *run, struct __sk_buff *skb, struct dns_key *key, __u32 at)
{
	const struct dns_latency_params *params = bw_parameters();
	struct dns_query *query;
	struct bw_record *r;
	long error;

	error = bpf_map_update_elem(&dns_queries, key, &dns_query_empty, BPF_NOEXIST);
	if (error == -EEXIST || !params)
		return;
	query = error ? NULL : bpf_map_lookup_elem(&dns_queries, key);
	if (!query) {
		count_lost(run);
		return;
	}
	query->owner = run->owner;
	__builtin_memcpy(query->level_id, run->level_id, sizeof(query->level_id));
	query->asked = bpf_ktime_get_ns();
	r = &query->record;
	bw_record_start(r, run, 0);
	r->threshold = params->threshold;
	r->labels.cgroup = run->owner.cgroup_id;
	r->event.remote_port = key->remote_port;
	dns_remote_address(skb, true, r->event.remote_address);
	keep_question(skb, r, params, at);
	query->key = *key;
	__sync_lock_test_and_set(&query->pending, query->asked); /* after all the rest is written */
	start_sweeping(params->timeout);
}

static __always_inline void resolve(struct bw_run *run, struct __sk_buff *skb, struct dns_key *key,
				    struct dns_query *query, __u32 rcode)
{
	if (!claim(query, key))
		return;
	__builtin_memset(query->record.event.remote_address, 0, 16);
	dns_remote_address(skb, false, query->record.event.remote_address);
	report(run, query, rcode);
	bpf_map_delete_elem(&dns_queries, key);
}

static __always_inline void handle(struct bw_run *run, struct __sk_buff *skb, struct bpf_sock *sk,
				   const struct dns_message *message, const bool out)
{
	struct dns_key key = { .cookie = bpf_get_socket_cookie(skb),
			       .id = message->id,
			       .remote_port = message->remote_port };
	struct dns_query *query;

	if (out) {
		bw_run_set_packet(run, skb, sk);
		if (bw_match(run))
			remember(run, skb, &key, message->at + DNS_HEADER);
		else
			bw_count_unmatched(run);
		return;
	}
	query = bpf_map_lookup_elem(&dns_queries, &key);
	if (!query)
		return;
	bw_run_set_packet(run, skb, sk);
	resolve(run, skb, &key, query, message->flags & DNS_RCODE_MASK);
}

/* Always 1: the packet goes its way. */
static __always_inline int look(struct __sk_buff *skb, const bool out)
{
	struct dns_message message;
	struct bpf_sock *sk = skb->sk;
	struct bw_run run;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk || sk->type != SOCK_DGRAM || sk->protocol != IPPROTO_UDP)
		return 1;
	if (!dns_parse(skb, out, &message))
		return 1;
	if ((message.flags & DNS_KIND_MASK) != (out ? DNS_KIND_QUERY : DNS_KIND_REPLY))
		return 1;
	if ((out && message.questions != 1) || !bw_start(&run))
		return 1;
	handle(&run, skb, sk, &message, out);
	bw_finish(&run);
	return 1;
}

SEC("cgroup_skb/egress")
int dns_out(struct __sk_buff *skb)
{
	return look(skb, true);
}

SEC("cgroup_skb/ingress")
int dns_in(struct __sk_buff *skb)
{
	return look(skb, false);
}
