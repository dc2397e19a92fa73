// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.ipv4.dscp_rewrite and net.ipv6.dscp_rewrite: .1 to .63 are what stands for
 * a DSCP, as words VIP or VIP@RIP; .enabled is 1 or 0. Everything that comes
 * from userspace is looked at here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/inet.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysctl.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "daddr_address.h"
#include "daddr_say.h"
#include "dscp_rewrite.h"

enum {
	/*
	 * Programs that buffer what they write begin with 1024 bytes or more of
	 * a longer text, which may look like a value: none is that long.
	 */
	DSCP_REWRITE_WRITE = 1024,
	/* 16 of VIP@RIP, however long an address is printed, and blanks */
	DSCP_REWRITE_READ = 16 * 2 * 48,
	DSCP_REWRITE_SYSCTLS = DSCP_REWRITE_DSCPS
};

/* The value that a text is for, for messages. */
struct dscp_rewrite_place {
	const struct dscp_rewrite_table *table;
	unsigned int dscp;
};

#define dscp_rewrite_say(place, fmt, ...)				\
do {									\
	const struct dscp_rewrite_place *place_ = (place);		\
									\
	daddr_say(place_->table->net,					\
		  "net.ipv%u.dscp_rewrite.%u: " fmt "\n",		\
		  dscp_rewrite_version(place_->table), place_->dscp,	\
		  ##__VA_ARGS__);					\
} while (0)

/* The 4 or 16 bytes of an address, and nothing else in the text. */
static bool dscp_rewrite_read_address(u8 family, const char *text,
				      union nf_inet_addr *address)
{
	char again[sizeof("255.255.255.255")];
	const char *end;

	memset(address, 0, sizeof(*address));
	/* it reads up to a %, after which a link would be named */
	if (family == NFPROTO_IPV6)
		return in6_pton(text, -1, (u8 *)address, -1, &end) && !*end;
	if (!in4_pton(text, -1, (u8 *)address, -1, NULL))
		return false;
	/* 010 is 8 to some, and 10 to others */
	snprintf(again, sizeof(again), "%pI4", address);
	return !strcmp(again, text);
}

static const char *dscp_rewrite_refuse(u8 family,
				       const union nf_inet_addr *address)
{
	return family == NFPROTO_IPV4 ? daddr_refuse4(address) :
		daddr_refuse6(address);
}

static int dscp_rewrite_parse_address(const struct dscp_rewrite_place *place,
				      const char *what, const char *text,
				      union nf_inet_addr *address)
{
	u8 family = place->table->family;
	const char *refused;

	if (!dscp_rewrite_read_address(family, text, address)) {
		dscp_rewrite_say(place, "%s: found \"%*pE\", expected an IPv%u address",
				 what, (int)min_t(size_t, strlen(text), 48),
				 text, dscp_rewrite_version(place->table));
		return -EINVAL;
	}
	refused = dscp_rewrite_refuse(family, address);
	if (refused) {
		dscp_rewrite_say(place, "%s may not be %s", what, refused);
		return -EINVAL;
	}
	return 0;
}

/* @word: VIP or VIP@RIP; written to. */
static int dscp_rewrite_parse_pair(const struct dscp_rewrite_place *place,
				   char *word, struct dscp_rewrite_pair *pair)
{
	char *rip = strchr(word, '@');
	int err;

	memset(pair, 0, sizeof(*pair));
	pair->any = !rip;
	if (rip)
		*rip++ = '\0';
	err = dscp_rewrite_parse_address(place, "the VIP", word, &pair->vip);
	if (err || !rip)
		return err;
	err = dscp_rewrite_parse_address(place, "the RIP after @", rip,
					 &pair->rip);
	if (err)
		return err;
	if (!memcmp(&pair->vip, &pair->rip, sizeof(pair->vip))) {
		dscp_rewrite_say(place, "the VIP and the RIP after @ are the same address");
		return -EINVAL;
	}
	return 0;
}

/* A packet goes to one VIP: no two are for the same destination. */
static int dscp_rewrite_check_others(const struct dscp_rewrite_place *place,
				     const struct dscp_rewrite_pairs *pairs,
				     const struct dscp_rewrite_pair *pair)
{
	unsigned int i;

	for (i = 0; i < pairs->count; i++) {
		const struct dscp_rewrite_pair *other = &pairs->pair[i];

		if (pair->any != other->any ||
		    memcmp(&pair->rip, &other->rip, sizeof(pair->rip)))
			continue;
		if (pair->any)
			dscp_rewrite_say(place, "two VIPs without @RIP");
		else
			dscp_rewrite_say(place, "two VIPs for the same RIP");
		return -EINVAL;
	}
	return 0;
}

/* The unspecified address alone says that nothing stands for the DSCP. */
static bool dscp_rewrite_is_nothing(u8 family, const char *text)
{
	union nf_inet_addr address;

	return !*text || (dscp_rewrite_read_address(family, text, &address) &&
			  !memchr_inv(&address, 0, sizeof(address)));
}

/* @text: written to */
static int dscp_rewrite_parse(const struct dscp_rewrite_place *place,
			      char *text, struct dscp_rewrite_pairs *pairs)
{
	struct dscp_rewrite_pair *pair;
	char *word;
	int err;

	pairs->count = 0;
	text = strim(text);
	if (dscp_rewrite_is_nothing(place->table->family, text))
		return 0;
	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (pairs->count == DSCP_REWRITE_VIPS) {
			dscp_rewrite_say(place, "found more than %u VIPs",
					 DSCP_REWRITE_VIPS);
			return -EINVAL;
		}
		pair = &pairs->pair[pairs->count];
		err = dscp_rewrite_parse_pair(place, word, pair) ?:
			dscp_rewrite_check_others(place, pairs, pair);
		if (err)
			return err;
		pairs->count++;
	}
	return 0;
}

