// SPDX-License-Identifier: GPL-2.0-only
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/string.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

#include "packet.h"

/* In either byte order more than the new one: their difference borrows. */
const union nf_inet_addr packet_old4 = {
	.ip = cpu_to_be32(0x0a800983)		/* 10.128.9.131 */
};

const union nf_inet_addr packet_new4 = {
	.ip = cpu_to_be32(0x0a80082e)		/* 10.128.8.46 */
};

const union nf_inet_addr packet_old6 = {
	.ip6 = { cpu_to_be32(0x20010db8), cpu_to_be32(0x00090000), 0,
		 cpu_to_be32(0x31) }		/* 2001:db8:9::31 */
};

const union nf_inet_addr packet_new6 = {
	.ip6 = { cpu_to_be32(0x20010db8), 0, 0,
		 cpu_to_be32(0x46) }		/* 2001:db8::46 */
};

#define V4(_protocol, _expect, _length) \
	.family = NFPROTO_IPV4, .protocol = _protocol, .expect = _expect, \
	.length = _length
#define V6(_protocol, _expect, _length) \
	.family = NFPROTO_IPV6, .protocol = _protocol, .expect = _expect, \
	.length = _length

/*
 * Extension headers, one letter each: h hop-by-hop, d destination options,
 * r routing with no segments left, R with one, a AH, A AH of odd length in
 * 8-byte units, F first fragment, L later fragment, o atomic fragment.
 */
const struct packet_spec packet_specs[] = {
	{ "ipv4 tcp", V4(IPPROTO_TCP, COVERED, 1000) },
	{ "ipv4 tcp without payload", V4(IPPROTO_TCP, COVERED, 20) },
	{ "ipv4 tcp of odd length", V4(IPPROTO_TCP, COVERED, 777) },
	{ "ipv4 tcp after 4 bytes of options",
	  V4(IPPROTO_TCP, COVERED, 100), .options = 4 },
	{ "ipv4 tcp after 40 bytes of options",
	  V4(IPPROTO_TCP, COVERED, 100), .options = 40 },
	{ "ipv4 tcp cut after its checksum", V4(IPPROTO_TCP, COVERED, 18) },
	{ "ipv4 tcp cut in its checksum", V4(IPPROTO_TCP, DROPPED, 17) },
	{ "ipv4 tcp without a byte", V4(IPPROTO_TCP, DROPPED, 0) },
	{ "ipv4 udp", V4(IPPROTO_UDP, COVERED, 1000) },
	{ "ipv4 udp without payload", V4(IPPROTO_UDP, COVERED, 8) },
	{ "ipv4 udp cut in its checksum", V4(IPPROTO_UDP, DROPPED, 7) },
	{ "ipv4 udp without checksum",
	  V4(IPPROTO_UDP, KEPT, 100), .udp_zero = true },
	{ "ipv4 udp whose checksum becomes 0",
	  V4(IPPROTO_UDP, COVERED, 100), .becomes_zero = true },
	{ "ipv4 udplite", V4(IPPROTO_UDPLITE, COVERED, 100) },
	{ "ipv4 udplite whose checksum becomes 0",
	  V4(IPPROTO_UDPLITE, COVERED, 100), .becomes_zero = true },
	{ "ipv4 dccp", V4(IPPROTO_DCCP, COVERED, 100) },
	{ "ipv4 dccp cut in its checksum", V4(IPPROTO_DCCP, DROPPED, 7) },
	{ "ipv4 icmp", V4(IPPROTO_ICMP, KEPT, 100) },
	{ "ipv4 icmp without a byte", V4(IPPROTO_ICMP, KEPT, 0) },
	{ "ipv4 with icmpv6's number", V4(IPPROTO_ICMPV6, KEPT, 100) },
	{ "ipv4 sctp", V4(IPPROTO_SCTP, KEPT, 100) },
	{ "ipv4 esp", V4(IPPROTO_ESP, KEPT, 100) },
	{ "ipv4 ah", V4(IPPROTO_AH, KEPT, 100) },
	{ "ipv4 gre", V4(IPPROTO_GRE, KEPT, 100) },
	{ "ipv4 unknown protocol", V4(253, KEPT, 100) },
	{ "ipv4 tcp first fragment",
	  V4(IPPROTO_TCP, COVERED, 104), .fragment = 0x2000 },
	{ "ipv4 tcp tiny first fragment",
	  V4(IPPROTO_TCP, DROPPED, 8), .fragment = 0x2000 },
	{ "ipv4 tcp middle fragment",
	  V4(IPPROTO_TCP, KEPT, 104), .fragment = 0x2001 },
	{ "ipv4 udp last fragment",
	  V4(IPPROTO_UDP, KEPT, 100), .fragment = 0x1fff },
	{ "ipv4 udp last fragment of 4 bytes",
	  V4(IPPROTO_UDP, KEPT, 4), .fragment = 0x0100 },
	{ "ipv6 tcp", V6(IPPROTO_TCP, COVERED, 1000) },
	{ "ipv6 tcp cut in its checksum", V6(IPPROTO_TCP, DROPPED, 17) },
	{ "ipv6 udp", V6(IPPROTO_UDP, COVERED, 1000) },
	{ "ipv6 udp without checksum",
	  V6(IPPROTO_UDP, KEPT, 100), .udp_zero = true },
	{ "ipv6 udp whose checksum becomes 0",
	  V6(IPPROTO_UDP, COVERED, 100), .becomes_zero = true },
	{ "ipv6 udplite", V6(IPPROTO_UDPLITE, COVERED, 100) },
	{ "ipv6 dccp", V6(IPPROTO_DCCP, COVERED, 100) },
	{ "ipv6 icmpv6", V6(IPPROTO_ICMPV6, COVERED, 100) },
	{ "ipv6 icmpv6 cut in its checksum", V6(IPPROTO_ICMPV6, DROPPED, 3) },
	{ "ipv6 with icmp's number", V6(IPPROTO_ICMP, KEPT, 100) },
	{ "ipv6 sctp", V6(IPPROTO_SCTP, KEPT, 100) },
	{ "ipv6 esp", V6(IPPROTO_ESP, KEPT, 100) },
	{ "ipv6 no next header", V6(IPPROTO_NONE, KEPT, 0) },
	{ "ipv6 unknown protocol", V6(253, KEPT, 100) },
	{ "ipv6 h tcp", V6(IPPROTO_TCP, COVERED, 100), "h" },
	{ "ipv6 hdr tcp", V6(IPPROTO_TCP, COVERED, 100), "hdr" },
	{ "ipv6 rdh udp", V6(IPPROTO_UDP, COVERED, 100), "rdh" },
	{ "ipv6 hdraAo udp", V6(IPPROTO_UDP, COVERED, 100), "hdraAo" },
	{ "ipv6 aF tcp", V6(IPPROTO_TCP, COVERED, 104), "aF" },
	{ "ipv6 Fd icmpv6", V6(IPPROTO_ICMPV6, COVERED, 104), "Fd" },
	{ "ipv6 o tcp", V6(IPPROTO_TCP, COVERED, 100), "o" },
	{ "ipv6 L tcp", V6(IPPROTO_TCP, KEPT, 100), "L" },
	{ "ipv6 hL udp of 1 byte", V6(IPPROTO_UDP, KEPT, 1), "hL" },
	{ "ipv6 R tcp", V6(IPPROTO_TCP, KEPT, 100), "R" },
	{ "ipv6 hR udp", V6(IPPROTO_UDP, KEPT, 100), "hR" },
	{ "ipv6 dddddddddddd tcp",
	  V6(IPPROTO_TCP, COVERED, 100), "dddddddddddd" },
	{ "ipv6 hd no next header", V6(IPPROTO_NONE, KEPT, 0), "hd" },
	{ "ipv6 F tiny tcp", V6(IPPROTO_TCP, DROPPED, 8), "F" },
	{ "ipv6 h and no more", V6(IPPROTO_TCP, DROPPED, 0), "h" },
};

