// SPDX-License-Identifier: GPL-2.0-only
/* The table of a family, and the values in it: see dscp_rewrite.h. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "dscp_rewrite.h"

/* With the mutex of the namespace, which lockdep alone looks at. */
static struct dscp_rewrite_value *
dscp_rewrite_value_of(const struct dscp_rewrite_table *table,
		      unsigned int dscp)
{
	return rcu_dereference_protected(table->values[dscp],
		lockdep_is_held(&dscp_rewrite_pernet(table->net)->mutex));
}

const struct dscp_rewrite_value *
dscp_rewrite_get(const struct dscp_rewrite_table *table, unsigned int dscp)
{
	return dscp_rewrite_value_of(table, dscp);
}

/* All that it points to goes along, but for the counters that others keep. */
static void dscp_rewrite_value_free(struct dscp_rewrite_value *value)
{
	unsigned int i;

	for (i = 0; i < dscp_rewrite_vips(value); i++) {
		if (!(value->counts_kept >> i & 1))
			free_percpu(dscp_rewrite_vip(value, i)->count);
	}
	kfree(value);
}

static void dscp_rewrite_value_free_rcu(struct rcu_head *rcu)
{
	dscp_rewrite_value_free(container_of(rcu, struct dscp_rewrite_value,
					     rcu));
}

/* The counters that @value shares with @other, as bits: see counts_kept. */
static u32 dscp_rewrite_shared(const struct dscp_rewrite_value *value,
			       const struct dscp_rewrite_value *other)
{
	unsigned int i, k;
	u32 shared = 0;

	for (i = 0; i < dscp_rewrite_vips(value); i++) {
		for (k = 0; k < dscp_rewrite_vips(other); k++) {
			if (dscp_rewrite_vip(value, i)->count ==
			    dscp_rewrite_vip(other, k)->count)
				shared |= 1U << i;
		}
	}
	return shared;
}

/* The counters of a VIP that is in @old, too; or new ones, or NULL. */
static struct daddr_count __percpu *
dscp_rewrite_count_for(const struct dscp_rewrite_vip *vip,
		       const struct dscp_rewrite_value *old)
{
	unsigned int i;

	for (i = 0; old && i < dscp_rewrite_vips(old); i++) {
		const struct dscp_rewrite_vip *had = dscp_rewrite_vip(old, i);

		if (had->count && !memcmp(&had->vip, &vip->vip, sizeof(vip->vip)) &&
		    !memcmp(&had->rip, &vip->rip, sizeof(vip->rip)))
			return had->count;
	}
	return daddr_count_create();
}

static unsigned int
dscp_rewrite_count_rips(const struct dscp_rewrite_pairs *pairs)
{
	unsigned int i, rips = 0;

	for (i = 0; i < pairs->count; i++)
		rips += !pairs->pair[i].any;
	return rips;
}

/* A value whose VIPs have the counters that they have in @old; NULL: no memory. */
static struct dscp_rewrite_value *
dscp_rewrite_value_create(u8 family, const struct dscp_rewrite_pairs *pairs,
			  const struct dscp_rewrite_value *old)
{
	unsigned int i, rips = dscp_rewrite_count_rips(pairs);
	struct dscp_rewrite_value *value;

	value = kzalloc(sizeof(*value) + rips * sizeof(value->rip[0]),
			GFP_KERNEL_ACCOUNT);
	if (!value)
		return NULL;
	for (i = 0; i < pairs->count; i++) {
		const struct dscp_rewrite_pair *pair = &pairs->pair[i];
		struct dscp_rewrite_vip *vip = &value->any;

		if (!pair->any) {
			vip = &value->rip[value->rips];
			value->key[value->rips++] = family == NFPROTO_IPV4 ?
				dscp_rewrite_key4(&pair->rip) :
				dscp_rewrite_key6(&pair->rip);
		}
		vip->vip = pair->vip;
		vip->rip = pair->rip;
		vip->count = dscp_rewrite_count_for(vip, old);
		if (!vip->count) {
			if (old)
				value->counts_kept =
					dscp_rewrite_shared(value, old);
			dscp_rewrite_value_free(value);
			return NULL;
		}
	}
	return value;
}

