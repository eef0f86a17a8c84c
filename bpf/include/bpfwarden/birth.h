/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * When a TCP connection began, and on which side: noted with the socket by probes of inet_sock_set_state. A
 * program that includes this has the map, too. Connections older than the probe have no birth.
 */
#include "bpfwarden/socket.h"

enum bw_side { BW_SIDE_UNKNOWN, BW_SIDE_CLIENT, BW_SIDE_SERVER };

struct bw_birth {
	__u64 time; /* ns, monotonic */
	__u32 side;
	__u32 tgid, tid;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct bw_birth);
} bw_births SEC(".maps");

struct bw_change {
	int from, to;
};

/* The two moments at which a connection begins. connect() runs in its caller's context; a server's socket is
 * born in softirq, where the current task is anybody. A socket may connect again after it was disconnected.
 */
static __always_inline void bw_note_birth(struct sock *sk, struct bw_change change)
{
	bool client = change.to == TCP_SYN_SENT;
	struct bw_birth *birth;
	__u64 task;

	if (!client && !(change.from == TCP_LISTEN && change.to == TCP_SYN_RECV))
		return;
	birth = bpf_sk_storage_get(&bw_births, sk, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!birth)
		return;
	task = client ? bpf_get_current_pid_tgid() : 0;
	birth->time = bpf_ktime_get_ns();
	birth->side = client ? BW_SIDE_CLIENT : BW_SIDE_SERVER;
	birth->tgid = task >> 32;
	birth->tid = task;
}

static __always_inline void bw_set_side(char *side, __u32 value)
{
	if (value == BW_SIDE_CLIENT)
		__builtin_memcpy(side, "client\0", 8);
	else if (value == BW_SIDE_SERVER)
		__builtin_memcpy(side, "server\0", 8);
	else
		__builtin_memcpy(side, "unknown", 8);
}
