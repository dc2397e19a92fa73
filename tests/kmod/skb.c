// SPDX-License-Identifier: GPL-2.0-only
/* skbs in every state, and what their bytes must be. */
#define pr_fmt(fmt) fmt

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <net/checksum.h>

#include "test.h"

static struct sk_buff *make_linear(const u8 *bytes, unsigned int length)
{
	struct sk_buff *skb = alloc_skb(length + 64, GFP_KERNEL);

	if (!skb)
		return NULL;
	skb_reserve(skb, 64);
	memcpy(skb_put(skb, length), bytes, length);
	return skb;
}

/* The first @head bytes in the head, the others in a page. */
struct sk_buff *make_paged(const struct packet *p, unsigned int head)
{
	struct sk_buff *skb = make_linear(p->before, head);
	struct page *page;

	if (!skb || head == p->length)
		return skb;
	page = alloc_page(GFP_KERNEL);
	if (!page) {
		kfree_skb(skb);
		return NULL;
	}
	memcpy(page_address(page), p->before + head, p->length - head);
	skb_add_rx_frag(skb, 0, page, 0, p->length - head, PAGE_SIZE);
	return skb;
}

static struct sk_buff *make_frag_list(const struct packet *p, unsigned int head)
{
	struct sk_buff *skb = make_linear(p->before, head);
	struct sk_buff *rest;

	if (!skb || head == p->length)
		return skb;
	rest = make_linear(p->before + head, p->length - head);
	if (!rest) {
		kfree_skb(skb);
		return NULL;
	}
	skb_shinfo(skb)->frag_list = rest;
	skb->len += rest->len;
	skb->data_len += rest->len;
	skb->truesize += rest->truesize;
	return skb;
}

static unsigned int ip_header_length(const struct packet *p)
{
	return p->spec->family == NFPROTO_IPV4 ?
		sizeof(struct iphdr) + p->spec->options :
		sizeof(struct ipv6hdr);
}

struct sk_buff *make_skb(const struct packet *p, enum layout layout)
{
	unsigned int head = ip_header_length(p);
	struct sk_buff *skb;

	switch (layout) {
	case PAGED:
	case PAGED_CLONED:
		skb = make_paged(p, head);
		break;
	case SPLIT:
		skb = make_paged(p, min(p->length, p->transport + 3));
		break;
	case FRAG_LIST:
		skb = make_frag_list(p, head);
		break;
	default:
		skb = make_linear(p->before, p->length);
	}
	if (!skb)
		return NULL;
	skb_reset_network_header(skb);
	skb->protocol = htons(p->spec->family == NFPROTO_IPV4 ?
			      ETH_P_IP : ETH_P_IPV6);
	return skb;
}

/* Returns whether the packet can be in that state. */
bool set_summed(struct sk_buff *skb, const struct packet *p, u8 summed)
{
	__sum16 seed;
	u16 sum;

	skb->ip_summed = summed;
	switch (summed) {
	case CHECKSUM_COMPLETE:
		/* The largest number that is this sum: what is added carries. */
		sum = (__force u16)~csum_fold(skb_checksum(skb, 0, skb->len, 0));
		skb->csum = (__force __wsum)(0xffff0000 | sum);
		return true;
	case CHECKSUM_PARTIAL:
		/* Only the sender of a whole packet leaves the sum to others.
		 */
		if (p->spec->expect != COVERED || p->spec->length < 20)
			return false;
		seed = packet_seed(p, false);
		skb_store_bits(skb, p->sum, &seed, sizeof(seed));
		skb->csum_start = skb_headroom(skb) + p->transport;
		skb->csum_offset = p->sum - p->transport;
		return true;
	default:
		return true;
	}
}

void expect_bytes(const struct sk_buff *skb, const u8 *bytes,
		  unsigned int length, const char *what)
{
	u8 *found = kmalloc(PACKET_MAX, GFP_KERNEL);
	unsigned int i;

	if (!found)
		return;
	expect_true(skb->len == length, "%s: length %u, expected %u", what,
		    skb->len, length);
	if (skb->len == length && !skb_copy_bits(skb, 0, found, length)) {
		for (i = 0; i < length && found[i] == bytes[i]; i++)
			;
		expect_true(i == length,
			    "%s: byte %u is %02x, expected %02x", what, i,
			    found[min(i, length - 1)],
			    bytes[min(i, length - 1)]);
	}
	kfree(found);
}

/* Two checksums that are equal, or are the two zeros of ones' complement. */
static bool same_sum(__sum16 a, __sum16 b)
{
	u16 x = (__force u16)a, y = (__force u16)b;

	return (x == 0xffff ? 0 : x) == (y == 0xffff ? 0 : y);
}

/* What hardware would send: the seed completed over the bytes. */
void expect_completed(struct sk_buff *skb, const struct packet *p)
{
	__sum16 seed = 0;

	expect_true(skb->ip_summed == CHECKSUM_PARTIAL, "no longer partial");
	skb_copy_bits(skb, p->sum, &seed, sizeof(seed));
	expect_true(same_sum(seed, packet_seed(p, true)),
		    "seed %04x, expected %04x", ntohs((__force __be16)seed),
		    ntohs((__force __be16)packet_seed(p, true)));
	expect_true(!skb_checksum_help(skb), "skb_checksum_help failed");
	expect_bytes(skb, p->after, p->length, "completed");
}
