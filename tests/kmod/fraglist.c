// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams that GRO chained to one packet (SKB_GSO_FRAGLIST): each keeps the
 * headers it came with. The packet goes to the rewriter and then, as the stack
 * does it, is taken apart: for a socket, or for a device that sends it on. All
 * datagrams must be right.
 */
#define pr_fmt(fmt) fmt

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/sock.h>
#include <net/udp.h>
#ifdef DADDR_HAVE_NET_GSO_H
#include <net/gso.h>	/* since 6.5 */
#endif

#include "test.h"

enum { PARTS = 4, PAYLOAD = 200, LAST_PAYLOAD = 99 };

/* Who else has the packet. */
enum holder {
	NOBODY,
	A_CLONE,	/* as a packet socket does: of the whole packet */
	A_SENDER,	/* as TCP: of the whole packet but for its headers */
	CLONES,		/* of each datagram that is chained */
	HOLDERS
};

/* The fields that GRO looks at, and the stack sets in all it takes apart. */
static void set_fields(u8 *bytes, u8 family, unsigned int part, bool after)
{
	struct udphdr *udp = (void *)(bytes + packet->transport);
	struct iphdr *ip = (void *)bytes;

	udp->len = htons(packet->spec->length);
	udp->check = packet_full_sum(packet, after);
	if (family != NFPROTO_IPV4)
		return;
	ip->id = htons(0x1234 + part);
	ip->check = 0;
	ip->check = ip_fast_csum(ip, ip->ihl);
}

/* Makes @packet the datagram with this number. */
static void build_part(u8 family, unsigned int part, unsigned int change)
{
	static struct packet_spec spec;

	spec = (struct packet_spec){
		"udp", .family = family, .protocol = IPPROTO_UDP,
		.expect = COVERED, .length = sizeof(struct udphdr) +
			(part == PARTS - 1 ? LAST_PAYLOAD : PAYLOAD),
	};
	packet_build(packet, &spec, change);
	set_fields(packet->before, family, part, false);
	set_fields(packet->after, family, part, true);
}

/* What a card delivers: the headers in the head, the payload in a page. */
static struct sk_buff *make_part(u8 family, unsigned int part, u8 summed)
{
	struct sk_buff *skb;

	build_part(family, part, 0);
	skb = make_paged(packet, packet->transport + sizeof(struct udphdr));
	if (!skb)
		return NULL;
	set_summed(skb, packet, summed);
	skb->protocol = htons(family == NFPROTO_IPV4 ? ETH_P_IP : ETH_P_IPV6);
	skb->dev = init_net.loopback_dev;
	skb_set_mac_header(skb, -ETH_HLEN);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, packet->transport);
	return skb;
}

/* The first one has the length of all. */
static void set_length(struct sk_buff *skb, u8 family)
{
	if (family == NFPROTO_IPV4) {
		ip_hdr(skb)->tot_len = htons(skb->len);
		ip_hdr(skb)->check = 0;
		ip_hdr(skb)->check = ip_fast_csum(skb->data, ip_hdr(skb)->ihl);
	} else {
		ipv6_hdr(skb)->payload_len =
			htons(skb->len - sizeof(struct ipv6hdr));
	}
	udp_hdr(skb)->len = htons(skb->len - skb_transport_offset(skb));
}

/* As GRO leaves them: what is chained begins after its headers. */
static struct sk_buff *make_chain(u8 family, u8 summed)
{
	struct sk_buff *skb = make_part(family, 0, summed);
	struct sk_buff *part, **end;
	unsigned int number;

	if (!skb)
		return NULL;
	end = &skb_shinfo(skb)->frag_list;
	for (number = 1; number < PARTS; number++) {
		part = make_part(family, number, summed);
		if (!part) {
			kfree_skb(skb);
			return NULL;
		}
		__skb_pull(part, skb_transport_offset(part) +
				 sizeof(struct udphdr));
		*end = part;
		end = &part->next;
		skb->len += part->len;
		skb->data_len += part->len;
		skb->truesize += part->truesize;
	}
	set_length(skb, family);
	skb_shinfo(skb)->gso_size = PAYLOAD;
	skb_shinfo(skb)->gso_segs = PARTS;
	skb_shinfo(skb)->gso_type = SKB_GSO_FRAGLIST | SKB_GSO_UDP_L4;
	return skb;
}

static unsigned int give(struct sk_buff **skb, u8 family, unsigned int change,
			 bool hook)
{
	static struct xt_daddr_info_v1 info = { .dport = PACKET_NEW_PORT };

	if (hook)
		return call_hook(skb, family);
	if (change == ADDRESS)
		return rewrite(*skb, family, NF_INET_PRE_ROUTING);
	info.daddr[0] = change & ADDRESS ? *new_address(family) :
		*old_address(family);
	return call_target(*skb, family, 1, &info, NF_INET_PRE_ROUTING);
}