const unsigned int packet_spec_count = ARRAY_SIZE(packet_specs);

static u8 header_number(char letter)
{
	switch (letter) {
	case 'h':
		return IPPROTO_HOPOPTS;
	case 'd':
		return IPPROTO_DSTOPTS;
	case 'r':
	case 'R':
		return IPPROTO_ROUTING;
	case 'a':
	case 'A':
		return IPPROTO_AH;
	default:
		return IPPROTO_FRAGMENT;
	}
}

/* Writes the header @letter in front of @next; returns its length. */
static unsigned int put_header(u8 *at, char letter, u8 next)
{
	at[0] = next;
	switch (letter) {
	case 'h':
	case 'd':
		at[1] = 1;		/* 16 bytes */
		at[2] = 1;		/* PadN */
		at[3] = 12;
		return 16;
	case 'r':
	case 'R':
		at[1] = 2;		/* type 2, one address */
		at[2] = 2;
		at[3] = letter == 'R';
		memset(at + 8, 0x5a, 16);
		return 24;
	case 'a':
		at[1] = 4;		/* 12 bytes of ICV */
		memset(at + 12, 0xa5, 12);
		return 24;
	case 'A':
		at[1] = 5;		/* 16 bytes of ICV: 28 bytes */
		memset(at + 12, 0xa5, 16);
		return 28;
	case 'F':
		at[3] = 1;		/* more fragments */
		break;
	case 'L':
		at[2] = 1;		/* offset */
		at[3] = 8;
		break;
	}
	at[7] = 0x42;			/* identification */
	return 8;
}

