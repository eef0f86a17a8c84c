/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/* A DNS message in a UDP packet, as a program at a cgroup sees it: the packet starts with its IP header.
 * Numbers are those of RFC 1035, RFC 6895 and IANA's registry of DNS parameters. */
#include "bpfwarden/kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define UDP_HEADER  8
#define DNS_HEADER  12
#define DNS_PORT    53
#define MDNS_PORT   5353

#define DNS_KIND_MASK  0xf800 /* QR and opcode, which is 0: QUERY */
#define DNS_KIND_QUERY 0x0000
#define DNS_KIND_REPLY 0x8000
#define DNS_RCODE_MASK 0x000f
#define DNS_TIMEOUT    256 /* beyond all rcodes */

#define DNS_NAME_BYTES 255 /* of a name as it is sent */
#define DNS_LABELS     127
#define DNS_LABEL_MAX  63

struct dns_message {
	__u32 at; /* of the message in the packet */
	__u16 remote_port;
	__u16 id;
	__u16 flags;
	__u16 questions;
};

/* Where the UDP header is, or 0: none. Extension headers of IPv6 are not read. */
static __always_inline __u32 dns_udp_at(struct __sk_buff *skb)
{
	__u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IP) && data + IPV4_HEADER <= end)
		return data[9] == IPPROTO_UDP ? (data[0] & 15) * 4 : 0;
	if (skb->protocol == bpf_htons(ETH_P_IPV6) && data + IPV6_HEADER <= end)
		return data[6] == IPPROTO_UDP ? IPV6_HEADER : 0;
	return 0;
}

static __always_inline __u16 dns_word(const __u8 *p)
{
	return (__u16)(p[0] << 8 | p[1]);
}

/* A responder of multicast DNS asks and is answered from port 5353, with id 0: nothing tells which answer is
 * to which question. Queries from other ports have ids of their own (RFC 6762, section 6.7). */
static __always_inline bool dns_is_pair(__u16 local, __u16 remote)
{
	return remote == DNS_PORT || (remote == MDNS_PORT && local != MDNS_PORT);
}

/* False: no message from or to a server of DNS. */
static __always_inline bool dns_parse(struct __sk_buff *skb, const bool out, struct dns_message *message)
{
	__u32 ip = dns_udp_at(skb);
	__u8 *udp = (__u8 *)(long)skb->data + ip, *end = (void *)(long)skb->data_end, header[6];
	__u16 from, to;

	if (ip < IPV4_HEADER || udp + UDP_HEADER > end)
		return false;
	from = dns_word(udp);
	to = dns_word(udp + 2);
	if (!dns_is_pair(out ? from : to, out ? to : from))
		return false;
	message->at = ip + UDP_HEADER;
	message->remote_port = out ? to : from;
	if (skb->len < message->at + DNS_HEADER ||
	    bpf_skb_load_bytes(skb, message->at, header, sizeof(header)) < 0)
		return false;
	message->id = dns_word(header);
	message->flags = dns_word(header + 2);
	message->questions = dns_word(header + 4);
	return true;
}

/* The other end's address, 16 bytes that are zero. */
static __always_inline void dns_remote_address(struct __sk_buff *skb, const bool out, __u8 *address)
{
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		bpf_skb_load_bytes(skb, out ? 24 : 8, address, 16);
		return;
	}
	address[10] = address[11] = 0xff;
	bpf_skb_load_bytes(skb, out ? 16 : 12, address + 12, 4);
}

/* Where the name that starts at `at` is over, behind its last byte; 0: this is no name, or a compressed one,
 * which no question has. */
__attribute__((noinline)) __u32 dns_name_end(struct __sk_buff *skb, __u32 at)
{
	__u32 begin = at;
	__u8 length;

	for (int i = 0; i <= DNS_LABELS; i++) {
		if (bpf_skb_load_bytes(skb, at, &length, 1) < 0 || length > DNS_LABEL_MAX)
			return 0;
		at += 1 + length;
		if (!length)
			return at - begin <= DNS_NAME_BYTES ? at : 0;
	}
	return 0;
}

struct dns_name {
	char text[128];
};

/* One byte of a name as it is sent, where so many bytes of its label are still to come: the character that is
 * shown, 0 behind the name's end, and above it the bytes that are to come then. A dot inside a label is not
 * to look like one between labels. */
__attribute__((noinline)) __u32 dns_step(__u32 left, __u32 c)
{
	left &= 0xff;
	c &= 0xff;
	if (!left)
		return c ? c << 8 | '.' : 0;
	left = (left - 1) << 8;
	if (c >= 'A' && c <= 'Z')
		return left | (c + 'a' - 'A');
	return left | (c > ' ' && c < 0x7f && c != '.' ? c : '?');
}

/* Makes text of a name as it is sent, without the length of its first label; what follows the name is zero.
 * Returns the hash. */
__attribute__((noinline)) __u64 dns_name_to_text(struct dns_name *name, __u32 first)
{
	__u64 hash = 0xcbf29ce484222325ULL;
	__u32 state = first << 8;

	if (!name)
		return 0;
	for (__u32 i = 0; i < sizeof(name->text) - 1; i++) {
		state = dns_step(state >> 8, (__u8)name->text[i]);
		name->text[i] = (char)state;
		if (!(state & 0xff))
			break;
		hash = (hash ^ (state & 0xff)) * 0x100000001b3ULL;
	}
	return hash;
}

struct dns_word_text {
	char text[12];
};

#define DNS_TEXT(number, text_)                                                     \
	case number:                                                                \
		__builtin_memcpy(word->text, text_ "\0\0\0\0\0\0\0\0\0\0\0\0", 12); \
		break

__attribute__((noinline)) int dns_rcode_text(struct dns_word_text *word, __u32 rcode)
{
	if (!word)
		return 0;
	switch (rcode) {
		DNS_TEXT(0, "NOERROR");
		DNS_TEXT(1, "FORMERR");
		DNS_TEXT(2, "SERVFAIL");
		DNS_TEXT(3, "NXDOMAIN");
		DNS_TEXT(4, "NOTIMP");
		DNS_TEXT(5, "REFUSED");
		DNS_TEXT(DNS_TIMEOUT, "timeout");
	default:
		__builtin_memcpy(word->text, "other\0\0\0\0\0\0", 12);
	}
	return 0;
}

__attribute__((noinline)) int dns_type_text(struct dns_word_text *word, __u32 type)
{
	if (!word)
		return 0;
	switch (type) {
		DNS_TEXT(1, "A");
		DNS_TEXT(2, "NS");
		DNS_TEXT(5, "CNAME");
		DNS_TEXT(6, "SOA");
		DNS_TEXT(12, "PTR");
		DNS_TEXT(15, "MX");
		DNS_TEXT(16, "TXT");
		DNS_TEXT(28, "AAAA");
		DNS_TEXT(33, "SRV");
		DNS_TEXT(35, "NAPTR");
		DNS_TEXT(43, "DS");
		DNS_TEXT(48, "DNSKEY");
		DNS_TEXT(52, "TLSA");
		DNS_TEXT(64, "SVCB");
		DNS_TEXT(65, "HTTPS");
		DNS_TEXT(255, "ANY");
		DNS_TEXT(257, "CAA");
	default:
		__builtin_memcpy(word->text, "other\0\0\0\0\0\0", 12);
	}
	return 0;
}
