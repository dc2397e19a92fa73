/* SPDX-License-Identifier: BSD-3-Clause */
/* As much of FreeBSD's kernel as freebsd.h declares: see kernel.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#undef malloc
#undef free

unsigned int kernel_failures;

void kernel_fail(const char *what, ...)
{
	va_list arguments;

	va_start(arguments, what);
	printf("# ");
	vprintf(what, arguments);
	printf("\n");
	va_end(arguments);
	kernel_failures++;
	if (kernel_failures > 20) {
		printf("# and so on\n");
		exit(1);
	}
}

/* Memory, and who may read what is in a table */

enum {
	TABLE = 64,			/* values of a table, which begins with them */
	REPLACED = 1024
};

static unsigned int blocks, counters, mbufs;

/* What a packet may still look at: freed before the epoch is over, it fails. */
static const void *replaced[REPLACED];
static unsigned int replaced_count;

struct pfil_hook {
	struct pfil_hook *next;
	struct pfil_hook_args args;
	unsigned int vnet;
	int linked;
};

static struct pfil_hook *hooks;		/* the first is the first to see packets */
static unsigned int hooks_called;

void *kernel_malloc(size_t size, struct malloc_type *type, int flags)
{
	char *p = malloc(size);

	if (!(flags & M_WAITOK))
		kernel_fail("malloc() of %s that does not wait", type->name);
	/* what is not zeroed is anything */
	memset(p, flags & M_ZERO ? 0 : 0xa5, size);
	blocks++;
	return p;
}

void kernel_free(void *p, struct malloc_type *type)
{
	unsigned int i;

	for (i = 0; i < replaced_count; i++) {
		if (p && replaced[i] == p)
			kernel_fail("%s is freed while packets may see it",
				    type->name);
	}
	if (p)
		blocks--;
	free(p);
}

void NET_EPOCH_WAIT(void)
{
	replaced_count = 0;
}

/* Is it in a table that packets are looked up in? */
static int is_seen(const volatile void *p)
{
	const struct pfil_hook *hook;

	for (hook = hooks; hook; hook = hook->next) {
		const char *table = hook->args.pa_ruleset;

		if (table && hook->linked && (const volatile char *)p >= table &&
		    (const volatile char *)p < table + TABLE * sizeof(void *))
			return 1;
	}
	return 0;
}

