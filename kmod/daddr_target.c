// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_DADDR - Layer 3 Direct Server Return: set the destination address of a
 * packet without conntrack and without a tunnel. What changes in the packet
 * is decided in daddr_rewrite.h; this file does what only an skb needs. What
 * rules may ask for is in daddr_check.c, the map of VIPs in daddr_map.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <net/dst.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "compat.h"
#include "daddr_check.h"
#include "daddr_map.h"
#include "daddr_rewrite.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Xtables: set the destination address (Layer 3 Direct Server Return)");
MODULE_LICENSE("GPL v2");
MODULE_ALIAS("ipt_DADDR");
MODULE_ALIAS("ip6t_DADDR");

static char *table = "raw";
module_param(table, charp, 0444);
MODULE_PARM_DESC(table, "where control tools put rules, raw (default) or mangle; the target works in both");

/*
 * The IP header of a packet in a netfilter hook is at skb->data, and what every
 * IP header has is in one piece there: only what follows needs a look.
 */
static __always_inline const void *
daddr_read4(const void *packet, unsigned int offset, unsigned int length,
	    void *buffer)
{
	const struct sk_buff *skb = packet;

	if (offset + length <= sizeof(struct iphdr))
		return skb->data + offset;
	return skb_header_pointer(skb, offset, length, buffer);
}

static __always_inline const void *
daddr_read6(const void *packet, unsigned int offset, unsigned int length,
	    void *buffer)
{
	const struct sk_buff *skb = packet;

	if (offset + length <= sizeof(struct ipv6hdr))
		return skb->data + offset;
	return skb_header_pointer(skb, offset, length, buffer);
}

/*
 * Does the field hold the sum of the pseudo-header, which hardware or
 * skb_checksum_help() completes? CHECKSUM_PARTIAL alone does not say so: in a
 * UDP tunnel it may be about the inner packet, with the outer checksum either
 * complete (local checksum offload) or absent. Only GSO has a seed in both.
 */
static __always_inline bool daddr_is_seed(const struct sk_buff *skb,
					  unsigned int offset)
{
	const void *field = skb->data + offset;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	return field == skb->head + skb->csum_start + skb->csum_offset ||
	       (skb_is_gso(skb) && daddr_load16(field));
}

/* skb->csum is the sum of all bytes from the IP header on. */
static void daddr_add_to_complete(struct sk_buff *skb, u32 change)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = (__force __wsum)
			daddr_fold32((__force u32)skb->csum + (u64)change);
}

