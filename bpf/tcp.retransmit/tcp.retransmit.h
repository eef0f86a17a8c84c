/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What tcp.retransmit sends: one event for each buffer that TCP sends again. */
#include "bpfwarden/abi.h"

struct tcp_retransmit_event {
	struct bw_event head; /* tgid and tid are 0: segments are sent by timers and answers, not by tasks */
	__u32 state;
	__u16 family;
	__u16 segments; /* that the buffer is cut into; counts are of segments, as the kernel's RetransSegs */
	char kind[8];   /* fast, rto, tlp, syn, synack */
	/* bounded */
	__u16 local_port;
	__u16 remote_port;
	__u32 reserved;
	/* personal; IPv4 is mapped into IPv6; of kind synack the listener's, without the other end */
	__u8 local_address[16];
	__u8 remote_address[16];
};

struct tcp_retransmit_labels {
	__u64 cgroup;
	char kind[8];
};
