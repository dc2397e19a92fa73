/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause) */
#ifndef _XT_DADDR_H
#define _XT_DADDR_H

#include <linux/types.h>
#include <linux/netfilter.h>

/*
 * Target "DADDR", revision 0, for IPv4 and IPv6: the new destination address
 * in network byte order. For IPv4, daddr.ip; the rest of the union is unused.
 *
 * Existing L3DSR installations use this layout: it never changes. Whatever
 * else the target learns goes into a structure of a revision of its own.
 */
struct xt_daddr_info {
	union nf_inet_addr daddr;
};

#define XT_DADDR_DSCPS	64	/* DSCP 0 is unmarked traffic */

/*
 * Revision 1 is one of two, in one structure: iptables knows only the newest
 * revision of a target when it lists and saves rules, so that whatever rules
 * there are must fit in it. The map is inline because a rule that userspace
 * reads back has to be all that it needs to add it again. That costs a rule a
 * kilobyte, but no time: of a single destination a packet sees the first 32
 * bytes, of a map the first 8 when its DSCP is not in it.
 *
 * - a map, when mapped is not 0: a packet of DSCP N goes to daddr[N] if bit N
 *   of mapped is set, else it stays as it is. Bit 0 is never set.
 * - a single destination, when mapped is 0: daddr[0], and its port if dport
 *   is not 0. A port needs a rule for TCP, UDP, UDP-Lite or DCCP.
 *
 * Addresses and port are in network byte order. All that is not used must be
 * 0. The layout is the same for 32-bit and 64-bit userspace.
 */
struct xt_daddr_info_v1 {
	__aligned_u64 mapped;
	__be16 dport;
	__u16 reserved[3];
	union nf_inet_addr daddr[XT_DADDR_DSCPS];

	/* Used internally by the kernel; userspace always sees 0. */
	struct daddr_map *map __attribute__((aligned(8)));
};

#endif /* _XT_DADDR_H */
