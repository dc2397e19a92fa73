// SPDX-License-Identifier: GPL-2.0-only
/* The real module, as it is built for the oldest kernel. */
#include "old_kernel.h"

#include "daddr_check.c"
#include "daddr_map.c"
#include "daddr_target.c"
