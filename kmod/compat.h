/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels lack of the interface that the module is written for, made
 * of what they have. Nothing else in the module knows that kernels differ. A
 * macro is its own probe, the rest is probed by probes.mk; COMPAT.md has the
 * kernels, and what else the module uses.
 */
#ifndef DADDR_COMPAT_H
#define DADDR_COMPAT_H

#include <linux/compiler.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <linux/u64_stats_sync.h>
#include <linux/uaccess.h>
#include <net/net_namespace.h>

/* A member of struct xt_target: how much of the data is for userspace. */
#ifdef DADDR_HAVE_USERSIZE
#define DADDR_USERSIZE(size) .usersize = (size),
#else
#define DADDR_USERSIZE(size)
#endif

#ifndef DADDR_HAVE_XT_HOOKNUM
static inline unsigned int xt_hooknum(const struct xt_action_param *par)
{
	return par->hooknum;
}
#endif

/* Is it nft_compat that asks? Without, nobody knows. */
static inline bool daddr_by_nft(const struct xt_tgchk_param *par)
{
#ifdef DADDR_HAVE_NFT_COMPAT
	return par->nft_compat;
#else
	return false;
#endif
}

#ifndef DADDR_HAVE_SKB_ENSURE_WRITABLE
static inline int skb_ensure_writable(struct sk_buff *skb, unsigned int length)
{
	return skb_make_writable(skb, length) ? 0 : -ENOMEM;
}
#endif

/* No GRO chains whole packets there. */
#ifndef DADDR_HAVE_GSO_FRAGLIST
#define SKB_GSO_FRAGLIST 0
#endif

/* Zeroes will do, where there is no lockdep to tell of it. */
#ifndef DADDR_HAVE_U64_STATS_INIT
static inline void u64_stats_init(struct u64_stats_sync *sync)
{
}
#endif

#ifndef OPTIMIZER_HIDE_VAR
#define OPTIMIZER_HIDE_VAR(var) __asm__ ("" : "+r" (var))
#endif

#ifndef READ_ONCE
#define READ_ONCE(x) ACCESS_ONCE(x)
#endif

/* Without them, the memory is not charged to the control group of the caller. */
#ifndef GFP_KERNEL_ACCOUNT
#define GFP_KERNEL_ACCOUNT GFP_KERNEL
#endif
#ifndef alloc_percpu_gfp
#define alloc_percpu_gfp(type, gfp) alloc_percpu(type)
#endif

/* A file of a network namespace, by the functions of any seq_file. */
#ifndef proc_create_net
struct daddr_net_file {
	const struct seq_operations *ops;
	unsigned int state_size;
};

static int daddr_net_file_open(struct inode *inode, struct file *file)
{
	const struct daddr_net_file *net_file = PDE_DATA(inode);

	return seq_open_net(inode, file, net_file->ops, net_file->state_size);
}

static const struct file_operations daddr_net_file_ops __maybe_unused = {
	.owner = THIS_MODULE,
	.open = daddr_net_file_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_net,
};

#define proc_create_net(name, mode, parent, seq_ops, size)		\
({									\
	static struct daddr_net_file daddr_net_file_ = {		\
		.ops = (seq_ops),					\
		.state_size = (size),					\
	};								\
	proc_create_data(name, mode, parent, &daddr_net_file_ops,	\
			 &daddr_net_file_);				\
})
#endif

/* What the handler of a sysctl is given. */
#ifdef DADDR_HAVE_SYSCTL_CONST
#define DADDR_SYSCTL_TABLE const struct ctl_table
#else
#define DADDR_SYSCTL_TABLE struct ctl_table
#endif

#ifdef DADDR_HAVE_SYSCTL_USER_BUFFER
#define DADDR_SYSCTL_BUFFER void __user *
#else
#define DADDR_SYSCTL_BUFFER void *
#endif

/* Returns how many bytes could not be read. */
static inline unsigned long
daddr_sysctl_copy(char *to, DADDR_SYSCTL_BUFFER from, size_t length)
{
#ifdef DADDR_HAVE_SYSCTL_USER_BUFFER
	return copy_from_user(to, from, length);
#else
	memcpy(to, from, length);
	return 0;
#endif
}

/* Without the size, an entry without a name ends the table. */
#ifdef register_net_sysctl
#define daddr_register_net_sysctl register_net_sysctl_sz
#else
#define daddr_register_net_sysctl(net, path, table, size) \
	register_net_sysctl(net, path, table)
#endif

#endif /* DADDR_COMPAT_H */
