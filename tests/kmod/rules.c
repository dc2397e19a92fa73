// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of revision 1: what they do that revision 0 has not, and every
 * structure that no plugin sends but a program may.
 */
#define pr_fmt(fmt) fmt

#include <linux/in.h>
#include <linux/ipv6.h>

#include "test.h"

static const struct packet_spec tcp4 = {
	"tcp", .family = NFPROTO_IPV4, .protocol = IPPROTO_TCP,
	.expect = COVERED, .length = 1000,
};

static const struct packet_spec tcp6 = {
	"tcp", .family = NFPROTO_IPV6, .protocol = IPPROTO_TCP,
	.expect = COVERED, .length = 1000,
};

/* Packets have DSCP 7: this map has all others, and no address to go to. */
static void test_no_entry(const struct packet_spec *spec)
{
	static struct rule rule;
	unsigned int dscp;
	struct sk_buff *skb;

	rule = (struct rule){ .family = spec->family, .table = "mangle" };
	for (dscp = 1; dscp < XT_DADDR_DSCPS; dscp++) {
		if (dscp == 7)
			continue;
		rule.info.mapped |= 1ULL << dscp;
		rule.info.daddr[dscp] = *new_address(spec->family);
	}
	packet_build(packet, spec, 0);
	skb = make_skb(packet, SPLIT);
	expect_true(!rule_add(&rule), "refused");
	if (skb && !failed) {
		expect_true(call_target(skb, spec->family, 1, &rule.info,
					NF_INET_PRE_ROUTING) == XT_CONTINUE,
			    "verdict");
		expect_bytes(skb, packet->before, packet->length, "packet");
		rule_remove(&rule);
	}
	kfree_skb(skb);
}

/* A packet that has address and port is not written, copied or pulled. */
static void test_same_port(const struct packet_spec *spec)
{
	static struct rule rule;
	struct sk_buff *skb, *clone;
	unsigned int paged;
	void *head;

	packet_build(packet, spec, 0);
	rule = (struct rule){ .family = spec->family, .table = "raw",
			      .protocol = spec->protocol };
	rule.info.daddr[0] = *old_address(spec->family);
	memcpy(&rule.info.dport, packet->before + packet->transport + 2,
	       sizeof(rule.info.dport));
	skb = make_skb(packet, PAGED_CLONED);
	clone = skb ? skb_clone(skb, GFP_KERNEL) : NULL;
	expect_true(!rule_add(&rule), "refused");
	if (clone && !failed) {
		head = skb->head;
		paged = skb->data_len;
		expect_true(call_target(skb, spec->family, 1, &rule.info,
					NF_INET_PRE_ROUTING) == XT_CONTINUE,
			    "verdict");
		expect_true(skb->head == head, "the head was copied");
		expect_true(skb->data_len == paged, "bytes were pulled");
		expect_bytes(skb, packet->before, packet->length, "packet");
		rule_remove(&rule);
	}
	kfree_skb(clone);
	kfree_skb(skb);
}

/*
 * A packet that has the address, and a header that does not say where a port
 * would be: an IHL that no header has, an extension header that is cut off.
 */
static void test_lost_port(const struct packet_spec *spec)
{
	static struct xt_daddr_info_v1 info = { .dport = PACKET_NEW_PORT };
	struct sk_buff *skb;

	packet_build(packet, spec, 0);
	info.daddr[0] = *old_address(spec->family);
	if (spec->family == NFPROTO_IPV4) {
		packet->before[0] = 0x44;
	} else {
		packet->before[6] = IPPROTO_DSTOPTS;
		packet->length = sizeof(struct ipv6hdr) + 2;
	}
	skb = make_skb(packet, LINEAR);
	if (!skb)
		return;
	expect_true(call_target(skb, spec->family, 1, &info,
				NF_INET_PRE_ROUTING) == NF_DROP, "verdict");
	expect_bytes(skb, packet->before, packet->length, "packet");
	kfree_skb(skb);
}

/* A rule that is accepted, and one change of it that is refused. */
struct refusal {
	const char *name;
	u8 family;			/* 0: both */
	void (*spoil)(struct rule *rule);
};

static void good_map(struct rule *rule)
{
	rule->info.mapped = 1ULL << 1 | 1ULL << 63;
	rule->info.daddr[1] = *new_address(rule->family);
	rule->info.daddr[63] = *old_address(rule->family);
}

static void good_single(struct rule *rule)
{
	rule->info.daddr[0] = *new_address(rule->family);
	rule->info.dport = PACKET_NEW_PORT;
	rule->protocol = IPPROTO_TCP;
}

static void map_of_dscp_0(struct rule *rule)
{
	good_map(rule);
	rule->info.mapped |= 1;
	rule->info.daddr[0] = *new_address(rule->family);
}

static void map_with_port(struct rule *rule)
{
	good_map(rule);
	rule->info.dport = PACKET_NEW_PORT;
	rule->protocol = IPPROTO_TCP;
}

static void map_to_nowhere(struct rule *rule)
{
	good_map(rule);
	rule->info.mapped |= 1 << 5;
}

static void map_to_multicast(struct rule *rule)
{
	good_map(rule);
	if (rule->family == NFPROTO_IPV4)
		rule->info.daddr[63].ip = cpu_to_be32(0xe0000001);
	else
		rule->info.daddr[63].ip6[0] = cpu_to_be32(0xff020000);
}

static void map_with_a_spare_address(struct rule *rule)
{
	good_map(rule);
	rule->info.daddr[2] = *new_address(rule->family);
}

