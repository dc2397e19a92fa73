/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Send a packet in a netfilter hook to another destination. The core decides
 * what changes and changes it (daddr_rewrite.h); here is what only an skb
 * needs: bytes that are ours to write, the state of checksum offload, and that
 * the stack forgets what it did for the old destination.
 *
 * Nothing of this is about x_tables: any hook function may call it.
 */
#ifndef DADDR_SKB_H
#define DADDR_SKB_H

#include <linux/bug.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/dst.h>
#include <net/sock.h>

#include "compat.h"
#include "daddr_rewrite.h"

/* Is it these bytes that hardware, or skb_checksum_help(), completes? */
static __always_inline bool
daddr_skb_completes(const struct sk_buff *skb, const struct daddr_change *change)
{
	return skb_headroom(skb) + change->l4csum_offset ==
	       skb->csum_start + skb->csum_offset;
}

/*
 * Does the field hold the sum of the pseudo-header? CHECKSUM_PARTIAL alone does
 * not say so: in a UDP tunnel it may be about the inner packet, with the outer
 * checksum either complete (local checksum offload) or absent. Only GSO has a
 * seed in both.
 */
static __always_inline bool daddr_skb_is_seed(const struct sk_buff *skb,
					      const struct daddr_change *change)
{
	if (change->l4csum != DADDR_L4CSUM_HERE)
		return false;
	return daddr_skb_completes(skb, change) ||
	       (skb_is_gso(skb) &&
		daddr_load16(skb->data + change->l4csum_offset));
}

/* skb->csum is the sum of all bytes from the IP header on: @sum is added. */
static __always_inline void daddr_skb_add_to_sum(struct sk_buff *skb, u32 sum)
{
	sum += (__force u32)skb->csum;
	if (sum < (__force u32)skb->csum)
		sum++;
	skb->csum = (__force __wsum)sum;
}

/* What the stack already did for the old destination is void. */
static inline void daddr_skb_forget(struct sk_buff *skb, unsigned int hook,
				    const struct daddr_change *change)
{
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		/* a packet of the loopback device brings its route along */
		if (change->set_daddr)
			skb_dst_drop(skb);
		break;
	case NF_INET_LOCAL_IN:
		/* the socket that early demux found is not the receiver */
		skb_orphan(skb);
		break;
	}
	/* in OUTPUT, the mangle table sees the change and routes again */
}

/* Gives the core any packet, wherever its bytes lie. */
struct daddr_skb_reader {
	const struct sk_buff *skb;
	u8 buffer[DADDR_READ_MAX];
};

static inline const void *daddr_skb_read(void *packet, unsigned int offset,
					 unsigned int length)
{
	struct daddr_skb_reader *reader = packet;

	return skb_header_pointer(reader->skb, offset, length, reader->buffer);
}

