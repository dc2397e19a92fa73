// SPDX-License-Identifier: BSD-3-Clause
/*
 * What daddr_apply4() and 6 do to the bytes of a packet, for every change that
 * can have been decided (decided.h), all bytes and all addresses.
 *
 * The delta of the address is not computed here: it is any number, and csum.c
 * proves that daddr_delta4() and 6 give the right one.
 */
#include "proof.h"

#include "daddr_csum.h"

/* As the core computes it, and seen here: the delta of the port comes first. */
static __u16 first_sum;
static unsigned int sums;

static __u16 seen_add16(__u16 a, __u16 b)
{
	__u16 result = daddr_add16(a, b);

	if (!sums++)
		first_sum = result;
	return result;
}

/* Before the change: the addresses, of 4 or 16 bytes. */
static unsigned int address_length;
static __u8 address_from[16], address_to[16];

static __u16 delta;
static unsigned int deltas;

static __u16 any_delta(const void *from, const void *to)
{
	unsigned int i;

	assume(i < address_length);
	prove(((const __u8 *)from)[i] == address_from[i] &&
	      ((const __u8 *)to)[i] == address_to[i],
	      "the delta is that of the old address to the new one");
	deltas++;
	return delta;
}

#define daddr_delta4 any_delta
#define daddr_delta6 any_delta
#define daddr_add16 seen_add16
#include "decided.h"

/* Is @number 0 modulo 65535? It is a sum of few 16-bit numbers. */
static _Bool zero(int number)
{
	return number == 0 || number == 0xffff || number == -0xffff ||
	       number == 2 * 0xffff || number == -2 * 0xffff ||
	       number == 3 * 0xffff || number == -3 * 0xffff;
}

/* Two bytes as the machine loads them, wherever they are. */
static __u16 word(const __u8 *bytes)
{
	__u16 value;

	memcpy(&value, bytes, 2);
	return value;
}

/* Before and after a change. */
struct words {
	__u16 header_check, check, port;
};

static _Bool here, udp, seed;
static struct daddr_change change;
static struct words from, to;
static unsigned int sum;
static __u16 port_delta;

static void look(const __u8 *packet, struct words *words)
{
	words->header_check = word(packet + 10);
	if (change.set_dport)
		words->port = word(packet + change.thoff + 2);
	if (here)
		words->check = word(packet + change.l4csum_offset);
}

/*
 * The packet is what was decided to be writable, and not a byte more: whatever
 * applying reads or writes besides is found.
 */
static void apply(_Bool ipv6)
{
	const unsigned int header = ipv6 ? 40 : 20, daddr = ipv6 ? 24 : 16;
	struct daddr_change any_change;
	unsigned int i, j;
	__u16 any;
	_Bool any_seed;
	__u8 *packet, byte, any_address[16];

	delta = any;
	memcpy(address_to, any_address, 16);
	address_length = ipv6 ? 16 : 4;
	change = any_change;
	seed = any_seed;
	assume(decided(&change, header, change.writable));
	here = change.l4csum == DADDR_L4CSUM_HERE;
	udp = change.l4proto == 17 || change.l4proto == 136;

	packet = malloc(change.writable);
	assume(i < change.writable);
	byte = packet[i];
	if (change.set_daddr)
		memcpy(address_from, packet + daddr, address_length);
	look(packet, &from);

	sum = ipv6 ? daddr_apply6(packet, address_to, &change, seed) :
		     daddr_apply4(packet, address_to, &change, seed);
	look(packet, &to);

	if (change.set_daddr) {
		assume(j < address_length);
		prove(packet[daddr + j] == address_to[j], "the new address");
	}
	if (change.set_dport)
		prove(to.port == change.dport, "the new port");
	prove(packet[i] == byte ||
	      (change.set_daddr && i - daddr < address_length) ||
	      (change.set_daddr && !ipv6 && i - 10 < 2) ||
	      (change.set_dport && i - change.thoff - 2 < 2) ||
	      (here && i - change.l4csum_offset < 2),
	      "no other byte changes");
	prove(deltas == (change.set_daddr != 0), "one delta, if any");
	if (!change.set_daddr)
		delta = 0;

	/*
	 * To split the work: what the core added for the port stands for the
	 * difference of the ports from here on.
	 */
	port_delta = change.set_dport ? first_sum : 0;
	prove(!change.set_dport || zero(port_delta - (to.port - from.port)),
	      "the delta of the port");
	possible(change.writable == 0xffffffff, "as long a packet as there is");
	possible(change.l4csum_offset > 0x10000 && port_delta && here,
		 "a transport after 64 KiB of headers");
}

static void check_header(void)
{
	if (!change.set_daddr)
		return;
	prove(zero(from.header_check - to.header_check - delta),
	      "a right header checksum");
	prove(from.header_check == 0xffff || to.header_check != 0xffff,
	      "the header checksum is that of computing it anew");
}

static void check_transport(void)
{
	if (!here)
		return;
	if (seed) {
		prove(zero(from.check + delta - to.check),
		      "a seed stays the sum of the pseudo-header");
		return;
	}
	if (change.l4proto == 17 && !from.check) {
		prove(to.check == 0, "UDP without a checksum keeps none");
		possible(port_delta && delta, "UDP without a checksum");
		return;
	}
	prove(zero(to.check + delta + port_delta - from.check),
	      "a right transport checksum");
	prove(!udp || to.check, "UDP and UDP-Lite: 0xffff, never 0");
	prove(udp || from.check == 0xffff || to.check != 0xffff,
	      "the transport checksum is that of computing it anew");
	possible(port_delta && delta && udp && to.check == 0xffff,
		 "UDP: a result of 0");
	possible(change.l4proto == 136 && !from.check, "UDP-Lite that was 0");
	possible(port_delta && !delta && !udp, "the port alone");
}

/* In IPv4, the header checksum makes up for the address. */
static void check_sum(_Bool ipv6)
{
	int words = port_delta + (here ? to.check - from.check : 0) +
		    (ipv6 ? delta : 0);

	prove(sum <= 4 * 0xffff, "the change fits");
	prove(zero((int)sum - words),
	      "the sum of all bytes changes by what is returned");
	possible(sum == 0 && !here, "no change of the sum");
}

void bytes4(void)
{
	apply(0);
}

void checksums4(void)
{
	apply(0);
	check_header();
	check_transport();
}

void sum4(void)
{
	apply(0);
	check_sum(0);
}

void bytes6(void)
{
	apply(1);
}

void checksums6(void)
{
	apply(1);
	check_transport();
}

void sum6(void)
{
	apply(1);
	check_sum(1);
}
