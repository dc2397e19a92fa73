/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every proof here needs. A harness is a function without arguments:
 * a variable that it does not set has any value, and CBMC looks at all of
 * them at once. What is proven is in README.md.
 */
#ifndef DADDR_PROOF_H
#define DADDR_PROOF_H

#include <stdlib.h>
#include <string.h>

/* CBMC has a body for this name only, which checks both ends of the copy. */
#define __builtin_memcpy memcpy

/* Must be true, whatever the values are. */
#define prove(condition, what) __CPROVER_assert(condition, what)

/*
 * Must be possible: a proof about packets that cannot exist proves nothing.
 * The runner demands that CBMC finds values for which this is so.
 */
#define possible(condition, what) \
	__CPROVER_assert(!(condition), "possible: " what)

#define assume(condition) __CPROVER_assume(condition)

#define length_of(array) (sizeof(array) / sizeof((array)[0]))




#endif /* DADDR_PROOF_H */
