/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What net.drop sends: packets that the kernel threw away, why and where. */
#include "bpfwarden/abi.h"

struct net_drop_event {
	struct bw_event head; /* of the packet's socket, if it has one; tgid and tid are 0 */
	__u32 reason;         /* enum skb_drop_reason of the running kernel; the high half is the subsystem */
	__u32 rate;           /* one event stands for so many drops */
	__u32 protocol;       /* EtherType */
	__u32 length;         /* bytes */
	char location[48];    /* the kernel function */
};

struct net_drop_labels {
	__u32 reason;
	__u32 protocol;
	char location[48];
};

struct net_drop_params {
	__u32 sample; /* an event for one drop in so many; the counts have all */
	__u32 reserved;
};
