/* SPDX-License-Identifier: GPL-2.0-only */
/* What userspace may hand to the target. */
#ifndef DADDR_CHECK_H
#define DADDR_CHECK_H

#include <linux/bitops.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>

/*
 * The hooks that the target may be called from in any table. nft_compat checks
 * a user-defined chain by them, and has no hooks to hand to daddr_check_v0()
 * and v1 there.
 */
#define DADDR_HOOKS (BIT(NF_INET_PRE_ROUTING) | BIT(NF_INET_LOCAL_IN) | \
		     BIT(NF_INET_LOCAL_OUT))

/*
 * Both return 0; or -EINVAL for a rule that is refused, with the reason in the
 * kernel log. What they accept, the packet path relies on.
 */
int daddr_check_v0(const struct xt_tgchk_param *par);
int daddr_check_v1(const struct xt_tgchk_param *par);

#endif /* DADDR_CHECK_H */
