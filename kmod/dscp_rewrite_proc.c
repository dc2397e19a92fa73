// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/dscp_rewrite: the VIPs of a namespace, and how many packets came. */
#include <linux/kernel.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "dscp_rewrite.h"

#define DSCP_REWRITE_PROC_NAME "dscp_rewrite"

/*
 * A place in the file is a DSCP of a family, whose VIPs are shown together: so
 * it is the same place whatever is written between two reads. 0 is the heading.
 */
enum { DSCP_REWRITE_PLACES = 1 + 2 * DSCP_REWRITE_DSCPS };

static void *dscp_rewrite_seq_at(loff_t *pos)
{
	return *pos < DSCP_REWRITE_PLACES ? pos : NULL;
}

static void *dscp_rewrite_seq_start(struct seq_file *file, loff_t *pos)
{
	mutex_lock(&dscp_rewrite_pernet(seq_file_net(file))->mutex);
	return dscp_rewrite_seq_at(pos);
}

static void *dscp_rewrite_seq_next(struct seq_file *file, void *v, loff_t *pos)
{
	++*pos;
	return dscp_rewrite_seq_at(pos);
}

static void dscp_rewrite_seq_stop(struct seq_file *file, void *v)
{
	mutex_unlock(&dscp_rewrite_pernet(seq_file_net(file))->mutex);
}

static void dscp_rewrite_show_address(struct seq_file *file, u8 family,
				      const union nf_inet_addr *address)
{
	if (family == NFPROTO_IPV4)
		seq_printf(file, " %pI4", &address->ip);
	else
		seq_printf(file, " %pI6c", &address->in6);
}

static void dscp_rewrite_show_vip(struct seq_file *file, u8 family,
				  unsigned int dscp,
				  const struct dscp_rewrite_vip *vip, bool any)
{
	u64 packets, bytes;

	seq_printf(file, "%s %u", family == NFPROTO_IPV4 ? "ipv4" : "ipv6",
		   dscp);
	if (any)
		seq_puts(file, " *");
	else
		dscp_rewrite_show_address(file, family, &vip->rip);
	dscp_rewrite_show_address(file, family, &vip->vip);
	daddr_count_sum(vip->count, &packets, &bytes);
	seq_printf(file, " %llu %llu\n", packets, bytes);
}

static int dscp_rewrite_seq_show(struct seq_file *file, void *v)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(seq_file_net(file));
	const struct dscp_rewrite_table *table;
	const struct dscp_rewrite_value *value;
	unsigned int place = *(loff_t *)v, dscp, i;

	if (!place) {
		seq_puts(file, "family dscp rip vip packets bytes\n");
		return 0;
	}
	table = rn->table[(place - 1) / DSCP_REWRITE_DSCPS];
	dscp = (place - 1) % DSCP_REWRITE_DSCPS;
	value = dscp_rewrite_get(table, dscp);
	for (i = 0; value && i < dscp_rewrite_vips(value); i++) {
		const struct dscp_rewrite_vip *vip = dscp_rewrite_vip(value, i);

		if (vip->count)
			dscp_rewrite_show_vip(file, table->family, dscp, vip,
					      vip == &value->any);
	}
	return 0;
}

static const struct seq_operations dscp_rewrite_seq_ops = {
	.start = dscp_rewrite_seq_start,
	.next = dscp_rewrite_seq_next,
	.stop = dscp_rewrite_seq_stop,
	.show = dscp_rewrite_seq_show,
};

int dscp_rewrite_proc_create(struct net *net)
{
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net(DSCP_REWRITE_PROC_NAME, 0444, net->proc_net,
			     &dscp_rewrite_seq_ops,
			     sizeof(struct seq_net_private)))
		return -ENOMEM;
	return 0;
}

void dscp_rewrite_proc_destroy(struct net *net)
{
	remove_proc_entry(DSCP_REWRITE_PROC_NAME, net->proc_net);
}
