/* SPDX-License-Identifier: BSD-3-Clause */
/* The layout that plugin and module of any age and width agree on. */
#include <stddef.h>

#include "xt_DADDR.h"

#ifdef __cplusplus
#define ASSERT(what) static_assert(what, #what)
#else
#define ASSERT(what) _Static_assert(what, #what)
#endif

ASSERT(sizeof(struct xt_daddr_info) == 16);
ASSERT(offsetof(struct xt_daddr_info, daddr) == 0);

#define MEMBER_SIZE(member) sizeof(((struct xt_daddr_info_v1 *)0)->member)

ASSERT(offsetof(struct xt_daddr_info_v1, mapped) == 0);
ASSERT(MEMBER_SIZE(mapped) == 8);
ASSERT(offsetof(struct xt_daddr_info_v1, dport) == 8);
ASSERT(MEMBER_SIZE(dport) == 2);
ASSERT(offsetof(struct xt_daddr_info_v1, reserved) == 10);
ASSERT(MEMBER_SIZE(reserved) == 6); /* no hole that is not checked for 0 */
ASSERT(offsetof(struct xt_daddr_info_v1, daddr) == 16);
ASSERT(MEMBER_SIZE(daddr) == 64 * 16);
ASSERT(offsetof(struct xt_daddr_info_v1, map) == 1040);
ASSERT(sizeof(struct xt_daddr_info_v1) == 1048);
