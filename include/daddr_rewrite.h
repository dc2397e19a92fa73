/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The rewrite core: what changes in a packet when its destination does. The
 * contract, row by row, is in README.md beside this file. It is compiled as
 * gnu89, C11 and C++20, and needs neither the kernel nor a C library.
 *
 * A host (the kernel module, the replayer, a program of yours) does this:
 *
 *	struct daddr_change change;
 *
 *	switch (daddr_decide4(read, packet, to, dport, &change)) {
 *	case DADDR_KEEP:	leave the packet as it is
 *	case DADDR_DROP:	drop it
 *	case DADDR_CHANGE:	make its first change.writable bytes writable
 *				daddr_apply4(ip, to, &change, seed)
 *	}
 *
 * All offsets are bytes from the first byte of the IP header. Packet bytes,
 * addresses and ports are in network byte order and may have any alignment.
 */
#ifndef DADDR_REWRITE_H
#define DADDR_REWRITE_H

#include "daddr_csum.h"
#include "daddr_types.h"

enum {
	DADDR_IP4_HEADER = 20,		/* without options */
	DADDR_IP4_CHECK = 10,
	DADDR_IP4_DADDR = 16,
	DADDR_IP6_HEADER = 40,
	DADDR_IP6_DADDR = 24,
	DADDR_DPORT = 2			/* in each transport header that has one */
};

/* IP protocol and next header numbers (IANA) that the rewrite knows. */
enum {
	DADDR_PROTO_HOPOPTS = 0,
	DADDR_PROTO_TCP = 6,
	DADDR_PROTO_UDP = 17,
	DADDR_PROTO_DCCP = 33,
	DADDR_PROTO_ROUTING = 43,
	DADDR_PROTO_FRAGMENT = 44,
	DADDR_PROTO_AH = 51,
	DADDR_PROTO_ICMPV6 = 58,
	DADDR_PROTO_DSTOPTS = 60,
	DADDR_PROTO_UDPLITE = 136
};

/*
 * daddr_read_fn - how a host gives the core the bytes of a packet
 * @packet: what the host handed in, whatever that is
 * @length: at most DADDR_READ_MAX
 *
 * Returns @length bytes at @offset, or NULL when the packet ends before them.
 * They have to stay until the next call alone: a host whose packet lies in
 * pieces copies them to a buffer of its own.
 */
typedef const void *(*daddr_read_fn)(void *packet, unsigned int offset,
				     unsigned int length);
enum {
	DADDR_READ_MAX = DADDR_IP6_HEADER
};

enum daddr_verdict {
	DADDR_KEEP,		/* it has the new destination already */
	DADDR_CHANGE,
	DADDR_DROP		/* it ends before what has to change */
};

/* Where the transport checksum is that covers the destination address. */
enum daddr_l4csum {
	DADDR_L4CSUM_HERE,	/* in this packet, at l4csum_offset */
	DADDR_L4CSUM_NONE,	/* this protocol has none over the addresses */
	DADDR_L4CSUM_FRAGMENT,	/* in the first fragment; this is a later one */
	DADDR_L4CSUM_ROUTED,	/* it covers another address, the final one */
	DADDR_L4CSUM_CUT,	/* at l4csum_offset, where the packet has ended */
	DADDR_L4CSUM_UNKNOWN	/* the packet ends before that can be known */
};

/*
 * What daddr_decide4() and 6 decided. Everything about the transport is known
 * when the verdict is DADDR_CHANGE, and when a port was asked for; DADDR_KEEP
 * without one needs no look at it.
 *
 * With DADDR_DROP, it says how much of the packet can change nevertheless: for
 * a host that knows the packet to be longer than what it has of it (a capture
 * cuts packets), and wants that changed.
 */
struct daddr_change {
	/* daddr_apply4() or 6 writes to these first bytes, and no others */
	unsigned int writable;
	enum daddr_l4csum l4csum;
	unsigned int l4csum_offset;	/* if DADDR_L4CSUM_HERE or CUT */
	/* of what follows the IP headers, or of the IPv6 header that says
	 * FRAGMENT or ROUTED
	 */
	unsigned int thoff;
	__u16 dport;		/* the new port, if set_dport */
	__u8 l4proto;		/* the IP protocol number of what is at thoff */
	__u8 set_daddr;		/* does the address change? */
	__u8 set_dport;		/* does the port? */
};

