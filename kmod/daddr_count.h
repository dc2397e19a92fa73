/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets and bytes, counted on each processor, read as the sum of all.
 */
#ifndef DADDR_COUNT_H
#define DADDR_COUNT_H

#include <linux/bottom_half.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>

#include "compat.h"

struct daddr_count {
	u64 packets;
	u64 bytes;		/* from the IP header on, as rules count */
	struct u64_stats_sync sync;	/* nothing on 64-bit machines */
};

/* daddr_count_create - returns counters that are 0, or NULL; may sleep */
static inline struct daddr_count __percpu *daddr_count_create(void)
{
	struct daddr_count __percpu *count;
	int cpu;

	count = alloc_percpu_gfp(struct daddr_count, GFP_KERNEL_ACCOUNT);
	if (!count)
		return NULL;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(count, cpu)->sync);
	return count;
}

/*
 * daddr_count_add - count a packet
 * @length: bytes, from the IP header on
 *
 * In a softirq, or in a process that a softirq may interrupt (OUTPUT). On
 * 64-bit machines it is two instructions that neither that nor another process
 * gets between; on others, readers must not see half of a counter.
 */
static inline void daddr_count_add(struct daddr_count __percpu *count,
				   unsigned int length)
{
#if BITS_PER_LONG == 64
	this_cpu_inc(count->packets);
	this_cpu_add(count->bytes, length);
#else
	struct daddr_count *here;

	local_bh_disable();
	here = this_cpu_ptr(count);
	u64_stats_update_begin(&here->sync);
	here->packets++;
	here->bytes += length;
	u64_stats_update_end(&here->sync);
	local_bh_enable();
#endif
}

/* daddr_count_sum - in a process */
static inline void daddr_count_sum(const struct daddr_count __percpu *count,
				   u64 *packets, u64 *bytes)
{
	int cpu;

	*packets = 0;
	*bytes = 0;
	for_each_possible_cpu(cpu) {
		const struct daddr_count *there = per_cpu_ptr(count, cpu);
		u64 some_packets, some_bytes;
		unsigned int start;

		local_bh_disable();
		do {
			start = u64_stats_fetch_begin(&there->sync);
			some_packets = READ_ONCE(there->packets);
			some_bytes = READ_ONCE(there->bytes);
		} while (u64_stats_fetch_retry(&there->sync, start));
		local_bh_enable();
		*packets += some_packets;
		*bytes += some_bytes;
	}
}

#endif /* DADDR_COUNT_H */
