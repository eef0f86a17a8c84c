/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What proc.lifecycle sends: programs that start and processes that end. Never arguments or environment. */
#include "bpfwarden/abi.h"

struct proc_lifecycle_event {
	struct bw_event head;
	__u64 duration;    /* ns since the process began; of exec, since its fork */
	__u32 exit_code;   /* of exit: 0…255 */
	__u32 exit_signal; /* of exit: the signal that killed it, or 0 */
	char what[8];      /* exec, exit */
	/* bounded */
	char command[16]; /* the program's base name, cut to 15 characters, unless the task renamed itself */
};

struct proc_lifecycle_labels {
	__u64 cgroup;
	char what[8]; /* fork, exec, exit */
};
