/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packets of the in-kernel test: a description of each, and the bytes
 * before and after the rewrite, computed with the kernel's own checksum
 * functions and never with the rewrite core.
 */
#ifndef DADDR_TEST_PACKET_H
#define DADDR_TEST_PACKET_H

#include <linux/netfilter.h>
#include <linux/types.h>

enum { PACKET_MAX = 4096 };

/* What the target must do with the transport checksum. */
enum expect {
	COVERED,	/* change it with the address */
	KEPT,		/* leave it */
	DROPPED,	/* there is no room for it: drop the packet */
};

/* What of the packet the rule sets. */
enum change {
	ADDRESS = 1,
	PORT = 2,
};

struct packet_spec {
	const char *name;
	u8 family;		/* NFPROTO_IPV4, NFPROTO_IPV6 */
	u8 protocol;
	enum expect expect;
	u16 length;		/* of transport header and payload */
	const char *headers;	/* IPv6 extension headers; see packet.c */
	u8 options;		/* IPv4: bytes of options */
	u16 fragment;		/* IPv4: flags and offset, as in the header */
	bool udp_zero;		/* no checksum */
	bool becomes_zero;	/* the new checksum is 0: sent as 0xffff */
};

struct packet {
	const struct packet_spec *spec;
	unsigned int change;	/* enum change */
	unsigned int length;
	unsigned int transport;	/* offset */
	unsigned int sum;	/* offset of the checksum; 0 if there is none */
	u8 before[PACKET_MAX];
	u8 after[PACKET_MAX];
};

extern const struct packet_spec packet_specs[];
extern const unsigned int packet_spec_count;

extern const union nf_inet_addr packet_old4, packet_new4;
extern const union nf_inet_addr packet_old6, packet_new6;
#define PACKET_NEW_PORT cpu_to_be16(443)

void packet_build(struct packet *p, const struct packet_spec *spec,
		  unsigned int change);

/* Does the packet have a port that the rule sets? */
bool packet_port_changes(const struct packet *p);

/* The checksum over the packet's transport bytes for a destination; or only
 * the sum of the pseudo-header, as CHECKSUM_PARTIAL wants it.
 */
__sum16 packet_full_sum(const struct packet *p, bool after);
__sum16 packet_seed(const struct packet *p, bool after);

#endif /* DADDR_TEST_PACKET_H */