/*
 * daddr_dscp4 - the DSCP of an IPv4 header, of which two bytes are read
 * daddr_dscp6 - the same for IPv6
 *
 * RFC 2474 section 3: the upper 6 bits of the TOS byte or the traffic class.
 */
DADDR_INLINE unsigned int daddr_dscp4(const void *ip)
{
	unsigned int tos = ((const __u8 *)ip)[1];

	return tos >> 2;
}

DADDR_INLINE unsigned int daddr_dscp6(const void *ip)
{
	const __u8 *header = (const __u8 *)ip;

	return ((unsigned int)header[0] << 8 | header[1]) >> 6 & 0x3f;
}

/*
 * daddr_find_l4csum - the end of both searches: the header chain is known
 * @thoff: offset of the transport header
 *
 * The checksum's place in TCP: RFC 9293 3.1; UDP: RFC 768; UDP-Lite: RFC 3828
 * 3.1; DCCP: RFC 4340 5.1; ICMPv6: RFC 4443 2.1.
 */
DADDR_INLINE void daddr_find_l4csum(unsigned int thoff, __u8 l4proto, int ipv6,
				    struct daddr_change *change)
{
	change->thoff = thoff;
	change->l4proto = l4proto;
	change->l4csum = DADDR_L4CSUM_HERE;
	switch (l4proto) {
	case DADDR_PROTO_TCP:
		change->l4csum_offset = thoff + 16;
		return;
	case DADDR_PROTO_UDP:
	case DADDR_PROTO_UDPLITE:
	case DADDR_PROTO_DCCP:
		change->l4csum_offset = thoff + 6;
		return;
	case DADDR_PROTO_ICMPV6:
		change->l4csum_offset = thoff + 2;
		if (ipv6)
			return;
		/* in IPv4 it is not ICMP */
	}
	change->l4csum = DADDR_L4CSUM_NONE;
}

/*
 * daddr_find_l4csum4 - find the transport checksum of an IPv4 packet
 * @ip: its header, DADDR_IP4_HEADER bytes
 *
 * Sets l4csum, and of @change what is said to go with it.
 *
 * The protocol of a later fragment says what the first one starts with: its
 * own first bytes are payload, which must not be taken for a header.
 */
DADDR_INLINE void daddr_find_l4csum4(const void *ip,
				     struct daddr_change *change)
{
	static const __u8 fragment_offset[] = {0x1f, 0xff};
	const __u8 *header = (const __u8 *)ip;
	unsigned int length = (header[0] & 0x0fU) * 4;

	if (length < DADDR_IP4_HEADER) {
		change->l4csum = DADDR_L4CSUM_UNKNOWN;
		return;
	}
	daddr_find_l4csum(length, header[9], 0, change);
	if (daddr_load16(header + 6) & daddr_load16(fragment_offset))
		change->l4csum = DADDR_L4CSUM_FRAGMENT;
}

/*
 * daddr_find_l4csum6 - find the transport checksum of an IPv6 packet, after
 * any number of extension headers in any order (RFC 8200 section 4)
 * @next: the next header field of the IPv6 header
 *
 * Sets l4csum, and of @change what is said to go with it.
 *
 * While a routing header has segments left, the header's destination is only
 * the next stop. The checksum covers the last one (RFC 8200 8.1), which stays
 * as it is.
 */
DADDR_INLINE void daddr_find_l4csum6(daddr_read_fn read, void *packet,
				     __u8 next, struct daddr_change *change)
{
	unsigned int offset = DADDR_IP6_HEADER;

	for (;;) {
		const __u8 *header;
		unsigned int length;

		switch (next) {
		case DADDR_PROTO_HOPOPTS:
		case DADDR_PROTO_ROUTING:
		case DADDR_PROTO_FRAGMENT:
		case DADDR_PROTO_DSTOPTS:
		case DADDR_PROTO_AH:
			break;
		default:
			daddr_find_l4csum(offset, next, 1, change);
			return;
		}

		/* Next header, length, and what decides in the next two. */
		header = (const __u8 *)read(packet, offset, 4);
		if (!header) {
			change->l4csum = DADDR_L4CSUM_UNKNOWN;
			return;
		}
		length = (header[1] + 1U) * 8;
		change->thoff = offset;
		change->l4proto = next;
		if (next == DADDR_PROTO_FRAGMENT) {
			if (header[2] | (header[3] & 0xf8)) {
				change->l4csum = DADDR_L4CSUM_FRAGMENT;
				return;
			}
			length = 8;
		} else if (next == DADDR_PROTO_ROUTING) {
			if (header[3]) {
				change->l4csum = DADDR_L4CSUM_ROUTED;
				return;
			}
		} else if (next == DADDR_PROTO_AH) {
			length = (header[1] + 2U) * 4;
		}
		next = header[0];
		offset += length;
	}
}

