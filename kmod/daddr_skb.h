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
	struct daddr_skb_reader reader = { .skb = skb };
	struct daddr_change change;
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide4(daddr_skb_read, &reader, to,
				(__force u16)dport, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (skb_ensure_writable(skb, change.writable))
		return DADDR_DROP;
	sum = daddr_apply4(skb->data, to, &change,
			   skb->ip_summed == CHECKSUM_PARTIAL &&
			   daddr_skb_is_seed(skb, &change));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	daddr_skb_forget(skb, hook, &change);
	return DADDR_CHANGE;
}

static noinline __maybe_unused enum daddr_verdict
daddr_skb_rewrite6(struct sk_buff *skb, const void *to, __be16 dport,
		   unsigned int hook)
{
	struct daddr_skb_reader reader = { .skb = skb };
	struct daddr_change change;
	enum daddr_verdict verdict;
	u32 sum;

	verdict = daddr_decide6(daddr_skb_read, &reader, to,
				(__force u16)dport, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	if (skb_ensure_writable(skb, change.writable))
		return DADDR_DROP;
	sum = daddr_apply6(skb->data, to, &change,
			   skb->ip_summed == CHECKSUM_PARTIAL &&
			   daddr_skb_is_seed(skb, &change));
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		daddr_skb_add_to_sum(skb, sum);
	daddr_skb_forget(skb, hook, &change);
	return DADDR_CHANGE;
}

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
 * The head is ours to write, and there is no route that was made for the old
 * destination, as in PREROUTING: nothing is to be copied or forgotten.
 */
static __always_inline bool daddr_skb_is_plain(const struct sk_buff *skb)
{
	return likely(!skb->cloned && !skb->_skb_refdst);
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

#endif /* DADDR_SKB_H */
