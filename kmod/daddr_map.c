// SPDX-License-Identifier: GPL-2.0-only
/* The maps of rules, and /proc/net/xt_DADDR: see daddr_map.h. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/netfilter/x_tables.h>
#include <linux/proc_fs.h>
#include <linux/rbtree.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "compat.h"
#include "daddr_map.h"

#define DADDR_PROC_NAME "xt_DADDR"

/* What counters belong to, in the order that they are shown in. */
struct daddr_vip_key {
	u8 family;
	u8 dscp;
	char table[XT_TABLE_MAXNAMELEN];
	union nf_inet_addr daddr;
};

struct daddr_vip {
	struct rb_node node;
	struct daddr_vip_key key;
	unsigned int maps;	/* that have it */
	struct daddr_count __percpu *count;
};

/* Packets never see it: its mutex is for rules and readers only. */
struct daddr_net {
	struct mutex mutex;	/* of vips, and of how many maps have each */
	struct rb_root vips;
};

/* of the type that the kernel keeps it in */
static typeof(*((struct pernet_operations *)NULL)->id) daddr_net_id;

static struct daddr_net *daddr_pernet(struct net *net)
{
	return net_generic(net, daddr_net_id);
}

static int daddr_vip_compare(const struct daddr_vip_key *a,
			     const struct daddr_vip_key *b)
{
	int order = a->family - b->family;

	if (!order)
		order = strcmp(a->table, b->table);
	if (!order)
		order = a->dscp - b->dscp;
	if (!order)
		order = memcmp(&a->daddr, &b->daddr, sizeof(a->daddr));
	return order;
}

static struct daddr_vip *daddr_vip_create(const struct daddr_vip_key *key)
{
	struct daddr_vip *vip = kzalloc(sizeof(*vip), GFP_KERNEL_ACCOUNT);

	if (vip)
		vip->count = daddr_count_create();
	if (!vip || !vip->count) {
		kfree(vip);
		return NULL;
	}
	vip->key = *key;
	return vip;
}

/* Returns the VIP, made if need be, with one map more; NULL: no memory. */
static struct daddr_vip *daddr_vip_get(struct daddr_net *dn,
				       const struct daddr_vip_key *key)
{
	struct rb_node **link = &dn->vips.rb_node, *parent = NULL;
	struct daddr_vip *vip;

	while (*link) {
		int order;

		parent = *link;
		vip = rb_entry(parent, struct daddr_vip, node);
		order = daddr_vip_compare(key, &vip->key);
		if (!order) {
			vip->maps++;
			return vip;
		}
		link = order < 0 ? &parent->rb_left : &parent->rb_right;
	}
	vip = daddr_vip_create(key);
	if (!vip)
		return NULL;
	vip->maps = 1;
	rb_link_node(&vip->node, parent, link);
	rb_insert_color(&vip->node, &dn->vips);
	return vip;
}

static void daddr_vip_put(struct daddr_net *dn, struct daddr_vip *vip)
{
	if (--vip->maps)
		return;
	rb_erase(&vip->node, &dn->vips);
	free_percpu(vip->count);
	kfree(vip);
}

