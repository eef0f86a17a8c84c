/* SPDX-License-Identifier: GPL-2.0-only */
/* Compiled once for each thing that no bundle can carry: the name of a fault is defined. */
#include "bpfwarden/kernel.h"
#include <bpf/bpf_helpers.h>

#ifdef KCONFIG
extern int LINUX_KERNEL_VERSION __kconfig;
#define USE LINUX_KERNEL_VERSION
#endif

#ifdef KSYM
extern const void jiffies __ksym;
#define USE ((long)&jiffies)
#endif

#ifdef KFUNC
extern void bpf_rcu_read_lock(void) __ksym;
#define USE (bpf_rcu_read_lock(), 0)
#endif

struct {
#ifdef PERF
	__uint(type, 4); /* BPF_MAP_TYPE_PERF_EVENT_ARRAY */
	__uint(key_size, 4);
	__uint(value_size, 4);
#elif defined(TAIL)
	__uint(type, 3); /* BPF_MAP_TYPE_PROG_ARRAY */
	__uint(key_size, 4);
	__uint(value_size, 4);
	__uint(max_entries, 4);
#elif defined(RING)
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
#else
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
#ifndef UNSIZED
	__uint(max_entries, 1);
#endif
#endif
#ifdef PINNED
	__uint(pinning, LIBBPF_PIN_BY_NAME);
#endif
} values SEC(".maps");

#ifndef USE
#define USE 0
#endif
#ifndef HOOK
#define HOOK "raw_tp/sched_switch"
#endif

SEC(HOOK)
int on_event(void *context)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&values, &zero);

	return value ? USE : 0;
}

#ifdef TWO
SEC("kprobe/tcp_close")
int on_close(void *context)
{
	return 0;
}

SEC("fentry/tcp_close")
int on_entry(void *context)
{
	return 0;
}
#endif

char LICENSE[] SEC("license") = "GPL";
