/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The integers that the core is written in, by the names that Linux gives them.
 * Where Linux is not, they are the compiler's own: so no header is needed.
 */
#ifndef DADDR_TYPES_H
#define DADDR_TYPES_H

#ifdef __linux__
#include <linux/types.h>
#else
typedef __UINT8_TYPE__ __u8;
typedef __UINT16_TYPE__ __u16;
typedef __UINT32_TYPE__ __u32;
typedef __UINT64_TYPE__ __u64;
#endif

#endif /* DADDR_TYPES_H */