/* The first VIP that is not before @key. */
static struct daddr_vip *daddr_vip_from(struct daddr_net *dn,
					const struct daddr_vip_key *key)
{
	struct rb_node *node = dn->vips.rb_node;
	struct daddr_vip *found = NULL;

	while (node) {
		struct daddr_vip *vip = rb_entry(node, struct daddr_vip, node);

		if (daddr_vip_compare(key, &vip->key) <= 0) {
			found = vip;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

void daddr_map_destroy(struct net *net, struct daddr_map *map)
{
	struct daddr_net *dn = daddr_pernet(net);
	unsigned int dscp;

	mutex_lock(&dn->mutex);
	for (dscp = 0; dscp < XT_DADDR_DSCPS; dscp++) {
		if (map->entries[dscp].vip)
			daddr_vip_put(dn, map->entries[dscp].vip);
	}
	mutex_unlock(&dn->mutex);
	kfree(map);
}

struct daddr_map *daddr_map_create(struct net *net, u8 family,
				   const char *table,
				   const struct xt_daddr_info_v1 *info)
{
	struct daddr_vip_key key = { .family = family };
	struct daddr_net *dn = daddr_pernet(net);
	struct daddr_map *map;
	unsigned int dscp;
	int err = 0;

	map = kzalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return ERR_PTR(-ENOMEM);

	snprintf(key.table, sizeof(key.table), "%s", table);
	mutex_lock(&dn->mutex);
	for (dscp = 0; dscp < XT_DADDR_DSCPS; dscp++) {
		struct daddr_vip *vip;

		if (!(info->mapped >> dscp & 1))
			continue;
		key.dscp = dscp;
		key.daddr = info->daddr[dscp];
		vip = daddr_vip_get(dn, &key);
		if (!vip) {
			err = -ENOMEM;
			break;
		}
		map->entries[dscp].daddr = key.daddr;
		map->entries[dscp].count = vip->count;
		map->entries[dscp].vip = vip;
	}
	mutex_unlock(&dn->mutex);
	if (err) {
		daddr_map_destroy(net, map);
		return ERR_PTR(err);
	}
	return map;
}

/*
 * A reader of the file comes back for more. Between two calls the mutex is
 * free and any VIP may go, so the place is kept as a key: a VIP that stays is
 * shown once, whatever becomes of the others.
 */
struct daddr_seq {
	struct seq_net_private net;
	loff_t pos;			/* of the VIP with this key */
	struct daddr_vip_key key;
	bool end;
};

static void *daddr_seq_remember(struct daddr_seq *seq, struct daddr_vip *vip,
				loff_t pos)
{
	seq->pos = pos;
	seq->end = !vip;
	if (vip)
		seq->key = vip->key;
	return vip;
}

static struct daddr_vip *daddr_vip_of(struct rb_node *node)
{
	return node ? rb_entry(node, struct daddr_vip, node) : NULL;
}

static void *daddr_seq_start(struct seq_file *file, loff_t *pos)
{
	struct daddr_net *dn = daddr_pernet(seq_file_net(file));
	struct daddr_seq *seq = file->private;
	struct daddr_vip *vip;

	mutex_lock(&dn->mutex);
	if (!*pos) {
		/* no VIP is before this */
		memset(&seq->key, 0, sizeof(seq->key));
		seq->pos = 1;
		seq->end = false;
		return SEQ_START_TOKEN;
	}
	if (seq->end)
		return NULL;
	vip = daddr_vip_from(dn, &seq->key);
	/* before 4.19, a full buffer is a step further without ->next() */
	if (*pos > seq->pos && vip && !daddr_vip_compare(&seq->key, &vip->key))
		vip = daddr_vip_of(rb_next(&vip->node));
	return daddr_seq_remember(seq, vip, *pos);
}

static void *daddr_seq_next(struct seq_file *file, void *v, loff_t *pos)
{
	struct daddr_net *dn = daddr_pernet(seq_file_net(file));
	struct daddr_vip *vip = v;

	vip = daddr_vip_of(v == SEQ_START_TOKEN ? rb_first(&dn->vips) :
			   rb_next(&vip->node));
	return daddr_seq_remember(file->private, vip, ++*pos);
}

static void daddr_seq_stop(struct seq_file *file, void *v)
{
	mutex_unlock(&daddr_pernet(seq_file_net(file))->mutex);
}

static int daddr_seq_show(struct seq_file *file, void *v)
{
	const struct daddr_vip *vip = v;
	const struct daddr_vip_key *key = &vip->key;
	u64 packets, bytes;

	if (v == SEQ_START_TOKEN) {
		seq_puts(file, "family table dscp daddr packets bytes\n");
		return 0;
	}
	if (key->family == NFPROTO_IPV4)
		seq_printf(file, "ipv4 %s %u %pI4", key->table, key->dscp,
			   &key->daddr.ip);
	else
		seq_printf(file, "ipv6 %s %u %pI6c", key->table, key->dscp,
			   &key->daddr.in6);
	daddr_count_sum(vip->count, &packets, &bytes);
	seq_printf(file, " %llu %llu\n", packets, bytes);
	return 0;
}

static const struct seq_operations daddr_seq_ops = {
	.start = daddr_seq_start,
	.next = daddr_seq_next,
	.stop = daddr_seq_stop,
	.show = daddr_seq_show,
};

static int __net_init daddr_net_init(struct net *net)
{
	struct daddr_net *dn = daddr_pernet(net);

	mutex_init(&dn->mutex);
	dn->vips = RB_ROOT;
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net(DADDR_PROC_NAME, 0444, net->proc_net,
			     &daddr_seq_ops, sizeof(struct daddr_seq)))
		return -ENOMEM;
	return 0;
}

/* The rules of the namespace may outlive this; its memory outlives them. */
static void __net_exit daddr_net_exit(struct net *net)
{
	remove_proc_entry(DADDR_PROC_NAME, net->proc_net);
}

static struct pernet_operations daddr_net_ops = {
	.init = daddr_net_init,
	.exit = daddr_net_exit,
	.id = &daddr_net_id,
	.size = sizeof(struct daddr_net),
};

int daddr_map_init(void)
{
	return register_pernet_subsys(&daddr_net_ops);
}

void daddr_map_exit(void)
{
	unregister_pernet_subsys(&daddr_net_ops);
}
