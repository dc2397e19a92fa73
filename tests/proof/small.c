// SPDX-License-Identifier: BSD-3-Clause
/* What of the core is so small that one look at all values proves it. */
#include "proof.h"

#include "daddr_address.h"
#include "daddr_rewrite.h"

/* RFC 2474 section 3, RFC 791 3.1: the upper 6 bits of the second byte */
void dscp4(void)
{
	__u8 header[2];
	unsigned int dscp = daddr_dscp4(header);

	prove(dscp == header[1] / 4U, "the DSCP of the TOS byte");
	possible(dscp == 63, "DSCP 63");
}

/* RFC 8200 section 3: a version of 4 bits, then a traffic class of 8 bits */
void dscp6(void)
{
	__u8 header[2];
	unsigned int dscp = daddr_dscp6(header);

	prove(dscp == (header[0] * 256U + header[1]) / 16 % 256 / 4,
	      "the DSCP of the traffic class");
	possible(dscp == 63, "DSCP 63");
}

/* RFC 1122 3.2.1.3, RFC 1112 section 4, RFC 919 section 7 */
void refuse4(void)
{
	__u8 a[4];
	__u32 address = ((a[0] * 256U + a[1]) * 256 + a[2]) * 256 + a[3];
	_Bool refused = address == 0 || address == 0xffffffff ||
		(address >= 0xe0000000 && address < 0xf0000000);

	prove(!daddr_refuse4(a) == !refused, "0, multicast and broadcast");
	possible(refused, "an address that is refused");
	possible(!refused, "an address that is not");
}

/* RFC 4291 2.5.2 and 2.7 */
void refuse6(void)
{
	__u8 a[16], zeros[16] = {0};
	_Bool refused = a[0] == 255 || !memcmp(a, zeros, 16);

	prove(!daddr_refuse6(a) == !refused, "unspecified and multicast");
	possible(refused && !a[0], "an address that is refused");
	possible(!refused && !a[0], "an address that is not");
}
