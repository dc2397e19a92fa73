/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of the corpus, in every form that an mbuf has, and in every state of
 * checksum offload: they must become what the corpus says. The sums are added
 * up here anew, and the core is asked for nothing but in mutated packets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef malloc
#undef free

#include "daddr_rewrite.h"
#include "test.h"

#undef malloc
#undef free

enum {
	ETHERNET = 14,
	PACKET_MAX = 2048,
	PACKETS_MAX = 1024,
	SPLITS = 64,			/* so many bytes after the IP header */
	MUTATED = 20000
};

struct packet {
	char name[80];
	int dropped;
	unsigned int length;
	uint8_t in[PACKET_MAX], out[PACKET_MAX];
};

struct capture {
	int ipv6;
	unsigned int count;
	struct packet *packets;
};

/* The files */

static FILE *open_file(const char *data, const char *name, const char *suffix)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%s", data, name, suffix);
	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

/* A frame of a capture in the byte order of x86, without its Ethernet header. */
static unsigned int read_frame(FILE *file, uint8_t *bytes)
{
	uint8_t header[16], ethernet[ETHERNET];
	unsigned int length;

	if (fread(header, 1, sizeof(header), file) != sizeof(header))
		return 0;
	length = header[8] | (unsigned int)header[9] << 8;
	if (length < ETHERNET || length - ETHERNET > PACKET_MAX)
		exit(1);
	if (fread(ethernet, 1, ETHERNET, file) != ETHERNET ||
	    fread(bytes, 1, length - ETHERNET, file) != length - ETHERNET)
		exit(1);
	return length - ETHERNET;
}

static struct capture read_capture(const char *data, const char *name)
{
	FILE *list = open_file(data, name, ".list");
	FILE *in = open_file(data, name, ".in.pcap");
	FILE *out = open_file(data, name, ".out.pcap");
	struct capture capture = { .ipv6 = strstr(name, "ipv6") != NULL };
	char line[160], verdict[16];

	capture.packets = calloc(PACKETS_MAX, sizeof(*capture.packets));
	fseek(in, 24, SEEK_SET);
	fseek(out, 24, SEEK_SET);
	while (fgets(line, sizeof(line), list)) {
		struct packet *p = &capture.packets[capture.count];

		if (line[0] == '#' ||
		    sscanf(line, "%79s %15s", p->name, verdict) != 2)
			continue;
		capture.count++;
		p->length = read_frame(in, p->in);
		p->dropped = !strcmp(verdict, "dropped");
		if (!p->dropped && read_frame(out, p->out) != p->length)
			kernel_fail("%s: another length", p->name);
		/* ip_input() cuts off what a link appended; ip6_input() later */
		if (!capture.ipv6)
			p->length = MIN(p->length,
					(unsigned int)p->in[2] << 8 | p->in[3]);
	}
	fclose(list);
	fclose(in);
	fclose(out);
	if (!capture.count || capture.count == PACKETS_MAX)
		kernel_fail("%s: %u packets", name, capture.count);
	return capture;
}

/* The values that a rule of the corpus is: DSCP 7 to an address, or a map. */
static void set_value(int ipv6, const char *dscp, const char *value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.dscp_rewrite.%s",
		 ipv6 ? "net.inet6.ip6" : "net.inet.ip", dscp);
	if (kernel_sysctl_set(name, value))
		kernel_fail("%s=%s is refused", name, value);
}

static void set_map(const char *data, const char *name, int ipv6)
{
	FILE *file = open_file(data, name, ".save");
	char line[8192], *entry, *value;

	while (fgets(line, sizeof(line), file)) {
		for (entry = strtok(line, " ,\n"); entry;
		     entry = strtok(NULL, " ,\n")) {
			value = strchr(entry, '=');
			if (!value)
				continue;
			*value++ = '\0';
			set_value(ipv6, entry, value);
		}
	}
	fclose(file);
}

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

/* Forms */

