/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Ones' complement arithmetic for daddr_rewrite.h: what changing a few bytes
 * does to an Internet checksum that covers them (RFC 1071, RFC 1624).
 *
 * Sums are of 16-bit words as the machine loads them: a ones' complement sum
 * does not depend on the byte order it is computed in (RFC 1071).
 */
#ifndef DADDR_CSUM_H
#define DADDR_CSUM_H

#include "daddr_types.h"

#define DADDR_INLINE static inline __attribute__((__always_inline__))

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

DADDR_INLINE void daddr_store16(void *to, __u16 value)
{
	__builtin_memcpy(to, &value, sizeof(value));
}

DADDR_INLINE void daddr_store64(void *to, __u64 value)
{
	__builtin_memcpy(to, &value, sizeof(value));
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

/* daddr_add16 - ones' complement sum: end-around carry */
DADDR_INLINE __u16 daddr_add16(__u16 sum, __u16 word)
{
	sum = (__u16)(sum + word);
	return (__u16)(sum + (sum < word));
}

/*
 * daddr_sub32, daddr_sub64 - ones' complement difference: end-around borrow
 *
 * What is more than it was taken from has borrowed.
 */
DADDR_INLINE __u32 daddr_sub32(__u32 to, __u32 from)
{
	from = to - from;
	return from - (to < from);
}

DADDR_INLINE __u64 daddr_sub64(__u64 to, __u64 from)
{
	return to - from - (to < from);
}

/* daddr_add64 - the same as daddr_add16() */
DADDR_INLINE __u64 daddr_add64(__u64 sum, __u64 word)
{
	sum += word;
	return sum + (sum < word);
}

/*
 * daddr_delta4 - what replacing the 4 bytes @from by @to adds to a sum
 * daddr_delta6 - the same for 16 bytes
 *
 * That is m' - m (~m + m' in RFC 1624 equation 3): 0 for equal bytes, so that
 * no checksum changes, and 0xffff for others of the same sum.
 */
DADDR_INLINE __u16 daddr_delta4(const void *from, const void *to)
{
	return daddr_fold16(daddr_sub32(daddr_load32(to), daddr_load32(from)));
}

DADDR_INLINE __u16 daddr_delta6(const void *from, const void *to)
{
	const __u8 *f = (const __u8 *)from;
	const __u8 *t = (const __u8 *)to;

	__u64 upper = daddr_sub64(daddr_load64(t), daddr_load64(f));
	__u64 lower = daddr_sub64(daddr_load64(t + 8), daddr_load64(f + 8));

	return daddr_fold16(daddr_fold32(daddr_add64(upper, lower)));
}

/*
 * daddr_csum_replace - a checksum after the sum that it is taken of changed
 * @delta: by so much
 *
 * RFC 1624 equation 3, ~(~check + delta) with end-around carry, which is
 * check - delta with end-around borrow, 0 and 0xffff included.
 */
DADDR_INLINE __u16 daddr_csum_replace(__u16 check, __u16 delta)
{
	return (__u16)(check - delta - (check < delta));
}

/*
 * daddr_csum_replace_udp - the same where 0 says that there is no checksum,
 * and one that is 0 is sent as 0xffff (RFC 768, RFC 3828 3.1)
 * @check: not 0
 */
DADDR_INLINE __u16 daddr_csum_replace_udp(__u16 check, __u16 delta)
{
	if (__builtin_expect(check == delta, 0))
		return 0xffff;
	return daddr_csum_replace(check, delta);
}

#endif /* DADDR_CSUM_H */
