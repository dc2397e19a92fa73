// SPDX-License-Identifier: BSD-3-Clause
/*
 * daddr_decide6() after any number of extension headers: the script "unbounded"
 * gives the search's loop an invariant, so that CBMC looks at one pass from any
 * state, instead of at each of many.
 */
#include "daddr_types.h"
#include "proof.h"

/* What the host gave out last: with each call, these are any bytes. */
static __u8 piece[40];

#include "decided.h"

static unsigned int size;	/* of the packet */
static __u8 the_packet;

static const void *read(void *packet, unsigned int offset, unsigned int length)
{
	prove(packet == &the_packet, "the host gets its packet back");
	prove(length <= DADDR_READ_MAX && length <= sizeof(piece),
	      "pieces as short as was promised");
	prove(offset <= 0xffffffff - length,
	      "the end of what is read is a number");
	if (offset > size || length > size - offset)
		return NULL;
	__CPROVER_havoc_object(piece);
	return piece;
}

void decide6(void)
{
	struct daddr_change change;
	enum daddr_verdict verdict;
	unsigned int any_size;
	__u8 to[16];
	__u16 dport;

	size = any_size;
	assume(size <= 0xfffff000);
	verdict = daddr_decide6(read, &the_packet, to, dport, &change);
	prove(verdict != DADDR_CHANGE || decided(&change, 40, size),
	      "what is to change is in the packet");
	possible(verdict == DADDR_CHANGE && change.thoff > 1000000 &&
		 change.l4csum == DADDR_L4CSUM_HERE,
		 "a transport after a megabyte of headers");
	possible(verdict == DADDR_DROP && change.thoff > 1000000,
		 "a packet that ends in so many headers");
}
