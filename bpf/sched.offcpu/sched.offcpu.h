/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What sched.offcpu sends: how long tasks were not running, by why, and an event for each long time. */
#include "bpfwarden/abi.h"

struct sched_offcpu_event {
	struct bw_event head; /* of the task that came back */
	__u64 off;            /* ns between switching out and in */
	char class[16];       /* as in the labels */
};

struct sched_offcpu_labels {
	__u64 cgroup;   /* of the task that came back */
	char class[16]; /* sleep: interruptible; disk: uninterruptible; idle: a kernel thread without work;
			   stopped; preempted: it could have gone on */
};

struct sched_offcpu_params {
	__u64 threshold; /* ns: shorter times make no event; a subscriber may have a threshold of its own */
};
