// SPDX-License-Identifier: GPL-2.0-only
/*
 * dscp_rewrite - Layer 3 Direct Server Return: the destination address of a
 * packet becomes the address that its DSCP stands for, without rules and
 * without conntrack. How a packet is changed is in daddr_skb.h, which packet in
 * dscp_rewrite_hook.c, what may be written in dscp_rewrite_sysctl.c.
 */
#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat.h"
#include "dscp_rewrite.h"

MODULE_DESCRIPTION("The destination address that a DSCP stands for (Layer 3 Direct Server Return)");
MODULE_LICENSE("GPL v2");
MODULE_AUTHOR("DADDR authors");
MODULE_VERSION("0.1.0");

/* of the type that the kernel keeps it in */
static typeof(*((struct pernet_operations *)NULL)->id) dscp_rewrite_net_id;

struct dscp_rewrite_net *dscp_rewrite_pernet(struct net *net)
{
	return net_generic(net, dscp_rewrite_net_id);
}

static const u8 dscp_rewrite_families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/* What writes goes first: nothing of the rest changes while it goes. */
static void __net_exit dscp_rewrite_net_exit(struct net *net)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(net);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rn->table); i++)
		dscp_rewrite_sysctl_destroy(rn->table[i]);
	dscp_rewrite_proc_destroy(net);
	for (i = 0; i < ARRAY_SIZE(rn->table); i++)
		dscp_rewrite_table_destroy(rn->table[i]);
}

static int __net_init dscp_rewrite_net_init(struct net *net)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(net);
	unsigned int i, n;
	int err;

	mutex_init(&rn->mutex);
	for (i = 0; i < ARRAY_SIZE(rn->table); i++) {
		rn->table[i] =
			dscp_rewrite_table_create(net, dscp_rewrite_families[i]);
		if (!rn->table[i]) {
			err = -ENOMEM;
			goto err_tables;
		}
	}
	err = dscp_rewrite_proc_create(net);
	if (err)
		goto err_tables;
	/* last: whoever may write finds all that a write needs */
	for (n = 0; n < ARRAY_SIZE(rn->table); n++) {
		err = dscp_rewrite_sysctl_create(rn->table[n]);
		if (err)
			goto err_sysctls;
	}
	return 0;

err_sysctls:
	while (n--)
		dscp_rewrite_sysctl_destroy(rn->table[n]);
	dscp_rewrite_proc_destroy(net);
err_tables:
	while (i--)
		dscp_rewrite_table_destroy(rn->table[i]);
	return err;
}

static struct pernet_operations dscp_rewrite_net_ops = {
	.init = dscp_rewrite_net_init,
	.exit = dscp_rewrite_net_exit,
	.id = &dscp_rewrite_net_id,
	.size = sizeof(struct dscp_rewrite_net),
};

static int __init dscp_rewrite_init(void)
{
	int err = register_pernet_subsys(&dscp_rewrite_net_ops);

	/* of namespaces that were made before it failed */
	if (err)
		rcu_barrier();
	return err;
}

static void __exit dscp_rewrite_exit(void)
{
	unregister_pernet_subsys(&dscp_rewrite_net_ops);
	rcu_barrier();
}

module_init(dscp_rewrite_init);
module_exit(dscp_rewrite_exit);