/* Takes the packet apart, as UDP does for a socket, or who sends it on. */
static struct sk_buff *split(struct sk_buff *skb, struct socket *socket,
			     u8 family)
{
	struct sk_buff *parts;

	if (socket) {
		__skb_push(skb, ETH_HLEN);
		return udp_rcv_segment(socket->sk, skb, family == NFPROTO_IPV4);
	}
	__skb_push(skb, ETH_HLEN);
	parts = skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM);
	if (IS_ERR_OR_NULL(parts)) {
		kfree_skb(skb);
		return NULL;
	}
	consume_skb(skb);
	return parts;
}

static void expect_parts(struct sk_buff *skb, u8 family, unsigned int change)
{
	struct sk_buff *next;
	unsigned int part;

	for (part = 0; skb; part++, skb = next) {
		next = skb->next;
		skb_mark_not_on_list(skb);
		__skb_pull(skb, skb_network_offset(skb));
		build_part(family, part, change);
		expect_true(skb_shinfo(skb)->nr_frags == 1,
			    "datagram %u: its payload was copied", part);
		if (skb->ip_summed == CHECKSUM_PARTIAL)
			expect_completed(skb, packet);
		else
			expect_bytes(skb, packet->after, packet->length,
				     "datagram");
		if (failed)
			pr_info("# datagram %u\n", part);
		kfree_skb(skb);
	}
	expect_true(part == PARTS, "%u datagrams, expected %u", part, PARTS);
}

static bool has_headers(const struct sk_buff *part, const u8 *bytes)
{
	return !memcmp(skb_network_header(part), bytes,
		       packet->transport + sizeof(struct udphdr));
}

/* That the stack repairs it is not relied on: older kernels do not. */
static void expect_chain(const struct sk_buff *skb, u8 family,
			 unsigned int change)
{
	unsigned int number = 1;
	struct sk_buff *part;

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	skb_walk_frags(skb, part) {
		build_part(family, number, change);
		expect_true(has_headers(part, packet->after),
			    "datagram %u: not changed yet", number);
		number++;
	}
}

/* What somebody else has of the packet is not written. */
static void expect_clone(const struct sk_buff *part, u8 family,
			 unsigned int number)
{
	build_part(family, number, 0);
	expect_true(has_headers(part, packet->before),
		    "the clone of datagram %u was changed", number);
}

static void expect_clones(struct sk_buff *clone, struct sk_buff **clones,
			  u8 family)
{
	struct sk_buff *part;
	unsigned int number = 1;

	if (clone && clone->ip_summed != CHECKSUM_PARTIAL)
		skb_walk_frags(clone, part)
			expect_clone(part, family, number++);
	for (number = 1; number < PARTS; number++) {
		part = clones[number];
		if (part && part->ip_summed != CHECKSUM_PARTIAL)
			expect_clone(part, family, number);
		kfree_skb(part);
	}
	kfree_skb(clone);
}

static void test_chain(u8 family, struct socket *socket, unsigned int change,
		       bool hook, u8 summed, enum holder holder)
{
	struct sk_buff *clones[PARTS] = {}, *clone = NULL, *part, *skb;
	unsigned int number = 1;

	skb = make_chain(family, summed);
	if (!skb)
		return;
	if (holder == A_SENDER)
		__skb_header_release(skb);
	if (holder == A_CLONE || holder == A_SENDER) {
		clone = skb;
		skb = skb_clone(clone, GFP_KERNEL);
	}
	if (skb && holder == A_SENDER)
		skb->hdr_len = skb_headroom(skb) + skb_headlen(skb);
	if (!skb) {
		kfree_skb(clone);
		return;
	}
	skb_walk_frags(skb, part) {
		if (holder == CLONES)
			clones[number++] = skb_clone(part, GFP_KERNEL);
	}
	expect_true(give(&skb, family, change, hook) == XT_CONTINUE, "verdict");
	expect_clones(clone, clones, family);
	if (skb) {
		expect_chain(skb, family, change);
		expect_parts(split(skb, socket, family), family, change);
	}
	if (failed)
		pr_info("# %s%s%s, checksum %s, %s\n",
			change & ADDRESS ? "address" : "",
			change & PORT ? " port" : "",
			hook ? " by dscp_rewrite" : "",
			summed == CHECKSUM_PARTIAL ? "partial" : "unnecessary",
			holder == NOBODY ? "not cloned" : "cloned");
}

static void test_every_chain(u8 family, struct socket *socket, bool hook)
{
	static const u8 summed[] = { CHECKSUM_UNNECESSARY, CHECKSUM_PARTIAL };
	unsigned int change, i, holder;
	bool any = failed;

	for (change = ADDRESS; change <= (ADDRESS | PORT); change++) {
		for (i = 0; i < ARRAY_SIZE(summed); i++) {
			for (holder = 0; holder < HOLDERS; holder++) {
				test_chain(family, socket, change, false,
					   summed[i], holder);
				any |= failed;
				failed = false;
				if (!hook || change != ADDRESS)
					continue;
				test_chain(family, socket, change, true,
					   summed[i], holder);
				any |= failed;
				failed = false;
			}
		}
	}
	failed = any;
}

