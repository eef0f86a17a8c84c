/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What tcp.rtt sends: an event when a connection ends, with its last round-trip times. */
#include "bpfwarden/abi.h"

struct tcp_rtt_event {
	struct bw_event head; /* tgid and tid: who called connect(); 0 on the server's side */
	__u32 srtt;           /* us: the kernel's smoothed round-trip time */
	__u32 variation;      /* us */
	__u32 minimum;        /* us: the smallest of the last minutes */
	char side[8];         /* client, server, unknown */
	__u32 reserved;
	/* bounded */
	__u16 local_port;
	__u16 remote_port;
	__u32 reserved_ports;
	/* personal; IPv4 is mapped into IPv6 */
	__u8 local_address[16];
	__u8 remote_address[16];
};

struct tcp_rtt_labels {
	__u64 cgroup;
	char side[8];
};

struct tcp_rtt_params {
	__u64 interval; /* ns between two samples of one connection; 0: only when it ends */
};