/* What the stack already decided for the old address and port is void. */
static __always_inline void
daddr_forget_destination(struct sk_buff *skb,
			 const struct xt_action_param *par, bool set_daddr)
{
	switch (xt_hooknum(par)) {
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

/* Is there a port to set, and would setting it change the packet? */
static __always_inline bool
daddr_changes_dport(const struct sk_buff *skb, enum daddr_cover cover,
		    const struct daddr_csum *csum, __be16 dport)
{
	const __be16 *port;
	__be16 buffer;

	if (!dport || !daddr_has_dport(cover, csum))
		return false;
	port = skb_header_pointer(skb, csum->transport + DADDR_DPORT,
				  sizeof(buffer), &buffer);
	/* too short to have one: too short for its checksum, and dropped */
	return !port || *port != dport;
}

/*
 * Sets the port, if it changes, and the transport checksum for it and for the
 * @delta of the address. Returns what the transport header adds to the sum of
 * the packet: when it has a checksum, that makes up for both.
 */
static __always_inline u32
daddr_update_transport(struct sk_buff *skb, enum daddr_cover cover,
		       const struct daddr_csum *csum, u16 delta, bool set_dport,
		       __be16 dport)
{
	u16 port_delta = 0;

	if (cover != DADDR_CSUM_HERE)
		return 0;
	if (set_dport)
		port_delta = daddr_set_dport(skb->data + csum->transport,
					     (__force u16)dport);
	if (daddr_update_csum(skb->data + csum->offset, csum->protocol, delta,
			      port_delta, daddr_is_seed(skb, csum->offset)))
		return (u16)~delta;
	return port_delta;
}

/*
 * Sets destination and port (0: the port stays) of any packet. It stays as it
 * is if it has both already.
 */
static noinline unsigned int
daddr_rewrite4(struct sk_buff *skb, const struct xt_action_param *par,
	       const union nf_inet_addr *to, __be16 dport)
{
	bool set_daddr = ip_hdr(skb)->daddr != to->ip;
	struct daddr_csum csum;
	enum daddr_cover cover;
	bool set_dport;
	u16 delta = 0;

	if (!set_daddr && !dport)
		return XT_CONTINUE;

	cover = daddr_find_csum4(daddr_read4, skb, &csum);
	set_dport = daddr_changes_dport(skb, cover, &csum, dport);
	if (!set_daddr && !set_dport && cover != DADDR_TRUNCATED)
		return XT_CONTINUE;
	if (cover == DADDR_TRUNCATED || skb_ensure_writable(skb, csum.end))
		return NF_DROP;

	if (set_daddr)
		delta = daddr_delta(&ip_hdr(skb)->daddr, &to->ip,
				    sizeof(to->ip));
	/* The IP header sums up to zero before and after: what changes
	 * skb->csum is the transport header.
	 */
	daddr_add_to_complete(skb, daddr_update_transport(skb, cover, &csum,
							  delta, set_dport,
							  dport));
	if (set_daddr)
		daddr_set4(ip_hdr(skb), &to->ip, delta);
	daddr_forget_destination(skb, par, set_daddr);
	return XT_CONTINUE;
}

/* The same for IPv6, whose header has no checksum of its own. */
static noinline unsigned int
daddr_rewrite6(struct sk_buff *skb, const struct xt_action_param *par,
	       const union nf_inet_addr *to, __be16 dport)
{
	bool set_daddr = !ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &to->in6);
	struct daddr_csum csum;
	enum daddr_cover cover;
	bool set_dport;
	u16 delta = 0;

	if (!set_daddr && !dport)
		return XT_CONTINUE;

	cover = daddr_find_csum6(daddr_read6, skb, &csum);
	set_dport = daddr_changes_dport(skb, cover, &csum, dport);
	if (!set_daddr && !set_dport && cover != DADDR_TRUNCATED)
		return XT_CONTINUE;
	if (cover == DADDR_TRUNCATED || skb_ensure_writable(skb, csum.end))
		return NF_DROP;

	if (set_daddr)
		delta = daddr_delta(&ipv6_hdr(skb)->daddr, &to->in6,
				    sizeof(to->in6));
	daddr_add_to_complete(skb, delta +
			      daddr_update_transport(skb, cover, &csum, delta,
						     set_dport, dport));
	if (set_daddr)
		daddr_set6(ipv6_hdr(skb), &to->in6);
	daddr_forget_destination(skb, par, set_daddr);
	return XT_CONTINUE;
}

/*
 * Is this a packet as most are? The bytes up to @end are here and nobody
 * else's, and with the address changes nothing that the stack keeps: no route
 * yet (so this is PREROUTING), no sum that hardware left or is to complete.
 */
static __always_inline bool daddr_is_common(const struct sk_buff *skb,
					    unsigned int end)
{
	return likely(skb_headlen(skb) >= end && !skb->cloned &&
		      !skb->_skb_refdst &&
		      skb->ip_summed != CHECKSUM_COMPLETE &&
		      skb->ip_summed != CHECKSUM_PARTIAL);
}

/*
 * Sets the destination of a common packet, in code without a detour. @protocol
 * is a constant: all offsets are. False, and nothing is changed, if it is none.
 */
static __always_inline bool daddr_set_common4(struct sk_buff *skb, __be32 to,
					      u8 protocol)
{
	struct iphdr *ip = (struct iphdr *)skb->data;
	struct daddr_csum csum;
	u16 delta;

	daddr_find_transport(sizeof(*ip), protocol, 0, &csum);
	if (!daddr_is_common(skb, csum.end))
		return false;
	delta = daddr_delta(&ip->daddr, &to, sizeof(to));
	daddr_update_csum((u8 *)ip + csum.offset, protocol, delta, 0, 0);
	daddr_set4(ip, &to, delta);
	return true;
}

static __always_inline bool daddr_set_common6(struct sk_buff *skb,
					      const union nf_inet_addr *to,
					      u8 protocol)
{
	struct ipv6hdr *ip = (struct ipv6hdr *)skb->data;
	struct daddr_csum csum;
	u16 delta;

	daddr_find_transport(sizeof(*ip), protocol, 1, &csum);
	if (!daddr_is_common(skb, csum.end))
		return false;
	delta = daddr_delta(&ip->daddr, &to->in6, sizeof(to->in6));
	daddr_update_csum((u8 *)ip + csum.offset, protocol, delta, 0, 0);
	daddr_set6(ip, &to->in6);
	return true;
}

static __always_inline bool daddr_try_common4(struct sk_buff *skb,
					      const union nf_inet_addr *to)
{
	const struct iphdr *ip = (const struct iphdr *)skb->data;

	/* no options, and no later fragment */
	if (unlikely(*skb->data != 0x45 || ip->frag_off & htons(IP_OFFSET)))
		return false;
	/* what has more to do, comes first */
	if (ip->protocol == IPPROTO_UDP)
		return daddr_set_common4(skb, to->ip, IPPROTO_UDP);
	if (ip->protocol == IPPROTO_TCP)
		return daddr_set_common4(skb, to->ip, IPPROTO_TCP);
	return false;
}

static __always_inline bool daddr_try_common6(struct sk_buff *skb,
					      const union nf_inet_addr *to)
{
	const struct ipv6hdr *ip = (const struct ipv6hdr *)skb->data;

	if (ip->nexthdr == IPPROTO_UDP)
		return daddr_set_common6(skb, to, IPPROTO_UDP);
	if (ip->nexthdr == IPPROTO_TCP)
		return daddr_set_common6(skb, to, IPPROTO_TCP);
	return false;
}

static unsigned int
daddr_tg4_v0(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;

	if (daddr_try_common4(skb, &info->daddr))
		return XT_CONTINUE;
	return daddr_rewrite4(skb, par, &info->daddr, 0);
}

static unsigned int
daddr_tg6_v0(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;

	if (daddr_try_common6(skb, &info->daddr))
		return XT_CONTINUE;
	return daddr_rewrite6(skb, par, &info->daddr, 0);
}

typedef unsigned int (*daddr_rewrite_fn)(struct sk_buff *skb,
					 const struct xt_action_param *par,
					 const union nf_inet_addr *to,
					 __be16 dport);

/* A packet of a map that is not a common one. */
static noinline unsigned int
daddr_rewrite_mapped(struct sk_buff *skb, const struct xt_action_param *par,
		     const struct daddr_map_entry *entry,
		     daddr_rewrite_fn rewrite)
{
	unsigned int verdict = rewrite(skb, par, &entry->daddr, 0);

	if (verdict == XT_CONTINUE)
		daddr_map_count(entry, skb->len);
	return verdict;
}

static unsigned int
daddr_tg4_v1(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;
	const struct daddr_map_entry *entry;

	if (!info->map) {
		if (!info->dport && daddr_try_common4(skb, &info->daddr[0]))
			return XT_CONTINUE;
		return daddr_rewrite4(skb, par, &info->daddr[0], info->dport);
	}

	entry = &info->map->entries[daddr_dscp4(skb->data)];
	if (!entry->count)
		return XT_CONTINUE;
	if (!daddr_try_common4(skb, &entry->daddr))
		return daddr_rewrite_mapped(skb, par, entry, daddr_rewrite4);
	daddr_map_count(entry, skb->len);
	return XT_CONTINUE;
}

static unsigned int
daddr_tg6_v1(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;
	const struct daddr_map_entry *entry;

	if (!info->map) {
		if (!info->dport && daddr_try_common6(skb, &info->daddr[0]))
			return XT_CONTINUE;
		return daddr_rewrite6(skb, par, &info->daddr[0], info->dport);
	}

	entry = &info->map->entries[daddr_dscp6(skb->data)];
	if (!entry->count)
		return XT_CONTINUE;
	if (!daddr_try_common6(skb, &entry->daddr))
		return daddr_rewrite_mapped(skb, par, entry, daddr_rewrite6);
	daddr_map_count(entry, skb->len);
	return XT_CONTINUE;
}

static int daddr_tg_check_v1(const struct xt_tgchk_param *par)
{
	struct xt_daddr_info_v1 *info = par->targinfo;
	struct daddr_map *map = NULL;
	int err = daddr_check_v1(par);

	if (err)
		return err;
	if (info->mapped) {
		map = daddr_map_create(par->net, par->family, par->table, info);
		if (IS_ERR(map))
			return PTR_ERR(map);
	}
	/* whatever userspace left there */
	info->map = map;
	return 0;
}

static void daddr_tg_destroy_v1(const struct xt_tgdtor_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;

	if (info->map)
		daddr_map_destroy(par->net, info->map);
}

static struct xt_target daddr_tg_reg[] __read_mostly = {
	{
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV4,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg4_v0,
		.targetsize = sizeof(struct xt_daddr_info),
		.checkentry = daddr_check_v0,
		.me = THIS_MODULE,
	},
	{
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV6,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg6_v0,
		.targetsize = sizeof(struct xt_daddr_info),
		.checkentry = daddr_check_v0,
		.me = THIS_MODULE,
	},
	{
		.name = "DADDR",
		.revision = 1,
		.family = NFPROTO_IPV4,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg4_v1,
		.targetsize = sizeof(struct xt_daddr_info_v1),
		DADDR_USERSIZE(offsetof(struct xt_daddr_info_v1, map))
		.checkentry = daddr_tg_check_v1,
		.destroy = daddr_tg_destroy_v1,
		.me = THIS_MODULE,
	},
	{
		.name = "DADDR",
		.revision = 1,
		.family = NFPROTO_IPV6,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg6_v1,
		.targetsize = sizeof(struct xt_daddr_info_v1),
		DADDR_USERSIZE(offsetof(struct xt_daddr_info_v1, map))
		.checkentry = daddr_tg_check_v1,
		.destroy = daddr_tg_destroy_v1,
		.me = THIS_MODULE,
	},
};

static int __init daddr_tg_init(void)
{
	int err;

	if (strcmp(table, "raw") && strcmp(table, "mangle")) {
		pr_err("parameter table: found \"%s\", expected raw or mangle\n",
		       table);
		return -EINVAL;
	}
	err = daddr_map_init();
	if (err)
		return err;
	err = xt_register_targets(daddr_tg_reg, ARRAY_SIZE(daddr_tg_reg));
	if (err)
		daddr_map_exit();
	return err;
}

static void __exit daddr_tg_exit(void)
{
	xt_unregister_targets(daddr_tg_reg, ARRAY_SIZE(daddr_tg_reg));
	daddr_map_exit();
}

module_init(daddr_tg_init);
module_exit(daddr_tg_exit);
