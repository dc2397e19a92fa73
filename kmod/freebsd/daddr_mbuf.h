/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send a packet of FreeBSD to another destination: what daddr_skb.h is on
 * Linux. The core decides what changes and changes it (daddr_rewrite.h); here is
 * what only an mbuf needs: bytes that are ours to write, and the state of
 * checksum offload.
 */
#ifndef DADDR_MBUF_H
#define DADDR_MBUF_H

#include <sys/param.h>
#include <sys/mbuf.h>
#include <netinet/in.h>
#include <netinet/in_systm.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "daddr_rewrite.h"

/*
 * The bytes of a packet. What a link appends is not cut off yet where IPv6 meets
 * its hooks, nor where a bridge meets those of both.
 */
static inline u_int
daddr_mbuf_length4(const struct mbuf *m)
{
	const struct ip *ip = mtod(m, const struct ip *);

	return MIN((u_int)m->m_pkthdr.len, ntohs(ip->ip_len));
}

static inline u_int
daddr_mbuf_length6(const struct mbuf *m)
{
	const struct ip6_hdr *ip6 = mtod(m, const struct ip6_hdr *);
	u_int payload = ntohs(ip6->ip6_plen);

	/* the length of a jumbogram is in an option (RFC 2675) */
	if (payload == 0 && ip6->ip6_nxt == IPPROTO_HOPOPTS)
		return m->m_pkthdr.len;
	return MIN((u_int)m->m_pkthdr.len, DADDR_IP6_HEADER + payload);
}

/* Gives the core any packet, wherever its bytes lie. */
struct daddr_mbuf_reader {
	const struct mbuf *m;
	u_int length;
	char buffer[DADDR_READ_MAX];
};

static inline const void *
daddr_mbuf_read(void *packet, unsigned int offset, unsigned int length)
{
	struct daddr_mbuf_reader *reader = packet;

	if (offset > reader->length || length > reader->length - offset)
		return NULL;
	if (offset + length <= (u_int)reader->m->m_len)
		return mtod(reader->m, const char *) + offset;
	m_copydata(reader->m, offset, length, reader->buffer);
	return reader->buffer;
}

/* An mbuf without bytes, with room for so many in one piece; or NULL. */
static inline struct mbuf *
daddr_mbuf_create(u_int length)
{
	if (length <= MHLEN)
		return m_gethdr(M_NOWAIT, MT_DATA);
	if (length <= MCLBYTES)
		return m_getcl(M_NOWAIT, MT_DATA, M_PKTHDR);
	if (length <= MJUM16BYTES)
		return m_getjcl(M_NOWAIT, MT_DATA, M_PKTHDR, MJUM16BYTES);
	return NULL;
}

/*
 * Make the first @length bytes of a packet, which it has, writable and lie in one
 * piece. Returns the packet, whose bytes may have moved; or NULL when there was
 * no memory, and it is freed.
 *
 * Those bytes alone are copied. m_unshare() would copy all of a packet that
 * shares its bytes, and m_pullup() takes no more than MHLEN.
 */
static inline struct mbuf *
daddr_mbuf_writable(struct mbuf *m, u_int length)
{
	struct mbuf *head;

	/* the bytes in an mbuf itself are shared with nobody */
	if (length <= (u_int)m->m_len &&
	    ((m->m_flags & M_EXT) == 0 || M_WRITABLE(m)))
		return m;
	head = daddr_mbuf_create(length);
	if (head == NULL) {
		m_freem(m);
		return NULL;
	}
	m_move_pkthdr(head, m);
	head->m_flags &= ~M_RDONLY;	/* that was about the other's bytes */
	m_copydata(m, 0, length, mtod(head, char *));
	head->m_len = length;
	m_adj(m, length);
	while (m != NULL && m->m_len == 0)
		m = m_free(m);
	head->m_next = m;
	return head;
}

/*
 * Does the field hold the sum of the pseudo-header, for hardware or the stack to
 * complete? @tcp, @udp: the flags that say so.
 */