/*
 * daddr_has_dport - does the packet have a destination port that can be set?
 *
 * Not in a later fragment: its first one has the port, which then counts for
 * the whole datagram. The port is at thoff + DADDR_DPORT.
 */
DADDR_INLINE int daddr_has_dport(const struct daddr_change *change)
{
	return change->l4csum == DADDR_L4CSUM_HERE &&
	       change->l4proto != DADDR_PROTO_ICMPV6;
}

/*
 * daddr_decide_transport - the end of both decisions: set_daddr, writable for
 * it alone, and where the transport checksum should be, are known
 */
DADDR_INLINE enum daddr_verdict
daddr_decide_transport(daddr_read_fn read, void *packet, __u16 dport,
		       struct daddr_change *change)
{
	const void *field;

	if (dport && daddr_has_dport(change)) {
		field = read(packet, change->thoff + DADDR_DPORT, 2);
		if (!field) {
			change->l4csum = DADDR_L4CSUM_CUT;
			return DADDR_DROP;
		}
		if (daddr_load16(field) != dport) {
			change->set_dport = 1;
			change->dport = dport;
			change->writable = change->thoff + DADDR_DPORT + 2;
		}
	}
	if (change->l4csum == DADDR_L4CSUM_UNKNOWN)
		return DADDR_DROP;
	if (!change->set_daddr && !change->set_dport)
		return DADDR_KEEP;
	if (change->l4csum == DADDR_L4CSUM_HERE) {
		if (!read(packet, change->l4csum_offset, 2)) {
			change->l4csum = DADDR_L4CSUM_CUT;
			return DADDR_DROP;
		}
		change->writable = change->l4csum_offset + 2;
	}
	return DADDR_CHANGE;
}

/*
 * daddr_decide4 - what is to become of an IPv4 packet
 * daddr_decide6 - the same for IPv6
 * @to: the new destination address, 4 or 16 bytes
 * @dport: the new destination port, or 0 when it stays
 *
 * Reads the packet by @read alone. No byte of it changes.
 */
DADDR_INLINE enum daddr_verdict
daddr_decide4(daddr_read_fn read, void *packet, const void *to,
	      __u16 dport, struct daddr_change *change)
{
	const __u8 *ip;

	change->writable = 0;
	change->l4csum = DADDR_L4CSUM_UNKNOWN;
	change->set_daddr = 0;
	change->set_dport = 0;
	ip = (const __u8 *)read(packet, 0, DADDR_IP4_HEADER);
	if (!ip)
		return DADDR_DROP;
	if (daddr_load32(ip + DADDR_IP4_DADDR) != daddr_load32(to)) {
		change->set_daddr = 1;
		change->writable = DADDR_IP4_HEADER;
	} else if (!dport) {
		return DADDR_KEEP;
	}
	daddr_find_l4csum4(ip, change);
	return daddr_decide_transport(read, packet, dport, change);
}

DADDR_INLINE enum daddr_verdict
daddr_decide6(daddr_read_fn read, void *packet, const void *to,
	      __u16 dport, struct daddr_change *change)
{
	const __u8 *t = (const __u8 *)to;
	const __u8 *ip;

	change->writable = 0;
	change->l4csum = DADDR_L4CSUM_UNKNOWN;
	change->set_daddr = 0;
	change->set_dport = 0;
	ip = (const __u8 *)read(packet, 0, DADDR_IP6_HEADER);
	if (!ip)
		return DADDR_DROP;
	if (daddr_load64(ip + DADDR_IP6_DADDR) != daddr_load64(t) ||
	    daddr_load64(ip + DADDR_IP6_DADDR + 8) != daddr_load64(t + 8)) {
		change->set_daddr = 1;
		change->writable = DADDR_IP6_HEADER;
	} else if (!dport) {
		return DADDR_KEEP;
	}
	daddr_find_l4csum6(read, packet, ip[6], change);
	return daddr_decide_transport(read, packet, dport, change);
}

/*
 * daddr_update_l4csum - a transport checksum after address and port changed
 * @delta: of the address
 * @port_delta: of the port; 0 when it stays
 *
 * UDP-Lite must have one: what is 0 should have been sent as 0xffff.
 */
