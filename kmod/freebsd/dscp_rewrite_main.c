// SPDX-License-Identifier: BSD-3-Clause
/*
 * dscp_rewrite - Layer 3 Direct Server Return: the destination address of a
 * packet becomes the address that its DSCP stands for. How a packet is changed
 * is in daddr_mbuf.h, which packet in dscp_rewrite_hook.c, what may be written
 * in dscp_rewrite_sysctl.c.
 */
#include "opt_inet.h"
#include "opt_inet6.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/module.h>
#include <net/vnet.h>

#include "dscp_rewrite.h"

struct dscp_rewrite_vnet {
	struct dscp_rewrite_table table[DSCP_REWRITE_FAMILIES];
};

VNET_DEFINE_STATIC(struct dscp_rewrite_vnet, dscp_rewrite_vnet);
#define V_dscp_rewrite_vnet	VNET(dscp_rewrite_vnet)

struct dscp_rewrite_table *
dscp_rewrite_table_of(u_int family)
{
	return &V_dscp_rewrite_vnet.table[family];
}

static void
dscp_rewrite_vnet_init(const void *unused __unused)
{
	u_int i;

	for (i = 0; i < DSCP_REWRITE_FAMILIES; i++)
		dscp_rewrite_table_create(dscp_rewrite_table_of(i), i);
}

static void
dscp_rewrite_vnet_uninit(const void *unused __unused)
{
	u_int i;

	for (i = 0; i < DSCP_REWRITE_FAMILIES; i++)
		dscp_rewrite_table_destroy(dscp_rewrite_table_of(i));
}

/*
 * Before the module, so that whoever may write finds all that a write needs. A
 * VNET goes before its heads of pfil do, and the sysctls before all VNETs'
 * tables: modules are told that they go before this runs.
 */
VNET_SYSINIT(dscp_rewrite_vnet_init, SI_SUB_PROTO_FIREWALL, SI_ORDER_MIDDLE,
	     dscp_rewrite_vnet_init, NULL);
VNET_SYSUNINIT(dscp_rewrite_vnet_uninit, SI_SUB_PROTO_FIREWALL, SI_ORDER_MIDDLE,
	       dscp_rewrite_vnet_uninit, NULL);

static int
dscp_rewrite_event(module_t module __unused, int event, void *unused __unused)
{
	switch (event) {
	case MOD_LOAD:
		dscp_rewrite_sysctl_create();
		return 0;
	case MOD_QUIESCE:
		return dscp_rewrite_is_used() ? EBUSY : 0;
	case MOD_UNLOAD:
		dscp_rewrite_sysctl_destroy();
		return 0;
	case MOD_SHUTDOWN:
		return 0;
	default:
		return EOPNOTSUPP;
	}
}

static moduledata_t dscp_rewrite_module = {
	"dscp_rewrite",
	dscp_rewrite_event,
	NULL
};

DECLARE_MODULE(dscp_rewrite, dscp_rewrite_module, SI_SUB_PROTO_FIREWALL,
	       SI_ORDER_ANY);
MODULE_VERSION(dscp_rewrite, 1);