static struct mbuf *in_pieces(const uint8_t *bytes, unsigned int length,
			      unsigned int first, enum kernel_bytes head,
			      enum kernel_bytes rest)
{
	if (first >= length)
		return kernel_packet(kernel_mbuf(bytes, length, head), NULL);
	return kernel_packet(kernel_mbuf(bytes, first, head),
			     kernel_mbuf(bytes + first, length - first, rest));
}

/* The IP header, then each byte for itself; and some mbufs without any. */
static struct mbuf *in_bytes(const uint8_t *bytes, unsigned int length,
			     unsigned int header)
{
	struct mbuf *rest = NULL, *m;
	unsigned int i;

	for (i = length; i > header; i--) {
		m = kernel_mbuf(bytes + i - 1, 1, i % 3 ? READ_ONLY : CLUSTER);
		m->m_next = rest;
		rest = m;
		if (i % 5 == 0) {
			m = kernel_mbuf(bytes, 0, INTERNAL);
			m->m_next = rest;
			rest = m;
		}
	}
	return kernel_packet(kernel_mbuf(bytes, MIN(header, length), SHARED),
			     rest);
}

static const struct form {
	const char *name;
	int extra;			/* bytes after the IP header in the first */
	enum kernel_bytes first, rest;
} forms[] = {
	{ "in one mbuf", PACKET_MAX, INTERNAL, CLUSTER },
	{ "in one cluster", PACKET_MAX, CLUSTER, CLUSTER },
	{ "in a shared cluster", PACKET_MAX, SHARED, CLUSTER },
	{ "in read-only bytes", PACKET_MAX, READ_ONLY, CLUSTER },
	{ "split after its header", 0, INTERNAL, CLUSTER },
	{ "split after its header, shared", 0, SHARED, SHARED },
	{ "split after its header, read-only", 0, INTERNAL, READ_ONLY },
};

static unsigned int header_of(int ipv6)
{
	return ipv6 ? 40 : 20;
}

/* form: of forms[]; then a split after each byte; then in bytes */
static struct mbuf *make(int ipv6, const uint8_t *bytes, unsigned int length,
			 unsigned int form)
{
	const unsigned int header = header_of(ipv6);
	const unsigned int known = sizeof(forms) / sizeof(forms[0]);

	if (form < known)
		return in_pieces(bytes, length, header + forms[form].extra,
				 forms[form].first, forms[form].rest);
	form -= known;
	if (form < 2 * SPLITS)
		return in_pieces(bytes, length, header + form / 2,
				 form % 2 ? CLUSTER : SHARED, SHARED);
	return in_bytes(bytes, length, header);
}

enum { FORMS = sizeof(forms) / sizeof(forms[0]) + 2 * SPLITS + 1 };

static enum pfil_types type_of(int ipv6)
{
	return ipv6 ? PFIL_TYPE_IP6 : PFIL_TYPE_IP4;
}

/* What came out, in @bytes; its length. */
static unsigned int take(struct mbuf *m, uint8_t *bytes)
{
	unsigned int length = 0;
	const struct mbuf *piece;

	for (piece = m; piece; piece = piece->m_next) {
		memcpy(bytes + length, piece->m_data, (size_t)piece->m_len);
		length += (unsigned int)piece->m_len;
	}
	if (!(m->m_flags & M_PKTHDR) || m->m_pkthdr.len != (int)length)
		kernel_fail("the packet's header says %d bytes, there are %u",
			    m->m_pkthdr.len, length);
	return length;
}

static void expect_packet(const char *name, unsigned int form,
			  const uint8_t *found, unsigned int found_length,
			  const uint8_t *expected, unsigned int length)
{
	unsigned int i;

	if (found_length != length)
		kernel_fail("%s, form %u: %u bytes, expected %u", name, form,
			    found_length, length);
	for (i = 0; i < length; i++) {
		if (found[i] == expected[i])
			continue;
		kernel_fail("%s, form %u: byte %u is %02x, expected %02x", name,
			    form, i, found[i], expected[i]);
		return;
	}
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

/* Mutated packets: what the core makes of them in one piece. */

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