DADDR_INLINE __u16 daddr_update_l4csum(__u16 check, __u8 l4proto, __u16 delta,
				       __u16 port_delta)
{
	if (l4proto != DADDR_PROTO_UDP && l4proto != DADDR_PROTO_UDPLITE)
		return daddr_csum_replace(daddr_csum_replace(check, delta),
					  port_delta);
	if (!check)
		check = 0xffff;
	check = daddr_csum_replace_udp(check, delta);
	if (port_delta)
		check = daddr_csum_replace_udp(check, port_delta);
	return check;
}

/*
 * daddr_apply_transport - set the port and the transport checksum
 * @delta: of the address
 * @ipv6: no checksum in the header makes up for the address
 *
 * Returns what the address, the port and the transport checksum add to the sum
 * of the packet's bytes.
 */
DADDR_INLINE __u32 daddr_apply_transport(__u8 *ip, __u16 delta, int ipv6,
					 const struct daddr_change *change,
					 int seed)
{
	__u8 *field = ip + change->l4csum_offset;
	__u32 sum = ipv6 ? delta : 0;
	__u16 port_delta = 0, check;

	if (change->set_dport) {
		__u8 *port = ip + change->thoff + DADDR_DPORT;

		/* ~m + m' of RFC 1624 equation 3; never 0 */
		port_delta = daddr_add16((__u16)~daddr_load16(port),
					 change->dport);
		daddr_store16(port, change->dport);
	}
	if (change->l4csum != DADDR_L4CSUM_HERE)
		return sum + port_delta;
	check = daddr_load16(field);
	if (seed) {
		/* whoever completes it adds the port as it is then */
		daddr_store16(field, daddr_add16(check, delta));
		return sum + delta + port_delta;
	}
	/* no checksum, and none it keeps (RFC 768, RFC 6936) */
	if (__builtin_expect(!check && change->l4proto == DADDR_PROTO_UDP, 0))
		return sum + port_delta;
	daddr_store16(field, daddr_update_l4csum(check, change->l4proto, delta,
						 port_delta));
	/* it makes up for port and address: for that of IPv4 once too often */
	return ipv6 ? 0 : (__u16)~delta;
}

/*
 * daddr_apply4 - change an IPv4 packet as daddr_decide4() decided
 * daddr_apply6 - the same for IPv6
 * @ip: the first change.writable bytes of the packet, which are those that
 *	were decided about
 * @to: the new destination address, the same
 * @seed: not zero when the transport checksum's field holds no checksum yet,
 *	but the sum of the pseudo-header for hardware to complete (the kernel's
 *	CHECKSUM_PARTIAL)
 *
 * Returns what a sum over all bytes of the packet changes by, to be added with
 * end-around carry (the kernel's skb->csum of CHECKSUM_COMPLETE). An IPv4
 * header adds nothing: with its checksum, its sum stays what it is.
 */
DADDR_INLINE __u32 daddr_apply4(void *ip, const void *to,
				const struct daddr_change *change, int seed)
{
	__u8 *header = (__u8 *)ip;
	__u8 *check = header + DADDR_IP4_CHECK;
	__u16 delta = 0;
	__u32 sum;

	if (change->set_daddr)
		delta = daddr_delta4(header + DADDR_IP4_DADDR, to);
	sum = daddr_apply_transport(header, delta, 0, change, seed);
	if (change->set_daddr) {
		daddr_store16(check, daddr_csum_replace(daddr_load16(check),
							delta));
		__builtin_memcpy(header + DADDR_IP4_DADDR, to, 4);
	}
	return sum;
}

DADDR_INLINE __u32 daddr_apply6(void *ip, const void *to,
				const struct daddr_change *change, int seed)
{
	const __u8 *t = (const __u8 *)to;
	__u8 *header = (__u8 *)ip;
	__u16 delta = 0;

	if (change->set_daddr) {
		/* read once: as far as a compiler knows, a write changes it */
		const __u64 upper = daddr_load64(t), lower = daddr_load64(t + 8);

		delta = daddr_delta6(header + DADDR_IP6_DADDR, t);
		daddr_store64(header + DADDR_IP6_DADDR, upper);
		daddr_store64(header + DADDR_IP6_DADDR + 8, lower);
	}
	return daddr_apply_transport(header, delta, 1, change, seed);
}

#endif /* DADDR_REWRITE_H */