static unsigned int sum_offset(u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return 6;
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static __sum16 pseudo_sum(const struct packet *p, bool after, __wsum sum)
{
	const u8 *packet = after ? p->after : p->before;
	u8 protocol = p->spec->protocol;

	if (p->spec->family == NFPROTO_IPV4) {
		const struct iphdr *ip = (const void *)packet;

		return csum_tcpudp_magic(ip->saddr, ip->daddr,
					 p->spec->length, protocol, sum);
	} else {
		const struct ipv6hdr *ip = (const void *)packet;

		return csum_ipv6_magic(&ip->saddr, &ip->daddr,
				       p->spec->length, protocol, sum);
	}
}

__sum16 packet_seed(const struct packet *p, bool after)
{
	return (__force __sum16)~(__force u16)pseudo_sum(p, after, 0);
}

/* As if the field were 0. */
__sum16 packet_full_sum(const struct packet *p, bool after)
{
	const u8 *packet = after ? p->after : p->before;
	__wsum sum = csum_partial(packet + p->transport, p->spec->length, 0);
	__sum16 result;

	if (p->sum) {
		__wsum field = (__force __wsum)*(const u16 *)(packet + p->sum);

		sum = csum_sub(sum, field);
	}
	result = pseudo_sum(p, after, sum);
	if (!result && (p->spec->protocol == IPPROTO_UDP ||
			p->spec->protocol == IPPROTO_UDPLITE))
		result = CSUM_MANGLED_0;
	return result;
}

static void set_sum(struct packet *p, bool after, __sum16 sum)
{
	memcpy((after ? p->after : p->before) + p->sum, &sum, sizeof(sum));
}

static void put_ip4(struct packet *p)
{
	struct iphdr *ip = (void *)p->before;

	ip->version = 4;
	ip->ihl = 5 + p->spec->options / 4;
	ip->tos = 0x1d;				/* DSCP 7, ECT(1) */
	ip->tot_len = htons(p->length);
	ip->id = htons(0x1234);
	ip->frag_off = htons(p->spec->fragment);
	ip->ttl = 61;
	ip->protocol = p->spec->protocol;
	ip->saddr = cpu_to_be32(0x90640a01);	/* 144.100.10.1 */
	ip->daddr = packet_old4.ip;
	memset(ip + 1, 1, p->spec->options);	/* no-operation */
	ip->check = ip_fast_csum(ip, ip->ihl);
}

static void put_ip6(struct packet *p, u8 next)
{
	struct ipv6hdr *ip = (void *)p->before;

	ip->version = 6;
	ip->priority = 0x1;			/* DSCP 7: class 0x1c */
	ip->flow_lbl[0] = 0xca;
	ip->flow_lbl[1] = 0xbc;
	ip->flow_lbl[2] = 0xde;
	ip->payload_len = htons(p->length - sizeof(*ip));
	ip->nexthdr = next;
	ip->hop_limit = 61;
	ip->saddr.s6_addr32[0] = cpu_to_be32(0x20010db8);
	ip->saddr.s6_addr32[3] = cpu_to_be32(0xc1);
	ip->daddr = packet_old6.in6;
}

bool packet_port_changes(const struct packet *p)
{
	return p->change & PORT && p->spec->protocol != IPPROTO_ICMPV6 &&
	       (p->spec->expect == COVERED || p->spec->udp_zero);
}

/* After: the new address and port, and both checksums computed from nothing. */
static void rewrite(struct packet *p)
{
	__be16 port = PACKET_NEW_PORT;

	memcpy(p->after, p->before, sizeof(p->after));
	if (packet_port_changes(p))
		memcpy(p->after + p->transport + 2, &port, sizeof(port));
	if (p->change & ADDRESS && p->spec->family == NFPROTO_IPV4) {
		struct iphdr *ip = (void *)p->after;

		ip->daddr = packet_new4.ip;
		ip->check = 0;
		ip->check = ip_fast_csum(ip, ip->ihl);
	} else if (p->change & ADDRESS) {
		struct ipv6hdr *ip = (void *)p->after;

		ip->daddr = packet_new6.in6;
	}
	if (p->spec->expect == COVERED)
		set_sum(p, true, packet_full_sum(p, true));
}

void packet_build(struct packet *p, const struct packet_spec *spec,
		  unsigned int change)
{
	const char *letter = spec->headers ? spec->headers : "";
	u8 next = *letter ? header_number(*letter) : spec->protocol;
	unsigned int at, i;

	memset(p, 0, sizeof(*p));
	p->spec = spec;
	p->change = change;
	at = spec->family == NFPROTO_IPV4 ?
		sizeof(struct iphdr) + spec->options : sizeof(struct ipv6hdr);
	for (; *letter; letter++)
		at += put_header(p->before + at, *letter, letter[1] ?
				 header_number(letter[1]) : spec->protocol);
	p->transport = at;
	p->length = at + spec->length;
	for (i = 0; i < spec->length; i++)
		p->before[at + i] = i * 7 + 3;
	if (sum_offset(spec->protocol) + 2 <= spec->length &&
	    sum_offset(spec->protocol))
		p->sum = at + sum_offset(spec->protocol);
	if (spec->family == NFPROTO_IPV4)
		put_ip4(p);
	else
		put_ip6(p, next);

	if (!p->sum) {
		rewrite(p);
		return;
	}
	set_sum(p, false, 0);
	if (spec->becomes_zero) {
		/* Make the last word bring the new sum to all ones. */
		u16 *last = (u16 *)(p->before + p->length - 2);

		*last = 0;
		rewrite(p);
		*last = (__force u16)packet_full_sum(p, true);
	}
	if (!spec->udp_zero)
		set_sum(p, false, packet_full_sum(p, false));
	rewrite(p);
}
