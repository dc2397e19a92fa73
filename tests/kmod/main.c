// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only, never shipped: hands skbs in every state that the stack knows to
 * the registered DADDR target, by way of x_tables, and looks at what comes
 * back. Runs once, when loaded; the result is KTAP in the kernel log.
 */
#define pr_fmt(fmt) fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/checksum.h>
#include <net/dst.h>
#include <net/route.h>
#include <net/sock.h>

#include "packet.h"
#include "xt_DADDR.h"

MODULE_DESCRIPTION("Test of xt_DADDR on packets in every state");
MODULE_LICENSE("GPL v2");

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

static const char *const layout_names[] = {
	"linear", "cloned", "shared", "paged", "split", "paged and cloned", "frag list",
};

static const char *const summed_names[] = {
	[CHECKSUM_NONE] = "none",
	[CHECKSUM_UNNECESSARY] = "unnecessary",
	[CHECKSUM_COMPLETE] = "complete",
	[CHECKSUM_PARTIAL] = "partial",
};

static struct packet *packet;
static unsigned int tests, failures;
static bool failed;

#define expect_true(condition, fmt, ...) \
	do { \
		if (!(condition)) { \
			failed = true; \
			pr_info("# " fmt "\n", ##__VA_ARGS__); \
		} \
	} while (0)

static void report(const char *name)
{
	pr_info("%s %u %s\n", failed ? "not ok" : "ok", ++tests, name);
	failures += failed;
	failed = false;
}

/* --- the target, as x_tables calls it ----------------------------------- */

static struct xt_target *targets[NFPROTO_NUMPROTO];

static int find_target(u8 family)
{
	struct xt_target *target = xt_request_find_target(family, "DADDR", 0);

	if (IS_ERR(target))
		return PTR_ERR(target);
	targets[family] = target;
	return 0;
}

static unsigned int call_target(struct sk_buff *skb, u8 family,
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

static unsigned int rewrite(struct sk_buff *skb, u8 family, u8 hook)
{
	return call_target(skb, family, family == NFPROTO_IPV4 ?
			   &packet_new4 : &packet_new6, hook);
}

/* --- skbs ---------------------------------------------------------------- */

static struct sk_buff *make_linear(const u8 *bytes, unsigned int length)
{
	struct sk_buff *skb = alloc_skb(length + 64, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, 64);
	memcpy(skb_put(skb, length), bytes, length);
	return skb;
}

/* The first @head bytes in the head, the others in a page. */
static struct sk_buff *make_paged(const struct packet *p, unsigned int head)
{
	struct sk_buff *skb = make_linear(p->before, head);
	struct page *page;

	if (!skb || head == p->length)
		return skb;
	page = alloc_page(GFP_KERNEL);
	if (!page) {
		kfree_skb(skb);
		return NULL;
	}
	memcpy(page_address(page), p->before + head, p->length - head);
	skb_add_rx_frag(skb, 0, page, 0, p->length - head, PAGE_SIZE);
	return skb;
}

static struct sk_buff *make_frag_list(const struct packet *p, unsigned int head)
{
	struct sk_buff *skb = make_linear(p->before, head);
	struct sk_buff *rest;

	if (!skb || head == p->length)
		return skb;
	rest = make_linear(p->before + head, p->length - head);
	if (!rest) {
		kfree_skb(skb);
		return NULL;
	}
	skb_shinfo(skb)->frag_list = rest;
	skb->len += rest->len;
	skb->data_len += rest->len;
	skb->truesize += rest->truesize;
	return skb;
}

static unsigned int ip_header_length(const struct packet *p)
{
	return p->spec->family == NFPROTO_IPV4 ?
		sizeof(struct iphdr) + p->spec->options :
		sizeof(struct ipv6hdr);
}

static struct sk_buff *make_skb(const struct packet *p, enum layout layout)
{
	unsigned int head = ip_header_length(p);
	struct sk_buff *skb;

	switch (layout) {
	case PAGED:
	case PAGED_CLONED:
		skb = make_paged(p, head);
		break;
	case SPLIT:
		skb = make_paged(p, min(p->length, p->transport + 3));
		break;
	case FRAG_LIST:
		skb = make_frag_list(p, head);
		break;
	default:
		skb = make_linear(p->before, p->length);
	}
	if (!skb)
		return NULL;
	skb_reset_network_header(skb);
	skb->protocol = htons(p->spec->family == NFPROTO_IPV4 ?
			      ETH_P_IP : ETH_P_IPV6);
	return skb;
}

/* Returns whether the packet can be in that state. */
static bool set_summed(struct sk_buff *skb, const struct packet *p, u8 summed)
{
	__sum16 seed;

	skb->ip_summed = summed;
	switch (summed) {
	case CHECKSUM_COMPLETE:
		skb->csum = skb_checksum(skb, 0, skb->len, 0);
		return true;
	case CHECKSUM_PARTIAL:
		/* Only the sender of a whole packet leaves the sum to others.
		 */
		if (p->spec->expect != COVERED || p->spec->length < 20)
			return false;
		seed = packet_seed(p, false);
		skb_store_bits(skb, p->sum, &seed, sizeof(seed));
		skb->csum_start = skb_headroom(skb) + p->transport;
		skb->csum_offset = p->sum - p->transport;
		return true;
	default:
		return true;
	}
}

/* --- what must be true afterwards ---------------------------------------- */

static void expect_bytes(const struct sk_buff *skb, const u8 *bytes,
			 unsigned int length, const char *what)
{
	u8 *found = kmalloc(PACKET_MAX, GFP_KERNEL);
	unsigned int i;

	if (!found)
		return;
	expect_true(skb->len == length, "%s: length %u, expected %u", what,
		    skb->len, length);
	if (skb->len == length && !skb_copy_bits(skb, 0, found, length)) {
		for (i = 0; i < length && found[i] == bytes[i]; i++)
			;
		expect_true(i == length,
			    "%s: byte %u is %02x, expected %02x", what, i,
			    found[min(i, length - 1)],
			    bytes[min(i, length - 1)]);
	}
	kfree(found);
}

/* Two checksums that are equal, or are the two zeros of ones' complement. */
static bool same_sum(__sum16 a, __sum16 b)
{
	u16 x = (__force u16)a, y = (__force u16)b;

	return (x == 0xffff ? 0 : x) == (y == 0xffff ? 0 : y);
}

/* What hardware would send: the seed completed over the bytes. */
static void expect_completed(struct sk_buff *skb, const struct packet *p)
{
	__sum16 seed = 0;

	expect_true(skb->ip_summed == CHECKSUM_PARTIAL, "no longer partial");
	skb_copy_bits(skb, p->sum, &seed, sizeof(seed));
	expect_true(same_sum(seed, packet_seed(p, true)),
		    "seed %04x, expected %04x", ntohs((__force __be16)seed),
		    ntohs((__force __be16)packet_seed(p, true)));
	expect_true(!skb_checksum_help(skb), "skb_checksum_help failed");
	expect_bytes(skb, p->after, p->length, "completed");
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

static const struct packet_spec tcp4 = {
	"tcp", .family = NFPROTO_IPV4, .protocol = IPPROTO_TCP,
	.expect = COVERED, .length = 1000,
};

static const struct packet_spec udp4 = {
	"udp", .family = NFPROTO_IPV4, .protocol = IPPROTO_UDP,
	.expect = COVERED, .length = 1000,
};

static const struct packet_spec tcp6 = {
	"tcp", .family = NFPROTO_IPV6, .protocol = IPPROTO_TCP,
	.expect = COVERED, .length = 1000,
};

/* A packet that has the address is not written, copied or pulled together. */
static void test_same_address(const struct packet_spec *spec)
{
	const union nf_inet_addr *old = spec->family == NFPROTO_IPV4 ?
		&packet_old4 : &packet_old6;
	struct sk_buff *skb, *clone;
	unsigned int paged;
	void *head;

	packet_build(packet, spec);
	skb = make_skb(packet, PAGED_CLONED);
	clone = skb ? skb_clone(skb, GFP_KERNEL) : NULL;
	if (clone) {
		head = skb->head;
		paged = skb->data_len;
		expect_true(call_target(skb, spec->family, old,
					NF_INET_PRE_ROUTING) == XT_CONTINUE,
			    "verdict");
		expect_true(skb->head == head, "the head was copied");
		expect_true(skb->data_len == paged, "bytes were pulled");
		expect_bytes(skb, packet->before, packet->length, "packet");
	}
	kfree_skb(clone);
	kfree_skb(skb);
}

/* No such header exists; only root's raw sockets send one. */
static void test_short_ihl(void)
{
	struct sk_buff *skb;

	packet_build(packet, &tcp4);
	packet->before[0] = 0x44;
	skb = make_skb(packet, LINEAR);
	if (!skb)
		return;
	expect_true(rewrite(skb, NFPROTO_IPV4, NF_INET_LOCAL_OUT) == NF_DROP,
		    "verdict");
	expect_bytes(skb, packet->before, packet->length, "packet");
	kfree_skb(skb);
}

/* A super-packet stays one: only the head may be copied. */
static void test_gso(const struct packet_spec *spec, unsigned int type)
{
	struct sk_buff *skb, *clone;
	skb_frag_t *frag;
	struct page *page;

	packet_build(packet, spec);
	skb = make_paged(packet, packet->transport + 20);
	if (!skb)
		return;
	skb_reset_network_header(skb);
	set_summed(skb, packet, CHECKSUM_PARTIAL);
	skb_shinfo(skb)->gso_size = 200;
	skb_shinfo(skb)->gso_segs = 5;
	skb_shinfo(skb)->gso_type = type;
	frag = &skb_shinfo(skb)->frags[0];
	page = skb_frag_page(frag);
	clone = skb_clone(skb, GFP_KERNEL);

	expect_true(rewrite(skb, spec->family, NF_INET_PRE_ROUTING) ==
		    XT_CONTINUE, "verdict");
	frag = &skb_shinfo(skb)->frags[0];
	expect_true(skb->data_len == packet->length - packet->transport - 20,
		    "payload was copied");
	expect_true(skb_shinfo(skb)->nr_frags == 1 &&
		    skb_frag_page(frag) == page, "another page");
	expect_true(skb_shinfo(skb)->gso_size == 200 &&
		    skb_shinfo(skb)->gso_type == type, "no longer GSO");
	skb_shinfo(skb)->gso_size = 0;	/* skb_checksum_help wants no GSO */
	expect_completed(skb, packet);
	kfree_skb(clone);
	kfree_skb(skb);
}

/*
 * A UDP tunnel: CHECKSUM_PARTIAL is about the inner packet. The outer sum is
 * complete (local checksum offload), or a seed if the packet is GSO, or absent.
 */
static void test_tunnel(bool gso, bool outer_sum)
{
	__sum16 sum = 0, found = 0, expected = 0;
	struct sk_buff *skb;

	packet_build(packet, &udp4);
	skb = make_skb(packet, LINEAR);
	if (!skb)
		return;
	if (outer_sum) {
		sum = gso ? packet_seed(packet, false) :
			packet_full_sum(packet, false);
		expected = gso ? packet_seed(packet, true) :
			packet_full_sum(packet, true);
	}
	skb_store_bits(skb, packet->sum, &sum, sizeof(sum));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) + packet->transport + 100;
	skb->csum_offset = 16;
	if (gso) {
		skb_shinfo(skb)->gso_size = 200;
		skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4 |
			(outer_sum ? SKB_GSO_UDP_TUNNEL_CSUM :
			 SKB_GSO_UDP_TUNNEL);
	}
	expect_true(rewrite(skb, NFPROTO_IPV4, NF_INET_PRE_ROUTING) ==
		    XT_CONTINUE, "verdict");
	skb_copy_bits(skb, packet->sum, &found, sizeof(found));
	expect_true(found == expected, "outer checksum %04x, expected %04x",
		    ntohs((__force __be16)found),
		    ntohs((__force __be16)expected));
	kfree_skb(skb);
}

/* Attaches the route of a packet that the loopback device brings. */
static struct dst_entry *attach_route(struct sk_buff *skb)
{
	struct flowi4 flow = { .daddr = htonl(INADDR_LOOPBACK) };
	struct rtable *route = ip_route_output_key(&init_net, &flow);

	if (IS_ERR(route))
		return NULL;
	skb_dst_set(skb, &route->dst);
	return &route->dst;
}

static void test_route(const struct packet_spec *spec)
{
	static const u8 hooks[] = {
		NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT,
	};
	struct dst_entry *dst;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		packet_build(packet, spec);
		skb = make_skb(packet, LINEAR);
		dst = skb ? attach_route(skb) : NULL;
		expect_true(dst, "no route to attach");
		if (dst) {
			call_target(skb, spec->family,
				    spec->family == NFPROTO_IPV4 ?
				    &packet_old4 : &packet_old6, hooks[i]);
			expect_true(skb_dst(skb) == dst,
				    "hook %u: route lost without a change",
				    hooks[i]);
			rewrite(skb, spec->family, hooks[i]);
			expect_true(skb_dst(skb) ==
				    (hooks[i] == NF_INET_PRE_ROUTING ?
				     NULL : dst),
				    "hook %u: the route", hooks[i]);
		}
		kfree_skb(skb);
	}
}

static void owner_gone(struct sk_buff *skb)
{
}

/* INPUT: the socket that early demux found was for the old address. */
static void test_owner(const struct packet_spec *spec)
{
	static struct sock owner;
	static const u8 hooks[] = {
		NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT,
	};
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		packet_build(packet, spec);
		skb = make_skb(packet, LINEAR);
		if (!skb)
			return;
		skb->sk = &owner;
		skb->destructor = owner_gone;
		rewrite(skb, spec->family, hooks[i]);
		expect_true(!skb->sk == (hooks[i] == NF_INET_LOCAL_IN),
			    "hook %u: the owner", hooks[i]);
		kfree_skb(skb);
	}
}

