// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only, never shipped: hands skbs in every state that the stack knows to
 * the registered DADDR target, by way of x_tables, and looks at what comes
 * back. Runs once, when loaded; the result is KTAP in the kernel log.
 */
#define pr_fmt(fmt) fmt

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <net/checksum.h>

#include "test.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Test of xt_DADDR on packets in every state");
MODULE_LICENSE("GPL v2");

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

static struct xt_target *targets[NFPROTO_NUMPROTO];

static int find_target(u8 family)
{
	struct xt_target *target = xt_request_find_target(family, "DADDR", 0);

	if (IS_ERR(target))
		return PTR_ERR(target);
	targets[family] = target;
	return 0;
}

unsigned int call_target(struct sk_buff *skb, u8 family,
				const union nf_inet_addr *to, u8 hook)
{
	struct xt_daddr_info info = { .daddr = *to };
	struct nf_hook_state state = {
		.hook = hook,
		.pf = family,
		.net = &init_net,
	};
	struct xt_action_param par = {
		.state = &state,
		.target = targets[family],
		.targinfo = &info,
	};

	return targets[family]->target(skb, &par);
}

unsigned int rewrite(struct sk_buff *skb, u8 family, u8 hook)
{
	return call_target(skb, family, family == NFPROTO_IPV4 ?
			   &packet_new4 : &packet_new6, hook);
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

/* Every state of one packet. */
static void test_packet(const struct packet *p, enum layout layout, u8 summed)
{
	bool dropped = p->spec->expect == DROPPED;
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

	verdict = rewrite(skb, p->spec->family, NF_INET_PRE_ROUTING);

	if (layout == SHARED)
		kfree_skb(skb);
	expect_true(verdict == (dropped ? NF_DROP : XT_CONTINUE),
		    "verdict %u", verdict);
	if (!dropped) {
		needed = p->spec->expect == COVERED ? p->sum + 2 : p->transport;
		expect_true(skb->data_len + needed >= paged,
			    "%u of %u bytes copied out of pages",
			    paged - skb->data_len, paged);
		check_rewritten(skb, p);
	}
	if (clone && summed != CHECKSUM_PARTIAL)
		expect_bytes(clone, p->before, p->length, "its clone");
out:
	if (failed)
		pr_info("# %s, %s, checksum %s\n", p->spec->name,
			layout_names[layout], summed_names[summed]);
	kfree_skb(clone);
	kfree_skb(skb);
}

static void test_packets(void)
{
	unsigned int i, layout, summed;
	bool any;

	for (i = 0; i < packet_spec_count; i++) {
		/* Seconds without it, on an emulated and busy processor. */
		cond_resched();
		packet_build(packet, &packet_specs[i]);
		any = false;
		for (layout = 0; layout < LAYOUTS; layout++) {
			for (summed = 0; summed < ARRAY_SIZE(summed_names);
			     summed++) {
				test_packet(packet, layout, summed);
				any |= failed;
				failed = false;
			}
		}
		failed = any;
		report(packet_specs[i].name);
	}
}

static int __init daddr_test_init(void)
{
	int err;

	packet = kmalloc(sizeof(*packet), GFP_KERNEL);
	if (!packet)
		return -ENOMEM;
	err = find_target(NFPROTO_IPV4);
	if (err)
		goto out;
	err = find_target(NFPROTO_IPV6);
	if (err)
		goto out_target;

	pr_info("KTAP version 1\n");
	test_packets();
	test_special_states();
	pr_info("1..%u\n", tests);
	pr_info("# daddr_test: %u passed, %u failed\n", tests - failures,
		failures);

	module_put(targets[NFPROTO_IPV6]->me);
out_target:
	module_put(targets[NFPROTO_IPV4]->me);
out:
	kfree(packet);
	return err;
}

static void __exit daddr_test_exit(void)
{
}

module_init(daddr_test_init);
module_exit(daddr_test_exit);
