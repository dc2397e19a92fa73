/* SPDX-License-Identifier: BSD-3-Clause */
/* Mutated packets, which must become what the core makes of them in one piece;
 * and packets that no corpus has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daddr_rewrite.h"
#include "packets.h"
#include "test.h"

#undef malloc
#undef free

enum { MUTATED = 20000 };

struct flat {
	const uint8_t *bytes;
	unsigned int length;
};

static const void *read_flat(void *packet, unsigned int offset,
			     unsigned int length)
{
	const struct flat *flat = packet;

	return offset + length <= flat->length ? flat->bytes + offset : NULL;
}

static uint32_t next_random(void)
{
	static uint32_t state = 2011;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Returns whether the packet lives. */
static int expected_of(int ipv6, uint8_t *bytes, unsigned int length)
{
	static const uint8_t to4[] = { 10, 128, 8, 46 };
	static const uint8_t to6[] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x46 };
	unsigned int stated = ((unsigned int)bytes[ipv6 ? 4 : 2] << 8 |
			       bytes[ipv6 ? 5 : 3]) + (ipv6 ? 40 : 0);
	struct flat flat = { bytes, MIN(length, stated) };
	struct daddr_change change;
	enum daddr_verdict verdict;

	if (ipv6 && stated == 40 && bytes[6] == 0)
		flat.length = length;
	if ((ipv6 ? daddr_dscp6(bytes) : daddr_dscp4(bytes)) != 7 ||
	    (ipv6 ? bytes[24] == 0xff :
		    (bytes[16] >= 0xe0 && bytes[16] < 0xf0) ||
		    !memcmp(bytes + 16, "\xff\xff\xff\xff", 4)))
		return 1;
	verdict = ipv6 ? daddr_decide6(read_flat, &flat, to6, 0, &change) :
			 daddr_decide4(read_flat, &flat, to4, 0, &change);
	if (verdict == DADDR_CHANGE && ipv6)
		daddr_apply6(bytes, to6, &change, 0);
	else if (verdict == DADDR_CHANGE)
		daddr_apply4(bytes, to4, &change, 0);
	return verdict != DADDR_DROP;
}

static void expect_mutated(const struct capture *capture)
{
	const struct packet *p = &capture->packets[next_random() % capture->count];
	const unsigned int header = header_of(capture->ipv6);
	unsigned int length = p->length, i, form = next_random() % FORMS;
	uint8_t bytes[PACKET_MAX], found[PACKET_MAX];
	struct mbuf *m;
	int lives;

	memcpy(bytes, p->in, length);
	if (next_random() % 2)
		length = MIN(length, header + next_random() % 100);
	for (i = next_random() % 6; i > 0; i--)
		bytes[next_random() % MIN(length, 128)] =
			(uint8_t)(next_random() >> 8);
	m = kernel_input(type_of(capture->ipv6),
			 make(capture->ipv6, bytes, length, form));
	lives = expected_of(capture->ipv6, bytes, length);
	if ((m != NULL) != lives) {
		kernel_fail("mutated %s: %s", p->name,
			    m ? "passes" : "is dropped");
	} else if (m) {
		i = take(m, found);
		expect_packet(p->name, form, found, i, bytes, length);
	}
	m_freem(m);
}

void test_mutated_packets(const char *data)
{
	struct capture ipv4 = read_capture(data, "ipv4");
	struct capture ipv6 = read_capture(data, "ipv6");
	unsigned int i;

	kernel_kldload();
	set_value(0, "7", "10.128.8.46");
	set_value(1, "7", "2001:db8::46");
	for (i = 0; i < MUTATED; i++)
		expect_mutated(i % 2 ? &ipv4 : &ipv6);
	kernel_kldunload(1);
	free(ipv4.packets);
	free(ipv6.packets);
}

/* Packets made here */

