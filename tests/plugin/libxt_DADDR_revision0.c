// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin that knows no more than revision 0: the real one, of which only the
 * first two targets are registered, revision 0 for IPv4 and for IPv6.
 */
#include <xtables.h>

#define xtables_register_targets(targets, n) xtables_register_targets(targets, 2)
#include "../../xtables/libxt_DADDR.c"
