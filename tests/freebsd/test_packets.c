/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of the corpus, in every form that an mbuf has, and in every state of
 * checksum offload: they must become what the corpus says. The sums are added
 * up here anew, and the core is asked for nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "test.h"

#undef malloc
#undef free

/* Sums, as RFC 1071 says, of bytes in network byte order */

static unsigned int fold(unsigned int sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static unsigned int sum_of(const uint8_t *bytes, unsigned int length)
{
	unsigned int i, sum = 0;

	for (i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (unsigned int)bytes[i] << 8;
	return fold(sum);
}

/* 0 and 0xffff are the same */
static int is_same_sum(unsigned int a, unsigned int b)
{
	return a % 0xffff == b % 0xffff;
}

/* States of checksum offload */

enum state { NONE, VALID, SUM, SEED, STATES };

/* The sum that a network card gives: of what is after the first IP header. */
static unsigned int card_sum(int ipv6, const uint8_t *bytes, unsigned int length)
{
	unsigned int header = ipv6 ? 40 : (bytes[0] & 15U) * 4;
	unsigned int sum;

	if (header > length)
		return 0;
	sum = sum_of(bytes + header, length - header);
	/* where IPv6 adds it up, it is as it is in memory */
	return ipv6 ? ntohs(sum) : sum;
}

static const uint64_t delayed4 = CSUM_IP_TCP | CSUM_IP_UDP;
static const uint64_t delayed6 = CSUM_IP6_TCP | CSUM_IP6_UDP;

static void set_state(struct mbuf *m, int ipv6, const struct packet *p,
		      enum state state)
{
	switch (state) {
	case NONE:
		/* the other family's flags say nothing about this packet */
		m->m_pkthdr.csum_flags = ipv6 ? CSUM_IP_TCP : CSUM_IP6_TCP;
		m->m_pkthdr.csum_data = 0x12345678;
		break;
	case VALID:
		m->m_pkthdr.csum_flags = CSUM_DATA_VALID | CSUM_PSEUDO_HDR;
		m->m_pkthdr.csum_data = 0xffff;
		break;
	case SUM:
		m->m_pkthdr.csum_flags = CSUM_DATA_VALID;
		m->m_pkthdr.csum_data = card_sum(ipv6, p->in, p->length);
		break;
	default:
		m->m_pkthdr.csum_flags = (ipv6 ? delayed6 : delayed4) |
					 CSUM_DATA_VALID;
		m->m_pkthdr.csum_data = 16;
	}
}

static void expect_state(const struct mbuf *m, int ipv6, const struct packet *p,
			 enum state state)
{
	uint32_t data = m->m_pkthdr.csum_data;

	switch (state) {
	case NONE:
		if (data != 0x12345678)
			kernel_fail("%s: csum_data changed", p->name);
		break;
	case VALID:
		if (data != 0xffff)
			kernel_fail("%s: csum_data changed", p->name);
		break;
	case SUM:
		if (!is_same_sum(data, card_sum(ipv6, p->out, p->length)))
			kernel_fail("%s: csum_data is %#x, the sum of the bytes %#x",
				    p->name, data,
				    card_sum(ipv6, p->out, p->length));
		break;
	default:
		if (data != 16)
			kernel_fail("%s: csum_data changed: the checksum's place",
				    p->name);
	}
}

static void expect_becomes(const struct capture *capture, const struct packet *p,
			   unsigned int form, enum state state)
{
	struct mbuf *m = make(capture->ipv6, p->in, p->length, form);
	uint8_t found[PACKET_MAX];
	unsigned int length;

	set_state(m, capture->ipv6, p, state);
	kernel_bytes_copied = 0;
	m = kernel_input(type_of(capture->ipv6), m);
	if ((m == NULL) != p->dropped)
		kernel_fail("%s, form %u: %s", p->name, form,
			    m ? "passes" : "is dropped");
	if (!m)
		return;
	if (kernel_bytes_copied > 1200)
		kernel_fail("%s, form %u: %zu bytes copied", p->name, form,
			    kernel_bytes_copied);
	if (memcmp(p->in, p->out, p->length) != 0 &&
	    (!M_WRITABLE(m) || (m->m_next && !m->m_next->m_len)))
		kernel_fail("%s, form %u: read-only, or an empty mbuf is left",
			    p->name, form);
	expect_state(m, capture->ipv6, p, state);
	length = take(m, found);
	expect_packet(p->name, form, found, length, p->out, p->length);
	m_freem(m);
}

/*
 * The field of TCP and UDP holds a seed: the address is added to it, whatever it
 * is. Where the field is, is seen in what the corpus says to change.
 */
static void expect_seed(const struct capture *capture, const struct packet *p,
			unsigned int form, unsigned int seed)
{
	const unsigned int size = capture->ipv6 ? 16 : 4;
	const unsigned int to = capture->ipv6 ? 24 : 16;
	const uint8_t protocol = p->in[capture->ipv6 ? 6 : 9];
	unsigned int field = header_of(capture->ipv6), expected, length;
	struct packet seeded = *p;
	uint8_t found[PACKET_MAX];
	struct mbuf *m;

	while (field < p->length && p->in[field] == p->out[field])
		field++;
	if (field == p->length || (protocol != 6 && protocol != 17))
		return;
	/* the second byte may be the first that is another */
	field -= field % 2;
	seeded.in[field] = (uint8_t)(seed >> 8);
	seeded.in[field + 1] = (uint8_t)seed;
	expected = seed + sum_of(p->out + to, size) + 0xffff -
		   sum_of(p->in + to, size);
	m = make(capture->ipv6, seeded.in, p->length, form);
	set_state(m, capture->ipv6, p, SEED);
	m = kernel_input(type_of(capture->ipv6), m);
	expect_state(m, capture->ipv6, p, SEED);
	length = take(m, found);
	if (!is_same_sum((unsigned int)found[field] << 8 | found[field + 1],
			 expected))
		kernel_fail("%s: the seed %#x becomes %02x%02x, expected %#x",
			    p->name, seed, found[field], found[field + 1],
			    expected);
	memcpy(found + field, p->out + field, 2);
	expect_packet(p->name, form, found, length, p->out, p->length);
	m_freem(m);
}

static void test_capture(const char *data, const char *name)
{
	struct capture capture = read_capture(data, name);
	unsigned int i, form;
	int state;

	for (i = 0; i < capture.count; i++) {
		struct packet *p = &capture.packets[i];

		for (form = 0; form < FORMS; form++)
			expect_becomes(&capture, p, form,
				       (enum state)(form % SEED));
		for (state = NONE; state < SEED; state++)
			expect_becomes(&capture, p, 1, (enum state)state);
		if (p->dropped)
			continue;
		expect_seed(&capture, p, 0, 0);
		expect_seed(&capture, p, 2, 0x1234);
		expect_seed(&capture, p, 4, 0xffff);
	}
	free(capture.packets);
}

void test_corpus(const char *data)
{
	char map[512];

	snprintf(map, sizeof(map), "%s/map", data);
	kernel_kldload();
	set_value(0, "7", "10.128.8.46");
	set_value(1, "7", "2001:db8::46");
	test_capture(data, "ipv4");
	test_capture(data, "ipv6");
	set_map(map, "ipv4", 0);
	set_map(map, "ipv6", 1);
	test_capture(map, "ipv4");
	test_capture(map, "ipv6");
	kernel_kldunload(1);
}
