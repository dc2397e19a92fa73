/* SPDX-License-Identifier: ((GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause) */
#ifndef _XT_DADDR_H
#define _XT_DADDR_H

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

#endif /* _XT_DADDR_H */
