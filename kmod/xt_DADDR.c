// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_DADDR - Layer 3 Direct Server Return: set the destination address of a
 * packet without conntrack and without a tunnel. What changes in the packet
 * is decided in daddr_rewrite.h; this file does what only an skb needs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <net/dst.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "daddr_address.h"
#include "daddr_rewrite.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Xtables: set the destination address (Layer 3 Direct Server Return)");
MODULE_LICENSE("GPL v2");
MODULE_ALIAS("ipt_DADDR");
MODULE_ALIAS("ip6t_DADDR");

/* The IP header of a packet in a netfilter hook is at skb->data. */
static const void *daddr_read_skb(const void *skb, unsigned int offset,
				  unsigned int length, void *buffer)
{
	return skb_header_pointer(skb, offset, length, buffer);
}

/*
 * Does the field hold the sum of the pseudo-header, which hardware or
 * skb_checksum_help() completes? CHECKSUM_PARTIAL alone does not say so: in a
 * UDP tunnel it may be about the inner packet, with the outer checksum either
 * complete (local checksum offload) or absent. Only GSO has a seed in both.
 */
static bool daddr_is_seed(const struct sk_buff *skb, unsigned int offset)
{
	const void *field = skb->data + offset;

	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return false;
	return field == skb->head + skb->csum_start + skb->csum_offset ||
	       (skb_is_gso(skb) && daddr_load16(field));
}

/* Returns whether a transport checksum followed the change of address. */
static bool daddr_update_transport(struct sk_buff *skb, enum daddr_cover cover,
				   const struct daddr_csum *csum, u64 delta)
{
	return cover == DADDR_CSUM_HERE &&
	       daddr_update_csum(skb->data + csum->offset, csum->protocol,
				 delta, daddr_is_seed(skb, csum->offset));
}

/* skb->csum is the sum of all bytes from the IP header on. */
static void daddr_add_to_complete(struct sk_buff *skb, u32 change)
{
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = (__force __wsum)
			daddr_fold32((u64)(__force u32)skb->csum + change);
}

/* What the stack already decided for the old address is void. */
static void daddr_forget_destination(struct sk_buff *skb,
				     const struct xt_action_param *par)
{
	switch (xt_hooknum(par)) {
	case NF_INET_PRE_ROUTING:
		/* a packet of the loopback device brings its route along */
		skb_dst_drop(skb);
		break;
	case NF_INET_LOCAL_IN:
		/* the socket that early demux found is not the receiver */
		skb_orphan(skb);
		break;
	}
	/* in OUTPUT, the mangle table sees the change and routes again */
}

static unsigned int
daddr_tg4(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;
	struct daddr_csum csum;
	enum daddr_cover cover;
	u64 delta;

	if (ip_hdr(skb)->daddr == info->daddr.ip)
		return XT_CONTINUE;

	cover = daddr_find_csum4(daddr_read_skb, skb, &csum);
	if (cover == DADDR_TRUNCATED || skb_ensure_writable(skb, csum.end))
		return NF_DROP;

	delta = daddr_delta(&ip_hdr(skb)->daddr, &info->daddr.ip,
			    sizeof(info->daddr.ip));
	/* The header sums up to zero before and after: only the transport
	 * checksum changes skb->csum.
	 */
	if (daddr_update_transport(skb, cover, &csum, delta))
		daddr_add_to_complete(skb, ~daddr_fold32(delta));
	daddr_set4(ip_hdr(skb), &info->daddr.ip, delta);
	daddr_forget_destination(skb, par);
	return XT_CONTINUE;
}

static unsigned int
daddr_tg6(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;
	struct daddr_csum csum;
	enum daddr_cover cover;
	u64 delta;

	if (ipv6_addr_equal(&ipv6_hdr(skb)->daddr, &info->daddr.in6))
		return XT_CONTINUE;

	cover = daddr_find_csum6(daddr_read_skb, skb, &csum);
	if (cover == DADDR_TRUNCATED || skb_ensure_writable(skb, csum.end))
		return NF_DROP;

	delta = daddr_delta(&ipv6_hdr(skb)->daddr, &info->daddr.in6,
			    sizeof(info->daddr.in6));
	/* Address and transport checksum cancel each other out in skb->csum;
	 * the address alone does not.
	 */
	if (!daddr_update_transport(skb, cover, &csum, delta))
		daddr_add_to_complete(skb, daddr_fold32(delta));
	daddr_set6(ipv6_hdr(skb), &info->daddr.in6);
	daddr_forget_destination(skb, par);
	return XT_CONTINUE;
}

/* The hooks that the target may be called from, for the table it is in. */
static int daddr_check_place(const struct xt_tgchk_param *par)
{
	unsigned int hooks;

	if (!strcmp(par->table, "raw")) {
		hooks = 1 << NF_INET_PRE_ROUTING;
	} else if (!strcmp(par->table, "mangle")) {
		hooks = 1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN |
			1 << NF_INET_LOCAL_OUT;
	} else {
		pr_info_ratelimited("table %s: valid only in the tables raw and mangle\n",
				    par->table);
		return -EINVAL;
	}
	if (par->hook_mask & ~hooks) {
		pr_info_ratelimited("table %s: valid only in PREROUTING of the table raw, and PREROUTING, INPUT and OUTPUT of the table mangle\n",
				    par->table);
		return -EINVAL;
	}
	return 0;
}

static int daddr_tg_check(const struct xt_tgchk_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;
	const char *refused;

	if (par->family == NFPROTO_IPV4)
		refused = daddr_refuse4(&info->daddr.ip);
	else
		refused = daddr_refuse6(&info->daddr.in6);
	if (refused) {
		pr_info_ratelimited("the new destination may not be %s\n",
				    refused);
		return -EINVAL;
	}
	return daddr_check_place(par);
}

/*
 * .hooks repeats what daddr_check_place() allows in any table: nft_compat
 * checks a user-defined chain by it, and calls the check without hooks there.
 */
#define DADDR_HOOKS (1 << NF_INET_PRE_ROUTING | 1 << NF_INET_LOCAL_IN | \
		     1 << NF_INET_LOCAL_OUT)

static struct xt_target daddr_tg_reg[] __read_mostly = {
	{
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV4,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg4,
		.targetsize = sizeof(struct xt_daddr_info),
		.checkentry = daddr_tg_check,
		.me = THIS_MODULE,
	},
	{
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV6,
		.hooks = DADDR_HOOKS,
		.target = daddr_tg6,
		.targetsize = sizeof(struct xt_daddr_info),
		.checkentry = daddr_tg_check,
		.me = THIS_MODULE,
	},
};

static int __init daddr_tg_init(void)
{
	return xt_register_targets(daddr_tg_reg, ARRAY_SIZE(daddr_tg_reg));
}

static void __exit daddr_tg_exit(void)
{
	xt_unregister_targets(daddr_tg_reg, ARRAY_SIZE(daddr_tg_reg));
}

module_init(daddr_tg_init);
module_exit(daddr_tg_exit);
