// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only, never shipped: hands skbs in every state that the stack knows to
 * the registered DADDR target, by way of x_tables, and looks at what comes
 * back. Runs once, when loaded; the result is KTAP in the kernel log.
 */
#define pr_fmt(fmt) fmt

#include <linux/module.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/checksum.h>

#include "test.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Test of xt_DADDR on packets in every state");
MODULE_LICENSE("GPL v2");

static bool dscp_rewrite;
module_param(dscp_rewrite, bool, 0444);
MODULE_PARM_DESC(dscp_rewrite, "also by that module, where DSCP 7 stands for the new address");

static const char *const layout_names[] = {
	"linear", "cloned", "shared", "paged", "split", "paged and cloned", "frag list",
};

static const char *const summed_names[] = {
	[CHECKSUM_NONE] = "none",
	[CHECKSUM_UNNECESSARY] = "unnecessary",
	[CHECKSUM_COMPLETE] = "complete",
	[CHECKSUM_PARTIAL] = "partial",
};

struct packet *packet;
bool failed;

static unsigned int tests, failures;

void report(const char *name)
{
	pr_info("%s %u %s\n", failed ? "not ok" : "ok", ++tests, name);
	failures += failed;
	failed = false;
}

#define REVISIONS 2

static struct xt_target *targets[NFPROTO_NUMPROTO][REVISIONS];

static void put_targets(void)
{
	unsigned int i;

	for (i = 0; i < NFPROTO_NUMPROTO * REVISIONS; i++) {
		struct xt_target *target = targets[i / REVISIONS][i % REVISIONS];

		if (target)
			module_put(target->me);
	}
}

static int find_targets(void)
{
	static const u8 families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	unsigned int i, revision;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		for (revision = 0; revision < REVISIONS; revision++) {
			struct xt_target *target =
				xt_request_find_target(families[i], "DADDR",
						       revision);

			if (IS_ERR(target))
				return PTR_ERR(target);
			targets[families[i]][revision] = target;
		}
	}
	return 0;
}

unsigned int call_target(struct sk_buff *skb, u8 family, u8 revision,
			 const void *info, u8 hook)
{
	struct nf_hook_state state = {
		.hook = hook,
		.pf = family,
		.net = &init_net,
	};
	struct xt_action_param par = {
		.state = &state,
		.target = targets[family][revision],
		.targinfo = info,
	};

	return targets[family][revision]->target(skb, &par);
}

const union nf_inet_addr *new_address(u8 family)
{
	return family == NFPROTO_IPV4 ? &packet_new4 : &packet_new6;
}

const union nf_inet_addr *old_address(u8 family)
{
	return family == NFPROTO_IPV4 ? &packet_old4 : &packet_old6;
}

unsigned int rewrite(struct sk_buff *skb, u8 family, u8 hook)
{
	struct xt_daddr_info info = { .daddr = *new_address(family) };

	return call_target(skb, family, 0, &info, hook);
}

int rule_add(struct rule *rule)
{
	struct xt_target *target = targets[rule->family][1];
	struct ip6t_entry entry6 = { .ipv6 = {
		.proto = rule->protocol,
		.flags = rule->protocol ? IP6T_F_PROTO : 0,
		.invflags = rule->not_protocol ? IP6T_INV_PROTO : 0,
	} };
	struct ipt_entry entry4 = { .ip = {
		.proto = rule->protocol,
		.invflags = rule->not_protocol ? IPT_INV_PROTO : 0,
	} };
	struct xt_tgchk_param par = {
		.net = &init_net,
		.table = rule->table,
		.entryinfo = rule->family == NFPROTO_IPV4 ?
			(void *)&entry4 : (void *)&entry6,
		.target = target,
		.targinfo = &rule->info,
		.hook_mask = rule->hooks,
		.family = rule->family,
	};

	return target->checkentry(&par);
}

void rule_remove(struct rule *rule)
{
	struct xt_target *target = targets[rule->family][1];
	struct xt_tgdtor_param par = {
		.net = &init_net,
		.target = target,
		.targinfo = &rule->info,
		.family = rule->family,
	};

	target->destroy(&par);
}

/* The rules that each packet is given to. */
enum how { REVISION_0, MAP, SINGLE_WITH_PORT, PORT_ALONE, RULES,
	   HOOK = RULES, HOWS };

static const char *const how_names[] = {
	"revision 0", "map", "address and port", "port alone", "dscp_rewrite",
};

static const unsigned int how_changes[] = {
	ADDRESS, ADDRESS, ADDRESS | PORT, PORT, ADDRESS,
};

/* Of revision 1, for the family of the packet. */
static struct rule rules[RULES];

static int add_rules(u8 family)
{
	unsigned int how;
	int err = 0;

	memset(rules, 0, sizeof(rules));
	for (how = MAP; how < RULES && !err; how++) {
		struct rule *rule = &rules[how];

		rule->family = family;
		rule->table = "raw";
		rule->hooks = 1 << NF_INET_PRE_ROUTING;
		if (how == MAP) {
			rule->info.mapped = 1 << 7;
			rule->info.daddr[7] = *new_address(family);
		} else {
			rule->protocol = IPPROTO_TCP;
			rule->info.dport = PACKET_NEW_PORT;
			rule->info.daddr[0] = how == PORT_ALONE ?
				*old_address(family) : *new_address(family);
		}
		err = rule_add(rule);
	}
	expect_true(!err, "rule refused: %d", err);
	return err;
}

