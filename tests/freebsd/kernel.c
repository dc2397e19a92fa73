/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As much of FreeBSD's kernel as freebsd.h declares, see kernel.h: memory, pfil,
 * VNETs, the log. mbufs are in kernel_mbuf.c, sysctls in kernel_sysctl.c.
 */
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

static unsigned int blocks, counters;

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
	if (blocks || counters || kernel_mbufs() || kernel_sbufs() ||
	    kernel_sysctls() || loaded)
		kernel_fail("left: %u blocks, %u counters, %u mbufs, %u sbufs, %u sysctls",
			    blocks, counters, kernel_mbufs(), kernel_sbufs(),
			    kernel_sysctls());
	while (hooks) {
		if (!strcmp(hooks->args.pa_modname, "dscp_rewrite"))
			kernel_fail("left: a hook");
		pfil_remove_hook(hooks);
	}
}
