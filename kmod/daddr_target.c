// SPDX-License-Identifier: GPL-2.0-only
/*
 * xt_DADDR - Layer 3 Direct Server Return: set the destination address of a
 * packet without conntrack and without a tunnel. How a packet is changed is in
 * daddr_skb.h, what rules may ask for in daddr_check.c, the map of VIPs in
 * daddr_map.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <linux/stddef.h>
#include <linux/string.h>

#include "compat.h"
#include "daddr_check.h"
#include "daddr_map.h"
#include "daddr_skb_common.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Xtables: set the destination address (Layer 3 Direct Server Return)");
MODULE_LICENSE("GPL v2");
MODULE_AUTHOR("DADDR authors");
MODULE_VERSION("0.1.0");
MODULE_ALIAS("ipt_DADDR");
MODULE_ALIAS("ip6t_DADDR");

static char *table = "raw";
module_param(table, charp, 0444);
MODULE_PARM_DESC(table, "for L3DSR control tools, which read it: the table to put rules in, raw (default) or mangle; the target works in both, whatever this says");

/* Instead of a map, in a rule of the table raw that has none. */
#define DADDR_SINGLE_IN_RAW ((struct daddr_map *)ERR_PTR(-EXDEV))

/*
 * In OUTPUT of raw, nobody routes a packet again whose destination changed. A
 * rule there is refused; but nft_compat does not say which hooks call a
 * user-defined chain, and looks at those of all tables.
 */
static bool daddr_tg_is_misplaced(const struct xt_action_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;

	if (likely(xt_hooknum(par) != NF_INET_LOCAL_OUT) ||
	    !par->target->revision)
		return false;
	if (info->mapped ? !info->map->in_raw :
	    info->map != DADDR_SINGLE_IN_RAW)
		return false;
	pr_info_once("table raw: a rule in a chain that OUTPUT jumps to does nothing: valid only in PREROUTING of the table raw, and PREROUTING, INPUT and OUTPUT of the table mangle\n");
	return true;
}

/* What daddr_skb_common4() leaves; @to is in the rule of @par. */
static noinline enum daddr_verdict
daddr_tg4_any(struct sk_buff *skb, const struct xt_action_param *par,
	      const union nf_inet_addr *to, __be16 dport)
{
	if (unlikely(daddr_tg_is_misplaced(par)))
		return DADDR_KEEP;
	return daddr_skb_rewrite4(skb, &to->ip, dport, xt_hooknum(par));
}

static noinline enum daddr_verdict
daddr_tg6_any(struct sk_buff *skb, const struct xt_action_param *par,
	      const union nf_inet_addr *to, __be16 dport)
{
	if (unlikely(daddr_tg_is_misplaced(par)))
		return DADDR_KEEP;
	return daddr_skb_rewrite6(skb, &to->in6, dport, xt_hooknum(par));
}

static noinline unsigned int
daddr_tg4_other(struct sk_buff *skb, const struct xt_action_param *par,
		const union nf_inet_addr *to, __be16 dport)
{
	return daddr_tg4_any(skb, par, to, dport) == DADDR_DROP ?
	       NF_DROP : XT_CONTINUE;
}

static __always_inline unsigned int
daddr_tg4_single(struct sk_buff *skb, const struct xt_action_param *par,
		 const union nf_inet_addr *to, __be16 dport)
{
	if (dport)
		return daddr_tg4_other(skb, par, to, dport);
	if (daddr_skb_common4(skb, &to->ip) != DADDR_DROP)
		return XT_CONTINUE;
	return daddr_tg4_other(skb, par, to, 0);
}

static unsigned int
daddr_tg4_v0(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;

	return daddr_tg4_single(skb, par, &info->daddr, 0);
}

static noinline unsigned int
daddr_tg6_other(struct sk_buff *skb, const struct xt_action_param *par,
		const union nf_inet_addr *to, __be16 dport)
{
	return daddr_tg6_any(skb, par, to, dport) == DADDR_DROP ?
	       NF_DROP : XT_CONTINUE;
}

