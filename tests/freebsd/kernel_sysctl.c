/* SPDX-License-Identifier: BSD-3-Clause */
/* sysctls, and sbufs of any length that is asked for here. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#undef malloc
#undef free

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
		kernel_thread.td_ucred->cr_prison->pr_id = (int)curvnet;
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

struct sbuf {
	size_t length;
	int finished;
	char text[16384];
};

static unsigned int sbufs;

unsigned int kernel_sbufs(void)
{
	return sbufs;
}

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
