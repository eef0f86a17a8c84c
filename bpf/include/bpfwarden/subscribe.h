/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * One loaded program, many subscribers. A subscriber is a slot; slots are found under keys: host, a uid, a
 * cgroup. A probe finds out whose event it is (owner.h), looks for subscribers, and only if there is one
 * fills a record and hands it to each of them:
 *
 *	#define BW_EVENT  struct demo_event	first member: struct bw_event head
 *	#define BW_LABELS struct demo_labels
 *	#define BW_HISTOGRAM 1024		keeps histograms, by so many labels at most
 *	#define BW_COUNTS 1024			keeps counts, likewise
 *	#define BW_PARAMS struct demo_params	has parameters: bw_parameters()
 *	#define BW_PACKETS			its programs are cgroup_skb's: see packet.h
 *	#define BW_LEVEL_IDS			the probe puts the ids of its cgroups into run.level_id
 *	#include "bpfwarden/subscribe.h"
 *
 *	SEC("tp_btf/demo")
 *	int BPF_PROG(demo, struct task_struct *task)
 *	{
 *		struct bw_record r;
 *		struct bw_run run;
 *
 *		if (!bw_start(&run))
 *			return 0;
 *		run.owner = bw_owner_of_task(task);
 *		if (bw_match(&run)) {
 *			bw_record_start(&r, &run, BW_PART_EVENT | BW_PART_COUNT);
 *			…			r.event and r.labels, zeroed so far
 *			bw_deliver(&run, &r);
 *		} else {
 *			bw_count_unmatched(&run);
 *		}
 *		return bw_finish(&run);
 *	}
 *
 * Fields of an event stand in the order of their privacy class. BW_EVENT_BOUND and BW_EVENT_PII are the
 * offsets at which the classes start, multiples of 8; without one the event has no fields of that class.
 * docs/PROBES.md explains the counters.
 */
#include "bpfwarden/abi.h"
#include "bpfwarden/histogram.h"
#include "bpfwarden/owner.h"

#if defined(BW_PACKETS) && !defined(BW_LEVEL_IDS)
#define BW_LEVEL_IDS
#endif

#define BW_DEPTH_MAX     32   /* levels of cgroups that are looked at, upwards from the owner's */
#define BW_SELF_TIMED    1024 /* one run in so many is timed */
#define BW_PRIVACY_BOUND 1    /* enum spec_privacy */
#define BW_PRIVACY_PII   2

/* A program that runs with interrupts off is never re-entered on its CPU and counts without a locked add. */
#ifdef BW_NOT_REENTRANT
#define BW_ADD(counter, n) ((counter) += (n))
#else
#define BW_ADD(counter, n) ((void)__sync_fetch_and_add(&(counter), (n)))
#endif

#define BW_MAP(name_, type_, entries_, key_, value_) \
	struct {                                     \
		__uint(type, BPF_MAP_TYPE_##type_);  \
		__uint(max_entries, entries_);       \
		__type(key, key_);                   \
		__type(value, value_);               \
	} name_ SEC(".maps")
#define BW_MAP_OF_MAPS(name_, shape_)                     \
	struct {                                          \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, BW_SLOTS_MAX);        \
		__type(key, __u32);                       \
		__array(values, shape_);                  \
	} name_ SEC(".maps")

BW_MAP(bw_control, ARRAY, 1, __u32, struct bw_control);
BW_MAP(bw_slots, ARRAY, BW_SLOTS_MAX, __u32, struct bw_slot);
BW_MAP(bw_counters, PERCPU_ARRAY, BW_SLOTS_MAX, __u32, struct bw_counters);
BW_MAP(bw_totals, PERCPU_ARRAY, 1, __u32, struct bw_counters);
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, BW_SLOTS_MAX);
	__type(key, struct bw_key);
	__type(value, struct bw_subscribers);
} bw_subs SEC(".maps");

#define BW_MATCHED_HOST (1U << BW_CGROUP_LEVELS_MAX)
#define BW_MATCHED_UID  (2U << BW_CGROUP_LEVELS_MAX)
struct bw_run {
	struct bw_control *control;
	struct bw_counters *totals;
	struct bw_owner owner;
	__u32 matched; /* bit n: subscribers to the owner's cgroup of level n; and the two bits below */
	__u64 started; /* 0: this run is not timed */
#ifdef BW_LEVEL_IDS
	__u64 level_id[BW_CGROUP_LEVELS_MAX]; /* ids of the owner's cgroup and its ancestors; 0: not asked for
					       */
#endif
};

/* What happened, once for all subscribers. parts says which of the members count. */
#define BW_PART_EVENT       1U
#define BW_PART_SAMPLED_OUT 2U /* with EVENT: the probe's own sampling left this one out */
#define BW_PART_HISTOGRAM   4U
#define BW_PART_COUNT       8U
#define BW_PART_LOST        16U /* alone: the probe had no room to remember what began; counts as map_full */
struct bw_record {
	__u32 parts;
	__u32 bucket;
	__u64 ticks;
	__u64 value;     /* compared with the slot's threshold, in the probe's unit */
	__u64 threshold; /* for slots that have none */
	__u64 amount;    /* what the event adds to its count: 1 unless the probe says otherwise */
#ifdef BW_LABELS
	BW_LABELS labels;
#endif
#ifdef BW_EVENT
	BW_EVENT event;
#endif
};

