/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What tcp.state sends: one event when a TCP connection ends or fails to start. */
#include "bpfwarden/abi.h"

struct tcp_state_event {
	struct bw_event head; /* tgid and tid: who called connect(); 0 on the server's side */
	__u64 duration;       /* ns since the connection began; 0 if that was before the probe */
	__u64 bytes_sent;     /* without retransmissions */
	__u64 bytes_received;
	__u32 srtt;        /* us */
	__u32 retransmits; /* segments */
	__u32 old_state;
	__u32 new_state;
	__s32 error; /* errno */
	__u32 family;
	char side[8]; /* client, server, unknown */
	/* bounded */
	__u16 local_port;
	__u16 remote_port;
	__u32 reserved;
	/* personal; IPv4 is mapped into IPv6 */
	__u8 local_address[16];
	__u8 remote_address[16];
};

struct tcp_state_labels {
	__u64 cgroup;
	char what[16]; /* connect: the handshake; lifetime: from there to the end */
	char side[8];
	char outcome[16]; /* ok, closed, refused, reset, timeout, aborted, error */
};

struct tcp_state_params {
	__u8 transitions; /* an event for every change of state, not only the last */
	__u8 reserved[7];
};