/* Of that packet alone: neither what is chained to it, nor the stack is told. */
static noinline __maybe_unused enum daddr_verdict
daddr_skb_set4(struct sk_buff *skb, const void *to, __be16 dport,
	       struct daddr_change *change)
{
	struct daddr_skb_reader reader = { .skb = skb };
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide4(daddr_skb_read, &reader, to,
				(__force u16)dport, change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (skb_ensure_writable(skb, change->writable))
		return DADDR_DROP;
	sum = daddr_apply4(skb->data, to, change,
			   skb->ip_summed == CHECKSUM_PARTIAL &&
			   daddr_skb_is_seed(skb, change));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	return DADDR_CHANGE;
}

static noinline __maybe_unused enum daddr_verdict
daddr_skb_set6(struct sk_buff *skb, const void *to, __be16 dport,
	       struct daddr_change *change)
{
	struct daddr_skb_reader reader = { .skb = skb };
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide6(daddr_skb_read, &reader, to,
				(__force u16)dport, change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (skb_ensure_writable(skb, change->writable))
		return DADDR_DROP;
	sum = daddr_apply6(skb->data, to, change,
			   skb->ip_summed == CHECKSUM_PARTIAL &&
			   daddr_skb_is_seed(skb, change));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	return DADDR_CHANGE;
}

/*
 * Did GRO chain packets of a flow to this one? Each has its own headers yet. The
 * stack takes them apart, and not every kernel then gives them the first one's
 * addresses.
 */
static __always_inline bool daddr_skb_is_chain(const struct sk_buff *skb)
{
	return unlikely(skb->data_len) &&
	       unlikely(skb_shinfo(skb)->gso_type & SKB_GSO_FRAGLIST);
}

/*
 * One that is chained, and nobody else's: it begins after its headers. What was
 * not sent to @from is the inner packet of a tunnel, whose outer headers only
 * the first one has.
 */
static inline bool daddr_skb_set_chained(struct sk_buff *skb, const void *from,
					 const void *to, __be16 dport,
					 bool ipv6)
{
	int headers = skb->data - skb_network_header(skb);
	enum daddr_verdict verdict = DADDR_KEEP;
	struct daddr_change change;

	if (headers < (ipv6 ? DADDR_IP6_HEADER : DADDR_IP4_HEADER))
		return true;
	__skb_push(skb, headers);
	if (ipv6 && !memcmp(skb->data + DADDR_IP6_DADDR, from, 16))
		verdict = daddr_skb_set6(skb, to, dport, &change);
	else if (!ipv6 && !memcmp(skb->data + DADDR_IP4_DADDR, from, 4))
		verdict = daddr_skb_set4(skb, to, dport, &change);
	__skb_pull(skb, headers);
	return verdict != DADDR_DROP;
}

/* Of the packet that was sent to @from, all but the first. */
static noinline __maybe_unused bool
daddr_skb_set_chain(struct sk_buff *skb, const void *from, const void *to,
		    __be16 dport, bool ipv6)
{
	struct sk_buff **link, *chained, *rest;
	unsigned int truesize;

	/* with a clone, it shares the chain */
	if (skb_unclone(skb, GFP_ATOMIC))
		return false;
	for (link = &skb_shinfo(skb)->frag_list; *link;
	     link = &chained->next) {
		rest = (*link)->next;
		chained = skb_share_check(*link, GFP_ATOMIC);
		*link = chained ? chained : rest;
		if (!chained)
			return false;
		chained->next = rest;
		truesize = chained->truesize;
		if (!daddr_skb_set_chained(chained, from, to, dport, ipv6))
			return false;
		skb->truesize += chained->truesize - truesize;
	}
	return true;
}

/*
 * daddr_skb_rewrite4 - set the destination of an IPv4 packet
 * daddr_skb_rewrite6 - the same for IPv6
 * @skb: in a netfilter hook: the IP header is at skb->data, in one piece
 * @to: the new destination address, 4 or 16 bytes
 * @dport: the new destination port, or 0 when it stays
 * @hook: NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN or NF_INET_LOCAL_OUT; in the
 *	last one, whoever calls this routes the packet again
 *
 * Returns DADDR_CHANGE when it is done; DADDR_KEEP when the packet has that
 * destination already, and stays as it is; DADDR_DROP when it is too short, or
 * when there is no memory for a copy of its headers: the caller drops it.
 *
 * May move the packet's bytes: pointers to its headers are void. The payload is
 * neither read, copied nor made linear. Any context.
 */
static noinline __maybe_unused enum daddr_verdict
daddr_skb_rewrite4(struct sk_buff *skb, const void *to, __be16 dport,
		   unsigned int hook)
{
	u32 from = daddr_load32(skb->data + DADDR_IP4_DADDR);
	struct daddr_change change;
	enum daddr_verdict verdict;

	verdict = daddr_skb_set4(skb, to, dport, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (daddr_skb_is_chain(skb) &&
	    !daddr_skb_set_chain(skb, &from, to, dport, false))
		return DADDR_DROP;
	daddr_skb_forget(skb, hook, &change);
	return DADDR_CHANGE;
}

static noinline __maybe_unused enum daddr_verdict
daddr_skb_rewrite6(struct sk_buff *skb, const void *to, __be16 dport,
		   unsigned int hook)
{
	struct daddr_change change;
	enum daddr_verdict verdict;
	struct in6_addr from;

	memcpy(&from, skb->data + DADDR_IP6_DADDR, sizeof(from));
	verdict = daddr_skb_set6(skb, to, dport, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (daddr_skb_is_chain(skb) &&
	    !daddr_skb_set_chain(skb, &from, to, dport, true))
		return DADDR_DROP;
	daddr_skb_forget(skb, hook, &change);
	return DADDR_CHANGE;
}

#endif /* DADDR_SKB_H */
