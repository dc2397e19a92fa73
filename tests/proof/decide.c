// SPDX-License-Identifier: BSD-3-Clause
/*
 * What daddr_decide4() and 6 read, and what they promise, for packets of any
 * length and any bytes, of which the host gives pieces.
 */
#include "proof.h"

#include "decided.h"

static unsigned int size;	/* of the packet */
static unsigned int reads;
static void *the_packet, *piece;

/*
 * A host as daddr_read_fn describes it. Each piece is an object of its own, not
 * a byte longer than was asked for, and gone with the next call. Its bytes are
 * any: even a packet that changes between two reads is among them.
 */
static const void *read(void *packet, unsigned int offset, unsigned int length)
{
	prove(packet == the_packet, "the host gets its packet back");
	prove(length <= DADDR_READ_MAX, "pieces as short as was promised");
	prove(offset <= 0xffffffff - length,
	      "the end of what is read is a number");
	assume(++reads <= READS);
	free(piece);
	piece = NULL;
	if (offset > size || length > size - offset)
		return NULL;
	piece = malloc(length);
	return piece;
}

static void decide(_Bool ipv6)
{
	struct daddr_change change;
	enum daddr_verdict verdict;
	unsigned int any_size, i;
	_Bool any_packet;
	__u8 to[16], was;
	__u16 dport;

	size = any_size;
	the_packet = &any_packet;
	assume(i < (ipv6 ? 16 : 4));
	was = to[i];
	verdict = ipv6 ? daddr_decide6(read, the_packet, to, dport, &change) :
			 daddr_decide4(read, the_packet, to, dport, &change);

	prove(to[i] == was, "the new address stays what it is");
	prove(verdict == DADDR_KEEP || verdict == DADDR_CHANGE ||
	      verdict == DADDR_DROP, "a verdict");
	prove(verdict != DADDR_CHANGE || decided(&change, ipv6 ? 40 : 20, size),
	      "what is to change is in the packet");
	prove(!change.set_dport || change.dport == dport, "the port asked for");
	possible(verdict == DADDR_KEEP && dport, "a packet that has both");
	possible(verdict == DADDR_CHANGE && change.set_dport && change.set_daddr,
		 "a change of address and port");
	possible(verdict == DADDR_DROP && change.l4csum == DADDR_L4CSUM_CUT,
		 "a packet that ends before its checksum");
	possible(verdict == DADDR_CHANGE && change.writable == size,
		 "a packet that ends with what changes");
}

void decide4(void)
{
	decide(0);
}

void decide6(void)
{
	decide(1);
	possible(reads == READS, "as many headers as the bound has");
}
