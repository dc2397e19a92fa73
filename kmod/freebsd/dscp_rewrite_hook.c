// SPDX-License-Identifier: BSD-3-Clause
/* What becomes of a packet: see dscp_rewrite.h. */
#include "opt_inet.h"
#include "opt_inet6.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>
#include <machine/atomic.h>

#include "daddr_mbuf.h"
#include "dscp_rewrite.h"

/* What is written meanwhile frees the value when no packet can be here. */
static const struct dscp_rewrite_value *
dscp_rewrite_value_of(const struct dscp_rewrite_table *table, u_int dscp)
{
	return (const struct dscp_rewrite_value *)
		atomic_load_acq_ptr(__DECONST(volatile uintptr_t *,
					      &table->values[dscp]));
}

/* The VIP for a packet to this address, or NULL. */
static const struct dscp_rewrite_vip *
dscp_rewrite_find(const struct dscp_rewrite_value *value, const void *daddr,
		  size_t length)
{
	const struct dscp_rewrite_vip *vip, *any = NULL;
	u_int i;

	for (i = 0; i < value->count; i++) {
		vip = &value->vip[i];
		if (vip->pair.any)
			any = vip;
		else if (memcmp(&vip->pair.rip, daddr, length) == 0)
			return vip;
	}
	return any;
}

static pfil_return_t
dscp_rewrite_done(struct mbuf **mp, const struct dscp_rewrite_vip *vip,
		  enum daddr_verdict verdict, u_int length)
{
	switch (verdict) {
	case DADDR_CHANGE:
		counter_u64_add(vip->count->packets, 1);
		counter_u64_add(vip->count->bytes, length);
		return PFIL_PASS;
	case DADDR_KEEP:
		return PFIL_PASS;
	default:
		m_freem(*mp);
		*mp = NULL;
		return PFIL_DROPPED;
	}
}

#ifdef INET
/*
 * Load balancers send to one server, routing protocols mark what they send to
 * groups. That a packet was sent to the broadcast address of a subnet is known
 * by the link layer.
 */
static int
dscp_rewrite_is_to_one4(const struct mbuf *m, struct in_addr daddr)
{
	const u_char first = *(const u_char *)&daddr;

	return (m->m_flags & (M_BCAST | M_MCAST)) == 0 &&
	       (first < 0xe0 ||
		(first >= 0xf0 && daddr.s_addr != 0xffffffff));
}

pfil_return_t
dscp_rewrite_hook4(dscp_rewrite_packet packet, struct ifnet *ifp __unused,
		   int flags __unused, void *ruleset,
		   struct inpcb *inp __unused)
{
	struct mbuf **mp = dscp_rewrite_mbufs(packet), *m = *mp;
	const struct dscp_rewrite_value *value;
	const struct dscp_rewrite_vip *vip;
	struct in_addr daddr;
	u_int length;

	/* whoever calls this made sure */
	if (__predict_false(m->m_len < (int)sizeof(struct ip)))
		return PFIL_PASS;
	value = dscp_rewrite_value_of(ruleset, daddr_dscp4(mtod(m, void *)));
	if (value == NULL)
		return PFIL_PASS;
	daddr = mtod(m, struct ip *)->ip_dst;
	if (!dscp_rewrite_is_to_one4(m, daddr))
		return PFIL_PASS;
	vip = dscp_rewrite_find(value, &daddr, sizeof(daddr));
	if (vip == NULL)
		return PFIL_PASS;
	length = daddr_mbuf_length4(m);
	return dscp_rewrite_done(mp, vip,
				 daddr_mbuf_rewrite4(mp, &vip->pair.vip.ip),
				 length);
}
#endif

#ifdef INET6
pfil_return_t
dscp_rewrite_hook6(dscp_rewrite_packet packet, struct ifnet *ifp __unused,
		   int flags __unused, void *ruleset,
		   struct inpcb *inp __unused)
{
	struct mbuf **mp = dscp_rewrite_mbufs(packet), *m = *mp;
	const struct dscp_rewrite_value *value;
	const struct dscp_rewrite_vip *vip;
	const struct in6_addr *daddr;
	u_int length;

	if (__predict_false(m->m_len < (int)sizeof(struct ip6_hdr)))
		return PFIL_PASS;
	value = dscp_rewrite_value_of(ruleset, daddr_dscp6(mtod(m, void *)));
	if (value == NULL)
		return PFIL_PASS;
	daddr = &mtod(m, struct ip6_hdr *)->ip6_dst;
	if ((m->m_flags & (M_BCAST | M_MCAST)) != 0 || daddr->s6_addr[0] == 0xff)
		return PFIL_PASS;
	vip = dscp_rewrite_find(value, daddr, sizeof(*daddr));
	if (vip == NULL)
		return PFIL_PASS;
	length = daddr_mbuf_length6(m);
	return dscp_rewrite_done(mp, vip,
				 daddr_mbuf_rewrite6(mp, &vip->pair.vip.ip6),
				 length);
}
#endif
