/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* A TCP segment with payload, as a program at a cgroup sees it: the packet starts with its IP header. */
#include "bpfwarden/kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_HEADER       20
#define IPV6_HEADER       40
#define IPV6_JUMBO_HEADER 48
#define IPV6_TLV_JUMBO    194
#define IPPROTO_HOPOPTS   0
#define TCP_HEADER        20
#define TCP_SYN           0x02
#define TCP_RST           0x04

struct segment {
	__u32 sequence; /* of the first byte of payload */
	__u32 acked;    /* what the sender has got of the other direction */
	__u32 offset;   /* of the payload in the packet */
	__u32 length;   /* of the payload: by the packet's, since large ones have no length in their header */
};

/* The length of the headers of IPv6, or 0. Extension headers are not read, but for the one that the kernel
 * itself writes: large segments on their way to be cut have a hop-by-hop header with the option of jumbo
 * payload. */
static __always_inline __u32 segment_ipv6_header(const __u8 *data, const __u8 *end)
{
	if (data[6] == IPPROTO_TCP)
		return IPV6_HEADER;
	if (data[6] != IPPROTO_HOPOPTS || data + IPV6_JUMBO_HEADER > end)
		return 0;
	data += IPV6_HEADER;
	return data[0] == IPPROTO_TCP && data[1] == 0 && data[2] == IPV6_TLV_JUMBO ? IPV6_JUMBO_HEADER : 0;
}

/* The length of the IP header, or 0: no TCP. */
static __always_inline __u32 segment_ip_header(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (data + IPV4_HEADER > end)
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return data[9] == IPPROTO_TCP ? (data[0] & 15) * 4 : 0;
	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return segment_ipv6_header(data, end);
	return 0;
}

static __always_inline __u32 segment_word(const __u8 *p)
{
	return (__u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* False: no payload. */
static __always_inline bool segment_parse(struct __sk_buff *skb, struct segment *segment)
{
	__u32 ip = segment_ip_header(skb);
	__u8 *tcp = (__u8 *)(long)skb->data + ip, *end = (void *)(long)skb->data_end;

	if (ip < IPV4_HEADER || tcp + TCP_HEADER > end || tcp[13] & TCP_RST)
		return false;
	segment->sequence = segment_word(tcp + 4) + (tcp[13] & TCP_SYN ? 1 : 0);
	segment->acked = segment_word(tcp + 8);
	segment->offset = ip + (tcp[12] >> 4) * 4;
	if (segment->offset >= skb->len)
		return false;
	segment->length = skb->len - segment->offset;
	return true;
}
