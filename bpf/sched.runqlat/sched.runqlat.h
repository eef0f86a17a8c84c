/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What sched.runqlat sends: how long runnable tasks waited for a CPU, and an event for each long wait. */
#include "bpfwarden/abi.h"

struct sched_runqlat_event {
	struct bw_event head; /* of the task that waited */
	__u64 waited;         /* ns */
};

struct sched_runqlat_labels {
	__u64 cgroup; /* of the task that waited */
};

struct sched_runqlat_params {
	__u64 threshold; /* ns: shorter waits make no event; a subscriber may have a threshold of its own */
};
