/* SPDX-License-Identifier: GPL-2.0-only */
/* Why something from userspace is refused, for the kernel log. */
#ifndef DADDR_SAY_H
#define DADDR_SAY_H

#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

/*
 * Any user may own a network namespace, and have things refused there. They all
 * share a limit, so that they can neither fill the kernel log nor use up what
 * the administrator of the host is told.
 */
static inline bool daddr_may_say(const struct net *net)
{
	static DEFINE_RATELIMIT_STATE(host, 5 * HZ, 60);
	static DEFINE_RATELIMIT_STATE(others, 5 * HZ, 10);

	return __ratelimit(net->user_ns == &init_user_ns ? &host : &others);
}

/* daddr_say - write a line to the kernel log, at a limited rate */
#define daddr_say(net, fmt, ...)					\
do {									\
	if (daddr_may_say(net))						\
		pr_info(fmt, ##__VA_ARGS__);				\
} while (0)

#endif /* DADDR_SAY_H */
