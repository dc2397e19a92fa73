/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbufs: each has bytes of exactly the room that it has, so that what is written
 * or read beside them is seen by the sanitizer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#undef malloc
#undef free

struct mbuf_bytes {
	unsigned int users;
	size_t size;
	char *as_they_were;		/* of bytes that must stay, or NULL */
	char at[];
};

unsigned int kernel_mbuf_fails;
size_t kernel_bytes_copied;

static unsigned int mbufs;

static struct mbuf *mbuf_create(size_t size, uint32_t flags)
{
	struct mbuf *m = calloc(1, sizeof(*m));

	m->bytes = malloc(sizeof(*m->bytes) + size);
	m->bytes->users = 1;
	m->bytes->size = size;
	m->bytes->as_they_were = NULL;
	memset(m->bytes->at, 0x5a, size);
	m->m_data = m->bytes->at;
	m->m_flags = flags;
	mbufs++;
	return m;
}

unsigned int kernel_mbufs(void)
{
	return mbufs;
}

int kernel_is_writable(const struct mbuf *m)
{
	return !(m->m_flags & M_RDONLY) &&
	       (!(m->m_flags & M_EXT) || m->bytes->users == 1);
}

static struct mbuf *mbuf_allocate(int how, size_t size, uint32_t flags)
{
	if (how != M_NOWAIT)
		kernel_fail("an mbuf is waited for");
	if (kernel_mbuf_fails && !--kernel_mbuf_fails)
		return NULL;
	return mbuf_create(size, flags);
}

struct mbuf *m_gethdr(int how, short type)
{
	(void)type;
	return mbuf_allocate(how, MHLEN, M_PKTHDR);
}

struct mbuf *m_getcl(int how, short type, int flags)
{
	(void)type;
	return mbuf_allocate(how, MCLBYTES, M_EXT | (uint32_t)flags);
}

struct mbuf *m_getjcl(int how, short type, int flags, int size)
{
	(void)type;
	return mbuf_allocate(how, (size_t)size, M_EXT | (uint32_t)flags);
}

struct mbuf *m_free(struct mbuf *m)
{
	struct mbuf_bytes *bytes = m->bytes;
	struct mbuf *next = m->m_next;

	if (bytes->as_they_were &&
	    memcmp(bytes->as_they_were, bytes->at, bytes->size) != 0)
		kernel_fail("bytes changed that are shared or read-only");
	/* the other user of shared bytes goes at the same time */
	free(bytes->as_they_were);
	free(bytes);
	free(m);
	mbufs--;
	return next;
}

void m_freem(struct mbuf *m)
{
	while (m)
		m = m_free(m);
}

void m_adj(struct mbuf *m, int length)
{
	if (length < 0)
		kernel_fail("m_adj() at the end");
	if (m->m_flags & M_PKTHDR)
		m->m_pkthdr.len -= length;
	for (; m && length; m = m->m_next) {
		int here = MIN(m->m_len, length);

		m->m_data += here;
		m->m_len -= here;
		length -= here;
	}
}

void m_copydata(const struct mbuf *m, int offset, int length, caddr_t to)
{
	kernel_bytes_copied += length;
	for (; m && offset >= m->m_len; m = m->m_next)
		offset -= m->m_len;
	for (; m && length; m = m->m_next) {
		int here = MIN(m->m_len - offset, length);

		memcpy(to, m->m_data + offset, here);
		to += here;
		length -= here;
		offset = 0;
	}
	if (length) {
		kernel_fail("m_copydata() after the end of a packet");
		memset(to, 0, length);
	}
}

void m_move_pkthdr(struct mbuf *to, struct mbuf *from)
{
	if (!(from->m_flags & M_PKTHDR))
		kernel_fail("m_move_pkthdr() from an mbuf that has none");
	to->m_flags = (to->m_flags & M_EXT) | (from->m_flags & ~M_EXT);
	to->m_pkthdr = from->m_pkthdr;
	from->m_flags &= ~M_PKTHDR;
	/* what it had is nobody's any more */
	memset(&from->m_pkthdr, 0x5a, sizeof(from->m_pkthdr));
}

struct mbuf *kernel_mbuf(const void *bytes, size_t length,
			 enum kernel_bytes where)
{
	static const uint32_t flags[] = {
		[INTERNAL] = 0,
		[CLUSTER] = M_EXT,
		[SHARED] = M_EXT,
		[READ_ONLY] = M_EXT | M_RDONLY,
	};
	struct mbuf *m = mbuf_create(length, flags[where]);

	memcpy(m->m_data, bytes, length);
	m->m_len = (int32_t)length;
	if (where == SHARED)
		m->bytes->users = 2;
	if (where == SHARED || where == READ_ONLY) {
		m->bytes->as_they_were = malloc(length + 1);
		memcpy(m->bytes->as_they_were, bytes, length);
	}
	return m;
}

struct mbuf *kernel_packet(struct mbuf *first, struct mbuf *rest)
{
	const struct mbuf *m;

	first->m_flags |= M_PKTHDR;
	first->m_next = rest;
	for (m = first; m; m = m->m_next)
		first->m_pkthdr.len += m->m_len;
	return first;
}
