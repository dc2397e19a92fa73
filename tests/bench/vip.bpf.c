// SPDX-License-Identifier: BSD-3-Clause
/*
 * The strongest rivals: what an engineer would write for tc ingress, or for XDP,
 * instead of using a target. A table of 64 VIPs, counters per CPU, and packets
 * read and written in place. It does what the common packet needs and no more: no
 * IPv6 extension headers, no checksum that hardware has summed (CHECKSUM_COMPLETE)
 * or has yet to fill in (CHECKSUM_PARTIAL).
 *
 *	clang -target bpf -O2 -g -c vip.bpf.c
 *	tc filter add dev eth0 ingress bpf direct-action object-file vip.bpf.o section tc
 *	bpftool map update pinned /sys/fs/bpf/tc/globals/vips4 key ... value ...
 *	ip link set dev eth0 xdpgeneric object-file vip.bpf.o section xdp
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#define SECTION(name) __attribute__((section(name), used))
#define htons(value) __builtin_bswap16(value)

/* How libbpf wants maps described: by the types of a structure's members. */
#define uint(name, value) int (*name)[value]
#define type(name, value) typeof(value) *name
enum { PIN_BY_NAME = 1 };

static void *(*const map_lookup)(void *map, const void *key) =
	(void *)BPF_FUNC_map_lookup_elem;

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	uint(type, BPF_MAP_TYPE_ARRAY);
	uint(max_entries, 64);
	uint(pinning, PIN_BY_NAME);
	type(key, __u32);
	type(value, __u32);
} vips4 SECTION(".maps");

struct {
	uint(type, BPF_MAP_TYPE_ARRAY);
	uint(max_entries, 64);
	uint(pinning, PIN_BY_NAME);
	type(key, __u32);
	type(value, struct in6_addr);
} vips6 SECTION(".maps");

struct {
	uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	uint(max_entries, 64);
	uint(pinning, PIN_BY_NAME);
	type(key, __u32);
	type(value, struct counter);
} counters SECTION(".maps");

static inline void count(__u32 dscp, __u32 length)
{
	struct counter *counter = map_lookup(&counters, &dscp);

	if (counter) {
		counter->packets++;
		counter->bytes += length;
	}
}

/* RFC 1624; @delta is the sum of ~old + new in words of 32 bits. */
static inline __u16 updated(__u16 check, __u64 delta)
{
	delta += (__u16)~check;
	delta = (delta & 0xffffffff) + (delta >> 32);
	delta = (delta & 0xffff) + (delta >> 16);
	delta = (delta & 0xffff) + (delta >> 16);
	delta = (delta & 0xffff) + (delta >> 16);
	return ~delta;
}

static inline void update_transport(void *transport, void *end, __u8 protocol,
				    __u64 delta)
{
	__u16 *check;

	switch (protocol) {
	case IPPROTO_TCP:
		check = transport + 16;
		if ((void *)(check + 1) > end)
			return;
		*check = updated(*check, delta);
		break;
	case IPPROTO_UDP:
		check = transport + 6;
		if ((void *)(check + 1) > end || !*check)
			return;
		*check = updated(*check, delta);
		if (!*check)
			*check = 0xffff;
		break;
	}
}

/* @length: what is counted */
static inline void rewrite4(__u32 length, struct iphdr *ip, void *end)
{
	__u32 dscp, *vip;
	__u64 delta;

	if ((void *)(ip + 1) > end)
		return;
	dscp = ip->tos >> 2;
	vip = map_lookup(&vips4, &dscp);
	if (!vip || !*vip)
		return;
	count(dscp, length);

	delta = (__u64)(__u32)~ip->daddr + *vip;
	ip->check = updated(ip->check, delta);
	ip->daddr = *vip;
	if (!(ip->frag_off & htons(0x1fff)))
		update_transport((void *)ip + ip->ihl * 4, end, ip->protocol,
				 delta);
}

static inline void rewrite6(__u32 length, struct ipv6hdr *ip, void *end)
{
	struct in6_addr *vip;
	__u64 delta = 0;
	__u32 dscp;

	if ((void *)(ip + 1) > end)
		return;
	dscp = (ip->priority << 2 | ip->flow_lbl[0] >> 6) & 63;
	vip = map_lookup(&vips6, &dscp);
	if (!vip || !vip->s6_addr32[0])
		return;
	count(dscp, length);

#pragma unroll
	for (int i = 0; i < 4; i++) {
		delta += (__u32)~ip->daddr.s6_addr32[i];
		delta += vip->s6_addr32[i];
	}
	ip->daddr = *vip;
	update_transport(ip + 1, end, ip->nexthdr, delta);
}

static inline void rewrite(__u32 length, void *data, void *end)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return;
	if (eth->h_proto == htons(ETH_P_IP))
		rewrite4(length, (void *)(eth + 1), end);
	else if (eth->h_proto == htons(ETH_P_IPV6))
		rewrite6(length, (void *)(eth + 1), end);
}

SECTION("tc") int l3dsr(struct __sk_buff *skb)
{
	rewrite(skb->len, (void *)(long)skb->data, (void *)(long)skb->data_end);
	return TC_ACT_OK;
}

SECTION("xdp") int l3dsr_xdp(struct xdp_md *xdp)
{
	rewrite(xdp->data_end - xdp->data, (void *)(long)xdp->data,
		(void *)(long)xdp->data_end);
	return XDP_PASS;
}
