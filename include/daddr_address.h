/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The addresses that no packet may be redirected to. The plugin, the kernel
 * and the replayer ask the same functions, so that they never disagree.
 */
#ifndef DADDR_ADDRESS_H
#define DADDR_ADDRESS_H

#include "daddr_types.h"

/*
 * daddr_refuse4 - say why an IPv4 address cannot be a new destination
 * @address: 4 bytes in network byte order, of any alignment
 *
 * Returns what kind of address it is, as words for an error message, or NULL
 * when it is fine (RFC 1122 3.2.1.3, RFC 1112 section 4, RFC 919 section 7).
 */
static inline const char *daddr_refuse4(const void *address)
{
	const __u8 *a = (const __u8 *)address;

	if (!(a[0] | a[1] | a[2] | a[3]))
		return "the unspecified address";
	if ((a[0] & 0xf0) == 0xe0)
		return "a multicast address";
	if ((a[0] & a[1] & a[2] & a[3]) == 0xff)
		return "the limited broadcast address";
	return (const char *)0;
}

/*
 * daddr_refuse6 - say why an IPv6 address cannot be a new destination
 * @address: 16 bytes in network byte order, of any alignment
 *
 * Returns as daddr_refuse4() does (RFC 4291 2.5.2 and 2.7).
 */
static inline const char *daddr_refuse6(const void *address)
{
	const __u8 *a = (const __u8 *)address;
	unsigned int i, any = 0;

	for (i = 0; i < 16; i++)
		any |= a[i];
	if (!any)
		return "the unspecified address";
	if (a[0] == 0xff)
		return "a multicast address";
	return (const char *)0;
}

#endif /* DADDR_ADDRESS_H */
