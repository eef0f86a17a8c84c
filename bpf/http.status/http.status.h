/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
#pragma once
/* What http.status sends: one event for each answer to a plain HTTP/1.x request. */
#include "bpfwarden/abi.h"

struct http_status_event {
	struct bw_event head; /* tgid and tid are 0 */
	__u64 latency;  /* ns from the request's first byte to the answer's; 0: the request was not seen */
	char side[8];   /* client, server */
	char method[8]; /* as in the labels */
	__u16 status;
	__u16 reserved_status[3];
	/* bounded */
	__u16 local_port;
	__u16 remote_port;
	__u32 reserved_ports;
	/* personal; IPv4 is mapped into IPv6 */
	__u8 local_address[16];
	__u8 remote_address[16];
	char path[64]; /* if the parameter asks for it: up to the query, at most 63 bytes */
};

struct http_status_labels {
	__u64 cgroup;
	char side[8];   /* client: the request went out; server: it came in */
	char method[8]; /* unknown: the request was not seen; h2, tls: a connection that is not covered */
	__u16 status;   /* 0: of a connection that is not covered */
	__u16 reserved[3];
};

struct http_status_params {
	__u64 threshold; /* ns: faster answers make no event; a subscriber may have a threshold of its own */
	__u32 path;      /* enum http_path */
	__u32 reserved;
};

enum http_path { HTTP_PATH_NONE, HTTP_PATH_PATH };
