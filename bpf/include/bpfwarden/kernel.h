/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * The kernel's types as far as the probes use them. Members may be missing and in any order: each access is
 * recorded by name, and CO-RE replaces it by the running kernel's offset at load time. A type whose name ends
 * in ___word is another version of the type before the three underscores; bpf_core_field_exists() picks one.
 */
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif

/* From the stable interface of the kernel (include/uapi): constants of bpf(2), sockets and TCP. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
#define BPF_ANY                        0
#define BPF_NOEXIST                    1
#define BPF_F_NO_PREALLOC              1
#define BPF_LOCAL_STORAGE_GET_F_CREATE 1
#define BPF_RB_NO_WAKEUP               1
#define BPF_RB_FORCE_WAKEUP            2
#define BPF_RB_AVAIL_DATA              0

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define AF_INET      2
#define AF_INET6     10
#define SOCK_DGRAM   2
#define IPPROTO_TCP  6
#define IPPROTO_UDP  17
#define EINTR        4
#define EBUSY        16
#define EEXIST       17
#define ECONNRESET   104
#define ETIMEDOUT    110
#define ECONNREFUSED 111

#define CLOCK_MONOTONIC 1

#define SIGKILL 9

/* linux/bpf.h promises that BPF_TCP_… and the kernel's own TCP_… stay equal. */
#define TCP_ESTABLISHED  1
#define TCP_SYN_SENT     2
#define TCP_SYN_RECV     3
#define TCP_TIME_WAIT    6
#define TCP_CLOSE        7
#define TCP_LISTEN       10
#define TCP_NEW_SYN_RECV 12

#define TCP_CA_Recovery 3
#define TCP_CA_Loss     4

struct bpf_timer {
	__u64 : 64;
	__u64 : 64;
} __attribute__((aligned(8)));

/* The stable context of programs that see packets, and the socket in it: fixed offsets, no CO-RE. */
struct bpf_sock {
	__u32 bound_dev_if, family, type, protocol, mark, priority;
	__u32 src_ip4, src_ip6[4], src_port;
	__be16 dst_port;
	__u16 : 16;
	__u32 dst_ip4, dst_ip6[4];
	__u32 state;
};

struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol;
	__u32 vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex, tc_index;
	__u32 cb[5], hash, tc_classid;
	__u32 data, data_end;
	__u32 napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
	__u32 data_meta;
	__u64 flow_keys, tstamp;
	__u32 wire_len, gso_segs;
	struct bpf_sock *sk;
};
_Static_assert(__builtin_offsetof(struct __sk_buff, sk) == 168, "as linux/bpf.h");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

struct kernfs_node {
	__u64 id;
};

struct cgroup;
struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id; /* 0: cgroup v2 */
};

struct cgroup {
	struct cgroup_subsys_state self;
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct cred {
	kuid_t uid, suid, euid;
};

struct mm_struct {
	unsigned long flags;
};

/* Pages in memory, by kind. Up to Linux 6.1 plain counters, then ones with a part for each CPU. */
enum {
	MM_FILEPAGES = 0,
	MM_ANONPAGES = 1,
	MM_SHMEMPAGES = 3,
	NR_MM_COUNTERS = 4,
};
typedef struct {
	__s64 counter;
} atomic64_t;
typedef atomic64_t atomic_long_t;
struct mm_rss_stat {
	atomic_long_t count[NR_MM_COUNTERS];
};
struct mm_struct___counters {
	struct mm_rss_stat rss_stat;
};
struct percpu_counter {
	__s64 count;
};
struct mm_struct___percpu {
	struct percpu_counter rss_stat[NR_MM_COUNTERS];
};

/* Linux 6.18 made the flags a bitmap of any length; the two bits of dumpability stay in its first word. */
typedef struct {
	unsigned long __mm_flags[1];
} mm_flags_t;
struct mm_struct___bitmap {
	mm_flags_t flags;
};

struct sched_info {
	unsigned long long last_queued;
};

struct rq {
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct thread_info {
	unsigned long flags;
	__u32 status; /* x86 */
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct signal_struct {
	short oom_score_adj;
};

struct task_struct {
	struct thread_info thread_info;
	int pid, tgid;
	struct files_struct *files;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct sched_entity se;
	int exit_code;
	unsigned long nvcsw;
	struct mm_struct *mm;
	const struct cred *real_cred;
	struct css_set *cgroups;
	struct sched_info sched_info;
	__u64 start_boottime;
	char comm[16];
};

/* Set where the task gives up its mm; in the stable branches since 2026. */
struct task_struct___user_dumpable {
	unsigned int user_dumpable : 1;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct socket;
struct sock {
	struct sock_common __sk_common;
	struct socket *sk_socket; /* NULL: nobody has accepted it, or its file is closed */
	__u16 sk_protocol;
	int sk_err;
	kuid_t sk_uid;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	struct sock sk;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	__u8 icsk_ca_state : 5; /* CO-RE knows the running kernel's place and width */
};

/* Of the smallest, second and third smallest value of a window of time. */
struct minmax_sample {
	__u32 t, v;
};

struct minmax {
	struct minmax_sample s[3];
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_sent, bytes_retrans, bytes_received;
	__u32 srtt_us, mdev_us;
	struct minmax rtt_min;
	__u32 total_retrans;
};

struct sk_buff {
	struct sock *sk;
	__be16 protocol;
	unsigned int len;
	char cb[48];
};

/* What TCP keeps in sk_buff.cb. */
struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio_vec;
struct bio {
	struct blkcg_gq *bi_blkg;
	unsigned short bi_vcnt, bi_max_vecs;
	struct bio_vec *bi_io_vec;
};

struct gendisk {
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	struct bio *bio;
	__u64 start_time_ns, io_start_time_ns;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	struct file_system_type *s_type;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct pt_regs {
#if defined(__TARGET_ARCH_x86)
	unsigned long di, orig_ax;
#else
	__u64 orig_x0;
	__s32 syscallno;
#endif
};

#pragma clang attribute pop