static void map_with_an_address_of_dscp_0(struct rule *rule)
{
	good_map(rule);
	rule->info.daddr[0] = *new_address(rule->family);
}

static void map_with_more_than_ipv4(struct rule *rule)
{
	good_map(rule);
	rule->info.daddr[63].all[3] = 1;
}

static void single_with_more_than_ipv4(struct rule *rule)
{
	good_single(rule);
	rule->info.daddr[0].all[1] = 1;
}

static void single_to_nowhere(struct rule *rule)
{
}

static void single_to_broadcast(struct rule *rule)
{
	rule->info.daddr[0].ip = cpu_to_be32(0xffffffff);
}

static void single_with_a_second(struct rule *rule)
{
	good_single(rule);
	rule->info.daddr[63].all[3] = 1;
}

static void reserved_bits(struct rule *rule)
{
	good_single(rule);
	rule->info.reserved[0] = 1;
}

static void last_reserved_bits(struct rule *rule)
{
	good_map(rule);
	rule->info.reserved[2] = 0x8000;
}

static void port_of_any_protocol(struct rule *rule)
{
	good_single(rule);
	rule->protocol = 0;
}

static void port_of_sctp(struct rule *rule)
{
	good_single(rule);
	rule->protocol = IPPROTO_SCTP;
}

static void port_of_all_but_tcp(struct rule *rule)
{
	good_single(rule);
	rule->not_protocol = true;
}

static void map_in_filter(struct rule *rule)
{
	good_map(rule);
	rule->table = "filter";
}

static void map_in_raw_output(struct rule *rule)
{
	good_map(rule);
	rule->hooks = 1 << NF_INET_LOCAL_OUT;
}

static const struct refusal refusals[] = {
	{ "map of DSCP 0", 0, map_of_dscp_0 },
	{ "map with a port", 0, map_with_port },
	{ "map to nowhere", 0, map_to_nowhere },
	{ "map to multicast", 0, map_to_multicast },
	{ "map with a spare address", 0, map_with_a_spare_address },
	{ "map with an address of DSCP 0", 0, map_with_an_address_of_dscp_0 },
	{ "map with more than IPv4", NFPROTO_IPV4, map_with_more_than_ipv4 },
	{ "single with more than IPv4",
	  NFPROTO_IPV4, single_with_more_than_ipv4 },
	{ "single to nowhere", 0, single_to_nowhere },
	{ "single to broadcast", NFPROTO_IPV4, single_to_broadcast },
	{ "single with a second address", 0, single_with_a_second },
	{ "reserved bits", 0, reserved_bits },
	{ "last reserved bits", 0, last_reserved_bits },
	{ "port of any protocol", 0, port_of_any_protocol },
	{ "port of SCTP", 0, port_of_sctp },
	{ "port of all but TCP", 0, port_of_all_but_tcp },
	{ "map in the table filter", 0, map_in_filter },
	{ "map in raw OUTPUT", 0, map_in_raw_output },
};

/* The kernel's own field is full of what userspace left there. */
static int try_rule(struct rule *rule, u8 family,
		    void (*prepare)(struct rule *))
{
	memset(rule, 0, sizeof(*rule));
	rule->family = family;
	rule->table = "raw";
	rule->hooks = 1 << NF_INET_PRE_ROUTING;
	prepare(rule);
	rule->info.map = (void *)0x5a5a5a5aUL;
	return rule_add(rule);
}

static void expect_accepted(u8 family, void (*prepare)(struct rule *))
{
	static struct rule rule;
	int err = try_rule(&rule, family, prepare);

	expect_true(!err, "refused: %d", err);
	if (!err)
		rule_remove(&rule);
}

static void single_of_each_protocol(void)
{
	static const u8 protocols[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_DCCP,
	};
	static struct rule rule;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(protocols) * 2; i++) {
		memset(&rule, 0, sizeof(rule));
		rule.family = i % 2 ? NFPROTO_IPV4 : NFPROTO_IPV6;
		rule.table = "mangle";
		good_single(&rule);
		rule.protocol = protocols[i / 2];
		expect_true(!rule_add(&rule), "protocol %u", rule.protocol);
		if (!failed)
			rule_remove(&rule);
	}
}

static void test_refusal(const struct refusal *refusal)
{
	static const u8 families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	static struct rule rule;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		if (refusal->family && refusal->family != families[i])
			continue;
		err = try_rule(&rule, families[i], refusal->spoil);
		expect_true(err == -EINVAL, "family %u: returned %d",
			    families[i], err);
		if (!err)
			rule_remove(&rule);
	}
	report(refusal->name);
}

void test_rules(void)
{
	unsigned int i;

	test_no_entry(&tcp4);
	report("ipv4 map without an entry");
	test_no_entry(&tcp6);
	report("ipv6 map without an entry");
	test_same_port(&tcp4);
	report("ipv4 has address and port already");
	test_same_port(&tcp6);
	report("ipv6 has address and port already");
	test_lost_port(&tcp4);
	report("ipv4 has the address, and a port nowhere");
	test_lost_port(&tcp6);
	report("ipv6 has the address, and a port nowhere");

	expect_accepted(NFPROTO_IPV4, good_map);
	expect_accepted(NFPROTO_IPV6, good_map);
	expect_accepted(NFPROTO_IPV4, good_single);
	expect_accepted(NFPROTO_IPV6, good_single);
	single_of_each_protocol();
	report("what is accepted");
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		test_refusal(&refusals[i]);
}
