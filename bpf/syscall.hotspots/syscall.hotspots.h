/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What syscall.hotspots sends: how long system calls took and how they ended, and an event for each slow one.
 */
#include "bpfwarden/abi.h"

struct syscall_event {
	struct bw_event head; /* of the task that called */
	__u64 latency;        /* ns */
	__u32 syscall;        /* number */
	__s32 error;          /* errno; 0: none */
	__u8 waited;          /* as in the labels */
	__u8 reserved[7];
};

struct syscall_labels {
	__u64 cgroup;  /* of the task that called */
	__u32 syscall; /* number, of the kernel's own architecture */
	__s32 error;   /* errno; 0: none */
	__u8 waited;   /* the task slept in the call */
	__u8 reserved[7];
};

struct syscall_params {
	__u64 threshold; /* ns: faster calls make no event; a subscriber may have a threshold of its own */
	__u32 duty;      /* percent of the time; calls that begin in it are looked at */
	__u32 reserved;
};
