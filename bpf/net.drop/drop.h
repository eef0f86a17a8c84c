/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
/*
 * Packets that the kernel drops. The two objects differ in one thing: from Linux 6.11 the tracepoint also
 * names the receiving socket, which a packet on its way in does not point to.
 */
#include "net.drop/net.drop.h"

#define BW_EVENT  struct net_drop_event
#define BW_LABELS struct net_drop_labels
#define BW_PARAMS struct net_drop_params
#define BW_COUNTS 4096
#include "bpfwarden/subscribe.h"

#include <bpf/bpf_endian.h>

char LICENSE[] SEC("license") = "GPL";

/* The function's name; never its address, which is what an unknown place would be printed as. */
static __always_inline void set_location(char *text, __u32 size, __u64 location)
{
	static const char format[] = "%ps";

	bpf_snprintf(text, size, format, &location, sizeof(location));
	if (text[0] == '0' && text[1] == 'x')
		__builtin_memset(text, 0, 48);
}

static __always_inline void report(struct bw_run *run, struct sk_buff *skb, __u64 location, __u32 reason)
{
	const struct net_drop_params *params = bw_parameters();
	__u32 rate = params && params->sample ? params->sample : 1;
	struct bw_record r;

	bw_record_start(&r, run, BW_PART_EVENT | BW_PART_COUNT);
	if (rate > 1 && bpf_get_prandom_u32() % rate)
		r.parts |= BW_PART_SAMPLED_OUT;
	r.event.reason = r.labels.reason = reason;
	r.event.protocol = r.labels.protocol = bpf_ntohs(skb->protocol);
	r.event.length = skb->len;
	r.event.rate = rate;
	set_location(r.event.location, sizeof(r.event.location), location);
	__builtin_memcpy(r.labels.location, r.event.location, sizeof(r.labels.location));
	bw_deliver(run, &r);
}

static __always_inline int handle(struct sk_buff *skb, __u64 location, __u32 reason, const struct sock *sk)
{
	struct bw_run run;

	if (!bw_start(&run))
		return 0;
	run.owner = bw_owner_of_socket(sk);
	if (bw_match(&run))
		report(&run, skb, location, reason);
	else
		bw_count_unmatched(&run);
	return bw_finish(&run);
}
