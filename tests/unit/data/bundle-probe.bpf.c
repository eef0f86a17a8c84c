/* SPDX-License-Identifier: GPL-2.0-only */
/* An object with one of everything that a bundle carries: rings by slot, task storage, rodata, a program that
 * some variant leaves out, a subprogram with a helper of its own. */
#include "bpfwarden/abi.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct bundle_event {
	struct bw_event header;
	__u64 delta;
	__u32 previous;
	char comm[16];
	__u32 padding;
};

struct bundle_labels {
	__u64 cgroup;
	__u32 side;
	__u32 reserved;
};

struct bundle_params {
	__u64 threshold;
	__u32 every;
	__u32 names;
};

const volatile __u64 scale = 7;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bw_control);
} bw_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bundle_params);
} bw_params SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct bw_key);
	__type(value, struct bw_subscribers);
} bw_subs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BW_SLOTS_MAX);
	__type(key, __u32);
	__type(value, struct bw_slot);
} bw_slots SEC(".maps");

struct bundle_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BW_SLOTS_MAX);
	__type(key, __u32);
	__array(values, struct bundle_ring);
} bw_rings SEC(".maps");

struct bundle_hist {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 64);
	__uint(key_size, sizeof(struct bundle_labels));
	__uint(value_size, sizeof(struct bw_histogram));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, BW_SLOTS_MAX);
	__type(key, __u32);
	__array(values, struct bundle_hist);
} bw_hists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bw_counters);
} bw_totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} since SEC(".maps");

/* A struct is in BTF only if a function's prototype or a map names it. */
static __attribute__((noinline)) void fill(struct bundle_event *event, __u64 delta)
{
	event->header.time = bpf_ktime_get_boot_ns();
	event->delta = delta;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

static __attribute__((noinline)) void count(void *histograms, struct bundle_labels *labels)
{
	struct bw_histogram *histogram = bpf_map_lookup_elem(histograms, labels);

	if (histogram)
		histogram->count++;
}

static __attribute__((noinline)) int send(__u32 slot, __u64 delta)
{
	struct bundle_event *event;
	void *ring = bpf_map_lookup_elem(&bw_rings, &slot);

	if (!ring)
		return 0;
	event = bpf_ringbuf_reserve(ring, sizeof(*event), 0);
	if (!event)
		return 0;
	__builtin_memset(event, 0, sizeof(*event));
	fill(event, delta);
	bpf_ringbuf_submit(event, 0);
	return 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	__u32 zero = 0;
	struct bw_control *control = bpf_map_lookup_elem(&bw_control, &zero);
	struct bw_counters *totals = bpf_map_lookup_elem(&bw_totals, &zero);
	__u64 *start;

	if (!control || !totals || !control->enabled)
		return 0;
	totals->seen++;
	start = bpf_task_storage_get(&since, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!start)
		return 0;
	*start = bpf_ktime_get_boot_ns() * scale;
	return send(0, *start);
}

SEC("raw_tp/sched_process_exit")
int on_exit(void *context)
{
	__u32 zero = 0;
	struct bw_control *control = bpf_map_lookup_elem(&bw_control, &zero);
	struct bundle_params *params = bpf_map_lookup_elem(&bw_params, &zero);
	struct bundle_labels labels = { .side = 1 };
	struct bw_key key = {};
	void *histograms;

	if (!control || !params || !control->enabled || !bpf_map_lookup_elem(&bw_subs, &key))
		return 0;
	histograms = bpf_map_lookup_elem(&bw_hists, &zero);
	if (!bpf_map_lookup_elem(&bw_slots, &zero) || !histograms)
		return 0;
	count(histograms, &labels);
	return 0;
}

char _license[] SEC("license") = "GPL";
