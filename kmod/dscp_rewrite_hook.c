// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a packet: see dscp_rewrite.h. */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/if_packet.h>
#include <linux/kernel.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "daddr_skb_common.h"
#include "dscp_rewrite.h"

/*
 * Load balancers send to one server, routing protocols mark what they send to
 * groups. That a packet was sent to the broadcast address of a subnet is known
 * by the link layer.
 */
static __always_inline bool dscp_rewrite_is_to_one4(const struct sk_buff *skb)
{
	u32 daddr = daddr_load32(skb->data + DADDR_IP4_DADDR);
	const u8 first = *(const u8 *)&daddr;

	if (unlikely(skb->pkt_type != PACKET_HOST))
		return false;
	if (likely(first < 0xe0))
		return true;
	return first >= 0xf0 && daddr != 0xffffffff;
}

static __always_inline bool dscp_rewrite_is_to_one6(const struct sk_buff *skb)
{
	return likely(skb->pkt_type == PACKET_HOST &&
		      skb->data[DADDR_IP6_DADDR] != 0xff);
}

/* A packet for this host, with no sum beside its bytes: two questions in one. */
static __always_inline bool dscp_rewrite_is_usual(const struct sk_buff *skb)
{
	return skb->pkt_type == PACKET_HOST && daddr_skb_is_bare(skb);
}

/*
 * What daddr_skb_common4() leaves. Of these functions, the arguments are in the
 * order of the hook's: so none is moved on a packet's usual way.
 */
static noinline unsigned int
dscp_rewrite_any4(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	switch (daddr_skb_rewrite4(skb, &vip->vip.ip, 0, NF_INET_PRE_ROUTING)) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return NF_DROP;
	}
}

static noinline unsigned int
dscp_rewrite_any6(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	switch (daddr_skb_rewrite6(skb, &vip->vip.in6, 0,
				   NF_INET_PRE_ROUTING)) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return NF_DROP;
	}
}

/* @verdict: of daddr_skb_common4() or daddr_skb_summed4() */
static __always_inline unsigned int
dscp_rewrite_finish4(const struct dscp_rewrite_vip *vip, struct sk_buff *skb,
		     enum daddr_verdict verdict)
{
	switch (verdict) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return dscp_rewrite_any4(vip, skb);
	}
}

static noinline unsigned int
dscp_rewrite_unusual4(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	if (!dscp_rewrite_is_to_one4(skb))
		return NF_ACCEPT;
	return dscp_rewrite_finish4(vip, skb,
				    daddr_skb_summed4(skb, &vip->vip.ip));
}

static __always_inline unsigned int
dscp_rewrite_send4(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	if (unlikely(!dscp_rewrite_is_usual(skb)))
		return dscp_rewrite_unusual4(vip, skb);
	if (!dscp_rewrite_is_to_one4(skb))
		return NF_ACCEPT;
	return dscp_rewrite_finish4(vip, skb,
				    daddr_skb_common4(skb, &vip->vip.ip));
}

static __always_inline unsigned int
dscp_rewrite_finish6(const struct dscp_rewrite_vip *vip, struct sk_buff *skb,
		     enum daddr_verdict verdict)
{
	switch (verdict) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return dscp_rewrite_any6(vip, skb);
	}
}

static noinline unsigned int
dscp_rewrite_unusual6(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	if (!dscp_rewrite_is_to_one6(skb))
		return NF_ACCEPT;
	return dscp_rewrite_finish6(vip, skb,
				    daddr_skb_summed6(skb, &vip->vip.in6));
}

static __always_inline unsigned int
dscp_rewrite_send6(const struct dscp_rewrite_vip *vip, struct sk_buff *skb)
{
	if (unlikely(!dscp_rewrite_is_usual(skb)))
		return dscp_rewrite_unusual6(vip, skb);
	if (!dscp_rewrite_is_to_one6(skb))
		return NF_ACCEPT;
	return dscp_rewrite_finish6(vip, skb,
				    daddr_skb_common6(skb, &vip->vip.in6));
}

/*
 * The index of the first RIP with this key; or one that no RIP has. Eight at a
 * time: a key that no RIP has is 0, and comes after those that have.
 */
static __always_inline unsigned int
dscp_rewrite_first(const struct dscp_rewrite_value *value, u32 key)
{
	const u32 *k = value->key;
	unsigned int i = 0;

	BUILD_BUG_ON(ARRAY_SIZE(value->key) % 8);
	do {
		if (k[i] == key)
			return i;
		if (k[i + 1] == key)
			return i + 1;
		if (k[i + 2] == key)
			return i + 2;
		if (k[i + 3] == key)
			return i + 3;
		if (k[i + 4] == key)
			return i + 4;
		if (k[i + 5] == key)
			return i + 5;
		if (k[i + 6] == key)
			return i + 6;
		if (k[i + 7] == key)
			return i + 7;
		i += 8;
	} while (i < value->rips);
	return value->rips;
}

static noinline unsigned int
dscp_rewrite_by_rip4(const struct dscp_rewrite_value *value,
		     struct sk_buff *skb)
{
	unsigned int i;

	i = dscp_rewrite_first(value,
			       dscp_rewrite_key4(skb->data + DADDR_IP4_DADDR));
	if (i < value->rips)
		return dscp_rewrite_send4(&value->rip[i], skb);
	if (value->any.count)
		return dscp_rewrite_send4(&value->any, skb);
	return NF_ACCEPT;
}

static noinline unsigned int
dscp_rewrite_by_rip6(const struct dscp_rewrite_value *value,
		     struct sk_buff *skb)
{
	const void *daddr = skb->data + DADDR_IP6_DADDR;
	unsigned int i;

	/* several may have the same key */
	for (i = dscp_rewrite_first(value, dscp_rewrite_key6(daddr));
	     i < value->rips; i++) {
		if (ipv6_addr_equal(&value->rip[i].rip.in6, daddr))
			return dscp_rewrite_send6(&value->rip[i], skb);
	}
	if (value->any.count)
		return dscp_rewrite_send6(&value->any, skb);
	return NF_ACCEPT;
}

unsigned int dscp_rewrite_hook4(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct dscp_rewrite_value __rcu *const *values = priv;
	const struct dscp_rewrite_value *value;

	value = rcu_dereference(values[daddr_dscp4(skb->data)]);
	if (!value)
		return NF_ACCEPT;
	if (unlikely(value->rips))
		return dscp_rewrite_by_rip4(value, skb);
	return dscp_rewrite_send4(&value->any, skb);
}

unsigned int dscp_rewrite_hook6(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state)
{
	struct dscp_rewrite_value __rcu *const *values = priv;
	const struct dscp_rewrite_value *value;

	value = rcu_dereference(values[daddr_dscp6(skb->data)]);
	if (!value)
		return NF_ACCEPT;
	if (unlikely(value->rips))
		return dscp_rewrite_by_rip6(value, skb);
	return dscp_rewrite_send6(&value->any, skb);
}
