// SPDX-License-Identifier: BSD-3-Clause
/*
 * daddr_decide4() and 6 decide what the contract (include/README.md) says, for
 * all packets of up to SIZE bytes. That they read no others, and keep the
 * promise of decided.h for packets of any length, is proven in decide.c.
 *
 * The contract is written down here a second time, in the numbers of the RFCs
 * instead of the core's names.
 */
#include "proof.h"

#include "daddr_rewrite.h"

static __u8 packet[SIZE];
static unsigned int size;	/* so many of them are a packet */

static const void *read(void *from, unsigned int offset, unsigned int length)
{
	if (offset > size || length > size - offset)
		return NULL;
	return (__u8 *)from + offset;
}

/* What the contract says of a packet: where its transport checksum is. */
struct transport {
	enum daddr_l4csum l4csum;
	unsigned int headers;	/* extension headers in front of it */
	unsigned int at;	/* the transport header */
	unsigned int field;	/* the checksum */
	__u8 protocol;
	_Bool ports;
};

/* RFC 9293 3.1, RFC 768, RFC 3828 3.1, RFC 4340 5.1, RFC 4443 2.1 */
static void transport_of(struct transport *t, _Bool ipv6)
{
	t->l4csum = DADDR_L4CSUM_HERE;
	t->ports = 1;
	if (t->protocol == 6) {
		t->field = t->at + 16;
	} else if (t->protocol == 17 || t->protocol == 136 ||
		   t->protocol == 33) {
		t->field = t->at + 6;
	} else if (t->protocol == 58 && ipv6) {
		t->field = t->at + 2;
		t->ports = 0;
	} else {
		t->l4csum = DADDR_L4CSUM_NONE;
		t->ports = 0;
	}
}

/* RFC 791 3.1: length in words of 32 bits, offset in the lower 13 bits */
static void contract4(struct transport *t)
{
	unsigned int words = packet[0] % 16;

	t->at = words * 4;
	t->protocol = packet[9];
	t->ports = 0;
	if (words < 5)
		t->l4csum = DADDR_L4CSUM_UNKNOWN;
	else if (packet[6] % 32 * 256 + packet[7] > 0)
		t->l4csum = DADDR_L4CSUM_FRAGMENT;
	else
		transport_of(t, 0);
}

/*
 * RFC 8200 4.3 to 4.6 and RFC 4302 2: hop-by-hop options, destination options,
 * routing and fragment headers, and AH, in any order
 */
static void contract6(struct transport *t)
{
	unsigned int at = 40;
	__u8 next = packet[6];

	t->ports = 0;
	while (next == 0 || next == 60 || next == 43 || next == 44 ||
	       next == 51) {
		const __u8 *header;

		if (at + 4 > size) {
			t->l4csum = DADDR_L4CSUM_UNKNOWN;
			return;
		}
		header = packet + at;
		t->at = at;
		t->protocol = next;
		if (next == 44 && (header[2] * 256 + header[3]) / 8 > 0) {
			t->l4csum = DADDR_L4CSUM_FRAGMENT;
			return;
		}
		if (next == 43 && header[3] > 0) {
			t->l4csum = DADDR_L4CSUM_ROUTED;
			return;
		}
		next = header[0];
		if (t->protocol == 44)
			at += 8;
		else if (t->protocol == 51)
			at += header[1] * 4 + 8;
		else
			at += header[1] * 8 + 8;
		t->headers++;
	}
	t->at = at;
	t->protocol = next;
	transport_of(t, 1);
}

static struct transport t;

static _Bool same(const __u8 *a, const __u8 *b, unsigned int length)
{
	_Bool equal = 1;
	unsigned int i;

	for (i = 0; i < length; i++)
		equal &= a[i] == b[i];
	return equal;
}

