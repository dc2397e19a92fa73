/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The rewrite core: what changes in a packet when its destination address
 * does. It is compiled into the kernel module and into the userspace port, as
 * gnu89, C11 and C++20, and needs neither the kernel nor a C library.
 *
 * A host (the module, the port) rewrites a packet in this order:
 *
 *	daddr_find_csum4() or 6		where is the transport checksum?
 *	(its own)			make the first csum.end bytes writable;
 *					when the packet is shorter, drop it
 *	daddr_delta()			how much does the address change?
 *	daddr_set_dport()		when the port is to change as well, and
 *					daddr_has_dport()
 *	daddr_update_csum()		when it is DADDR_CSUM_HERE
 *	daddr_set4() or 6		address and IPv4 header checksum
 *
 * All offsets are bytes from the first byte of the IP header. Packet bytes
 * and addresses are in network byte order and may have any alignment.
 */
#ifndef DADDR_REWRITE_H
#define DADDR_REWRITE_H

#include <linux/types.h>

#define DADDR_INLINE static inline __attribute__((__always_inline__))

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
 *
 * Returns @length bytes at @offset, or NULL when the packet ends before them.
 * A host whose packet lies in pieces may copy them to @buffer, which holds at
 * least @length bytes.
 */
typedef const void *(*daddr_read_fn)(const void *packet, unsigned int offset,
				     unsigned int length, void *buffer);

/* Where the transport checksum that covers the destination address is. */
enum daddr_cover {
	DADDR_CSUM_HERE,	/* in this packet, at daddr_csum.offset */
	DADDR_CSUM_NONE,	/* this protocol has none over the addresses */
	DADDR_CSUM_FRAGMENT,	/* in the first fragment; this is a later one */
	DADDR_CSUM_ROUTED,	/* it covers another address, the final one */
	DADDR_TRUNCATED		/* the packet ends before it can be known */
};

struct daddr_csum {
	unsigned int offset;	/* of the field, if DADDR_CSUM_HERE */
	unsigned int end;	/* so many bytes of the packet the rewrite
				 * needs: it touches no others, though the
				 * search may have read further */
	unsigned int transport;	/* offset of what follows the IP headers */
	__u8 protocol;		/* the IP protocol number found there */
};

DADDR_INLINE __u16 daddr_load16(const void *from)
{
	__u16 value;

	__builtin_memcpy(&value, from, sizeof(value));
	return value;
}

DADDR_INLINE __u32 daddr_load32(const void *from)
{
	__u32 value;

	__builtin_memcpy(&value, from, sizeof(value));
	return value;
}

DADDR_INLINE __u64 daddr_load64(const void *from)
{
	__u64 value;

	__builtin_memcpy(&value, from, sizeof(value));
	return value;
}

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

	return (header[0] & 0x0fU) << 2 | header[1] >> 6;
}

/*
 * daddr_find_transport - the end of both searches: the header chain is known
 * @transport: offset of the transport header
 *
 * The checksum's place in TCP: RFC 9293 3.1; UDP: RFC 768; UDP-Lite: RFC 3828
 * 3.1; DCCP: RFC 4340 5.1; ICMPv6: RFC 4443 2.1.
 */
DADDR_INLINE enum daddr_cover daddr_find_transport(unsigned int transport,
						   __u8 protocol, int ipv6,
						   struct daddr_csum *csum)
{
	csum->transport = transport;
	csum->protocol = protocol;
	switch (protocol) {
	case DADDR_PROTO_TCP:
		csum->offset = transport + 16;
		break;
	case DADDR_PROTO_UDP:
	case DADDR_PROTO_UDPLITE:
	case DADDR_PROTO_DCCP:
		csum->offset = transport + 6;
		break;
	case DADDR_PROTO_ICMPV6:
		if (ipv6) {
			csum->offset = transport + 2;
			break;
		}
		/* in IPv4 it is not ICMP */
		return DADDR_CSUM_NONE;
	default:
		return DADDR_CSUM_NONE;
	}
	csum->end = csum->offset + 2;
	return DADDR_CSUM_HERE;
}

/*
 * daddr_find_csum4 - find the transport checksum of an IPv4 packet
 *
 * The protocol of a later fragment says what the first one starts with: its
 * own first bytes are payload, which must not be taken for a header.
 */
DADDR_INLINE enum daddr_cover daddr_find_csum4(daddr_read_fn read,
					       const void *packet,
					       struct daddr_csum *csum)
{
	__u8 buffer[DADDR_IP4_HEADER];
	const __u8 *ip;
	unsigned int length;

