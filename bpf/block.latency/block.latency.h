/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What block.latency sends: how long requests to disks took, and an event for each slow one. */
#include "bpfwarden/abi.h"

struct block_latency_event {
	struct bw_event head; /* cgroup of the request's data; tgid, tid and uid are 0 */
	__u64 latency;        /* ns from the allocation of the request to its end */
	__u64 queued;         /* ns of these before the driver had it; 0: the kernel did not note it */
	__u64 bytes;
	char device[32]; /* as in the labels */
	char op[16];
	char error[16]; /* none, io, timeout, …; other */
};

struct block_latency_labels {
	__u64 cgroup;    /* of the request's data; 0: none, or not of cgroup v2 */
	char device[32]; /* the disk's name: sda, nvme0n1, loop3 */
	char op[16];     /* read, write, discard, other; flush: somebody waited for the cache to be written;
			    flush_command: what the disk was told for it */
};

struct block_latency_params {
	__u64 threshold; /* ns: faster requests make no event; a subscriber may have a threshold of its own */
};