uintptr_t atomic_load_acq_ptr(const volatile uintptr_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

void atomic_store_rel_ptr(volatile uintptr_t *p, uintptr_t value)
{
	if (*p && is_seen(p) && replaced_count < REPLACED)
		replaced[replaced_count++] = (const void *)*p;
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

counter_u64_t counter_u64_alloc(int flags)
{
	if (!(flags & M_WAITOK))
		kernel_fail("counter_u64_alloc() that does not wait");
	counters++;
	return calloc(1, sizeof(uint64_t));
}

void counter_u64_free(counter_u64_t counter)
{
	counters--;
	free(counter);
}

void counter_u64_add(counter_u64_t counter, int64_t value)
{
	*counter += value;
}

uint64_t counter_u64_fetch(counter_u64_t counter)
{
	return *counter;
}

void sx_xlock(struct sx *sx)
{
	if (sx->writers++ || sx->readers)
		kernel_fail("sx_xlock() of a lock that is held");
}

void sx_xunlock(struct sx *sx)
{
	if (--sx->writers)
		kernel_fail("sx_xunlock() of another lock");
}

void sx_slock(struct sx *sx)
{
	if (sx->readers++ || sx->writers)
		kernel_fail("sx_slock() of a lock that is held");
}

void sx_sunlock(struct sx *sx)
{
	if (--sx->readers)
		kernel_fail("sx_sunlock() of another lock");
}

/* mbufs: each has bytes of exactly the room that it has, so that what is written
 * or read beside them is seen by the sanitizer
 */

struct mbuf_bytes {
	unsigned int users;
	size_t size;
	char *as_they_were;		/* of bytes that must stay, or NULL */
	char at[];
};

unsigned int kernel_mbuf_fails;
size_t kernel_bytes_copied;

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

/* pfil */

int kernel_link_error;

static const char *head_of(enum pfil_types type)
{
	return type == PFIL_TYPE_IP4 ? PFIL_INET_NAME : PFIL_INET6_NAME;
}

pfil_hook_t pfil_add_hook(struct pfil_hook_args *args)
{
	struct pfil_hook *hook;

	if (args->pa_version != PFIL_VERSION || args->pa_flags != PFIL_IN)
		kernel_fail("pfil_add_hook(): version %d, flags %#x",
			    args->pa_version, (unsigned int)args->pa_flags);
	for (hook = hooks; hook; hook = hook->next) {
		if (hook->vnet == curvnet &&
		    !strcmp(hook->args.pa_modname, args->pa_modname) &&
		    !strcmp(hook->args.pa_rulname, args->pa_rulname))
			kernel_fail("two hooks %s:%s", args->pa_modname,
				    args->pa_rulname);
	}
	hook = calloc(1, sizeof(*hook));
	hook->args = *args;
	hook->vnet = curvnet;
	hook->next = hooks;
	hooks = hook;
	return hook;
}

/* A packet that is in it has the values of its table until the epoch is over. */
void pfil_remove_hook(pfil_hook_t hook)
{
	const void *const *values = hook->args.pa_ruleset;
	struct pfil_hook **at = &hooks;
	unsigned int i;

	for (i = 0; values && i < TABLE && replaced_count < REPLACED; i++)
		replaced[replaced_count++] = values[i];
	while (*at != hook)
		at = &(*at)->next;
	*at = hook->next;
	free(hook);
}

/* The newest is the first; pfil_add_hook() put it there. */
int pfil_link(struct pfil_link_args *args)
{
	if (args->pa_version != PFIL_VERSION ||
	    args->pa_flags != (PFIL_IN | PFIL_HOOKPTR))
		kernel_fail("pfil_link(): version %d, flags %#x",
			    args->pa_version, (unsigned int)args->pa_flags);
	if (strcmp(args->pa_headname, head_of(args->pa_hook->args.pa_type)) != 0)
		kernel_fail("pfil_link() to %s", args->pa_headname);
	if (!kernel_link_error)
		args->pa_hook->linked = 1;
	return kernel_link_error;
}

static pfil_return_t call(struct pfil_hook *hook, struct mbuf **mp)
{
#if PFIL == 1
	pfil_packet_t packet = { .m = mp };

	return hook->args.pa_func(packet, NULL, PFIL_IN, hook->args.pa_ruleset,
				  NULL);
#else
	if (hook->args.pa_mem_chk)
		kernel_fail("a function for memory");
	return hook->args.pa_mbuf_chk(mp, NULL, PFIL_IN, hook->args.pa_ruleset,
				      NULL);
#endif
}

struct mbuf *kernel_input(enum pfil_types type, struct mbuf *m)
{
	struct pfil_hook *hook;

	for (hook = hooks; hook; hook = hook->next) {
		if (hook->vnet != curvnet || hook->args.pa_type != type ||
		    !hook->args.pa_ruleset)
			continue;
		hooks_called++;
		if (call(hook, &m) != PFIL_PASS) {
			if (m)
				kernel_fail("dropped, and not NULL");
			return NULL;
		}
	}
	return m;
}

void kernel_firewall(enum pfil_types type)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	static unsigned int name;
	struct pfil_hook_args args = {
		.pa_version = PFIL_VERSION,
		.pa_flags = PFIL_IN,
		.pa_type = type,
		.pa_modname = "firewall",
		.pa_rulname = names[name++],
	};

	pfil_add_hook(&args)->linked = 1;
}

const char *kernel_hooks(enum pfil_types type)
{
	static char names[256];
	struct pfil_hook *hook;

	names[0] = '\0';
	for (hook = hooks; hook; hook = hook->next) {
		if (hook->vnet != curvnet || hook->args.pa_type != type)
			continue;
		if (names[0])
			strcat(names, " ");
		strcat(names, hook->args.pa_modname);
	}
	return names;
}

unsigned int kernel_hooks_called(void)
{
	return hooks_called;
}

/* VNETs, and modules */

unsigned int kernel_current_vnet;
static struct prison prison;
static struct ucred ucred = { &prison };
struct thread kernel_thread = { &ucred };

static void *vnet_data[KERNEL_VNETS];
static int loaded;

size_t kernel_vnet_size(void);
void *kernel_vnet(void);
void kernel_vnet_init(void);
void kernel_vnet_uninit(void);

void *kernel_vnet(void)
{
	return vnet_data[curvnet];
}

void kernel_vnet_create(unsigned int vnet)
{
	unsigned int before = curvnet;

	curvnet = vnet;
	vnet_data[vnet] = calloc(1, kernel_vnet_size());
	kernel_vnet_init();
	curvnet = before;
}

void kernel_vnet_destroy(unsigned int vnet)
{
	unsigned int before = curvnet;

	curvnet = vnet;
	kernel_vnet_uninit();
	if (strstr(kernel_hooks(PFIL_TYPE_IP4), "dscp_rewrite") ||
	    strstr(kernel_hooks(PFIL_TYPE_IP6), "dscp_rewrite"))
		kernel_fail("a VNET goes, and its hooks stay");
	free(vnet_data[vnet]);
	vnet_data[vnet] = NULL;
	curvnet = before;
}

int kernel_kldload(void)
{
	kernel_vnet_create(0);
	loaded = 1;
	return kernel_module->evhand(NULL, MOD_LOAD, kernel_module->priv);
}

int kernel_kldunload(int force)
{
	unsigned int vnet;
	int error;

	error = kernel_module->evhand(NULL, MOD_QUIESCE, kernel_module->priv);
	if (error && !force)
		return error;
	error = kernel_module->evhand(NULL, MOD_UNLOAD, kernel_module->priv);
	if (error)
		return error;
	for (vnet = 0; vnet < KERNEL_VNETS; vnet++) {
		if (vnet_data[vnet])
			kernel_vnet_destroy(vnet);
	}
	loaded = 0;
	return 0;
}

/* sysctls */

enum { SYSCTLS = 200 };

struct sysctl_oid_list {
	char name[64];
};

struct sysctl_oid {
	struct sysctl_oid_list children;
	u_int access;
	intmax_t arg2;
	sysctl_handler handler;
};

static struct sysctl_oid sysctls[SYSCTLS];
static unsigned int sysctl_count;
static struct sysctl_oid_list inet = { "net.inet.ip" };
static struct sysctl_oid_list inet6 = { "net.inet6.ip6" };
struct sysctl_oid_list *sysctl__net_inet_ip = &inet;
struct sysctl_oid_list *sysctl__net_inet6_ip6 = &inet6;

struct sysctl_oid_list *SYSCTL_CHILDREN(struct sysctl_oid *oid)
{
	return &oid->children;
}

struct sysctl_oid *kernel_sysctl_add(struct sysctl_ctx_list *context,
				     struct sysctl_oid_list *parent,
				     const char *name, u_int access,
				     intmax_t arg2, sysctl_handler handler)
{
	struct sysctl_oid *oid = &sysctls[sysctl_count++];

	context->created++;
	snprintf(oid->children.name, sizeof(oid->children.name), "%.50s.%.12s",
		 parent->name, name);
	oid->access = access;
	oid->arg2 = arg2;
	oid->handler = handler;
	if (handler && !(access & CTLFLAG_VNET))
		kernel_fail("%s is no VNET's", oid->children.name);
	if (!(access & CTLFLAG_MPSAFE))
		kernel_fail("%s wants Giant", oid->children.name);
	return oid;
}

int sysctl_ctx_init(struct sysctl_ctx_list *context)
{
	context->created = 0;
	return 0;
}

int sysctl_ctx_free(struct sysctl_ctx_list *context)
{
	sysctl_count -= (unsigned int)context->created;
	return 0;
}

unsigned int kernel_sysctls(void)
{
	return sysctl_count;
}

static int call_sysctl(const char *name, struct sysctl_req *req)
{
	unsigned int i;

	for (i = 0; i < sysctl_count; i++) {
		struct sysctl_oid *oid = &sysctls[i];

		if (strcmp(oid->children.name, name) != 0)
			continue;
		if (req->newptr && (oid->access & CTLFLAG_RW) != CTLFLAG_RW)
			return 1;	/* EPERM */
		prison.pr_id = (int)curvnet;
		return oid->handler(oid, NULL, oid->arg2, req);
	}
	kernel_fail("no sysctl %s", name);
	return 2;			/* ENOENT */
}

int kernel_sysctl_write(const char *name, const void *value, size_t length)
{
	struct sysctl_req req = { .newptr = value, .newlen = length };

	return call_sysctl(name, &req);
}

int kernel_sysctl_set(const char *name, const char *value)
{
	int number = atoi(value);

	if (strstr(name, ".enabled"))
		return kernel_sysctl_write(name, &number, sizeof(number));
	return kernel_sysctl_write(name, value, strlen(value));
}

const char *kernel_sysctl_get(const char *name)
{
	static char value[16384];
	struct sysctl_req req = { .old = value, .oldlen = sizeof(value) };
	int number;

	memset(value, 'x', sizeof(value));
	if (call_sysctl(name, &req))
		return "(error)";
	if (strstr(name, ".enabled")) {
		memcpy(&number, value, sizeof(number));
		snprintf(value, sizeof(value), "%d", number);
	} else if (!req.oldidx || value[req.oldidx - 1] ||
		   strlen(value) != req.oldidx - 1) {
		kernel_fail("%s does not end with its zero byte", name);
	}
	return value;
}

int SYSCTL_IN(struct sysctl_req *req, void *to, size_t length)
{
	if (length > req->newlen - req->newidx)
		return EINVAL;
	memcpy(to, (const char *)req->newptr + req->newidx, length);
	req->newidx += length;
	return 0;
}

int SYSCTL_OUT(struct sysctl_req *req, const void *from, size_t length)
{
	if (!req->old)
		return 0;
	if (length > req->oldlen - req->oldidx)
		return 12;		/* ENOMEM */
	memcpy(req->old + req->oldidx, from, length);
	req->oldidx += length;
	return 0;
}

int sysctl_handle_int(struct sysctl_oid *oid, void *number, intmax_t unused,
		      struct sysctl_req *req)
{
	int error = SYSCTL_OUT(req, number, sizeof(int));

	(void)oid;
	(void)unused;
	if (error || !req->newptr)
		return error;
	return SYSCTL_IN(req, number, sizeof(int));
}

/* sbufs, of any length that is asked for here */

struct sbuf {
	size_t length;
	int finished;
	char text[16384];
};

static unsigned int sbufs;

struct sbuf *sbuf_new_auto(void)
{
	sbufs++;
	return calloc(1, sizeof(struct sbuf));
}

int sbuf_cat(struct sbuf *sbuf, const char *text)
{
	return sbuf_printf(sbuf, "%s", text);
}

int sbuf_putc(struct sbuf *sbuf, int c)
{
	return sbuf_printf(sbuf, "%c", c);
}

int sbuf_printf(struct sbuf *sbuf, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	sbuf->length += (size_t)vsnprintf(sbuf->text + sbuf->length,
					  sizeof(sbuf->text) - sbuf->length,
					  format, arguments);
	va_end(arguments);
	if (sbuf->finished || sbuf->length >= sizeof(sbuf->text))
		kernel_fail("an sbuf that is finished, or full");
	return 0;
}

int sbuf_finish(struct sbuf *sbuf)
{
	sbuf->finished = 1;
	return 0;
}

char *sbuf_data(struct sbuf *sbuf)
{
	if (!sbuf->finished)
		kernel_fail("sbuf_data() before sbuf_finish()");
	return sbuf->text;
}

int64_t sbuf_len(struct sbuf *sbuf)
{
	return (int64_t)sbuf->length;
}

void sbuf_delete(struct sbuf *sbuf)
{
	sbufs--;
	free(sbuf);
}

/* The log */

char kernel_said[4096];

void kernel_log(int level, const char *format, ...)
{
	size_t length = strlen(kernel_said);
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vsnprintf(kernel_said + length, sizeof(kernel_said) - length, format,
		  arguments);
	va_end(arguments);
}

/* All that is said here is said in one second. */
int ppsratecheck(struct timeval *last, int *count, int most)
{
	(void)last;
	return (*count)++ < most;
}

void kernel_expect_nothing_left(void)
{
	if (blocks || counters || mbufs || sbufs || sysctl_count || loaded)
		kernel_fail("left: %u blocks, %u counters, %u mbufs, %u sbufs, %u sysctls",
			    blocks, counters, mbufs, sbufs, sysctl_count);
	while (hooks) {
		if (!strcmp(hooks->args.pa_modname, "dscp_rewrite"))
			kernel_fail("left: a hook");
		pfil_remove_hook(hooks);
	}
}
