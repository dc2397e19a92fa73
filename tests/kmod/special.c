// SPDX-License-Identifier: GPL-2.0-only
/* What is about one state of an skb and not about all packets. */
#define pr_fmt(fmt) fmt

#include <linux/mm.h>
#include <net/checksum.h>
#include <net/dst.h>
#include <net/route.h>
#include <net/sock.h>

#include "test.h"

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
	struct xt_daddr_info info = { .daddr = *old_address(spec->family) };
	struct sk_buff *skb, *clone;
	unsigned int paged;
	void *head;

	packet_build(packet, spec, ADDRESS);
	skb = make_skb(packet, PAGED_CLONED);
	clone = skb ? skb_clone(skb, GFP_KERNEL) : NULL;
	if (clone) {
		head = skb->head;
		paged = skb->data_len;
		expect_true(call_target(skb, spec->family, 0, &info,
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

	packet_build(packet, &tcp4, ADDRESS);
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

	packet_build(packet, spec, ADDRESS);
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

	packet_build(packet, &udp4, ADDRESS);
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
	struct xt_daddr_info info = { .daddr = *old_address(spec->family) };
	static struct xt_daddr_info_v1 port = { .dport = PACKET_NEW_PORT };
	struct dst_entry *dst;
	struct sk_buff *skb;
	unsigned int i;

	port.daddr[0] = info.daddr;
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		packet_build(packet, spec, ADDRESS);
		skb = make_skb(packet, LINEAR);
		dst = skb ? attach_route(skb) : NULL;
		expect_true(dst, "no route to attach");
		if (dst) {
			call_target(skb, spec->family, 0, &info, hooks[i]);
			expect_true(skb_dst(skb) == dst,
				    "hook %u: route lost without a change",
				    hooks[i]);
			call_target(skb, spec->family, 1, &port, hooks[i]);
			expect_true(skb_dst(skb) == dst,
				    "hook %u: route lost for a port", hooks[i]);
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

/*
 * INPUT: the socket that early demux found was for the old address. There, as
 * in OUTPUT, every packet has a route.
 */
static void test_owner(const struct packet_spec *spec)
{
	static struct sock owner;
	static const u8 hooks[] = {
		NF_INET_PRE_ROUTING, NF_INET_LOCAL_IN, NF_INET_LOCAL_OUT,
	};
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		packet_build(packet, spec, ADDRESS);
		skb = make_skb(packet, LINEAR);
		if (!skb)
			return;
		expect_true(attach_route(skb), "no route to attach");
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

	packet_build(packet, &tcp4, ADDRESS);
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

void test_special_states(void)
{
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
