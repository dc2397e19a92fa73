/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dscp_rewrite: a table of what each DSCP stands for, in each network namespace
 * and for each family, which a hook of its own looks packets up in.
 */
#ifndef DSCP_REWRITE_H
#define DSCP_REWRITE_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "daddr_count.h"

struct ctl_table_header;
struct net;

enum {
	DSCP_REWRITE_DSCPS = 64,	/* DSCP 0 is unmarked traffic */
	DSCP_REWRITE_VIPS = 16		/* of one DSCP */
};

/* A VIP of a value, as it is written: VIP or VIP@RIP. */
struct dscp_rewrite_pair {
	union nf_inet_addr vip;
	union nf_inet_addr rip;
	bool any;			/* for all other destinations: no RIP */
};

struct dscp_rewrite_pairs {
	unsigned int count;
	struct dscp_rewrite_pair pair[DSCP_REWRITE_VIPS];
};

struct dscp_rewrite_vip {
	union nf_inet_addr vip;
	struct daddr_count __percpu *count;	/* NULL: there is none */
	union nf_inet_addr rip;
};

/*
 * What stands for a DSCP. Nothing of it changes while packets may see it; what
 * is written to the sysctl is another one. A packet that finds a single VIP,
 * the usual case, touches the first 32 bytes.
 */
struct dscp_rewrite_value {
	struct dscp_rewrite_vip any;	/* for packets to none of these RIPs */
	u8 rips;
	u32 counts_kept;		/* see dscp_rewrite_value_free() */
	u32 key[DSCP_REWRITE_VIPS];	/* of each RIP: dscp_rewrite_key4(); else 0 */
	struct rcu_head rcu;
	struct dscp_rewrite_vip rip[];
};

/*
 * The table of a family. It outlives the namespace until no packet can be in
 * the hook any more. The mutex of the namespace is for all but the values, which
 * packets read.
 */
struct dscp_rewrite_table {
	struct dscp_rewrite_value __rcu *values[DSCP_REWRITE_DSCPS];
	struct nf_hook_ops hook;	/* registered while it has work */
	bool hooked;
	int enabled;			/* what was written to the sysctl */
	unsigned int used;		/* values that are not NULL */
	u8 family;
	struct net *net;
	struct ctl_table_header *sysctl;
	struct rcu_head rcu;
};

struct dscp_rewrite_net {
	struct mutex mutex;		/* of writers, and readers of counters */
	unsigned int used;		/* of both tables; holds the module */
	struct dscp_rewrite_table *table[2];	/* IPv4, IPv6 */
};

struct dscp_rewrite_net *dscp_rewrite_pernet(struct net *net);

/* 4 or 6 */
static inline unsigned int
dscp_rewrite_version(const struct dscp_rewrite_table *table)
{
	return table->family == NFPROTO_IPV4 ? 4 : 6;
}

/* The number of VIPs that a value has room for, the one without a RIP first. */
static inline unsigned int
dscp_rewrite_vips(const struct dscp_rewrite_value *value)
{
	return 1 + value->rips;
}

static inline const struct dscp_rewrite_vip *
dscp_rewrite_vip(const struct dscp_rewrite_value *value, unsigned int i)
{
	return i ? &value->rip[i - 1] : &value->any;
}

/*
 * A RIP in 32 bits, by which it is looked for: an IPv4 address itself, of an
 * IPv6 address the sum without carry of its words.
 */
static inline u32 dscp_rewrite_key4(const void *address)
{
	return *(const u32 *)address;
}

static inline u32 dscp_rewrite_key6(const void *address)
{
	const u32 *word = address;

	return word[0] ^ word[1] ^ word[2] ^ word[3];
}

/* dscp_rewrite_hook.c: the packets' way; priv of a hook is a table's values */
unsigned int dscp_rewrite_hook4(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state);
unsigned int dscp_rewrite_hook6(void *priv, struct sk_buff *skb,
				const struct nf_hook_state *state);

/*
 * dscp_rewrite_table.c: may sleep. Set and enable return 0 or a negative error,
 * and then nothing has changed.
 */
struct dscp_rewrite_table *dscp_rewrite_table_create(struct net *net,
						     u8 family);
void dscp_rewrite_table_destroy(struct dscp_rewrite_table *table);
int dscp_rewrite_set(struct dscp_rewrite_table *table, unsigned int dscp,
		     const struct dscp_rewrite_pairs *pairs);
int dscp_rewrite_enable(struct dscp_rewrite_table *table, int enabled);
/* with the mutex of the namespace */
const struct dscp_rewrite_value *
dscp_rewrite_get(const struct dscp_rewrite_table *table, unsigned int dscp);

/* dscp_rewrite_sysctl.c: net.ipv4.dscp_rewrite, net.ipv6.dscp_rewrite */
int dscp_rewrite_sysctl_create(struct dscp_rewrite_table *table);
void dscp_rewrite_sysctl_destroy(struct dscp_rewrite_table *table);

/* dscp_rewrite_proc.c: /proc/net/dscp_rewrite */
int dscp_rewrite_proc_create(struct net *net);
void dscp_rewrite_proc_destroy(struct net *net);

#endif /* DSCP_REWRITE_H */
