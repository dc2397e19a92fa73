/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests see of the kernel that the module runs in here: packets go in,
 * sysctls are read and written, VNETs come and go; and whatever the module does
 * wrong is said, and counted.
 */
#ifndef TESTS_KERNEL_H
#define TESTS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "freebsd.h"

enum { KERNEL_VNETS = 3 };

/* Says what is wrong; the test goes on, and fails. */
extern unsigned int kernel_failures;
void kernel_fail(const char *what, ...)
	__attribute__((__format__(__printf__, 1, 2)));

/* What a user does. Errors are the module's, or 0. */
int kernel_kldload(void);
int kernel_kldunload(int force);
void kernel_vnet_create(unsigned int vnet);
void kernel_vnet_destroy(unsigned int vnet);
int kernel_sysctl_write(const char *name, const void *value, size_t length);
int kernel_sysctl_set(const char *name, const char *value);
/* of a string; valid until the next call */
const char *kernel_sysctl_get(const char *name);
unsigned int kernel_sysctls(void);
extern char kernel_said[4096];		/* the log; whoever reads it empties it */

/* Where the bytes of an mbuf are. */
enum kernel_bytes {
	INTERNAL,		/* in the mbuf itself */
	CLUSTER,		/* outside, its own */
	SHARED,			/* outside, of two mbufs */
	READ_ONLY		/* outside, and nobody may write there */
};

struct mbuf *kernel_mbuf(const void *bytes, size_t length,
			 enum kernel_bytes where);
/* The first mbuf of a packet, with the rest after it. */
struct mbuf *kernel_packet(struct mbuf *first, struct mbuf *rest);

/* A packet is received: through the hooks, in their order. NULL: dropped. */
struct mbuf *kernel_input(enum pfil_types type, struct mbuf *m);

/* Another firewall's hook comes before those that are there. */
void kernel_firewall(enum pfil_types type);
/* The hooks in their order, as "dscp_rewrite firewall". */
const char *kernel_hooks(enum pfil_types type);
unsigned int kernel_hooks_called(void);

/* The n-th allocation of an mbuf fails, from 1; 0: none does. */
extern unsigned int kernel_mbuf_fails;
extern size_t kernel_bytes_copied;	/* into mbufs, by m_copydata() */
/* pfil_link() fails while this is set */
extern int kernel_link_error;

/* Nothing is left of all that was allocated. */
void kernel_expect_nothing_left(void);
unsigned int kernel_mbufs(void);
unsigned int kernel_sbufs(void);

#endif /* TESTS_KERNEL_H */