/*
 * A value is written in one piece: what a second write would add to the first
 * one, or what is after a zero byte, was not meant.
 */
static int dscp_rewrite_write(const struct dscp_rewrite_place *place,
			      struct dscp_rewrite_table *table,
			      DADDR_SYSCTL_BUFFER buffer, size_t length,
			      loff_t pos)
{
	struct dscp_rewrite_pairs *pairs;
	char *text;
	int err;

	if (pos || length >= DSCP_REWRITE_WRITE) {
		dscp_rewrite_say(place, "found more than one write of %u bytes",
				 DSCP_REWRITE_WRITE - 1);
		return -EINVAL;
	}
	text = kzalloc(DSCP_REWRITE_WRITE, GFP_KERNEL_ACCOUNT);
	pairs = kmalloc(sizeof(*pairs), GFP_KERNEL_ACCOUNT);
	if (!text || !pairs) {
		err = -ENOMEM;
	} else if (daddr_sysctl_copy(text, buffer, length)) {
		err = -EFAULT;
	} else if (strlen(text) != length) {
		dscp_rewrite_say(place, "found a zero byte");
		err = -EINVAL;
	} else {
		err = dscp_rewrite_parse(place, text, pairs) ?:
			dscp_rewrite_set(table, place->dscp, pairs);
	}
	kfree(pairs);
	kfree(text);
	return err;
}

static int dscp_rewrite_print_address(char *text, size_t size, u8 family,
				      const union nf_inet_addr *address)
{
	if (family == NFPROTO_IPV4)
		return scnprintf(text, size, "%pI4", &address->ip);
	return scnprintf(text, size, "%pI6c", &address->in6);
}

/* As it would be written: the VIP without a RIP first. */
static void dscp_rewrite_print(const struct dscp_rewrite_table *table,
			       const struct dscp_rewrite_value *value,
			       char *text, size_t size)
{
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < dscp_rewrite_vips(value); i++) {
		const struct dscp_rewrite_vip *vip = dscp_rewrite_vip(value, i);

		if (!vip->count)
			continue;
		if (n)
			n += scnprintf(text + n, size - n, " ");
		n += dscp_rewrite_print_address(text + n, size - n,
						table->family, &vip->vip);
		if (vip == &value->any)
			continue;
		n += scnprintf(text + n, size - n, "@");
		n += dscp_rewrite_print_address(text + n, size - n,
						table->family, &vip->rip);
	}
}

