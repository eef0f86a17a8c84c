/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What tcp.reset sends: one event for each reset segment that TCP sends or accepts. */
#include "bpfwarden/abi.h"

struct tcp_reset_event {
	struct bw_event head; /* tgid and tid are 0 */
	__u32 reason;         /* why it was sent; 0: received, or this kernel does not say */
	__u32 state;          /* of the socket, before; 0: there is none */
	__u32 family;         /* 0: there is no socket */
	char direction[8];    /* sent, recv */
	__u32 reserved;
	/* bounded */
	__u16 local_port;
	__u16 remote_port;
	__u32 reserved_ports;
	/* personal; IPv4 is mapped into IPv6 */
	__u8 local_address[16];
	__u8 remote_address[16];
};

struct tcp_reset_labels {
	__u64 cgroup; /* 0: of no socket, a connection to a port on which nobody listens */
	char direction[8];
	__u32 reason;
	__u32 reserved;
};
