/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dscp_rewrite for FreeBSD: a table of what each DSCP stands for, in each VNET
 * and for each family, which a pfil hook of its own looks packets up in.
 */
#ifndef DSCP_REWRITE_H
#define DSCP_REWRITE_H

#include <sys/param.h>
#include <sys/counter.h>
#include <sys/lock.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <sys/sx.h>
#include <net/if.h>
#include <net/pfil.h>
#include <netinet/in.h>

/* Version 1 is of FreeBSD 13 and 14, version 2 of FreeBSD 15. */
#if !defined(PFIL_VERSION) || PFIL_VERSION < 1 || PFIL_VERSION > 2
#error "dscp_rewrite knows the pfil(9) of FreeBSD 13, 14 and 15, and this is another"
#elif PFIL_VERSION == 1
typedef pfil_packet_t dscp_rewrite_packet;
#define dscp_rewrite_mbufs(packet)	((packet).m)
#define pa_dscp_rewrite			pa_func
typedef pfil_func_t dscp_rewrite_hook_fn;
#else
typedef struct mbuf **dscp_rewrite_packet;
#define dscp_rewrite_mbufs(packet)	(packet)
#define pa_dscp_rewrite			pa_mbuf_chk
typedef pfil_mbuf_chk_t dscp_rewrite_hook_fn;
#endif

enum {
	DSCP_REWRITE_DSCPS = 64,	/* DSCP 0 is unmarked traffic */
	DSCP_REWRITE_VIPS = 16		/* of one DSCP */
};

union dscp_rewrite_address {
	struct in_addr ip;
	struct in6_addr ip6;
};

/* A VIP of a value, as it is written: VIP or VIP@RIP. */
struct dscp_rewrite_pair {
	union dscp_rewrite_address vip;
	union dscp_rewrite_address rip;
	int any;			/* for all other destinations: no RIP */
};

struct dscp_rewrite_pairs {
	u_int count;
	struct dscp_rewrite_pair pair[DSCP_REWRITE_VIPS];
};

/* A VIP keeps its counters when the value around it is written again. */
struct dscp_rewrite_count {
	counter_u64_t packets;
	counter_u64_t bytes;
	u_int values;			/* that have it: one, or two meanwhile */
};

struct dscp_rewrite_vip {
	struct dscp_rewrite_pair pair;
	struct dscp_rewrite_count *count;
};

/*
 * What stands for a DSCP. Nothing of it changes while packets may see it; what
 * is written to the sysctl is another one. The VIP without a RIP is the first.
 */
struct dscp_rewrite_value {
	u_int count;
	struct dscp_rewrite_vip vip[];
};

/* What is different in IPv4 and IPv6. */
struct dscp_rewrite_family {
	const char *name;		/* in stats */
	const char *protocol;		/* in messages */
	const char *sysctl;
	const char *none;		/* how no value reads */
	int af;
	enum pfil_types type;
	const char *head;
	dscp_rewrite_hook_fn hook;
	const char *rule[2];		/* the hook's names, in turn */
	const char *(*refuse)(const void *address);
};

/*
 * Of a VNET. All but the values, which packets read, is for who has the lock.
 */
struct dscp_rewrite_table {
	struct dscp_rewrite_value *values[DSCP_REWRITE_DSCPS];
	const struct dscp_rewrite_family *family;
	pfil_hook_t hook;		/* while there is work for it, or NULL */
	u_int rule;			/* the name of the next one */
	int enabled;			/* what was written to the sysctl */
	u_int used;			/* values that are not NULL */
};

enum {
#ifdef INET
	DSCP_REWRITE_INET,
#endif
#ifdef INET6
	DSCP_REWRITE_INET6,
#endif
	DSCP_REWRITE_FAMILIES
};

extern const struct dscp_rewrite_family
	dscp_rewrite_families[DSCP_REWRITE_FAMILIES];

MALLOC_DECLARE(M_DSCP_REWRITE);

/* dscp_rewrite_main.c: of the current VNET */
struct dscp_rewrite_table *dscp_rewrite_table_of(u_int family);

/* dscp_rewrite_hook.c: the packets' way; the ruleset is a table */
pfil_return_t dscp_rewrite_hook4(dscp_rewrite_packet packet, struct ifnet *ifp,
				 int flags, void *ruleset, struct inpcb *inp);
pfil_return_t dscp_rewrite_hook6(dscp_rewrite_packet packet, struct ifnet *ifp,
				 int flags, void *ruleset, struct inpcb *inp);

/*
 * dscp_rewrite_table.c: these sleep. Set and enable return 0 or an error, and
 * then nothing has changed.
 */
extern struct sx dscp_rewrite_lock;	/* of all tables */
void dscp_rewrite_table_create(struct dscp_rewrite_table *table, u_int family);
void dscp_rewrite_table_destroy(struct dscp_rewrite_table *table);
int dscp_rewrite_set(struct dscp_rewrite_table *table, u_int dscp,
		     const struct dscp_rewrite_pairs *pairs);
int dscp_rewrite_enable(struct dscp_rewrite_table *table, int enabled);
int dscp_rewrite_is_used(void);		/* in any VNET */

/* dscp_rewrite_sysctl.c */
void dscp_rewrite_sysctl_create(void);
void dscp_rewrite_sysctl_destroy(void);

#endif /* DSCP_REWRITE_H */
