/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Send a packet to another destination, as daddr_skb.h does, in fewer
 * instructions: for packets as most are.
 */
#ifndef DADDR_SKB_COMMON_H
#define DADDR_SKB_COMMON_H

#include <linux/bug.h>
#include <linux/in.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>

#include "daddr_skb.h"

/*
 * They give the core the head of a packet, as if the packet ended there. What
 * every IP header has is in it: only what follows needs a look.
 */
static __always_inline const void *
daddr_skb_read_head(const struct sk_buff *skb, unsigned int end,
		    unsigned int offset, unsigned int header)
{
	const void *bytes = skb->data + offset;

	if (!(__builtin_constant_p(end) && end <= header) &&
	    unlikely(end > skb_headlen(skb)))
		return NULL;
	if (!bytes)
		__builtin_unreachable();	/* and need not be asked */
	return bytes;
}

static __always_inline const void *
daddr_skb_read_head4(void *packet, unsigned int offset, unsigned int length)
{
	return daddr_skb_read_head(packet, offset + length, offset,
				   DADDR_IP4_HEADER);
}

static __always_inline const void *
daddr_skb_read_head6(void *packet, unsigned int offset, unsigned int length)
{
	return daddr_skb_read_head(packet, offset + length, offset,
				   DADDR_IP6_HEADER);
}

/* Has it no sum beside its bytes, which would have to change with them? */
static __always_inline bool daddr_skb_is_bare(const struct sk_buff *skb)
{
	return likely(skb->ip_summed == CHECKSUM_NONE ||
		      skb->ip_summed == CHECKSUM_UNNECESSARY);
}

/* Of a packet that is not bare: is it COMPLETE, or else PARTIAL? One bit says. */
static __always_inline bool daddr_skb_is_complete(const struct sk_buff *skb)
{
	BUILD_BUG_ON(CHECKSUM_COMPLETE & 1 || !(CHECKSUM_PARTIAL & 1));
	return !(skb->ip_summed & 1);
}

/*
 * @summed: skb->ip_summed, as a constant; NONE stands for UNNECESSARY too. In
 *	CHECKSUM_PARTIAL, what has no seed is for daddr_skb_rewrite4() or 6.
 */
static __always_inline enum daddr_verdict
daddr_skb_plain4(struct sk_buff *skb, const void *to, u8 summed)
{
	struct daddr_change change = {};
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide4(daddr_skb_read_head4, skb, to, 0, &change);
	if (unlikely(verdict != DADDR_CHANGE))
		return verdict;
	if (summed == CHECKSUM_PARTIAL &&
	    unlikely(!daddr_skb_completes(skb, &change)))
		return DADDR_DROP;
	sum = daddr_apply4(skb->data, to, &change, summed == CHECKSUM_PARTIAL);
	if (summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	return DADDR_CHANGE;
}

static __always_inline enum daddr_verdict
daddr_skb_plain6(struct sk_buff *skb, const void *to, u8 summed)
{
	struct daddr_change change = {};
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide6(daddr_skb_read_head6, skb, to, 0, &change);
	if (unlikely(verdict != DADDR_CHANGE))
		return verdict;
	if (summed == CHECKSUM_PARTIAL &&
	    unlikely(!daddr_skb_completes(skb, &change)))
		return DADDR_DROP;
	sum = daddr_apply6(skb->data, to, &change, summed == CHECKSUM_PARTIAL);
	if (summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	return DADDR_CHANGE;
}

/*
 * The head is ours to write, nothing is chained to it, and there is no route
 * that was made for the old destination, as in PREROUTING: nothing is to be
 * copied or forgotten.
 */
static __always_inline bool daddr_skb_is_plain(const struct sk_buff *skb)
{
	return likely(!skb->cloned && !skb->_skb_refdst) &&
	       !daddr_skb_is_chain(skb);
}

/*
 * Is it of this protocol, and no later fragment? Both in one comparison: the
 * offset of a fragment and the protocol are two bytes apart.
 */
static __always_inline bool daddr_skb_is_first4(const u8 *ip, u8 protocol)
{
	static const u8 mask[] = {0x1f, 0xff, 0, 0xff};
	const u8 first[] = {0, 0, 0, protocol};

	if ((daddr_load32(ip + 6) & daddr_load32(mask)) != daddr_load32(first))
		return false;
	/* which the core will ask once more, for all that the compiler sees */
	if (ip[9] != protocol || daddr_load16(ip + 6) & daddr_load16(mask))
		__builtin_unreachable();
	return true;
}

static __always_inline enum daddr_verdict
daddr_skb_in_state4(struct sk_buff *skb, const void *to, u8 summed)
{
	u32 copy = daddr_load32(to);	/* no write to the packet changes it */

	if (daddr_skb_is_first4(skb->data, IPPROTO_UDP))
		return daddr_skb_plain4(skb, &copy, summed);
	if (daddr_skb_is_first4(skb->data, IPPROTO_TCP))
		return daddr_skb_plain4(skb, &copy, summed);
	return DADDR_DROP;
}

static __always_inline enum daddr_verdict
daddr_skb_in_state6(struct sk_buff *skb, const void *to, u8 summed)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)skb->data;

	/* without extension headers */
	if (ip->nexthdr == IPPROTO_UDP)
		return daddr_skb_plain6(skb, to, summed);
	if (ip->nexthdr == IPPROTO_TCP)
		return daddr_skb_plain6(skb, to, summed);
	return DADDR_DROP;
}