static void remove_rules(void)
{
	unsigned int how;

	for (how = MAP; how < RULES; how++)
		rule_remove(&rules[how]);
}

unsigned int call_hook(struct sk_buff **skb, u8 family)
{
	if (nf_hook(family, NF_INET_PRE_ROUTING, &init_net, NULL, *skb, NULL,
		    NULL, NULL) == 1)
		return XT_CONTINUE;
	*skb = NULL;
	return NF_DROP;
}

static unsigned int give_to(struct sk_buff **skb, u8 family, enum how how)
{
	if (how == HOOK)
		return call_hook(skb, family);
	if (how == REVISION_0)
		return rewrite(*skb, family, NF_INET_PRE_ROUTING);
	return call_target(*skb, family, 1, &rules[how].info,
			   NF_INET_PRE_ROUTING);
}

static void check_rewritten(struct sk_buff *skb, const struct packet *p)
{
	switch (skb->ip_summed) {
	case CHECKSUM_PARTIAL:
		expect_completed(skb, p);
		return;
	case CHECKSUM_COMPLETE:
		expect_true(csum_fold(skb->csum) ==
			    csum_fold(skb_checksum(skb, 0, skb->len, 0)),
			    "skb->csum is not the sum of the packet");
		break;
	}
	expect_bytes(skb, p->after, p->length, "packet");
}

/* The rule sets but a port, and the packet has none. */
static bool stays(const struct packet *p)
{
	return p->change == PORT && !packet_port_changes(p) &&
	       (p->spec->expect != DROPPED ||
		p->spec->protocol == IPPROTO_ICMPV6);
}

/* Every state of one packet. */
static void test_packet(const struct packet *p, enum layout layout, u8 summed,
			enum how how)
{
	bool dropped = p->spec->expect == DROPPED && !stays(p);
	struct sk_buff *skb = make_skb(p, layout);
	struct sk_buff *clone = NULL;
	unsigned int paged, verdict, needed;

	if (!skb) {
		expect_true(false, "no memory");
		return;
	}
	if (!set_summed(skb, p, summed))
		goto out;
	if (layout == CLONED || layout == PAGED_CLONED) {
		clone = skb_clone(skb, GFP_KERNEL);
		if (!clone)
			goto out;
	}
	if (layout == SHARED)
		skb_get(skb);
	paged = skb->data_len;

	verdict = give_to(&skb, p->spec->family, how);

	if (layout == SHARED)
		kfree_skb(skb);
	expect_true(verdict == (dropped ? NF_DROP : XT_CONTINUE),
		    "verdict %u", verdict);
	if (!skb)
		goto out;
	if (stays(p)) {
		expect_true(skb->data_len == paged, "bytes were pulled");
		if (summed != CHECKSUM_PARTIAL)
			expect_bytes(skb, p->before, p->length, "packet");
	} else if (!dropped) {
		needed = p->spec->expect == COVERED ||
			packet_port_changes(p) ? p->sum + 2 : p->transport;
		expect_true(skb->data_len + needed >= paged,
			    "%u of %u bytes copied out of pages",
			    paged - skb->data_len, paged);
		check_rewritten(skb, p);
	}
	if (clone && summed != CHECKSUM_PARTIAL)
		expect_bytes(clone, p->before, p->length, "its clone");
out:
	if (failed)
		pr_info("# %s, %s, checksum %s, %s\n", p->spec->name,
			layout_names[layout], summed_names[summed],
			how_names[how]);
	kfree_skb(clone);
	kfree_skb(skb);
}

static void test_packet_everywhere(const struct packet_spec *spec,
				   enum how how)
{
	unsigned int layout, summed;
	bool any = failed;

	packet_build(packet, spec, how_changes[how]);
	for (layout = 0; layout < LAYOUTS; layout++) {
		/* the stack does not bring such a packet there */
		if (how == HOOK && layout == SHARED)
			continue;
		for (summed = 0; summed < ARRAY_SIZE(summed_names); summed++) {
			test_packet(packet, layout, summed, how);
			any |= failed;
			failed = false;
		}
	}
	failed = any;
}

static void test_packets(void)
{
	unsigned int i, how;
	u8 family = 0;

	for (i = 0; i < packet_spec_count; i++) {
		const struct packet_spec *spec = &packet_specs[i];

		if (spec->family != family) {
			if (family)
				remove_rules();
			family = spec->family;
			if (add_rules(family)) {
				report("rules of revision 1");
				return;
			}
		}
		for (how = 0; how < HOWS; how++) {
			if (how == HOOK && !dscp_rewrite)
				continue;
			/* Seconds without it, on an emulated, busy processor. */
			cond_resched();
			test_packet_everywhere(spec, how);
		}
		report(spec->name);
	}
	remove_rules();
}

static int __init daddr_test_init(void)
{
	int err;

	packet = kmalloc(sizeof(*packet), GFP_KERNEL);
	if (!packet)
		return -ENOMEM;
	err = find_targets();
	if (err)
		goto out;

	pr_info("KTAP version 1\n");
	test_packets();
	test_special_states();
	test_fraglists(dscp_rewrite);
	test_rules();
	if (dscp_rewrite)
		test_hook();
	pr_info("1..%u\n", tests);
	pr_info("# daddr_test: %u passed, %u failed\n", tests - failures,
		failures);
out:
	put_targets();
	kfree(packet);
	return err;
}

static void __exit daddr_test_exit(void)
{
}

module_init(daddr_test_init);
module_exit(daddr_test_exit);