static void contract(_Bool ipv6)
{
	const unsigned int header = ipv6 ? 40 : 20, length = ipv6 ? 16 : 4;
	_Bool set_daddr, has_port, set_dport = 0;
	__u8 any_packet[SIZE], to[16], was, port[2];
	unsigned int any_size, i, writable = 0;
	struct daddr_change change;
	enum daddr_verdict verdict;
	__u16 dport;

	size = any_size;
	assume(size <= SIZE);
	memcpy(packet, any_packet, SIZE);
	assume(i < SIZE);
	was = packet[i];
	verdict = ipv6 ? daddr_decide6(read, packet, to, dport, &change) :
			 daddr_decide4(read, packet, to, dport, &change);
	prove(packet[i] == was, "deciding writes nothing");

	if (size < header) {
		prove(verdict == DADDR_DROP && !change.writable &&
		      !change.set_daddr && !change.set_dport &&
		      change.l4csum == DADDR_L4CSUM_UNKNOWN,
		      "no whole header: dropped, and nothing can change");
		possible(size == header - 1, "a header without its last byte");
		return;
	}
	set_daddr = !same(packet + (ipv6 ? 24 : 16), to, length);
	if (!set_daddr && !dport) {
		prove(verdict == DADDR_KEEP, "has the address: kept");
		possible(1, "a packet that has the address");
		return;
	}
	if (ipv6)
		contract6(&t);
	else
		contract4(&t);
	prove(change.set_daddr == set_daddr, "is the address to change");
	if (t.l4csum == DADDR_L4CSUM_UNKNOWN) {
		prove(verdict == DADDR_DROP &&
		      change.l4csum == DADDR_L4CSUM_UNKNOWN,
		      "no transport to be found: dropped");
		prove(change.writable == (set_daddr ? header : 0),
		      "what can change without its transport");
		possible(!set_daddr, "a packet that has no transport");
		return;
	}
	prove(change.thoff == t.at && change.l4proto == t.protocol,
	      "where the transport is, and which");
	prove(t.l4csum != DADDR_L4CSUM_HERE ||
	      change.l4csum_offset == t.field, "where its checksum is");

	has_port = dport && t.ports;
	if (has_port && t.at + 4 <= size) {
		memcpy(port, &dport, 2);
		set_dport = !same(packet + t.at + 2, port, 2);
		prove(!set_dport || change.dport == dport, "to which port");
	}
	prove(change.set_dport == set_dport, "is the port to change");
	if ((set_daddr || set_dport) && t.l4csum == DADDR_L4CSUM_HERE &&
	    t.field + 2 > size) {
		prove(verdict == DADDR_DROP &&
		      change.l4csum == DADDR_L4CSUM_CUT,
		      "too short for its checksum: dropped");
		prove(change.writable == (set_dport ? t.at + 4 : header),
		      "what can change without its checksum");
		possible(set_dport, "too short for its checksum, not for its port");
		return;
	}
	if (has_port && t.at + 4 > size) {
		prove(verdict == DADDR_DROP &&
		      change.l4csum == DADDR_L4CSUM_CUT,
		      "too short for its port: dropped");
		prove(change.writable == (set_daddr ? header : 0),
		      "what can change without its port");
		possible(!set_daddr, "too short for its port");
		return;
	}
	prove(change.l4csum == t.l4csum,
	      "what the contract says of its transport checksum");
	if (!set_daddr && !set_dport) {
		prove(verdict == DADDR_KEEP, "has address and port: kept");
		possible(has_port, "a packet that has address and port");
		return;
	}
	if (set_daddr)
		writable = header;
	if (t.l4csum == DADDR_L4CSUM_HERE)
		writable = t.field + 2;
	prove(verdict == DADDR_CHANGE && change.writable == writable,
	      "writable is what changes, and no more");
	possible(writable == size, "a packet that ends with its checksum");
	possible(t.l4csum == DADDR_L4CSUM_FRAGMENT, "a later fragment");
	possible(t.l4csum == DADDR_L4CSUM_NONE, "another protocol");
	possible(t.protocol == 33 && t.l4csum == DADDR_L4CSUM_HERE, "DCCP");
	possible(t.protocol == 136 && !set_daddr, "UDP-Lite, the port alone");
}

void contract_4(void)
{
	contract(0);
	possible(t.at == 60 && t.l4csum == DADDR_L4CSUM_HERE,
		 "a transport after 40 bytes of options");
}

void contract_6(void)
{
	contract(1);
	possible(t.l4csum == DADDR_L4CSUM_ROUTED, "segments left");
	possible(t.headers == (SIZE - 58) / 8 && t.protocol == 6 &&
		 t.l4csum == DADDR_L4CSUM_HERE,
		 "TCP after as many extension headers as fit");
}
