/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What deciding promises to applying. decide.c proves that every decision to
 * change a packet keeps this promise, apply.c needs nothing else of it.
 */
#ifndef DADDR_PROOF_DECIDED_H
#define DADDR_PROOF_DECIDED_H

#include "daddr_rewrite.h"

/* @header: the length of the IP header without options; @size: of the packet */
static _Bool decided(const struct daddr_change *change, unsigned int header,
		     unsigned int size)
{
	if (!change->set_daddr && !change->set_dport)
		return 0;
	if (change->writable > size)
		return 0;
	if (change->set_daddr && change->writable < header)
		return 0;
	/* a port is set where there is a checksum over it, in front of it */
	if (change->set_dport &&
	    (change->l4csum != DADDR_L4CSUM_HERE ||
	     change->thoff < header || change->thoff % 2 ||
	     change->l4csum_offset - change->thoff < DADDR_DPORT + 2))
		return 0;
	if (change->l4csum == DADDR_L4CSUM_HERE)
		return change->l4csum_offset >= header &&
		       change->l4csum_offset % 2 == 0 &&
		       change->writable >= 2 &&
		       change->l4csum_offset <= change->writable - 2 &&
		       change->thoff <= change->l4csum_offset;
	return change->l4csum == DADDR_L4CSUM_NONE ||
	       change->l4csum == DADDR_L4CSUM_FRAGMENT ||
	       change->l4csum == DADDR_L4CSUM_ROUTED;
}

#endif /* DADDR_PROOF_DECIDED_H */
