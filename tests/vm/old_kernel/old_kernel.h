/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of Linux 3.10, made of that of this kernel, for kmod/compat.h:
 * what it makes up for is taken away, and what it does so with is added.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/nsproxy.h>
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>
#include <net/ipv6.h>
#include <net/netns/generic.h>
#include <net/sock.h>

/* In struct xt_action_param itself; there is no function. */
#undef DADDR_HAVE_XT_HOOKNUM
#define xt_hooknum old_xt_hooknum
#define hooknum state->hook

#undef DADDR_HAVE_USERSIZE

#undef DADDR_HAVE_SKB_ENSURE_WRITABLE
static inline int skb_make_writable(struct sk_buff *skb, unsigned int length)
{
	return !skb_ensure_writable(skb, length);
}
#define skb_ensure_writable old_skb_ensure_writable

#undef DADDR_HAVE_U64_STATS_INIT
#define u64_stats_init old_u64_stats_init

#undef READ_ONCE
#define ACCESS_ONCE(x) (*(volatile typeof(x) *)&(x))

#undef GFP_KERNEL_ACCOUNT
#undef alloc_percpu_gfp

/* What files in /proc/net have instead of struct proc_ops. */
struct old_file_operations {
	struct module *owner;
	int (*open)(struct inode *inode, struct file *file);
	ssize_t (*read)(struct file *file, char __user *to, size_t size,
			loff_t *pos);
	loff_t (*llseek)(struct file *file, loff_t offset, int whence);
	int (*release)(struct inode *inode, struct file *file);
};

static void *old_proc_data;

static inline struct proc_dir_entry *
old_proc_create_data(const char *name, umode_t mode,
		     struct proc_dir_entry *parent,
		     const struct old_file_operations *file, void *data)
{
	static struct proc_ops ops;

	ops.proc_open = file->open;
	ops.proc_read = file->read;
	ops.proc_lseek = file->llseek;
	ops.proc_release = file->release;
	old_proc_data = data;
	return proc_create(name, mode, parent, &ops);
}

static inline int seq_open_net(struct inode *inode, struct file *file,
			       const struct seq_operations *ops, int size)
{
	struct seq_net_private *net = __seq_open_private(file, ops, size);

	if (!net)
		return -ENOMEM;
	net->net = get_net(current->nsproxy->net_ns);
	return 0;
}

static inline int seq_release_net(struct inode *inode, struct file *file)
{
	put_net(seq_file_net(file->private_data));
	return seq_release_private(inode, file);
}

/*
 * Before 4.19, a read that ends with a full buffer goes one place further
 * without ->next(). Here, each read ends so, after one record.
 */
static inline ssize_t old_seq_read(struct file *file, char __user *to,
				   size_t size, loff_t *pos)
{
	struct seq_file *seq = file->private_data;
	ssize_t copied = -ENOMEM;
	void *record;

	mutex_lock(&seq->lock);
	if (!seq->buf) {
		seq->buf = kvmalloc(PAGE_SIZE, GFP_KERNEL);
		seq->size = PAGE_SIZE;
	}
	if (!seq->buf)
		goto out;
	seq->count = 0;
	record = seq->op->start(seq, &seq->index);
	if (record)
		seq->op->show(seq, record);
	seq->op->stop(seq, record);
	copied = -EINVAL;
	if (seq->count > size || copy_to_user(to, seq->buf, seq->count))
		goto out;
	copied = seq->count;
	seq->index += !!copied;
	*pos += copied;
	seq->read_pos = *pos;
	seq->count = 0;
out:
	mutex_unlock(&seq->lock);
	return copied;
}

#define seq_read old_seq_read

#undef proc_create_net
#define file_operations old_file_operations
#define proc_create_data old_proc_create_data
#define PDE_DATA(inode) old_proc_data