	csum->end = DADDR_IP4_HEADER;
	ip = (const __u8 *)read(packet, 0, DADDR_IP4_HEADER, buffer);
	if (!ip)
		return DADDR_TRUNCATED;
	length = (ip[0] & 0x0fU) * 4;
	if (length < DADDR_IP4_HEADER)
		return DADDR_TRUNCATED;
	if ((ip[6] & 0x1f) | ip[7]) {
		csum->transport = length;
		csum->protocol = ip[9];
		return DADDR_CSUM_FRAGMENT;
	}
	return daddr_find_transport(length, ip[9], 0, csum);
}

/*
 * daddr_find_csum6 - find the transport checksum of an IPv6 packet, behind
 * any number of extension headers in any order (RFC 8200 section 4)
 *
 * While a routing header has segments left, the header's destination is only
 * the next stop. The checksum covers the last one (RFC 8200 8.1), which stays
 * as it is.
 */
DADDR_INLINE enum daddr_cover daddr_find_csum6(daddr_read_fn read,
					       const void *packet,
					       struct daddr_csum *csum)
{
	unsigned int offset = DADDR_IP6_HEADER;
	__u8 buffer[4];
	const __u8 *header;
	__u8 protocol;

	csum->end = DADDR_IP6_HEADER;
	header = (const __u8 *)read(packet, 6, 1, buffer);
	if (!header)
		return DADDR_TRUNCATED;
	protocol = header[0];

	for (;;) {
		unsigned int length;

		switch (protocol) {
		case DADDR_PROTO_HOPOPTS:
		case DADDR_PROTO_ROUTING:
		case DADDR_PROTO_FRAGMENT:
		case DADDR_PROTO_DSTOPTS:
		case DADDR_PROTO_AH:
			break;
		default:
			return daddr_find_transport(offset, protocol, 1, csum);
		}

		/* Next header, length, and what decides in the next two. */
		header = (const __u8 *)read(packet, offset, 4, buffer);
		if (!header) {
			csum->end = offset + 4;
			return DADDR_TRUNCATED;
		}
		length = (header[1] + 1U) * 8;
		csum->transport = offset;
		csum->protocol = protocol;
		if (protocol == DADDR_PROTO_FRAGMENT) {
			if (header[2] | (header[3] & 0xf8))
				return DADDR_CSUM_FRAGMENT;
			length = 8;
		} else if (protocol == DADDR_PROTO_ROUTING) {
			if (header[3])
				return DADDR_CSUM_ROUTED;
		} else if (protocol == DADDR_PROTO_AH) {
			length = (header[1] + 2U) * 4;
		}
		protocol = header[0];
		offset += length;
	}
}

/*
 * daddr_fold32 - fold a sum to 32 bits, end-around carry included
 * daddr_fold16 - fold a sum to 16 bits
 *
 * The sum is added to itself with its halves exchanged: what the lower half
 * carries makes the upper one the sum of both.
 */
DADDR_INLINE __u32 daddr_fold32(__u64 sum)
{
	return (__u32)((sum + (sum << 32 | sum >> 32)) >> 32);
}

DADDR_INLINE __u16 daddr_fold16(__u32 sum)
{
	return (__u16)((sum + (sum << 16 | sum >> 16)) >> 16);
}

/* daddr_sub32, daddr_sub64 - ones' complement difference: end-around borrow */
DADDR_INLINE __u32 daddr_sub32(__u32 to, __u32 from)
{
	return to - from - (to < from);
}

DADDR_INLINE __u64 daddr_sub64(__u64 to, __u64 from)
{
	return to - from - (to < from);
}

/* daddr_add64 - ones' complement sum: end-around carry */
DADDR_INLINE __u64 daddr_add64(__u64 sum, __u64 word)
{
	sum += word;
	return sum + (sum < word);
}

/*
 * daddr_delta - what replacing @from by @to adds to a ones' complement sum
 * @length: of both, in bytes: 4 or 16
 *
 * That is m' - m (~m + m' in RFC 1624 equation 3): 0 for equal addresses, so
 * that no checksum changes, and 0xffff for others of the same sum. Ones'
 * complement sums do not depend on the byte order they are computed in (RFC
 * 1071).
 */
DADDR_INLINE __u16 daddr_delta(const void *from, const void *to,
			       unsigned int length)
{
	const __u8 *f = (const __u8 *)from;
	const __u8 *t = (const __u8 *)to;

	if (length == 4)
		return daddr_fold16(daddr_sub32(daddr_load32(t),
						daddr_load32(f)));
	return daddr_fold16(daddr_fold32(daddr_add64(
		daddr_sub64(daddr_load64(t), daddr_load64(f)),
		daddr_sub64(daddr_load64(t + 8), daddr_load64(f + 8)))));
}

