// SPDX-License-Identifier: BSD-3-Clause
/* The table of a family, and the values in it: see dscp_rewrite.h. */
#include "opt_inet.h"
#include "opt_inet6.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/epoch.h>
#include <sys/kernel.h>
#include <sys/socket.h>
#include <machine/atomic.h>
#include <net/if.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/ip_var.h>
#include <netinet6/ip6_var.h>

#include "daddr_address.h"
#include "dscp_rewrite.h"

MALLOC_DEFINE(M_DSCP_REWRITE, "dscp_rewrite", "dscp_rewrite values");

struct sx dscp_rewrite_lock;
SX_SYSINIT(dscp_rewrite_lock, &dscp_rewrite_lock, "dscp_rewrite");

static u_int dscp_rewrite_used;		/* values of all tables */

const struct dscp_rewrite_family dscp_rewrite_families[] = {
#ifdef INET
	[DSCP_REWRITE_INET] = {
		.name = "ipv4",
		.protocol = "IPv4",
		.sysctl = "net.inet.ip.dscp_rewrite",
		.none = "0.0.0.0",
		.af = AF_INET,
		.type = PFIL_TYPE_IP4,
		.head = PFIL_INET_NAME,
		.hook = dscp_rewrite_hook4,
		.rule = { "inet", "inet-again" },
		.refuse = daddr_refuse4,
	},
#endif
#ifdef INET6
	[DSCP_REWRITE_INET6] = {
		.name = "ipv6",
		.protocol = "IPv6",
		.sysctl = "net.inet6.ip6.dscp_rewrite",
		.none = "::",
		.af = AF_INET6,
		.type = PFIL_TYPE_IP6,
		.head = PFIL_INET6_NAME,
		.hook = dscp_rewrite_hook6,
		.rule = { "inet6", "inet6-again" },
		.refuse = daddr_refuse6,
	},
#endif
};

static struct dscp_rewrite_count *
dscp_rewrite_count_create(void)
{
	struct dscp_rewrite_count *count;

	count = malloc(sizeof(*count), M_DSCP_REWRITE, M_WAITOK | M_ZERO);
	count->packets = counter_u64_alloc(M_WAITOK);
	count->bytes = counter_u64_alloc(M_WAITOK);
	return count;
}

static void
dscp_rewrite_count_release(struct dscp_rewrite_count *count)
{
	if (--count->values)
		return;
	counter_u64_free(count->packets);
	counter_u64_free(count->bytes);
	free(count, M_DSCP_REWRITE);
}

/* The counters of a VIP that is in @old, too; or new ones. */
static struct dscp_rewrite_count *
dscp_rewrite_count_for(const struct dscp_rewrite_pair *pair,
		       const struct dscp_rewrite_value *old)
{
	u_int i;

	for (i = 0; old != NULL && i < old->count; i++) {
		if (memcmp(&old->vip[i].pair, pair, sizeof(*pair)) == 0)
			return old->vip[i].count;
	}
	return dscp_rewrite_count_create();
}

static struct dscp_rewrite_value *
dscp_rewrite_value_create(const struct dscp_rewrite_pairs *pairs,
			  const struct dscp_rewrite_value *old)
{
	struct dscp_rewrite_value *value;
	struct dscp_rewrite_vip *vip;
	u_int i, others;

	value = malloc(sizeof(*value) + pairs->count * sizeof(value->vip[0]),
		       M_DSCP_REWRITE, M_WAITOK | M_ZERO);
	value->count = pairs->count;
	for (others = 0, i = 0; i < pairs->count; i++)
		others |= pairs->pair[i].any;
	for (i = 0; i < pairs->count; i++) {
		vip = &value->vip[pairs->pair[i].any ? 0 : others++];
		vip->pair = pairs->pair[i];
		vip->count = dscp_rewrite_count_for(&vip->pair, old);
		vip->count->values++;
	}
	return value;
}

/* When no packet can see it any more. */
static void
dscp_rewrite_value_free(struct dscp_rewrite_value *value)
{
	u_int i;

	for (i = 0; i < value->count; i++)
		dscp_rewrite_count_release(value->vip[i].count);
	free(value, M_DSCP_REWRITE);
}

