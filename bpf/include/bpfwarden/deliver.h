/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * The second half of subscribe.h, which includes it: a filled record goes to the subscribers that matched.
 * What branches much is a global function: the verifier checks it once, not for each way that leads to it.
 */
/* For probes that measure time: the value of the histogram and of thresholds. */
__attribute__((noinline)) int bw_record_duration(struct bw_record *r, __u64 ns)
{
	if (!r)
		return 0;
	r->value = ns;
	r->ticks = bw_ticks(ns);
	r->bucket = bw_histogram_index(r->ticks);
	return 0;
}

#define BW_COUNT(own, totals, outcome)        \
	do {                                  \
		BW_ADD((own)->seen, 1);       \
		BW_ADD((own)->outcome, 1);    \
		BW_ADD((totals)->seen, 1);    \
		BW_ADD((totals)->outcome, 1); \
	} while (0)

/* The shapes give sizes, not types: to Linux 6.1 a map with BTF differs from the loader's, which has none. */
#ifdef BW_HISTOGRAM
struct bw_histogram_shape {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BW_HISTOGRAM);
	__uint(key_size, sizeof(BW_LABELS));
	__uint(value_size, sizeof(struct bw_histogram));
};
BW_MAP_OF_MAPS(bw_hists, struct bw_histogram_shape);
static const struct bw_histogram bw_histogram_empty;

static __always_inline bool bw_histogram_add(__u32 slot, struct bw_record *r)
{
	BW_LABELS labels = r->labels; /* up to Linux 6.2 or so a key must be on the stack or in a map */
	void *map = bpf_map_lookup_elem(&bw_hists, &slot);
	__u32 bucket = r->bucket;
	struct bw_histogram *h;

	if (!map)
		return false;
	h = bpf_map_lookup_elem(map, &labels);
	if (!h) {
		bpf_map_update_elem(map, &labels, &bw_histogram_empty, BPF_NOEXIST);
		h = bpf_map_lookup_elem(map, &labels);
	}
	barrier_var(bucket); /* the value that is checked is the value that is used */
	if (!h || bucket >= BW_HISTOGRAM_BUCKETS)
		return false;
	BW_ADD(h->count, 1);
	BW_ADD(h->sum, r->ticks);
	BW_ADD(h->bucket[bucket], 1);
	return true;
}
#else
static __always_inline bool bw_histogram_add(__u32 slot, struct bw_record *r)
{
	return true;
}
#endif

#ifdef BW_COUNTS
struct bw_counts_shape {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BW_COUNTS);
	__uint(key_size, sizeof(BW_LABELS));
	__uint(value_size, sizeof(__u64));
};
BW_MAP_OF_MAPS(bw_counts, struct bw_counts_shape);

static __always_inline bool bw_count_add(__u32 slot, struct bw_record *r)
{
	BW_LABELS labels = r->labels;
	void *map = bpf_map_lookup_elem(&bw_counts, &slot);
	__u64 zero = 0, *n;

	if (!map)
		return false;
	n = bpf_map_lookup_elem(map, &labels);
	if (!n) {
		bpf_map_update_elem(map, &labels, &zero, BPF_NOEXIST);
		n = bpf_map_lookup_elem(map, &labels);
	}
	if (!n)
		return false;
	BW_ADD(*n, r->amount);
	return true;
}
#else
static __always_inline bool bw_count_add(__u32 slot, struct bw_record *r)
{
	return true;
}
#endif

#ifdef BW_EVENT
#ifndef BW_EVENT_PII
#define BW_EVENT_PII sizeof(BW_EVENT)
#endif
#ifndef BW_EVENT_BOUND
#define BW_EVENT_BOUND BW_EVENT_PII
#endif
_Static_assert(BW_EVENT_BOUND % 8 == 0 && BW_EVENT_PII % 8 == 0 && sizeof(BW_EVENT) % 8 == 0, "whole words");

struct bw_ring_shape {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 << 10);
};
BW_MAP_OF_MAPS(bw_rings, struct bw_ring_shape);

/* Copies the bytes from..to of the event, or zeroes them: the consumer may read a record before it is
 * submitted, so what he may not see is never written there. */
static __always_inline void bw_copy(BW_EVENT *event, const BW_EVENT *source, __u32 from, __u32 to,
				    bool allowed)
{
	const __u64 *in = (const __u64 *)source;
	__u64 *out = (__u64 *)event;

#pragma unroll
	for (__u32 i = from / 8; i < to / 8; i++)
		out[i] = allowed ? in[i] : 0;
}

/* Wakes the consumer once, when the bytes that wait pass the mark. Two CPUs at the same moment may both leave
 * it to the other: consumers also look at intervals. */
