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

#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/sock.h>

#include "compat.h"
#include "daddr_rewrite.h"

/*
 * The IP header of a packet in a netfilter hook is at skb->data, and what every
 * IP header has is in one piece there: only what follows needs a look.
 */
static __always_inline const void *
daddr_skb_read(const struct sk_buff *skb, unsigned int offset,
	       unsigned int length, void *buffer, unsigned int header)
{
	if (__builtin_constant_p(offset + length) && offset + length <= header)
		return skb->data + offset;
	if (likely(offset + length <= skb_headlen(skb)))
		return skb->data + offset;
	return skb_header_pointer(skb, offset, length, buffer);
}

static __always_inline const void *
daddr_skb_read4(const void *packet, unsigned int offset, unsigned int length,
		void *buffer)
{
	return daddr_skb_read(packet, offset, length, buffer, DADDR_IP4_HEADER);
}

static __always_inline const void *
daddr_skb_read6(const void *packet, unsigned int offset, unsigned int length,
		void *buffer)
{
	return daddr_skb_read(packet, offset, length, buffer, DADDR_IP6_HEADER);
}

/* Are the first @length bytes ours to write? If not, they are copied. */
static __always_inline bool daddr_skb_writable(struct sk_buff *skb,
					       unsigned int length)
{
	if (likely(length <= skb_headlen(skb) && !skb->cloned))
		return true;
	return !skb_ensure_writable(skb, length);
}

/*
 * Does the field hold the sum of the pseudo-header, which hardware or
 * skb_checksum_help() completes? CHECKSUM_PARTIAL alone does not say so: in a
 * UDP tunnel it may be about the inner packet, with the outer checksum either
 * complete (local checksum offload) or absent. Only GSO has a seed in both.
 */
static __always_inline bool daddr_skb_is_seed(const struct sk_buff *skb,
					      const struct daddr_change *change)
{
	const void *field = skb->data + change->l4csum_offset;

	if (skb->ip_summed != CHECKSUM_PARTIAL ||
	    change->l4csum != DADDR_L4CSUM_HERE)
		return false;
	return field == skb->head + skb->csum_start + skb->csum_offset ||
	       (skb_is_gso(skb) && daddr_load16(field));
}

/* What the stack already did for the old destination is void. */
static noinline __maybe_unused void daddr_skb_forget(struct sk_buff *skb,
						     unsigned int hook,
						     bool set_daddr)
{
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		/* a packet of the loopback device brings its route along */
		if (set_daddr)
			skb_dst_drop(skb);
		break;
	case NF_INET_LOCAL_IN:
		/* the socket that early demux found is not the receiver */
		skb_orphan(skb);
		break;
	}
	/* in OUTPUT, the mangle table sees the change and routes again */
}

/* @sum: what the sum of the packet's bytes changed by. */
static __always_inline void
daddr_skb_changed(struct sk_buff *skb, const struct daddr_change *change,
		  u32 sum, unsigned int hook)
{
	/* skb->csum is the sum of all bytes from the IP header on */
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = (__force __wsum)
			daddr_fold32((__force u32)skb->csum + (u64)sum);
	/* without a route, this is PREROUTING */
	if (unlikely(skb->_skb_refdst))
		daddr_skb_forget(skb, hook, change->set_daddr);
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
static __always_inline enum daddr_verdict
daddr_skb_rewrite4(struct sk_buff *skb, const void *to, __be16 dport,
		   unsigned int hook)
{
	struct daddr_change change;
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide4(daddr_skb_read4, skb, to, (__force u16)dport,
				&change);
	if (unlikely(verdict != DADDR_CHANGE))
		return verdict;
	if (!daddr_skb_writable(skb, change.writable))
		return DADDR_DROP;
	sum = daddr_apply4(skb->data, to, &change,
			   daddr_skb_is_seed(skb, &change));
	daddr_skb_changed(skb, &change, sum, hook);
	return DADDR_CHANGE;
}

static __always_inline enum daddr_verdict
daddr_skb_rewrite6(struct sk_buff *skb, const void *to, __be16 dport,
		   unsigned int hook)
{
	struct daddr_change change;
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide6(daddr_skb_read6, skb, to, (__force u16)dport,
				&change);
	if (unlikely(verdict != DADDR_CHANGE))
		return verdict;
	if (!daddr_skb_writable(skb, change.writable))
		return DADDR_DROP;
	sum = daddr_apply6(skb->data, to, &change,
			   daddr_skb_is_seed(skb, &change));
	daddr_skb_changed(skb, &change, sum, hook);
	return DADDR_CHANGE;
}

#endif /* DADDR_SKB_H */