#ifdef BW_PARAMS
BW_MAP(bw_params, ARRAY, 1, __u32, BW_PARAMS);
static __always_inline const BW_PARAMS *bw_parameters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bw_params, &zero);
}
#endif

/* The time at which a run began, if it is one of those that are timed, or 0. */
__attribute__((noinline)) __u64 bw_self_timed(__u64 runs)
{
	return runs % BW_SELF_TIMED ? 0 : bpf_ktime_get_ns();
}

/* False: nobody listens, or the probe is off; the program returns. */
static __always_inline bool bw_start(struct bw_run *run)
{
	__u32 zero = 0;

	run->control = bpf_map_lookup_elem(&bw_control, &zero);
	if (!run->control || !run->control->enabled)
		return false;
	if (!(run->control->n_host | run->control->n_uid | run->control->n_cgroup))
		return false;
	run->totals = bpf_map_lookup_elem(&bw_totals, &zero);
	if (!run->totals)
		return false;
	run->started = bw_self_timed(run->totals->runs);
	BW_ADD(run->totals->runs, 1);
	return true;
}

static __always_inline int bw_finish(struct bw_run *run)
{
	if (run->started) {
		BW_ADD(run->totals->self_ns, bpf_ktime_get_ns() - run->started);
		BW_ADD(run->totals->self_runs, 1);
	}
	return 0;
}

/* An event that no subscriber matched. */
static __always_inline void bw_count_unmatched(struct bw_run *run)
{
	BW_ADD(run->totals->seen, 1);
	BW_ADD(run->totals->filtered, 1);
}

static __always_inline struct bw_subscribers *bw_look(__u32 kind, __u64 id)
{
	struct bw_key key = { .kind = kind, .id = id };

	return bpf_map_lookup_elem(&bw_subs, &key);
}

/* A level's bit if it is wanted and its cgroup, with this id (0: none), has subscribers. Global, as is all
 * that branches inside a loop: what it returns is one unknown number, where inlined code would be many
 * states. */
__attribute__((noinline)) __u32 bw_match_level(__u32 wanted, __u32 level, __u64 id)
{
	if (level >= BW_CGROUP_LEVELS_MAX || !id || !(wanted >> level & 1) || !bw_look(BW_KEY_CGROUP, id))
		return 0;
	return 1U << level;
}

/* The levels of the owner's cgroup, itself and upwards, at which there are subscribers. */
#ifdef BW_LEVEL_IDS
static __always_inline __u32 bw_match_cgroups(const struct bw_run *run)
{
	__u32 wanted = run->control->cgroup_levels, matched = 0;

	for (__u32 level = 0; level < BW_CGROUP_LEVELS_MAX; level++)
		matched |= bw_match_level(wanted, level, run->level_id[level]);
	return matched;
}
#else
static __always_inline __u32 bw_match_cgroups(const struct bw_run *run)
{
	__u32 wanted = run->control->cgroup_levels, matched = 0;
	struct cgroup *cgroup = run->owner.cgroup;

	for (int i = 0; i < BW_DEPTH_MAX && cgroup; i++) {
		__u32 level = cgroup->level;

		matched |= bw_match_level(wanted, level, cgroup->kn->id);
		cgroup = level ? cgroup->self.parent->cgroup : NULL;
	}
	return matched;
}
#endif
#ifdef BW_PACKETS
#include "bpfwarden/packet.h"
#endif

/* Is there any subscriber to the events of run->owner? */
static __always_inline bool bw_match(struct bw_run *run)
{
	struct bw_control *control = run->control;

	run->matched = control->n_cgroup ? bw_match_cgroups(run) : 0;
	if (control->n_host && bw_look(BW_KEY_HOST, 0))
		run->matched |= BW_MATCHED_HOST;
	if (control->n_uid && run->owner.has_uid && bw_look(BW_KEY_UID, run->owner.uid))
		run->matched |= BW_MATCHED_UID;
	return run->matched;
}

/* Zeroes all of the record, fills the header of the event but for tgid and tid. */
static __always_inline void bw_record_start(struct bw_record *r, const struct bw_run *run, __u32 parts)
{
	__builtin_memset(r, 0, sizeof(*r));
	r->parts = parts;
	r->amount = 1;
#ifdef BW_EVENT
	r->event.head.time = bpf_ktime_get_boot_ns();
	r->event.head.cgroup = run->owner.cgroup_id;
	r->event.head.cpu = bpf_get_smp_processor_id();
	r->event.head.uid = run->owner.uid;
#endif
}

#include "bpfwarden/deliver.h"