static void test_for_socket(u8 family, bool hook)
{
	struct socket *socket;
	int err = sock_create_kern(&init_net, family == NFPROTO_IPV4 ?
				   PF_INET : PF_INET6, SOCK_DGRAM, IPPROTO_UDP,
				   &socket);

	expect_true(!err, "no socket: %d", err);
	if (err)
		return;
	test_every_chain(family, socket, hook);
	sock_release(socket);
}

/* Neither the first nor the last. */
static struct sk_buff *second_chained(struct sk_buff *skb)
{
	return skb_shinfo(skb)->frag_list->next;
}

/* The packet comes in a tunnel, of which the chained ones have no header. */
static void test_inner_header(u8 family)
{
	struct sk_buff *skb = make_chain(family, CHECKSUM_UNNECESSARY);
	struct sk_buff *inner;
	u8 *last;

	if (!skb)
		return;
	inner = second_chained(skb);
	/* of the address */
	last = skb_network_header(inner) + (family == NFPROTO_IPV4 ?
		offsetofend(struct iphdr, daddr) :
		offsetofend(struct ipv6hdr, daddr)) - 1;
	*last += 1;
	expect_true(rewrite(skb, family, NF_INET_PRE_ROUTING) == XT_CONTINUE,
		    "verdict");
	*last -= 1;
	build_part(family, 2, 0);
	expect_true(has_headers(inner, packet->before),
		    "an inner header was changed");
	kfree_skb(skb);
}

/*
 * Where an IP header would be is no room for one: not even if what is there,
 * and what was left after it, looks like one.
 */
static void test_no_header(u8 family)
{
	enum { ROOM = sizeof(struct iphdr) - 1 };
	struct sk_buff *skb = make_chain(family, CHECKSUM_UNNECESSARY);
	struct sk_buff *lost;
	unsigned int paged;

	if (!skb)
		return;
	lost = second_chained(skb);
	paged = lost->data_len;
	skb_set_network_header(lost, -ROOM);
	build_part(family, 2, 0);
	expect_true(skb_end_pointer(lost) - skb_network_header(lost) >=
		    packet->transport, "no room");
	if (!failed)
		memcpy(skb_network_header(lost), packet->before,
		       packet->transport);
	expect_true(rewrite(skb, family, NF_INET_PRE_ROUTING) == XT_CONTINUE,
		    "verdict");
	expect_true(lost->data_len == paged, "payload was taken for a header");
	kfree_skb(skb);
}

/* Nothing is copied of a packet that has the address. */
static void test_same_address(u8 family)
{
	struct xt_daddr_info info = { .daddr = *old_address(family) };
	struct sk_buff *skb = make_chain(family, CHECKSUM_UNNECESSARY);
	struct sk_buff *clone = skb ? skb_clone(skb, GFP_KERNEL) : NULL;
	void *head;

	if (clone) {
		head = skb->head;
		expect_true(call_target(skb, family, 0, &info,
					NF_INET_PRE_ROUTING) == XT_CONTINUE,
			    "verdict");
		expect_true(skb->head == head, "the head was copied");
	}
	kfree_skb(clone);
	kfree_skb(skb);
}

/* One that ends in its checksum is no packet, and so the whole is none. */
static void test_cut(u8 family)
{
	struct sk_buff *skb = make_chain(family, CHECKSUM_UNNECESSARY);
	struct sk_buff *cut;

	if (!skb)
		return;
	cut = second_chained(skb);
	__skb_push(cut, 2);
	skb->len -= cut->len - 1;
	skb->data_len -= cut->len - 1;
	if (!pskb_trim(cut, 1))
		expect_true(rewrite(skb, family, NF_INET_PRE_ROUTING) ==
			    NF_DROP, "verdict");
	kfree_skb(skb);
}

static void test_odd_chains(u8 family)
{
	test_inner_header(family);
	test_no_header(family);
	test_same_address(family);
	test_cut(family);
}

void test_fraglists(bool hook)
{
	test_for_socket(NFPROTO_IPV4, hook);
	report("ipv4 datagrams that GRO chained, for a socket");
	test_every_chain(NFPROTO_IPV4, NULL, hook);
	report("ipv4 datagrams that GRO chained, sent on");
	test_odd_chains(NFPROTO_IPV4);
	report("ipv4 chains that nobody makes");
	test_for_socket(NFPROTO_IPV6, hook);
	report("ipv6 datagrams that GRO chained, for a socket");
	test_every_chain(NFPROTO_IPV6, NULL, hook);
	report("ipv6 datagrams that GRO chained, sent on");
	test_odd_chains(NFPROTO_IPV6);
	report("ipv6 chains that nobody makes");
}
