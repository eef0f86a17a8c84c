/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What dns.latency sends: one event for each query over UDP, when it is answered or given up. */
#include "bpfwarden/abi.h"

struct dns_latency_event {
	struct bw_event head; /* of the socket that asked; tgid and tid are 0 */
	__u64 latency;        /* ns from the first packet of the query */
	char rcode[12];       /* as in the labels */
	char qtype[12];
	/* bounded */
	__u16 remote_port;
	__u16 reserved[3];
	/* personal; IPv4 is mapped into IPv6 */
	__u8 remote_address[16]; /* of who answered, or was asked */
	__u64 name_hash;         /* FNV-1a of the name as below; 0: the parameter does not ask for it */
	char name[128];          /* lower case, cut to 127 bytes */
};

struct dns_latency_labels {
	__u64 cgroup;
	char rcode[12]; /* NOERROR, NXDOMAIN, SERVFAIL, …; timeout: no answer came; other */
	char qtype[12]; /* A, AAAA, …; other */
};

struct dns_latency_params {
	__u64 timeout;   /* ns */
	__u64 threshold; /* ns: faster answers make no event; a subscriber may have a threshold of its own */
	__u32 name;      /* enum dns_name_shown */
	__u32 reserved;
};

enum dns_name_shown { DNS_NAME_NONE, DNS_NAME_HASH, DNS_NAME_FULL };
