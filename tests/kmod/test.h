/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the in-kernel test share: how the target is called, how
 * skbs are made, and what must be true of them afterwards.
 */
#ifndef DADDR_TEST_H
#define DADDR_TEST_H

#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/printk.h>
#include <linux/skbuff.h>

#include "packet.h"
#include "xt_DADDR.h"

/* main.c: the result of the test that runs, and the packet it is about */
extern bool failed;
extern struct packet *packet;

#define expect_true(condition, fmt, ...) \
	do { \
		if (!(condition)) { \
			failed = true; \
			pr_info("# " fmt "\n", ##__VA_ARGS__); \
		} \
	} while (0)

void report(const char *name);

/* Hands the skb to a revision of the target, with that revision's rule. */
unsigned int call_target(struct sk_buff *skb, u8 family, u8 revision,
			 const void *info, u8 hook);
/* revision 0, with the new address */
unsigned int rewrite(struct sk_buff *skb, u8 family, u8 hook);

/*
 * To the hooks of PREROUTING: there are no others in this namespace. Who drops
 * the packet there frees it.
 */
unsigned int call_hook(struct sk_buff **skb, u8 family);

/* Adds and removes a rule of revision 1, as x_tables does. */
struct rule {
	u8 family;
	const char *table;
	unsigned int hooks;		/* mask */
	u8 protocol;			/* 0: any */
	bool not_protocol;
	struct xt_daddr_info_v1 info;
};

int rule_add(struct rule *rule);
void rule_remove(struct rule *rule);

/* The new address of a family, and the one that packets have. */
const union nf_inet_addr *new_address(u8 family);
const union nf_inet_addr *old_address(u8 family);

/* Where the bytes of an skb lie. */
enum layout {
	LINEAR,		/* all in the head */
	CLONED,		/* so, and another skb shares the head */
	SHARED,		/* linear, and somebody else holds the same skb */
	PAGED,		/* the IP header in the head, the rest in a page */
	SPLIT,		/* the head ends within the transport header */
	PAGED_CLONED,
	FRAG_LIST,	/* the IP header in the head, the rest in another skb */
	LAYOUTS
};

/* skb.c */
struct sk_buff *make_skb(const struct packet *p, enum layout layout);
struct sk_buff *make_paged(const struct packet *p, unsigned int head);
bool set_summed(struct sk_buff *skb, const struct packet *p, u8 summed);
void expect_bytes(const struct sk_buff *skb, const u8 *bytes,
		  unsigned int length, const char *what);
void expect_completed(struct sk_buff *skb, const struct packet *p);

/* special.c: what is about one state and not about all packets */
void test_special_states(void);

/* fraglist.c: datagrams that GRO chained; @hook: also by dscp_rewrite */
void test_fraglists(bool hook);

/* rules.c: the rules of revision 1, and those that are refused */
void test_rules(void);

/* hook.c: where dscp_rewrite differs from a map */
void test_hook(void);

#endif /* DADDR_TEST_H */
