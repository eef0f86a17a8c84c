/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/*
 * The layouts that a probe's programs share with user space. Included by both sides; fixed-width types only,
 * native byte order, no implicit padding.
 */
#ifdef __bpf__
#include "bpfwarden/kernel.h"
#else
#include <linux/types.h>
#endif

#define BW_SLOTS_MAX		   1024 /* subscribers of one loaded probe */
#define BW_SUBSCRIBERS_PER_KEY_MAX 15
#define BW_CGROUP_LEVELS_MAX	   16

/* Whose events a subscriber gets. kind orders the look-ups; host has id 0. */
enum bw_key_kind {
	BW_KEY_HOST = 0,
	BW_KEY_UID = 1,
	BW_KEY_CGROUP = 2, /* id of the cgroup itself or of an ancestor */
};

struct bw_key {
	__u32 kind;
	__u32 reserved;
	__u64 id;
};

/* Value of the subscriptions map. Replaced as a whole, so a program sees either the old or the new list. */
struct bw_subscribers {
	__u32 count;
	__u32 slot[BW_SUBSCRIBERS_PER_KEY_MAX];
};

/* Value 0 of the control map, written by the loader only. Look-ups whose key set is empty cost nothing. */
struct bw_control {
	__u32 enabled; /* 0: every program returns at once */
	__u32 n_host, n_uid, n_cgroup; /* keys of each kind in the subscriptions map */
	__u32 cgroup_levels; /* bit n: some subscriber's cgroup is n levels below the root */
	__u32 wake_bytes; /* wake the ring's consumer once this much waits; 0: never */
	__u64 reserved[5];
};

/* What a subscriber may see, in the subscribers' settings array, by slot. */
struct bw_slot {
	__u32 flags; /* BW_SLOT_… */
	__u32 privacy_max; /* fields of a higher class are zeroed in the kernel: enum spec_privacy */
	__u64 threshold; /* probes with thresholds: the event goes out at or above it, in the probe's unit */
};
#define BW_SLOT_EVENTS	   1U /* wants events; otherwise aggregates only */
#define BW_SLOT_AGGREGATES 2U

/*
 * Loss accounting. For each subscriber and program-wide:
 *	seen = submitted + ring_full + map_full + filtered + sampled_out
 * Program-wide, an event counts once for each subscriber that it matched, or once as filtered.
 */
struct bw_counters {
	__u64 seen;
	__u64 submitted;
	__u64 ring_full;
	__u64 map_full;
	__u64 filtered;
	__u64 sampled_out;
	__u64 sequence;	 /* events sent or lost to a full ring on this CPU: the next bw_event.sequence */
	__u64 self_ns;	 /* time of the self-timed runs, 1 in 1 024 */
	__u64 self_runs; /* how many runs were timed */
	__u64 runs;
};

/* First member of every event. A gap in sequence on one cpu is the exact number of lost events. */
struct bw_event {
	__u64 time; /* CLOCK_BOOTTIME, ns */
	__u64 cgroup; /* id of the owner's cgroup */
	__u64 sequence;
	__u32 cpu;
	__u32 tgid;
	__u32 tid;
	__u32 uid; /* the owner's, in the initial user namespace */
};

/*
 * Base-2 exponential histogram, scale 2, upper-inclusive (OpenTelemetry data model): bucket 0 counts values
 * ≤ 1 tick, bucket i > 0 counts 2^((i-1)/4) < ticks ≤ 2^(i/4). A tick is 2^-30 s. The last bucket also holds
 * everything above.
 */
#define BW_HISTOGRAM_BUCKETS 168
#define BW_HISTOGRAM_SCALE   2

struct bw_histogram {
	__u64 count;
	__u64 sum; /* ticks */
	__u64 bucket[BW_HISTOGRAM_BUCKETS];
};