/* A hook before all others that are there; or an error. */
static int
dscp_rewrite_hook_add(struct dscp_rewrite_table *table, pfil_hook_t *hook)
{
	const struct dscp_rewrite_family *family = table->family;
	struct pfil_hook_args hook_args = {
		.pa_version = PFIL_VERSION,
		.pa_flags = PFIL_IN,
		.pa_type = family->type,
		.pa_dscp_rewrite = family->hook,
		.pa_ruleset = table,
		.pa_modname = "dscp_rewrite",
		.pa_rulname = family->rule[table->rule],
	};
	struct pfil_link_args link_args = {
		.pa_version = PFIL_VERSION,
		.pa_flags = PFIL_IN | PFIL_HOOKPTR,
		.pa_headname = family->head,
	};
	int error;

	*hook = pfil_add_hook(&hook_args);
	link_args.pa_hook = *hook;
	error = pfil_link(&link_args);
	if (error != 0)
		pfil_remove_hook(*hook);
	return error;
}

/*
 * A firewall that was started since has its hook before this one. It gets another
 * one before that, and the first goes: no packet meets none. One that meets both
 * has its VIP when it meets the second. pfil wants hooks to have two names.
 */
static int
dscp_rewrite_hook_first(struct dscp_rewrite_table *table)
{
	pfil_hook_t hook;
	int error;

	error = dscp_rewrite_hook_add(table, &hook);
	if (error != 0)
		return error;
	if (table->hook != NULL)
		pfil_remove_hook(table->hook);
	table->hook = hook;
	table->rule = !table->rule;
	return 0;
}

/* Packets go through the hook while there is something for them in the table. */
static int
dscp_rewrite_hook_update(struct dscp_rewrite_table *table)
{
	int wanted = table->used != 0 && table->enabled;

	if (wanted && table->hook == NULL)
		return dscp_rewrite_hook_first(table);
	if (!wanted && table->hook != NULL) {
		pfil_remove_hook(table->hook);
		table->hook = NULL;
	}
	return 0;
}

/* The value instead of the one that is there; either may be NULL. */
static int
dscp_rewrite_swap(struct dscp_rewrite_table *table, u_int dscp,
		  struct dscp_rewrite_value *value)
{
	const struct dscp_rewrite_value *old = table->values[dscp];

	atomic_store_rel_ptr((volatile uintptr_t *)&table->values[dscp],
			     (uintptr_t)value);
	if (value != NULL && old == NULL) {
		table->used++;
		dscp_rewrite_used++;
	} else if (value == NULL && old != NULL) {
		table->used--;
		dscp_rewrite_used--;
	}
	return dscp_rewrite_hook_update(table);
}

int
dscp_rewrite_set(struct dscp_rewrite_table *table, u_int dscp,
		 const struct dscp_rewrite_pairs *pairs)
{
	struct dscp_rewrite_value *value = NULL, *old;
	int error;

	sx_xlock(&dscp_rewrite_lock);
	old = table->values[dscp];
	if (pairs->count != 0)
		value = dscp_rewrite_value_create(pairs, old);
	error = dscp_rewrite_swap(table, dscp, value);
	if (error != 0) {
		/* there was no hook: no packet has seen it */
		dscp_rewrite_swap(table, dscp, old);
		old = value;
	}
	if (old != NULL) {
		NET_EPOCH_WAIT();
		dscp_rewrite_value_free(old);
	}
	sx_xunlock(&dscp_rewrite_lock);
	return error;
}

int
dscp_rewrite_enable(struct dscp_rewrite_table *table, int enabled)
{
	int before, error;

	sx_xlock(&dscp_rewrite_lock);
	before = table->enabled;
	table->enabled = enabled;
	if (enabled && table->hook != NULL)
		error = dscp_rewrite_hook_first(table);
	else
		error = dscp_rewrite_hook_update(table);
	if (error != 0)
		table->enabled = before;
	sx_xunlock(&dscp_rewrite_lock);
	return error;
}

int
dscp_rewrite_is_used(void)
{
	int used;

	sx_slock(&dscp_rewrite_lock);
	used = dscp_rewrite_used != 0;
	sx_sunlock(&dscp_rewrite_lock);
	return used;
}

void
dscp_rewrite_table_create(struct dscp_rewrite_table *table, u_int family)
{
	memset(table, 0, sizeof(*table));
	table->family = &dscp_rewrite_families[family];
	table->enabled = 1;
}

void
dscp_rewrite_table_destroy(struct dscp_rewrite_table *table)
{
	u_int dscp;

	sx_xlock(&dscp_rewrite_lock);
	table->enabled = 0;
	dscp_rewrite_hook_update(table);
	NET_EPOCH_WAIT();
	for (dscp = 0; dscp < DSCP_REWRITE_DSCPS; dscp++) {
		struct dscp_rewrite_value *value = table->values[dscp];

		if (value == NULL)
			continue;
		dscp_rewrite_swap(table, dscp, NULL);
		dscp_rewrite_value_free(value);
	}
	sx_xunlock(&dscp_rewrite_lock);
}
