// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a packet: see dscp_rewrite.h. */
#include <linux/compiler.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>

#include "daddr_skb.h"
#include "dscp_rewrite.h"

/*
 * Load balancers send to one server, routing protocols mark what they send to
 * groups. That a packet was sent to the broadcast address of a subnet is known
 * by the link layer.
 */
static __always_inline bool dscp_rewrite_is_to_one4(const struct sk_buff *skb)
{
	const u8 *daddr = skb->data + DADDR_IP4_DADDR;

	if (unlikely(skb->pkt_type != PACKET_HOST))
		return false;
	if (likely(daddr[0] < 0xe0))
		return true;
	return daddr[0] >= 0xf0 && daddr_load32(daddr) != 0xffffffff;
}

static __always_inline bool dscp_rewrite_is_to_one6(const struct sk_buff *skb)
{
	return likely(skb->pkt_type == PACKET_HOST &&
		      skb->data[DADDR_IP6_DADDR] != 0xff);
}

/* What daddr_skb_common4() leaves. */
static noinline unsigned int
dscp_rewrite_any4(struct sk_buff *skb, const struct dscp_rewrite_vip *vip)
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
dscp_rewrite_any6(struct sk_buff *skb, const struct dscp_rewrite_vip *vip)
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

static __always_inline unsigned int
dscp_rewrite_to4(struct sk_buff *skb, const struct dscp_rewrite_vip *vip)
{
	if (!dscp_rewrite_is_to_one4(skb))
		return NF_ACCEPT;
	switch (daddr_skb_common4(skb, &vip->vip.ip)) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return dscp_rewrite_any4(skb, vip);
	}
}

static __always_inline unsigned int
dscp_rewrite_to6(struct sk_buff *skb, const struct dscp_rewrite_vip *vip)
{
	if (!dscp_rewrite_is_to_one6(skb))
		return NF_ACCEPT;
	switch (daddr_skb_common6(skb, &vip->vip.in6)) {
	case DADDR_CHANGE:
		daddr_count_add(vip->count, skb->len);
		return NF_ACCEPT;
	case DADDR_KEEP:
		return NF_ACCEPT;
	default:
		return dscp_rewrite_any6(skb, vip);
	}
}

/* The index of the next RIP with this key, from @i on; or the number of RIPs. */
static __always_inline unsigned int
dscp_rewrite_next(const struct dscp_rewrite_value *value, u32 key,
		  unsigned int i)
{
	while (i < value->rips && value->key[i] != key)
		i++;
	return i;
}

/* The VIP for a packet to this address, or NULL. */
static __always_inline const struct dscp_rewrite_vip *
dscp_rewrite_find4(const struct dscp_rewrite_value *value, const void *daddr)
{
	unsigned int i;

	i = dscp_rewrite_next(value, dscp_rewrite_key4(daddr), 0);
	if (i < value->rips)
		return &value->rip[i];
	return value->any.count ? &value->any : NULL;
}

static __always_inline const struct dscp_rewrite_vip *
dscp_rewrite_find6(const struct dscp_rewrite_value *value,
		   const struct in6_addr *daddr)
{
	u32 key = dscp_rewrite_key6(daddr);
	unsigned int i;

	for (i = dscp_rewrite_next(value, key, 0); i < value->rips;
	     i = dscp_rewrite_next(value, key, i + 1)) {
		if (ipv6_addr_equal(&value->rip[i].rip.in6, daddr))
			return &value->rip[i];
	}
	return value->any.count ? &value->any : NULL;
}

static noinline unsigned int
dscp_rewrite_by_rip4(struct sk_buff *skb,
		     const struct dscp_rewrite_value *value)
{
	const struct dscp_rewrite_vip *vip;

	vip = dscp_rewrite_find4(value, &ip_hdr(skb)->daddr);
	return vip ? dscp_rewrite_to4(skb, vip) : NF_ACCEPT;
}

static noinline unsigned int
dscp_rewrite_by_rip6(struct sk_buff *skb,
		     const struct dscp_rewrite_value *value)
{
	const struct dscp_rewrite_vip *vip;

	vip = dscp_rewrite_find6(value, &ipv6_hdr(skb)->daddr);
	return vip ? dscp_rewrite_to6(skb, vip) : NF_ACCEPT;
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
		return dscp_rewrite_by_rip4(skb, value);
	return dscp_rewrite_to4(skb, &value->any);
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
		return dscp_rewrite_by_rip6(skb, value);
	return dscp_rewrite_to6(skb, &value->any);
}
