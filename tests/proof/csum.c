// SPDX-License-Identifier: BSD-3-Clause
/*
 * The arithmetic of daddr_csum.h, for all values: no bound. README.md says how
 * these lemmas make the proof that a delta is right.
 *
 * "a is b modulo m" is written out, as one of the few multiples of m that the
 * difference can be: a division is what a SAT solver is worst at.
 */
#include "proof.h"

#include "daddr_csum.h"

#define MAX32 0xffffffffLL
#define MAX64 ((__int128)0xffffffffffffffffULL)

/* A sum and its fold are the same modulo 65535, and 0 only together. */
void fold16(void)
{
	__u32 sum;
	__u32 halves = (sum >> 16) + (sum & 0xffff);
	__u16 folded = daddr_fold16(sum);

	prove(folded == halves || folded + 0xffffU == halves,
	      "fold16 is the sum of both halves modulo 65535");
	prove((folded == 0) == (sum == 0), "fold16 makes no 0");
	possible(folded == 0xffff && sum > 0x1ffff, "fold16 to 0xffff");
}

void fold32(void)
{
	__u64 sum;
	__u64 halves = (sum >> 32) + (sum & MAX32);
	__u32 folded = daddr_fold32(sum);

	prove(folded == halves || folded + (__u64)MAX32 == halves,
	      "fold32 is the sum of both halves modulo 2^32 - 1");
	prove((folded == 0) == (sum == 0), "fold32 makes no 0");
	possible(folded == MAX32, "fold32 to all ones");
}

void sub32(void)
{
	__u32 to, from;
	__s64 difference = (__s64)to - from;
	__u32 result = daddr_sub32(to, from);

	prove(result == difference || result == difference + MAX32,
	      "sub32 is the difference modulo 2^32 - 1");
	prove(to != from || result == 0, "sub32 of the same is 0");
	possible(to < from, "sub32 borrows");
}

void sub64(void)
{
	__u64 to, from;
	__int128 difference = (__int128)to - from;
	__u64 result = daddr_sub64(to, from);

	prove(result == difference || result == difference + MAX64,
	      "sub64 is the difference modulo 2^64 - 1");
	prove(to != from || result == 0, "sub64 of the same is 0");
	possible(to < from, "sub64 borrows");
}

void add16(void)
{
	__u16 a, b;
	int sum = a + b;
	__u16 result = daddr_add16(a, b);

	prove(result == sum || result == sum - 0xffff,
	      "add16 is the sum modulo 65535");
	prove((result == 0) == (sum == 0), "add16 makes no 0");
	possible(sum > 0xffff, "add16 carries");
}

void add64(void)
{
	__u64 a, b;
	__int128 sum = (__int128)a + b;
	__u64 result = daddr_add64(a, b);

	prove(result == sum || result == sum - MAX64,
	      "add64 is the sum modulo 2^64 - 1");
	possible(sum > MAX64, "add64 carries");
}

/* RFC 1624 equation 3. A checksum that is computed anew is never 0xffff. */
void csum_replace(void)
{
	__u16 check, delta;
	int difference = check - delta;
	__u16 result = daddr_csum_replace(check, delta);

	prove(result == difference || result == difference + 0xffff,
	      "csum_replace is check - delta modulo 65535");
	prove(check == 0xffff || result != 0xffff,
	      "csum_replace gives what computing the checksum anew would");
	prove(delta != 0 || result == check, "csum_replace of no change");
	possible(result == 0 && check != delta, "csum_replace to 0, otherwise");
	possible(check < delta, "csum_replace borrows");
}

/* UDP: a checksum that is computed anew is never 0 (RFC 768). */
void csum_replace_udp(void)
{
	__u16 check, delta;
	int difference = check - delta;
	__u16 result = daddr_csum_replace_udp(check, delta);

	assume(check != 0);
	prove(result == difference || result == difference + 0xffff,
	      "csum_replace_udp is check - delta modulo 65535");
	prove(result != 0, "csum_replace_udp gives what computing it anew would");
	prove(delta != 0 || result == check, "csum_replace_udp of no change");
	possible(check == delta && result == 0xffff, "csum_replace_udp of 0");
}

/*
 * The two deltas are these steps, on the bytes that they are given and on no
 * others: the objects are exactly as large.
 */
void delta4(void)
{
	__u8 from[4], to[4];
	__u32 f, t;

	memcpy(&f, from, 4);
	memcpy(&t, to, 4);
	prove(daddr_delta4(from, to) == daddr_fold16(daddr_sub32(t, f)),
	      "delta4 is the fold of the difference");
	possible(daddr_delta4(from, to) == 0xffff, "delta4 of the same sum");
}

void delta6(void)
{
	__u8 from[16], to[16];
	__u64 f[2], t[2];

	memcpy(f, from, 16);
	memcpy(t, to, 16);
	prove(daddr_delta6(from, to) ==
	      daddr_fold16(daddr_fold32(daddr_add64(daddr_sub64(t[0], f[0]),
						    daddr_sub64(t[1], f[1])))),
	      "delta6 is the folded sum of the differences of both halves");
	possible(daddr_delta6(from, to) == 0xffff, "delta6 of the same sum");
}

/*
 * Bytes as the machine loads them and bytes as the network orders them sum up
 * to 0 modulo 65535 together: exchanging the bytes of a word multiplies it by
 * 256 (RFC 1071 2.B), and nothing but 0 becomes 0 by that.
 */
void byte_order(void)
{
	__u16 word;
	__u32 swapped = (__u16)(word << 8 | word >> 8);

	prove(swapped + (word >> 8) * 0xffffU == word * 256U,
	      "exchanging the bytes multiplies by 256 modulo 65535");
	possible(swapped > word, "exchanging the bytes, upwards");
}