static __always_inline unsigned int
daddr_tg6_single(struct sk_buff *skb, const struct xt_action_param *par,
		 const union nf_inet_addr *to, __be16 dport)
{
	if (dport)
		return daddr_tg6_other(skb, par, to, dport);
	if (daddr_skb_common6(skb, &to->in6) != DADDR_DROP)
		return XT_CONTINUE;
	return daddr_tg6_other(skb, par, to, 0);
}

static unsigned int
daddr_tg6_v0(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;

	return daddr_tg6_single(skb, par, &info->daddr, 0);
}

static noinline unsigned int
daddr_tg4_mapped(struct sk_buff *skb, const struct xt_action_param *par,
		 const struct daddr_map_entry *entry)
{
	switch (daddr_tg4_any(skb, par, &entry->daddr, 0)) {
	case DADDR_CHANGE:
		daddr_count_add(entry->count, skb->len);
		return XT_CONTINUE;
	case DADDR_KEEP:
		return XT_CONTINUE;
	default:
		return NF_DROP;
	}
}

static noinline unsigned int
daddr_tg6_mapped(struct sk_buff *skb, const struct xt_action_param *par,
		 const struct daddr_map_entry *entry)
{
	switch (daddr_tg6_any(skb, par, &entry->daddr, 0)) {
	case DADDR_CHANGE:
		daddr_count_add(entry->count, skb->len);
		return XT_CONTINUE;
	case DADDR_KEEP:
		return XT_CONTINUE;
	default:
		return NF_DROP;
	}
}

static unsigned int
daddr_tg4_v1(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;
	const struct daddr_map_entry *entry;
	unsigned int dscp;

	if (!info->mapped)
		return daddr_tg4_single(skb, par, &info->daddr[0],
					info->dport);
	dscp = daddr_dscp4(skb->data);
	if (!(info->mapped >> dscp & 1))
		return XT_CONTINUE;
	entry = &info->map->entries[dscp];
	OPTIMIZER_HIDE_VAR(entry);	/* one register, not map and DSCP */
	switch (daddr_skb_common4(skb, &entry->daddr.ip)) {
	case DADDR_CHANGE:
		daddr_count_add(entry->count, skb->len);
		return XT_CONTINUE;
	case DADDR_KEEP:	/* counted on its way here, by whom it changed */
		return XT_CONTINUE;
	default:
		return daddr_tg4_mapped(skb, par, entry);
	}
}

static unsigned int
daddr_tg6_v1(struct sk_buff *skb, const struct xt_action_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;
	const struct daddr_map_entry *entry;
	unsigned int dscp;

	if (!info->mapped)
		return daddr_tg6_single(skb, par, &info->daddr[0],
					info->dport);
	dscp = daddr_dscp6(skb->data);
	if (!(info->mapped >> dscp & 1))
		return XT_CONTINUE;
	entry = &info->map->entries[dscp];
	OPTIMIZER_HIDE_VAR(entry);	/* one register, not map and DSCP */
	switch (daddr_skb_common6(skb, &entry->daddr.in6)) {
	case DADDR_CHANGE:
		daddr_count_add(entry->count, skb->len);
		return XT_CONTINUE;
	case DADDR_KEEP:	/* counted on its way here, by whom it changed */
		return XT_CONTINUE;
	default:
		return daddr_tg6_mapped(skb, par, entry);
	}
}

static int daddr_tg_check_v1(const struct xt_tgchk_param *par)
{
	struct xt_daddr_info_v1 *info = par->targinfo;
	bool in_raw = !strcmp(par->table, "raw");
	struct daddr_map *map = in_raw ? DADDR_SINGLE_IN_RAW : NULL;
	int err = daddr_check_v1(par);

	if (err)
		return err;
	if (info->mapped) {
		map = daddr_map_create(par->net, par->family, par->table, info);
		if (IS_ERR(map))
			return PTR_ERR(map);
		map->in_raw = in_raw;
	}
	/* whatever userspace left there */
	info->map = map;
	return 0;
}

static void daddr_tg_destroy_v1(const struct xt_tgdtor_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;

	if (info->mapped)
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
		pr_err("parameter table: \"%s\" is neither raw nor mangle\n",
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
