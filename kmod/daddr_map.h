/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map of a rule: the VIP of each DSCP, with the counters of that VIP.
 *
 * Counters belong to the VIP, that is to (family, table, DSCP, address) in a
 * network namespace, and not to the rule: the target is never told a rule's
 * chain or number, and iptables makes every rule of a table anew whenever one
 * changes. A VIP's counters live while any map of the namespace has it.
 */
#ifndef DADDR_MAP_H
#define DADDR_MAP_H

#include <linux/cache.h>
#include <linux/netfilter.h>
#include <linux/types.h>

#include "daddr_count.h"
#include "xt_DADDR.h"

struct daddr_vip;
struct net;

/* Half a cache line, which is all of the map that a packet touches. */
struct daddr_map_entry {
	union nf_inet_addr daddr;
	struct daddr_count __percpu *count;	/* NULL: DSCP not mapped */
	struct daddr_vip *vip;
} __aligned(32);

struct daddr_map {
	struct daddr_map_entry entries[XT_DADDR_DSCPS];
	bool in_raw;		/* the table of the rule */
};

/*
 * daddr_map_create - make the map of a rule that daddr_check_v1() accepted
 * @family: NFPROTO_IPV4 or NFPROTO_IPV6
 * @table: name of the rule's table
 *
 * May sleep. Returns an ERR_PTR() when there is no memory.
 */
struct daddr_map *daddr_map_create(struct net *net, u8 family,
				   const char *table,
				   const struct xt_daddr_info_v1 *info);

/* daddr_map_destroy - may sleep; no packet may use the map any more */
void daddr_map_destroy(struct net *net, struct daddr_map *map);

/* /proc/net/xt_DADDR, in every network namespace */
int daddr_map_init(void);
void daddr_map_exit(void);

#endif /* DADDR_MAP_H */