/*
 * daddr_csum_add - a checksum field after the sum it is taken of changed
 *
 * RFC 1624 equation 3, ~(~check + delta) with end-around carry, which is
 * check - delta with end-around borrow, 0 and 0xffff included.
 */
DADDR_INLINE __u16 daddr_csum_add(__u16 check, __u16 delta)
{
	return (__u16)(check - delta - (check < delta));
}

/*
 * daddr_csum_add_udp - the same where a checksum that is 0 is sent as 0xffff
 * @check: not 0
 */
DADDR_INLINE __u16 daddr_csum_add_udp(__u16 check, __u16 delta)
{
	if (__builtin_expect(check == delta, 0))
		return 0xffff;
	return daddr_csum_add(check, delta);
}

/*
 * daddr_has_dport - does the packet have a destination port that can be set?
 *
 * Not in a later fragment: its first one has the port, which then counts for
 * the whole datagram. The port is at daddr_csum.transport + DADDR_DPORT.
 */
DADDR_INLINE int daddr_has_dport(enum daddr_cover cover,
				 const struct daddr_csum *csum)
{
	return cover == DADDR_CSUM_HERE &&
	       csum->protocol != DADDR_PROTO_ICMPV6;
}

/*
 * daddr_set_dport - set the destination port
 * @transport: the transport header
 * @port: in network byte order
 *
 * Returns what that adds to the sum of the packet, as daddr_delta() does.
 */
DADDR_INLINE __u16 daddr_set_dport(void *transport, __u16 port)
{
	__u8 *field = (__u8 *)transport + DADDR_DPORT;
	__u32 delta = (__u32)(__u16)~daddr_load16(field) + port;

	__builtin_memcpy(field, &port, sizeof(port));
	return daddr_fold16(delta);
}

/*
 * daddr_update_csum - update the transport checksum for a change of address
 * @field: the two bytes at daddr_csum.offset
 * @protocol: daddr_csum.protocol
 * @delta: of the address, by daddr_delta()
 * @port_delta: of the port, by daddr_set_dport(); 0 when it stays. A seed is
 *	not of the port: whoever completes it adds the port as it is then.
 * @seed: not zero when the field holds no checksum yet, but the sum of the
 *	pseudo-header for hardware to complete (the kernel's CHECKSUM_PARTIAL)
 *
 * Returns 1; or 0 when the packet has no checksum, and keeps none: the field
 * of a UDP packet is 0 (RFC 768, RFC 6936). UDP and UDP-Lite send a checksum
 * that is 0 as 0xffff.
 */
DADDR_INLINE int daddr_update_csum(void *field, __u8 protocol, __u16 delta,
				   __u16 port_delta, int seed)
{
	__u16 check = daddr_load16(field);

	if (seed) {
		check = daddr_fold16((__u32)check + delta);
	} else if (protocol == DADDR_PROTO_UDP ||
		   protocol == DADDR_PROTO_UDPLITE) {
		if (!check) {
			if (protocol == DADDR_PROTO_UDP)
				return 0;
			check = 0xffff;	/* as it should have been sent */
		}
		check = daddr_csum_add_udp(check, delta);
		if (port_delta)
			check = daddr_csum_add_udp(check, port_delta);
	} else {
		check = daddr_csum_add(daddr_csum_add(check, delta), port_delta);
	}
	__builtin_memcpy(field, &check, sizeof(check));
	return 1;
}

/*
 * daddr_set4 - set the destination of an IPv4 header, and its checksum
 * @ip: the header
 * @to: the new address
 * @delta: of the address, by daddr_delta()
 */
DADDR_INLINE void daddr_set4(void *ip, const void *to, __u16 delta)
{
	__u8 *header = (__u8 *)ip;
	__u16 check = daddr_csum_add(daddr_load16(header + DADDR_IP4_CHECK),
				     delta);

	__builtin_memcpy(header + DADDR_IP4_CHECK, &check, sizeof(check));
	__builtin_memcpy(header + DADDR_IP4_DADDR, to, 4);
}

/* daddr_set6 - set the destination of an IPv6 header to @to */
DADDR_INLINE void daddr_set6(void *ip, const void *to)
{
	__builtin_memcpy((__u8 *)ip + DADDR_IP6_DADDR, to, 16);
}

#endif /* DADDR_REWRITE_H */
