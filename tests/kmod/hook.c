// SPDX-License-Identifier: GPL-2.0-only
/*
 * What dscp_rewrite looks at and the target does not: whom a packet was sent to.
 * A load balancer sends to one server, routing protocols to groups.
 */
#define pr_fmt(fmt) fmt

#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "test.h"

struct destination {
	const char *name;
	u8 family;
	u8 pkt_type;
	bool changes;
	u8 address[16];
};

static const struct destination destinations[] = {
	{ "ipv4 last address below the groups", NFPROTO_IPV4, PACKET_HOST, true,
	  { 223, 255, 255, 255 } },
	{ "ipv4 first group", NFPROTO_IPV4, PACKET_HOST, false,
	  { 224, 0, 0, 0 } },
	{ "ipv4 last group", NFPROTO_IPV4, PACKET_HOST, false,
	  { 239, 255, 255, 255 } },
	{ "ipv4 first address above the groups", NFPROTO_IPV4, PACKET_HOST,
	  true, { 240, 0, 0, 0 } },
	{ "ipv4 last address", NFPROTO_IPV4, PACKET_HOST, true,
	  { 255, 255, 255, 254 } },
	{ "ipv4 limited broadcast", NFPROTO_IPV4, PACKET_HOST, false,
	  { 255, 255, 255, 255 } },
	{ "ipv4 broadcast of a subnet", NFPROTO_IPV4, PACKET_BROADCAST, false,
	  { 10, 0, 0, 255 } },
	{ "ipv4 one address, by a frame to all", NFPROTO_IPV4, PACKET_MULTICAST,
	  false, { 10, 0, 0, 1 } },
	{ "ipv6 last address below the groups", NFPROTO_IPV6, PACKET_HOST, true,
	  { 0xfe, 0x80, [15] = 1 } },
	{ "ipv6 group", NFPROTO_IPV6, PACKET_HOST, false,
	  { 0xff, 0x02, [15] = 5 } },
	{ "ipv6 one address, by a frame to all", NFPROTO_IPV6, PACKET_MULTICAST,
	  false, { 0x20, 0x01, [15] = 1 } },
};

/* With a sum beside its bytes, a packet takes another way. */
static void test_destination(const struct destination *to, u8 protocol,
			     u8 summed)
{
	const struct packet_spec spec = {
		"to a destination", .family = to->family, .protocol = protocol,
		.expect = COVERED, .length = 100,
	};
	const bool ipv4 = to->family == NFPROTO_IPV4;
	unsigned int offset = ipv4 ? offsetof(struct iphdr, daddr) :
		offsetof(struct ipv6hdr, daddr);
	unsigned int length = ipv4 ? 4 : 16;
	const void *expected = to->changes ? new_address(to->family)->all :
		(const void *)to->address;
	struct sk_buff *skb;

	packet_build(packet, &spec, ADDRESS);
	memcpy(packet->before + offset, to->address, length);
	skb = make_skb(packet, LINEAR);
	if (!skb)
		return;
	skb->pkt_type = to->pkt_type;
	skb->ip_summed = summed;
	skb->csum = skb_checksum(skb, 0, skb->len, 0);
	expect_true(call_hook(&skb, to->family) == XT_CONTINUE, "verdict");
	if (!skb)
		return;
	expect_true(!memcmp(skb->data + offset, expected, length),
		    "protocol %u, checksum %u: destination %*ph, expected %*ph",
		    protocol, summed, length, skb->data + offset, length,
		    expected);
	kfree_skb(skb);
}

void test_hook(void)
{
	static const u8 protocols[] = { IPPROTO_UDP, IPPROTO_TCP };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(destinations); i++) {
		for (n = 0; n < ARRAY_SIZE(protocols); n++) {
			test_destination(&destinations[i], protocols[n],
					 CHECKSUM_NONE);
			test_destination(&destinations[i], protocols[n],
					 CHECKSUM_COMPLETE);
		}
		report(destinations[i].name);
	}
}
