/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the module takes from FreeBSD's kernel, declared as its manual pages say,
 * and no more: section 9's mbuf, pfil, sysctl, sbuf, counter, epoch, sx, malloc,
 * module, vnet. All of its headers' names lead here. kernel*.c do the work.
 *
 * PFIL is the version of pfil(9): 1 is FreeBSD 13 and 14, 2 is 15.
 */
#ifndef TESTS_FREEBSD_H
#define TESTS_FREEBSD_H

#include <stddef.h>
#include <stdint.h>

/* sys/cdefs.h, sys/param.h, sys/types.h */
#define __unused	__attribute__((__unused__))
#define __predict_false(condition)	__builtin_expect((condition), 0)
#define __DECONST(type, var)	((type)(uintptr_t)(const void *)(var))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
typedef unsigned char u_char;
typedef unsigned int u_int;
typedef char *caddr_t;

/* sys/systm.h: of the C library */
int memcmp(const void *, const void *, size_t);
void *memcpy(void *, const void *, size_t);
void *memset(void *, int, size_t);
char *strchr(const char *, int);
size_t strlen(const char *);
char *strsep(char **, const char *);
size_t strspn(const char *, const char *);
int snprintf(char *, size_t, const char *, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* sys/errno.h */
#define EBUSY		16
#define EINVAL		22
#define EOPNOTSUPP	45

/* sys/endian.h */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ntohs(x)	((uint16_t)__builtin_bswap16(x))
#else
#define ntohs(x)	((uint16_t)(x))
#endif

/* machine/atomic.h */
uintptr_t atomic_load_acq_ptr(const volatile uintptr_t *p);
void atomic_store_rel_ptr(volatile uintptr_t *p, uintptr_t value);

/* sys/kernel.h: nothing runs by itself; kernel.c calls what is named here */
#define SI_SUB_PROTO_FIREWALL	0
#define SI_ORDER_MIDDLE		0
#define SI_ORDER_ANY		1

/* sys/malloc.h */
struct malloc_type {
	const char *name;
};
#define MALLOC_DECLARE(type)	extern struct malloc_type type[1]
#define MALLOC_DEFINE(type, shortdesc, longdesc) \
	struct malloc_type type[1] = {{ shortdesc }}
#define M_NOWAIT	0x0001
#define M_WAITOK	0x0002
#define M_ZERO		0x0100
void *kernel_malloc(size_t size, struct malloc_type *type, int flags);
void kernel_free(void *p, struct malloc_type *type);
#define malloc(size, type, flags)	kernel_malloc(size, type, flags)
#define free(p, type)			kernel_free(p, type)

/* sys/lock.h, sys/sx.h */
struct sx {
	int readers, writers;
};
#define SX_SYSINIT(name, sx, description)	struct sx_of_##name
void sx_xlock(struct sx *);
void sx_xunlock(struct sx *);
void sx_slock(struct sx *);
void sx_sunlock(struct sx *);

/* sys/epoch.h */
void NET_EPOCH_WAIT(void);

/* sys/counter.h */
typedef uint64_t *counter_u64_t;
counter_u64_t counter_u64_alloc(int flags);
void counter_u64_free(counter_u64_t);
void counter_u64_add(counter_u64_t, int64_t);
uint64_t counter_u64_fetch(counter_u64_t);

/* sys/socket.h, netinet/in.h: AF_INET6 is this system's, for its inet_pton() */
#define AF_INET		2
#define AF_INET6	10
#define INET6_ADDRSTRLEN	46
#define IPPROTO_HOPOPTS	0
struct in_addr {
	uint32_t s_addr;
};
struct in6_addr {
	uint8_t s6_addr[16];
};
int inet_pton(int, const char *, void *);
const char *inet_ntop(int, const void *, char *, unsigned int);

/* netinet/ip.h, netinet/ip6.h */
struct ip {
	uint8_t version_and_length, ip_tos;
	uint16_t ip_len, ip_id, ip_off;
	uint8_t ip_ttl, ip_p;
	uint16_t ip_sum;
	struct in_addr ip_src, ip_dst;
};
struct ip6_hdr {
	uint32_t ip6_flow;
	uint16_t ip6_plen;
	uint8_t ip6_nxt, ip6_hlim;
	struct in6_addr ip6_src, ip6_dst;
};

/* sys/mbuf.h: MHLEN is about that of 64 bits */
#define MHLEN		160
#define MCLBYTES	2048
#define MJUM16BYTES	(16 * 1024)
#define MT_DATA		1
#define M_EXT		0x00000001
#define M_PKTHDR	0x00000002
#define M_RDONLY	0x00000008
#define M_BCAST		0x00000010
#define M_MCAST		0x00000020
#define CSUM_IP_UDP	0x00000002
#define CSUM_IP_TCP	0x00000004
#define CSUM_IP6_UDP	0x00000200
#define CSUM_IP6_TCP	0x00000400
#define CSUM_PSEUDO_HDR	0x04000000
#define CSUM_DATA_VALID	0x08000000
#define CSUM_DELAY_DATA		(CSUM_IP_TCP | CSUM_IP_UDP)
#define CSUM_DELAY_DATA_IPV6	(CSUM_IP6_TCP | CSUM_IP6_UDP)

struct mbuf {
	struct mbuf *m_next;
	char *m_data;
	int32_t m_len;
	uint32_t m_flags;
	struct {
		int32_t len;
		uint64_t csum_flags;
		uint32_t csum_data;
	} m_pkthdr;
	struct mbuf_bytes *bytes;	/* kernel.c's */
};
#define mtod(m, type)	((type)(m)->m_data)
int kernel_is_writable(const struct mbuf *);
#define M_WRITABLE(m)	kernel_is_writable(m)
struct mbuf *m_gethdr(int how, short type);
struct mbuf *m_getcl(int how, short type, int flags);
struct mbuf *m_getjcl(int how, short type, int flags, int size);
struct mbuf *m_free(struct mbuf *);
void m_freem(struct mbuf *);
void m_adj(struct mbuf *, int);
void m_copydata(const struct mbuf *, int offset, int length, caddr_t);
void m_move_pkthdr(struct mbuf *to, struct mbuf *from);

/* net/pfil.h */
struct ifnet;
struct inpcb;
enum pfil_types { PFIL_TYPE_IP4, PFIL_TYPE_IP6 };
typedef enum { PFIL_PASS = 0, PFIL_DROPPED } pfil_return_t;
#define PFIL_VERSION	PFIL
#define PFIL_IN		0x00010000
#define PFIL_HOOKPTR	0x00200000
#if PFIL == 1
typedef union {
	struct mbuf **m;
	void *mem;
} pfil_packet_t __attribute__((__transparent_union__));
typedef pfil_return_t (*pfil_func_t)(pfil_packet_t, struct ifnet *, int,
				     void *, struct inpcb *);
#else
typedef pfil_return_t (*pfil_mbuf_chk_t)(struct mbuf **, struct ifnet *, int,
					 void *, struct inpcb *);
typedef pfil_return_t (*pfil_mem_chk_t)(void *, u_int, int, struct ifnet *,
					void *, struct mbuf **);
#endif
typedef struct pfil_hook *pfil_hook_t;
struct pfil_hook_args {
	int pa_version;
	int pa_flags;
	enum pfil_types pa_type;
#if PFIL == 1
	pfil_func_t pa_func;
#else
	pfil_mbuf_chk_t pa_mbuf_chk;
	pfil_mem_chk_t pa_mem_chk;
#endif
	void *pa_ruleset;
	const char *pa_modname;
	const char *pa_rulname;
};
struct pfil_link_args {
	int pa_version;
	int pa_flags;
	const char *pa_headname;
	pfil_hook_t pa_hook;
};
pfil_hook_t pfil_add_hook(struct pfil_hook_args *);
void pfil_remove_hook(pfil_hook_t);
int pfil_link(struct pfil_link_args *);

/* netinet/ip_var.h, netinet6/ip6_var.h */
#define PFIL_INET_NAME	"inet"
#define PFIL_INET6_NAME	"inet6"

/* net/vnet.h: kernel.c keeps what each VNET has of the module's one variable */
#define VNET_DEFINE_STATIC(type, name) \
	type *kernel_vnet(void); \
	size_t kernel_vnet_size(void); \
	size_t kernel_vnet_size(void) { return sizeof(type); }
#define VNET(name)	(*kernel_vnet())
#define VNET_SYSINIT(name, subsystem, order, function, argument) \
	void kernel_vnet_init(void); \
	void kernel_vnet_init(void) { (function)(argument); } \
	struct vnet_init_of_##name
#define VNET_SYSUNINIT(name, subsystem, order, function, argument) \
	void kernel_vnet_uninit(void); \
	void kernel_vnet_uninit(void) { (function)(argument); } \
	struct vnet_uninit_of_##name
extern unsigned int kernel_current_vnet;
#define curvnet			kernel_current_vnet
#define IS_DEFAULT_VNET(vnet)	((vnet) == 0)

/* sys/module.h */
typedef void *module_t;
typedef int (*modeventhand_t)(module_t, int, void *);
typedef struct moduledata {
	const char *name;
	modeventhand_t evhand;
	void *priv;
} moduledata_t;
enum { MOD_LOAD, MOD_UNLOAD, MOD_SHUTDOWN, MOD_QUIESCE };
#define DECLARE_MODULE(name, data, subsystem, order) \
	moduledata_t *const kernel_module = &(data)
#define MODULE_VERSION(name, version)	struct module_version_of_##name
extern moduledata_t *const kernel_module;

/* sys/sbuf.h */
struct sbuf;
struct sbuf *sbuf_new_auto(void);
int sbuf_cat(struct sbuf *, const char *);
int sbuf_putc(struct sbuf *, int);
int sbuf_printf(struct sbuf *, const char *, ...)
	__attribute__((__format__(__printf__, 2, 3)));
int sbuf_finish(struct sbuf *);
char *sbuf_data(struct sbuf *);
int64_t sbuf_len(struct sbuf *);
void sbuf_delete(struct sbuf *);

/* sys/sysctl.h */
struct sysctl_oid;
struct sysctl_oid_list;
struct sysctl_ctx_list {
	int created;
};
struct sysctl_req {
	const void *newptr;
	size_t newlen, newidx;
	char *old;			/* of so many bytes */
	size_t oldlen, oldidx;
};
#define SYSCTL_HANDLER_ARGS \
	struct sysctl_oid *oidp __unused, void *arg1 __unused, \
	intmax_t arg2, struct sysctl_req *req
typedef int (*sysctl_handler)(struct sysctl_oid *, void *, intmax_t,
			      struct sysctl_req *);
#define CTLTYPE		0xf
#define CTLTYPE_NODE	1
#define CTLTYPE_INT	2
#define CTLTYPE_STRING	3
#define CTLFLAG_RD	0x80000000
#define CTLFLAG_RW	0xc0000000
#define CTLFLAG_MPSAFE	0x00040000
#define CTLFLAG_VNET	0x00020000
#define OID_AUTO	(-1)
#define SYSCTL_DECL(name)	extern struct sysctl_oid_list *sysctl_##name
#define SYSCTL_STATIC_CHILDREN(name)	(sysctl_##name)
struct sysctl_oid_list *SYSCTL_CHILDREN(struct sysctl_oid *);
struct sysctl_oid *kernel_sysctl_add(struct sysctl_ctx_list *,
				     struct sysctl_oid_list *parent,
				     const char *name, u_int access,
				     intmax_t arg2, sysctl_handler);
#define SYSCTL_ADD_NODE(ctx, parent, number, name, access, handler, about) \
	kernel_sysctl_add(ctx, parent, name, CTLTYPE_NODE | (access), 0, handler)
#define SYSCTL_ADD_PROC(ctx, parent, number, name, access, arg1, arg2, \
			handler, format, about) do { \
	_Static_assert(((access) & CTLTYPE) != 0, "a type"); \
	kernel_sysctl_add(ctx, parent, name, access, arg2, handler); \
} while (0)
int sysctl_ctx_init(struct sysctl_ctx_list *);
int sysctl_ctx_free(struct sysctl_ctx_list *);
int SYSCTL_IN(struct sysctl_req *, void *, size_t);
int SYSCTL_OUT(struct sysctl_req *, const void *, size_t);
int sysctl_handle_int(struct sysctl_oid *, void *, intmax_t,
		      struct sysctl_req *);

/* sys/syslog.h, sys/time.h, sys/proc.h, sys/ucred.h, sys/jail.h */
#define LOG_ERR	3
#define log	kernel_log	/* it is no logarithm */
void log(int level, const char *, ...)
	__attribute__((__format__(__printf__, 2, 3)));
#define timeval	kernel_timeval	/* the C library has one, too */
struct timeval {
	long seconds;
};
int ppsratecheck(struct timeval *, int *, int);
struct prison {
	int pr_id;
};
struct ucred {
	struct prison *cr_prison;
};
struct thread {
	struct ucred *td_ucred;
};
extern struct thread kernel_thread;
#define curthread	(&kernel_thread)

#endif /* TESTS_FREEBSD_H */