/*
 * Memory runs out while the head is copied. Blocks of that size are taken
 * until there is none; others may free one meanwhile, so it may need a retry.
 */
static void test_no_memory(void)
{
	enum { LENGTH = 200000, ORDER = 6, TRIES = 100 };
	struct sk_buff *skb, *clone, *attempt;
	struct page *page, *next, *taken = NULL;
	unsigned int try, verdict = XT_CONTINUE;

	packet_build(packet, &tcp4);
	skb = alloc_skb(LENGTH, GFP_KERNEL | __GFP_NOWARN);
	if (!skb) {
		pr_info("# no memory for the packet\n");
		return;
	}
	memcpy(skb_put(skb, packet->length), packet->before, packet->length);
	skb_put_zero(skb, LENGTH - packet->length);
	skb_reset_network_header(skb);
	clone = skb_clone(skb, GFP_KERNEL);

	for (try = 0; clone && try < TRIES && verdict != NF_DROP; try++) {
		while ((page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN |
					   __GFP_HIGH, ORDER))) {
			set_page_private(page, (unsigned long)taken);
			taken = page;
		}
		attempt = skb_clone(skb, GFP_ATOMIC);
		if (!attempt)
			break;
		verdict = rewrite(attempt, NFPROTO_IPV4, NF_INET_PRE_ROUTING);
		if (verdict == NF_DROP)
			expect_true(!memcmp(attempt->data, packet->before,
					    packet->length),
				    "the packet was changed");
		kfree_skb(attempt);
	}
	for (page = taken; page; page = next) {
		next = (struct page *)page_private(page);
		set_page_private(page, 0);
		__free_pages(page, ORDER);
	}
	expect_true(verdict == NF_DROP, "the packet was not dropped");
	if (clone)
		expect_true(!memcmp(clone->data, packet->before,
				    packet->length), "the clone was changed");
	kfree_skb(clone);
	kfree_skb(skb);
}

static void run(void)
{
	test_packets();

	test_same_address(&tcp4);
	report("ipv4 has the address already");
	test_same_address(&tcp6);
	report("ipv6 has the address already");
	test_short_ihl();
	report("ipv4 header shorter than one");
	test_gso(&tcp4, SKB_GSO_TCPV4);
	report("ipv4 tcp gso");
	test_gso(&tcp6, SKB_GSO_TCPV6);
	report("ipv6 tcp gso");
	test_gso(&udp4, SKB_GSO_UDP_L4);
	report("ipv4 udp gso");
	test_tunnel(false, true);
	report("udp tunnel, complete outer checksum");
	test_tunnel(false, false);
	report("udp tunnel, no outer checksum");
	test_tunnel(true, true);
	report("udp tunnel, gso, outer seed");
	test_tunnel(true, false);
	report("udp tunnel, gso, no outer checksum");
	test_route(&tcp4);
	report("ipv4 route of loopback");
	test_route(&tcp6);
	report("ipv6 route of loopback");
	test_owner(&tcp4);
	report("ipv4 owner");
	test_owner(&tcp6);
	report("ipv6 owner");
	test_no_memory();
	report("memory runs out");
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
	run();
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