static __always_inline __u64 bw_wake_up(void *ring)
{
	const __u64 size = (sizeof(BW_EVENT) + 8 + 7) & ~7ULL; /* with the ring's own header */
	__u32 zero = 0;
	struct bw_control *control = bpf_map_lookup_elem(&bw_control, &zero);
	__u64 waiting;

	if (!control || !control->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	if (waiting < control->wake_bytes || waiting - size >= control->wake_bytes)
		return BPF_RB_NO_WAKEUP;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline bool bw_submit(__u32 index, const struct bw_slot *slot, struct bw_counters *own,
				      struct bw_record *r)
{
	__u64 sequence = __sync_fetch_and_add(&own->sequence, 1);
	void *ring = bpf_map_lookup_elem(&bw_rings, &index);
	BW_EVENT *event;

	if (!ring)
		return false;
	event = bpf_ringbuf_reserve(ring, sizeof(*event), 0);
	if (!event)
		return false;
	bw_copy(event, &r->event, 0, BW_EVENT_BOUND, true);
	bw_copy(event, &r->event, BW_EVENT_BOUND, BW_EVENT_PII, slot->privacy_max >= BW_PRIVACY_BOUND);
	bw_copy(event, &r->event, BW_EVENT_PII, sizeof(*event), slot->privacy_max >= BW_PRIVACY_PII);
	event->head.sequence = sequence;
	bpf_ringbuf_submit(event, bw_wake_up(ring));
	return true;
}
#else
static __always_inline bool bw_submit(__u32 index, const struct bw_slot *slot, struct bw_counters *own,
				      struct bw_record *r)
{
	return true;
}
#endif

/* Every event has exactly one outcome for each slot. An aggregate that found no room is counted as one more
 * seen, so that the ring's own numbers stay true. */
__attribute__((noinline)) int bw_deliver_slot(__u32 index, struct bw_record *r)
{
	struct bw_counters *own = bpf_map_lookup_elem(&bw_counters, &index);
	struct bw_slot *slot = bpf_map_lookup_elem(&bw_slots, &index);
	__u32 zero = 0;
	struct bw_counters *totals = bpf_map_lookup_elem(&bw_totals, &zero);

	if (!r || !own || !slot || !totals || !slot->flags)
		return 0;
	if (slot->flags & BW_SLOT_AGGREGATES) {
		if (r->parts & BW_PART_HISTOGRAM && !bw_histogram_add(index, r))
			BW_COUNT(own, totals, map_full);
		if (r->parts & BW_PART_COUNT && !bw_count_add(index, r))
			BW_COUNT(own, totals, map_full);
	}
	if (r->parts & BW_PART_LOST)
		BW_COUNT(own, totals, map_full);
	if (!(r->parts & BW_PART_EVENT))
		return 0;
	if (!(slot->flags & BW_SLOT_EVENTS))
		BW_COUNT(own, totals, submitted);
	else if (r->parts & BW_PART_SAMPLED_OUT || r->value < (slot->threshold ?: r->threshold))
		BW_COUNT(own, totals, sampled_out);
	else if (bw_submit(index, slot, own, r))
		BW_COUNT(own, totals, submitted);
	else
		BW_COUNT(own, totals, ring_full);
	return 0;
}

__attribute__((noinline)) int bw_deliver_key(__u32 kind, __u64 id, struct bw_record *r)
{
	struct bw_subscribers *list = bw_look(kind, id);

	if (!list || !r)
		return 0;
	for (__u32 i = 0; i < BW_SUBSCRIBERS_PER_KEY_MAX && i < list->count; i++)
		bw_deliver_slot(list->slot[i], r);
	return 0;
}

__attribute__((noinline)) int bw_deliver_level(__u32 levels, __u32 level, __u64 id, struct bw_record *r)
{
	if (!r || level >= BW_CGROUP_LEVELS_MAX || !(levels >> level & 1))
		return 0;
	return bw_deliver_key(BW_KEY_CGROUP, id, r);
}

#ifdef BW_LEVEL_IDS
static __always_inline void bw_deliver_cgroups(struct bw_run *run, __u32 levels, struct bw_record *r)
{
	for (__u32 level = 0; level < BW_CGROUP_LEVELS_MAX && levels; level++)
		bw_deliver_level(levels, level, run->level_id[level], r);
}
#else
static __always_inline void bw_deliver_cgroups(struct bw_run *run, __u32 levels, struct bw_record *r)
{
	struct cgroup *cgroup = run->owner.cgroup;

	for (int i = 0; i < BW_DEPTH_MAX && levels && cgroup; i++) {
		__u32 level = cgroup->level;

		bw_deliver_level(levels, level, cgroup->kn->id, r);
		cgroup = level ? cgroup->self.parent->cgroup : NULL;
	}
}
#endif

/* To all subscribers that bw_match() found. A slot under two keys would get the event twice. */
static __always_inline void bw_deliver(struct bw_run *run, struct bw_record *r)
{
	if (run->matched & BW_MATCHED_HOST)
		bw_deliver_key(BW_KEY_HOST, 0, r);
	if (run->matched & BW_MATCHED_UID)
		bw_deliver_key(BW_KEY_UID, run->owner.uid, r);
	bw_deliver_cgroups(run, run->matched & (BW_MATCHED_HOST - 1), r);
}