static int dscp_rewrite_read(struct dscp_rewrite_table *table,
			     unsigned int dscp, DADDR_SYSCTL_BUFFER buffer,
			     size_t *length, loff_t *pos)
{
	struct dscp_rewrite_net *rn = dscp_rewrite_pernet(table->net);
	struct ctl_table print = { .maxlen = DSCP_REWRITE_READ };
	const struct dscp_rewrite_value *value;
	int err;

	print.data = kzalloc(DSCP_REWRITE_READ, GFP_KERNEL_ACCOUNT);
	if (!print.data)
		return -ENOMEM;
	mutex_lock(&rn->mutex);
	value = dscp_rewrite_get(table, dscp);
	if (value)
		dscp_rewrite_print(table, value, print.data, print.maxlen);
	mutex_unlock(&rn->mutex);
	err = proc_dostring(&print, 0, buffer, length, pos);
	kfree(print.data);
	return err;
}

static int dscp_rewrite_do_value(DADDR_SYSCTL_TABLE *entry, int write,
				 DADDR_SYSCTL_BUFFER buffer, size_t *length,
				 loff_t *pos)
{
	struct dscp_rewrite_table *table = entry->extra1;
	struct dscp_rewrite_place place = { .table = table };
	int err;

	/* the value's place in the table is its DSCP */
	place.dscp = (struct dscp_rewrite_value __rcu **)entry->data -
		table->values;
	if (!write)
		return dscp_rewrite_read(table, place.dscp, buffer, length,
					 pos);
	err = dscp_rewrite_write(&place, table, buffer, *length, *pos);
	if (!err)
		*pos += *length;
	return err;
}

static int dscp_rewrite_do_enabled(DADDR_SYSCTL_TABLE *entry, int write,
				   DADDR_SYSCTL_BUFFER buffer, size_t *length,
				   loff_t *pos)
{
	struct dscp_rewrite_table *table = entry->extra1;
	int enabled = READ_ONCE(table->enabled), least = 0, most = 1, err;
	struct ctl_table number = {
		.data = &enabled,
		.maxlen = sizeof(enabled),
		.extra1 = &least,
		.extra2 = &most,
	};

	err = proc_dointvec_minmax(&number, write, buffer, length, pos);
	if (err || !write)
		return err;
	return dscp_rewrite_enable(table, enabled);
}

/* "1" to "63" */
static const char *dscp_rewrite_name(unsigned int dscp)
{
	static char names[DSCP_REWRITE_DSCPS][3];

	snprintf(names[dscp], sizeof(names[dscp]), "%u", dscp);
	return names[dscp];
}

int dscp_rewrite_sysctl_create(struct dscp_rewrite_table *table)
{
	struct ctl_table *entries;
	unsigned int dscp;
	char path[32];

	/* one more, which ends the list before 6.6 */
	entries = kcalloc(DSCP_REWRITE_SYSCTLS + 1, sizeof(*entries),
			  GFP_KERNEL_ACCOUNT);
	if (!entries)
		return -ENOMEM;
	/* the place of DSCP 0, which nothing stands for */
	entries[0].procname = "enabled";
	entries[0].mode = 0644;
	entries[0].extra1 = table;
	entries[0].proc_handler = dscp_rewrite_do_enabled;
	for (dscp = 1; dscp < DSCP_REWRITE_DSCPS; dscp++) {
		entries[dscp].procname = dscp_rewrite_name(dscp);
		entries[dscp].mode = 0644;
		entries[dscp].data = &table->values[dscp];
		entries[dscp].extra1 = table;
		entries[dscp].proc_handler = dscp_rewrite_do_value;
	}
	snprintf(path, sizeof(path), "net/ipv%u/dscp_rewrite",
		 dscp_rewrite_version(table));
	table->sysctl = daddr_register_net_sysctl(table->net, path, entries,
						  DSCP_REWRITE_SYSCTLS);
	if (!table->sysctl) {
		kfree(entries);
		return -ENOMEM;
	}
	return 0;
}

void dscp_rewrite_sysctl_destroy(struct dscp_rewrite_table *table)
{
	const struct ctl_table *entries = table->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(table->sysctl);
	kfree(entries);
}
