/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What fs.latency sends: how long system calls on regular files took, and an event for each slow one. */
#include "bpfwarden/abi.h"

struct fs_latency_event {
	struct bw_event head; /* of the task that called */
	__u64 latency;        /* ns */
	__u64 bytes;          /* that were read or written */
	char op[8];           /* as in the labels */
	char fstype[16];
	__u32 error; /* errno; 0: none */
	__u32 reserved;
};

struct fs_latency_labels {
	__u64 cgroup; /* of the task that called */
	char op[8];   /* read, write, fsync, open */
	char fstype[16];
};

struct fs_latency_params {
	__u64 threshold; /* ns: faster calls make no event; a subscriber may have a threshold of its own */
};
