// SPDX-License-Identifier: GPL-2.0-only
/*
 * The check of rules: everything that comes from userspace is looked at here,
 * whether the plugin would have sent it or not.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/string.h>

#include "daddr_address.h"
#include "daddr_check.h"
#include "daddr_say.h"
#include "compat.h"
#include "xt_DADDR.h"

/* The hooks that the target may be called from, for the table it is in. */
static int daddr_check_place(const struct xt_tgchk_param *par)
{
	unsigned int hooks;

	if (!strcmp(par->table, "raw")) {
		hooks = BIT(NF_INET_PRE_ROUTING);
	} else if (!strcmp(par->table, "mangle")) {
		hooks = DADDR_HOOKS;
	} else {
		daddr_say(par->net, "table %s: valid only in the tables raw and mangle\n",
			  par->table);
		return -EINVAL;
	}
	if (par->hook_mask & ~hooks) {
		daddr_say(par->net, "table %s: valid only in PREROUTING of the table raw, and PREROUTING, INPUT and OUTPUT of the table mangle\n",
			  par->table);
		return -EINVAL;
	}
	return 0;
}

static int daddr_check_address(const struct xt_tgchk_param *par,
			       const union nf_inet_addr *address)
{
	const char *refused;

	if (par->family == NFPROTO_IPV4)
		refused = daddr_refuse4(&address->ip);
	else
		refused = daddr_refuse6(&address->in6);
	if (!refused)
		return 0;
	daddr_say(par->net, "the new destination may not be %s\n", refused);
	return -EINVAL;
}

int daddr_check_v0(const struct xt_tgchk_param *par)
{
	const struct xt_daddr_info *info = par->targinfo;

	/* nothing in such a rule could remember that it is in raw */
	if (!strcmp(par->table, "raw") && !par->hook_mask && daddr_by_nft(par)) {
		daddr_say(par->net, "table raw: in a user-defined chain of nftables, valid only in revision 1, which a newer plugin makes\n");
		return -EINVAL;
	}
	return daddr_check_address(par, &info->daddr) ?:
		daddr_check_place(par);
}

/* The protocol that the rule is for, or 0 when it is for several. */
static unsigned int daddr_rule_protocol(const struct xt_tgchk_param *par)
{
	const struct ip6t_ip6 *rule6 = par->entryinfo;
	const struct ipt_ip *rule4 = par->entryinfo;

	if (par->family == NFPROTO_IPV4)
		return rule4->invflags & IPT_INV_PROTO ? 0 : rule4->proto;
	return rule6->flags & IP6T_F_PROTO &&
	       !(rule6->invflags & IP6T_INV_PROTO) ? rule6->proto : 0;
}

static int daddr_check_dport(const struct xt_tgchk_param *par)
{
	switch (daddr_rule_protocol(par)) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return 0;
	}
	daddr_say(par->net, "a new port is valid only in a rule for TCP, UDP, UDP-Lite or DCCP\n");
	return -EINVAL;
}

/* What the revision does not use is 0, so that a later one may use it. */
static bool daddr_is_unused(const void *from, const void *to)
{
	return !memchr_inv(from, 0, to - from);
}

/* An address that is used: a good one, and nothing after it. */
static int daddr_check_used(const struct xt_tgchk_param *par,
			    const union nf_inet_addr *address)
{
	if (par->family == NFPROTO_IPV4 &&
	    !daddr_is_unused(&address->all[1], address + 1)) {
		daddr_say(par->net, "non-zero bytes after the IPv4 address\n");
		return -EINVAL;
	}
	return daddr_check_address(par, address);
}

static int daddr_check_single(const struct xt_tgchk_param *par,
			      const struct xt_daddr_info_v1 *info)
{
	if (!daddr_is_unused(&info->daddr[1], &info->daddr[XT_DADDR_DSCPS])) {
		daddr_say(par->net, "non-zero addresses after the single one\n");
		return -EINVAL;
	}
	if (info->dport && daddr_check_dport(par))
		return -EINVAL;
	return daddr_check_used(par, &info->daddr[0]);
}

static int daddr_check_map(const struct xt_tgchk_param *par,
			   const struct xt_daddr_info_v1 *info)
{
	unsigned int dscp;

	if (info->mapped & 1) {
		daddr_say(par->net, "DSCP 0 is unmarked traffic: it cannot be mapped\n");
		return -EINVAL;
	}
	if (info->dport) {
		daddr_say(par->net, "a map sets no port\n");
		return -EINVAL;
	}
	for (dscp = 0; dscp < XT_DADDR_DSCPS; dscp++) {
		const union nf_inet_addr *address = &info->daddr[dscp];

		if (info->mapped >> dscp & 1) {
			if (daddr_check_used(par, address))
				return -EINVAL;
		} else if (!daddr_is_unused(address, address + 1)) {
			daddr_say(par->net, "found an address for DSCP %u, which is not mapped\n",
				  dscp);
			return -EINVAL;
		}
	}
	return 0;
}

int daddr_check_v1(const struct xt_tgchk_param *par)
{
	const struct xt_daddr_info_v1 *info = par->targinfo;
	int err;

	if (!daddr_is_unused(info->reserved, info->daddr)) {
		daddr_say(par->net, "reserved bits are set\n");
		return -EINVAL;
	}
	if (info->mapped)
		err = daddr_check_map(par, info);
	else
		err = daddr_check_single(par, info);
	return err ?: daddr_check_place(par);
}
