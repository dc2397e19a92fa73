// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that knows no more than revision 0: the real one, of which only the
 * first two targets are registered, revision 0 for IPv4 and for IPv6.
 */
#include "daddr_check.c"
#include "daddr_map.c"

#include <linux/netfilter/x_tables.h>

#define xt_register_targets(targets, n) xt_register_targets(targets, 2)
#define xt_unregister_targets(targets, n) xt_unregister_targets(targets, 2)
#include "daddr_target.c"
