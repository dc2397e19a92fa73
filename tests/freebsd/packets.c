/* SPDX-License-Identifier: BSD-3-Clause */
/* See packets.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"

#undef malloc
#undef free

enum {
	ETHERNET = 14,
	PACKETS_MAX = 1024
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

struct capture read_capture(const char *data, const char *name)
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
void set_value(int ipv6, const char *dscp, const char *value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.dscp_rewrite.%s",
		 ipv6 ? "net.inet6.ip6" : "net.inet.ip", dscp);
	if (kernel_sysctl_set(name, value))
		kernel_fail("%s=%s is refused", name, value);
}

void set_map(const char *data, const char *name, int ipv6)
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

/* Forms */

struct mbuf *in_pieces(const uint8_t *bytes, unsigned int length,
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

unsigned int header_of(int ipv6)
{
	return ipv6 ? 40 : 20;
}

/* form: of forms[]; then a split after each byte; then in bytes */
struct mbuf *make(int ipv6, const uint8_t *bytes, unsigned int length,
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

_Static_assert(FORMS == sizeof(forms) / sizeof(forms[0]) + 2 * SPLITS + 1,
	       "all forms");

enum pfil_types type_of(int ipv6)
{
	return ipv6 ? PFIL_TYPE_IP6 : PFIL_TYPE_IP4;
}

unsigned int take(struct mbuf *m, uint8_t *bytes)
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

void expect_packet(const char *name, unsigned int form,
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
