/* SPDX-License-Identifier: BSD-3-Clause */
/* The packets of the corpus, and how they lie in mbufs. */
#ifndef TESTS_PACKETS_H
#define TESTS_PACKETS_H

#include "kernel.h"

enum {
	PACKET_MAX = 2048,
	SPLITS = 64,			/* so many bytes after the IP header */
	FORMS = 7 + 2 * SPLITS + 1	/* that a packet can have */
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
	struct packet *packets;		/* to be freed */
};

struct capture read_capture(const char *data, const char *name);
void set_value(int ipv6, const char *dscp, const char *value);
void set_map(const char *data, const char *name, int ipv6);

enum pfil_types type_of(int ipv6);
unsigned int header_of(int ipv6);

/* The first so many bytes in one mbuf, the others in another. */
struct mbuf *in_pieces(const uint8_t *bytes, unsigned int length,
		       unsigned int first, enum kernel_bytes head,
		       enum kernel_bytes rest);
struct mbuf *make(int ipv6, const uint8_t *bytes, unsigned int length,
		  unsigned int form);

/* What came out, in @bytes; its length. */
unsigned int take(struct mbuf *m, uint8_t *bytes);
void expect_packet(const char *name, unsigned int form, const uint8_t *found,
		   unsigned int found_length, const uint8_t *expected,
		   unsigned int length);

#endif /* TESTS_PACKETS_H */