/* without options */
static __always_inline bool daddr_skb_is_common4(const struct sk_buff *skb)
{
	return likely(*skb->data == 0x45 && daddr_skb_is_plain(skb));
}

/*
 * daddr_skb_common4 - the same as daddr_skb_rewrite4(), for a packet as most
 *	are: a port that stays, TCP or UDP, nothing to copy, nothing to forget
 * daddr_skb_common6 - the same for IPv6
 * daddr_skb_summed4 - daddr_skb_common4() for what is not daddr_skb_is_bare()
 * daddr_skb_summed6 - the same for IPv6
 *
 * Returns DADDR_CHANGE or DADDR_KEEP; or DADDR_DROP when that packet, of which
 * nothing changed, is for daddr_skb_rewrite4() or 6.
 *
 * It is the same decision and the same application. Of each branch the compiler
 * knows the protocol, all offsets and the state of the sum, needs no call and no
 * stack frame, and leaves out the rest (figures: tests/bench/README.md).
 */
static __always_inline enum daddr_verdict
daddr_skb_summed4(struct sk_buff *skb, const void *to)
{
	if (!daddr_skb_is_common4(skb))
		return DADDR_DROP;
	if (daddr_skb_is_complete(skb))
		return daddr_skb_in_state4(skb, to, CHECKSUM_COMPLETE);
	return daddr_skb_in_state4(skb, to, CHECKSUM_PARTIAL);
}

static __always_inline enum daddr_verdict
daddr_skb_summed6(struct sk_buff *skb, const void *to)
{
	if (!daddr_skb_is_plain(skb))
		return DADDR_DROP;
	if (daddr_skb_is_complete(skb))
		return daddr_skb_in_state6(skb, to, CHECKSUM_COMPLETE);
	return daddr_skb_in_state6(skb, to, CHECKSUM_PARTIAL);
}

static __always_inline enum daddr_verdict
daddr_skb_common4(struct sk_buff *skb, const void *to)
{
	if (!daddr_skb_is_common4(skb))
		return DADDR_DROP;
	if (daddr_skb_is_bare(skb))
		return daddr_skb_in_state4(skb, to, CHECKSUM_NONE);
	return daddr_skb_summed4(skb, to);
}

static __always_inline enum daddr_verdict
daddr_skb_common6(struct sk_buff *skb, const void *to)
{
	if (!daddr_skb_is_plain(skb))
		return DADDR_DROP;
	if (daddr_skb_is_bare(skb))
		return daddr_skb_in_state6(skb, to, CHECKSUM_NONE);
	return daddr_skb_summed6(skb, to);
}

#endif /* DADDR_SKB_COMMON_H */