/* UDP to 2001:db8:9::31, of DSCP 7, after destination options of so many bytes. */
static unsigned int make_long(uint8_t *bytes, unsigned int options)
{
	static const uint8_t header[] = { 0x61, 0xc0, [6] = 60, [7] = 64,
		[8] = 0x20, 0x01, 0x0d, 0xb8, [23] = 1,
		[24] = 0x20, 0x01, 0x0d, 0xb8, 0, 9, [39] = 0x31 };
	const unsigned int length = 40 + options + 12;
	unsigned int offset, here;

	memset(bytes, 0, length);
	memcpy(bytes, header, sizeof(header));
	if (!options)
		bytes[6] = 17;
	bytes[4] = (uint8_t)((length - 40) >> 8);
	bytes[5] = (uint8_t)(length - 40);
	for (offset = 40; options; offset += here, options -= here) {
		here = MIN(options, 2048);
		bytes[offset] = options == here ? 17 : 60;
		bytes[offset + 1] = (uint8_t)(here / 8 - 1);
	}
	bytes[offset + 5] = 12;
	bytes[offset + 6] = 0x80;
	return length;
}

static struct mbuf *input_long(unsigned int options)
{
	static uint8_t bytes[32768];
	unsigned int length = make_long(bytes, options);

	return kernel_input(PFIL_TYPE_IP6,
			    in_pieces(bytes, length, 40, SHARED, SHARED));
}

/* Headers of any length are copied to one piece, up to 16 KB. */
void test_long_header_chains(void)
{
	static const unsigned int lengths[] = { 0, 8, 96, 104, 112, 120, 1992,
		2000, 2008, 2048, 8192, 16336 };
	struct mbuf *m;
	unsigned int i;

	kernel_kldload();
	set_value(1, "7", "2001:db8::46");
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		m = input_long(lengths[i]);
		if (!m) {
			kernel_fail("%u bytes of headers: dropped", lengths[i]);
			continue;
		}
		/* the sum of the address became less by 9 and 0x31, more by 0x46 */
		if (((uint8_t *)m->m_data)[39] != 0x46 ||
		    ((uint8_t *)m->m_data)[40 + lengths[i] + 6] != 0x7f ||
		    ((uint8_t *)m->m_data)[40 + lengths[i] + 7] != 0xf4)
			kernel_fail("%u bytes of headers: %02x, %02x%02x",
				    lengths[i], ((uint8_t *)m->m_data)[39],
				    ((uint8_t *)m->m_data)[40 + lengths[i] + 6],
				    ((uint8_t *)m->m_data)[40 + lengths[i] + 7]);
		m_freem(m);
	}
	if (input_long(16344))
		kernel_fail("more than 16 KB of headers: passes");
	kernel_kldunload(1);
}

void test_no_memory(void)
{
	unsigned int i;

	kernel_kldload();
	set_value(1, "7", "2001:db8::46");
	for (i = 0; i < 3; i++) {
		kernel_mbuf_fails = 1;
		if (input_long(i * 1000))
			kernel_fail("passes without a copy");
		if (kernel_mbufs())
			kernel_fail("dropped, and not freed");
	}
	kernel_kldunload(1);
}

/* A frame of Ethernet has 46 bytes at least: what is no packet is no checksum. */
void test_links_padding(void)
{
	uint8_t bytes[64];
	struct mbuf *m;

	kernel_kldload();
	set_value(1, "7", "2001:db8::46");
	make_long(bytes, 0);
	bytes[5] = 6;			/* the packet ends before the checksum */
	if (kernel_input(PFIL_TYPE_IP6,
			 in_pieces(bytes, 52, 52, CLUSTER, CLUSTER)))
		kernel_fail("padding is taken for a checksum");
	/* a jumbogram's length is in its hop-by-hop options (RFC 2675) */
	make_long(bytes, 8);
	bytes[5] = bytes[6] = 0;
	m = kernel_input(PFIL_TYPE_IP6,
			 in_pieces(bytes, 60, 40, CLUSTER, CLUSTER));
	if (!m || ((uint8_t *)m->m_data)[39] != 0x46)
		kernel_fail("a jumbogram's length is taken for 0");
	m_freem(m);
	kernel_kldunload(1);
}