static inline int
daddr_mbuf_is_seed(const struct mbuf *m, const struct daddr_change *change,
		   uint64_t tcp, uint64_t udp)
{
	if (change->l4csum != DADDR_L4CSUM_HERE)
		return 0;
	if (change->l4proto == DADDR_PROTO_TCP)
		return (m->m_pkthdr.csum_flags & tcp) != 0;
	if (change->l4proto == DADDR_PROTO_UDP)
		return (m->m_pkthdr.csum_flags & udp) != 0;
	return 0;
}

/*
 * Is csum_data the sum of the bytes after the IP headers, to which the receiver
 * adds the pseudo-header? With CSUM_PSEUDO_HDR it is 0xffff: all is well; and
 * where a seed is, the place of the checksum. @delayed: the flags of a seed.
 */
static inline int
daddr_mbuf_has_sum(const struct mbuf *m, uint64_t delayed)
{
	return (m->m_pkthdr.csum_flags &
		(CSUM_DATA_VALID | CSUM_PSEUDO_HDR | delayed)) ==
	       CSUM_DATA_VALID;
}

static inline void
daddr_mbuf_add_to_sum(struct mbuf *m, __u16 sum)
{
	m->m_pkthdr.csum_data =
		daddr_add16(daddr_fold16(m->m_pkthdr.csum_data), sum);
}

/*
 * daddr_mbuf_rewrite4 - set the destination of an IPv4 packet
 * daddr_mbuf_rewrite6 - the same for IPv6
 * @mp: the packet, which begins with its IP header, in one piece; afterwards the
 *	same or another mbuf, or NULL: then it is freed
 * @to: the new destination address, 4 or 16 bytes
 *
 * Returns DADDR_CHANGE when it is done; DADDR_KEEP when the packet has that
 * destination already, and stays as it is; DADDR_DROP when it is too short, or
 * when there is no memory for a copy of its headers: the caller drops it.
 *
 * The payload is neither read nor copied. Does not sleep.
 */
static inline enum daddr_verdict
daddr_mbuf_rewrite4(struct mbuf **mp, const void *to)
{
	struct daddr_mbuf_reader reader = { .m = *mp };
	struct daddr_change change;
	enum daddr_verdict verdict;
	struct mbuf *m;
	__u32 sum;

	reader.length = daddr_mbuf_length4(*mp);
	verdict = daddr_decide4(daddr_mbuf_read, &reader, to, 0, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	m = *mp = daddr_mbuf_writable(*mp, change.writable);
	if (m == NULL)
		return DADDR_DROP;
	sum = daddr_apply4(mtod(m, void *), to, &change,
			   daddr_mbuf_is_seed(m, &change, CSUM_IP_TCP,
					      CSUM_IP_UDP));
	/* ip_input() and its kin read it as a number of the host's byte order */
	if (daddr_mbuf_has_sum(m, CSUM_DELAY_DATA))
		daddr_mbuf_add_to_sum(m, ntohs(daddr_fold16(sum)));
	return DADDR_CHANGE;
}

static inline enum daddr_verdict
daddr_mbuf_rewrite6(struct mbuf **mp, const void *to)
{
	struct daddr_mbuf_reader reader = { .m = *mp };
	struct daddr_change change;
	enum daddr_verdict verdict;
	struct mbuf *m;
	__u32 delta, sum;

	reader.length = daddr_mbuf_length6(*mp);
	verdict = daddr_decide6(daddr_mbuf_read, &reader, to, 0, &change);
	if (verdict != DADDR_CHANGE)
		return verdict;
	m = *mp = daddr_mbuf_writable(*mp, change.writable);
	if (m == NULL)
		return DADDR_DROP;
	delta = daddr_delta6(mtod(m, char *) + DADDR_IP6_DADDR, to);
	sum = daddr_apply6(mtod(m, void *), to, &change,
			   daddr_mbuf_is_seed(m, &change, CSUM_IP6_TCP,
					      CSUM_IP6_UDP));
	/* the address is not in it, and IPv6 adds it up as it is in memory */
	if (daddr_mbuf_has_sum(m, CSUM_DELAY_DATA_IPV6))
		daddr_mbuf_add_to_sum(m,
				      daddr_fold16(daddr_sub32(sum, delta)));
	return DADDR_CHANGE;
}

#endif /* DADDR_MBUF_H */