/* Packets go through the hook while there is something for them in the table. */
static int dscp_rewrite_hook(struct dscp_rewrite_table *table)
{
	bool wanted = table->used && table->enabled;
	int err = 0;

	if (wanted && !table->hooked)
		err = nf_register_net_hook(table->net, &table->hook);
	else if (!wanted && table->hooked)
		nf_unregister_net_hook(table->net, &table->hook);
	if (!err)
		table->hooked = wanted;
	return err;
}

static void dscp_rewrite_unuse(struct dscp_rewrite_net *rn,
			       struct dscp_rewrite_table *table)
{
	table->used--;
	dscp_rewrite_hook(table);
	if (!--rn->used)
		module_put(THIS_MODULE);
}

/*
 * A hook does not hold the module: a namespace that has a value does. It cannot
 * go while this runs, whoever puts the last reference: sysctls and namespaces
 * are waited for at its end.
 */
static int dscp_rewrite_use(struct dscp_rewrite_net *rn,
			    struct dscp_rewrite_table *table)
{
	int err;

	if (!rn->used && !try_module_get(THIS_MODULE))
		return -ENODEV;
	rn->used++;
	table->used++;
	err = dscp_rewrite_hook(table);
	if (err)
		dscp_rewrite_unuse(rn, table);
	return err;
}

/* The value instead of the one that is there; either may be NULL. */
static int dscp_rewrite_swap(struct dscp_rewrite_net *rn,
			     struct dscp_rewrite_table *table,
			     unsigned int dscp,
			     struct dscp_rewrite_value *value)
{
	struct dscp_rewrite_value *old = dscp_rewrite_value_of(table, dscp);
	int err;

	if (value && !old) {
		err = dscp_rewrite_use(rn, table);
		if (err)
			return err;
	}
	rcu_assign_pointer(table->values[dscp], value);
	if (!old)
		return 0;
	if (value)
		old->counts_kept = dscp_rewrite_shared(old, value);
	else
		dscp_rewrite_unuse(rn, table);
	call_rcu(&old->rcu, dscp_rewrite_value_free_rcu);
	return 0;
}

int dscp_rewrite_set(struct dscp_rewrite_table *table, unsigned int dscp,
		     const struct dscp_rewrite_pairs *pairs)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(table->net);
	struct dscp_rewrite_value *value = NULL;
	int err = 0;

	mutex_lock(&rn->mutex);
	if (pairs->count) {
		value = dscp_rewrite_value_create(table->family, pairs,
						  dscp_rewrite_value_of(table,
									dscp));
		if (!value)
			err = -ENOMEM;
	}
	if (!err) {
		err = dscp_rewrite_swap(rn, table, dscp, value);
		/* nothing was there: it shares no counters */
		if (err)
			dscp_rewrite_value_free(value);
	}
	mutex_unlock(&rn->mutex);
	return err;
}

int dscp_rewrite_enable(struct dscp_rewrite_table *table, int enabled)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(table->net);
	int before, err;

	mutex_lock(&rn->mutex);
	before = table->enabled;
	table->enabled = enabled;
	err = dscp_rewrite_hook(table);
	if (err)
		table->enabled = before;
	mutex_unlock(&rn->mutex);
	return err;
}

struct dscp_rewrite_table *dscp_rewrite_table_create(struct net *net, u8 family)
{
	struct dscp_rewrite_table *table;

	table = kzalloc(sizeof(*table), GFP_KERNEL_ACCOUNT);
	if (!table)
		return NULL;
	table->net = net;
	table->family = family;
	table->enabled = 1;
	table->hook.priv = table->values;
	table->hook.pf = family;
	table->hook.hooknum = NF_INET_PRE_ROUTING;
	if (family == NFPROTO_IPV4) {
		table->hook.hook = dscp_rewrite_hook4;
		table->hook.priority = NF_IP_PRI_RAW - 1;
	} else {
		table->hook.hook = dscp_rewrite_hook6;
		table->hook.priority = NF_IP6_PRI_RAW - 1;
	}
	return table;
}

static void dscp_rewrite_table_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct dscp_rewrite_table, rcu));
}

void dscp_rewrite_table_destroy(struct dscp_rewrite_table *table)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(table->net);
	unsigned int dscp;

	mutex_lock(&rn->mutex);
	for (dscp = 0; dscp < DSCP_REWRITE_DSCPS; dscp++)
		dscp_rewrite_swap(rn, table, dscp, NULL);
	mutex_unlock(&rn->mutex);
	call_rcu(&table->rcu, dscp_rewrite_table_free_rcu);
}
