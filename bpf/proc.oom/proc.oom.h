/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What proc.oom sends: one event for each process that the kernel killed because memory ran out. */
#include "bpfwarden/abi.h"

struct proc_oom_event {
	struct bw_event head; /* tid: the thread that the kernel chose, often the first one */
	/* In memory at that moment, bytes; as proc(5) has RssAnon, RssFile and RssShmem. */
	__u64 rss_anon;
	__u64 rss_file;
	__u64 rss_shmem;
	__s32 oom_score_adj; /* −1000…1000 */
	__u32 reserved;
	/* bounded */
	char command[16]; /* as proc.lifecycle's, of the process and not of the thread */
};

struct proc_oom_labels {
	__u64 cgroup; /* the victim's */
};
