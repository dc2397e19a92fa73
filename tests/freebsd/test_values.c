/* SPDX-License-Identifier: BSD-3-Clause */
/* Sysctls and what they refuse, counters, hooks, VNETs, unloading. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

#define IP	"net.inet.ip.dscp_rewrite."
#define IP6	"net.inet6.ip6.dscp_rewrite."

static void set(const char *name, const char *value)
{
	int error = kernel_sysctl_set(name, value);

	if (error)
		kernel_fail("%s=\"%s\": error %d: %s", name, value, error,
			    kernel_said);
}

static void expect(const char *name, const char *value)
{
	const char *found = kernel_sysctl_get(name);

	if (strcmp(found, value) != 0)
		kernel_fail("%s is \"%s\", expected \"%s\"", name, found, value);
}

static void reads_back(const char *name, const char *written, const char *read)
{
	set(name, written);
	expect(name, read);
	set(name, read);
	expect(name, read);
}

static void test_reads_back(void)
{
	static const struct {
		const char *name, *written, *read;
	} rows[] = {
		{ IP "63", "10.1.1.1", "10.1.1.1" },
		{ IP "63", "  10.1.1.1\t10.1.1.2@10.9.9.2\n",
		  "10.1.1.1 10.1.1.2@10.9.9.2" },
		{ IP "63", "10.1.1.2@10.9.9.2 10.1.1.1",
		  "10.1.1.1 10.1.1.2@10.9.9.2" },
		{ IP "63", "10.1.1.2@10.9.9.2 10.1.1.2@10.9.9.1",
		  "10.1.1.2@10.9.9.2 10.1.1.2@10.9.9.1" },
		{ IP "63", "0.0.0.0", "0.0.0.0" },
		{ IP "1", "10.1.1.1", "10.1.1.1" },
		{ IP "1", "", "0.0.0.0" },
		{ IP "1", " \n", "0.0.0.0" },
		{ IP6 "63", "2001:DB8:0:0::46", "2001:db8::46" },
		{ IP6 "63", "2001:db8::46  2001:db8::47@2001:db8::1",
		  "2001:db8::46 2001:db8::47@2001:db8::1" },
		{ IP6 "63", "::", "::" },
		{ IP6 "63", "fe80::1", "fe80::1" },
		{ IP6 "63", " 0:0:0:0:0:0:0:0 ", "::" },
	};
	unsigned int i;

	kernel_kldload();
	if (kernel_sysctls() != 2 * (1 + 63 + 2))
		kernel_fail("%u sysctls", kernel_sysctls());
	expect(IP "enabled", "1");
	expect(IP "7", "0.0.0.0");
	expect(IP6 "7", "::");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		reads_back(rows[i].name, rows[i].written, rows[i].read);
	expect(IP "stats", "");
	/* as programs write that count the zero byte */
	if (kernel_sysctl_write(IP "7", "10.1.1.1", 9))
		kernel_fail("a value with its zero byte: %s", kernel_said);
	expect(IP "7", "10.1.1.1");
	if (!kernel_sysctl_set(IP "stats", "0"))
		kernel_fail("stats can be written");
	kernel_kldunload(1);
}

/* Refused, for that reason, and what was there stays. */
static void refused(const char *name, const char *value, const char *reason)
{
	char before[256];

	snprintf(before, sizeof(before), "%s", kernel_sysctl_get(name));
	kernel_said[0] = '\0';
	if (kernel_sysctl_set(name, value) != EINVAL)
		kernel_fail("%s=\"%s\" is no EINVAL", name, value);
	if (!strstr(kernel_said, reason))
		kernel_fail("%s=\"%s\": says \"%s\", expected \"%s\"", name,
			    value, kernel_said, reason);
	expect(name, before);
}

static void test_refuses(void)
{
	static const struct {
		const char *name, *value, *reason;
	} rows[] = {
		{ IP "9", "010.1.1.1", "net.inet.ip.dscp_rewrite.9: the VIP: found \"010.1.1.1\", expected an IPv4 address" },
		{ IP "9", "10.1.1", "expected an IPv4 address" },
		{ IP "9", "10.1.1.256", "expected an IPv4 address" },
		{ IP "9", "10.1.1.1/32", "expected an IPv4 address" },
		{ IP "9", "2001:db8::46", "expected an IPv4 address" },
		{ IP "9", "localhost", "expected an IPv4 address" },
		{ IP "9", "10.1.1.1,10.1.1.2", "expected an IPv4 address" },
		{ IP "9", "10.1.1.1@", "the RIP after @: found \"\"" },
		{ IP "9", "@10.1.1.1", "the VIP: found \"\"" },
		{ IP "9", "10.1.1.1@10.1.1.2@10.1.1.3", "the RIP after @: found" },
		{ IP "9", "255.255.255.255", "may not be the limited broadcast address" },
		{ IP "9", "224.0.0.1", "may not be a multicast address" },
		{ IP "9", "10.1.1.1@239.1.1.1", "the RIP after @ may not be a multicast address" },
		{ IP "9", "10.1.1.1 0.0.0.0@10.1.1.2", "may not be the unspecified address" },
		{ IP "9", "10.1.1.1 10.1.1.2", "two VIPs without @RIP" },
		{ IP "9", "10.1.1.1@10.2.2.2 10.1.1.2@10.2.2.2", "two VIPs for the same RIP" },
		{ IP "9", "10.1.1.1@10.1.1.1", "the same address" },
		{ IP "9", "1.1.1.1@2.1.1.1 1.1.1.1@2.1.1.2 1.1.1.1@2.1.1.3 1.1.1.1@2.1.1.4 1.1.1.1@2.1.1.5 1.1.1.1@2.1.1.6 1.1.1.1@2.1.1.7 1.1.1.1@2.1.1.8 1.1.1.1@2.1.1.9 1.1.1.1@2.1.1.10 1.1.1.1@2.1.1.11 1.1.1.1@2.1.1.12 1.1.1.1@2.1.1.13 1.1.1.1@2.1.1.14 1.1.1.1@2.1.1.15 1.1.1.1@2.1.1.16 1.1.1.1", "more than 16 VIPs" },
		/* what a log must not be told */
		{ IP "9", "a\nb", "found \"a\"" },
		{ IP "9", "a\001\377b", "found \"a??b\"" },
		{ IP6 "9", "2001:db8", "expected an IPv6 address" },
		{ IP6 "9", "2001::db8::1", "expected an IPv6 address" },
		{ IP6 "9", "1:2:3:4:5:6:7:8:9", "expected an IPv6 address" },
		{ IP6 "9", "fe80::1%lo0", "expected an IPv6 address" },
		{ IP6 "9", "10.1.1.1", "expected an IPv6 address" },
		{ IP6 "9", "ff02::1", "may not be a multicast address" },
		{ IP6 "9", "::@2001:db8::1", "may not be the unspecified address" },
		{ IP6 "9", "2001:db8::1@ff02::1", "the RIP after @ may not be a multicast address" },
	};
	char longest[2000];
	unsigned int i;

	kernel_kldload();
	set(IP "9", "10.1.1.1 10.1.1.2@10.2.2.2");
	set(IP6 "9", "2001:db8::46 2001:db8::47@2001:db8::1");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].name, rows[i].value, rows[i].reason);
	memset(longest, ' ', sizeof(longest));
	longest[1024] = '\0';
	refused(IP "9", longest, "more than 1023 bytes");
	longest[1023] = '\0';
	memcpy(longest, "10.1.1.1", 8);
	set(IP "9", longest);
	kernel_said[0] = '\0';
	if (kernel_sysctl_write(IP "9", "10.1.1.2\0 10.1.1.1", 18) != EINVAL ||
	    !strstr(kernel_said, "found a zero byte"))
		kernel_fail("a zero byte: %s", kernel_said);
	expect(IP "9", "10.1.1.1");
	if (kernel_sysctl_set(IP "enabled", "2") != EINVAL ||
	    kernel_sysctl_set(IP "enabled", "-1") != EINVAL)
		kernel_fail("enabled may be anything");
	expect(IP "enabled", "1");
	kernel_kldunload(1);
}

/* 16 VIPs of the longest addresses read back whole. */
static void test_most_that_fits(void)
{
	char value[1024] = "", one[80];
	unsigned int i;

	kernel_kldload();
	for (i = 0; i < 16; i++) {
		snprintf(one, sizeof(one), "%sfd00::%x@fd01::%x", i ? " " : "",
			 0xffff - i, 0x1000 + i);
		strcat(value, one);
	}
	reads_back(IP6 "1", value, value);
	kernel_kldunload(1);
}

/* A packet of 28 bytes, UDP without a checksum: its destination afterwards. */
static const char *input4(unsigned int dscp, const char *to, uint32_t flags)
{
	static char daddr[INET6_ADDRSTRLEN];
	uint8_t bytes[28] = { 0x45, (uint8_t)(dscp << 2), 0, 28, [8] = 64, 17 };
	struct mbuf *m;

	inet_pton(AF_INET, to, bytes + 16);
	m = kernel_packet(kernel_mbuf(bytes, sizeof(bytes), CLUSTER), NULL);
	m->m_flags |= flags;
	m = kernel_input(PFIL_TYPE_IP4, m);
	if (!m)
		return "(dropped)";
	inet_ntop(AF_INET, m->m_data + 16, daddr, sizeof(daddr));
	m_freem(m);
	return daddr;
}

static const char *input6(unsigned int dscp, const char *to, uint32_t flags)
{
	static char daddr[INET6_ADDRSTRLEN];
	uint8_t bytes[48] = { 0x60 | (uint8_t)(dscp >> 2),
			      (uint8_t)(dscp << 6), [5] = 8, 17, 64 };
	struct mbuf *m;

	inet_pton(AF_INET6, to, bytes + 24);
	m = kernel_packet(kernel_mbuf(bytes, sizeof(bytes), CLUSTER), NULL);
	m->m_flags |= flags;
	m = kernel_input(PFIL_TYPE_IP6, m);
	if (!m)
		return "(dropped)";
	inet_ntop(AF_INET6, m->m_data + 24, daddr, sizeof(daddr));
	m_freem(m);
	return daddr;
}

static void goes(const char *found, const char *to, const char *what)
{
	if (strcmp(found, to) != 0)
		kernel_fail("%s: goes to %s, expected %s", what, found, to);
}

static void test_for_one_address(void)
{
	kernel_kldload();
	set(IP "7", "10.1.1.1@10.2.2.1 10.1.1.2@10.2.2.2");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.1", "the first RIP");
	goes(input4(7, "10.2.2.2", 0), "10.1.1.2", "the second RIP");
	goes(input4(7, "10.2.2.3", 0), "10.2.2.3", "no RIP");
	goes(input4(8, "10.2.2.1", 0), "10.2.2.1", "another DSCP");
	goes(input4(0, "10.2.2.1", 0), "10.2.2.1", "no DSCP");
	set(IP "7", "10.1.1.3 10.1.1.1@10.2.2.1");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.1", "the RIP");
	goes(input4(7, "10.2.2.3", 0), "10.1.1.3", "any other");
	set(IP6 "7", "2001:db8::3 2001:db8::1@2001:db8:2::1");
	goes(input6(7, "2001:db8:2::1", 0), "2001:db8::1", "the RIP");
	goes(input6(7, "2001:db8:2::2", 0), "2001:db8::3", "any other");
	set(IP6 "63", "2001:db8::63");
	goes(input6(63, "2001:db8:2::2", 0), "2001:db8::63", "DSCP 63");
	kernel_kldunload(1);
}

static void test_leaves_groups_alone(void)
{
	kernel_kldload();
	set(IP "48", "10.1.1.1");
	set(IP6 "48", "2001:db8::1");
	goes(input4(48, "224.0.0.5", 0), "224.0.0.5", "a group");
	goes(input4(48, "239.255.255.255", 0), "239.255.255.255", "a group");
	goes(input4(48, "255.255.255.255", 0), "255.255.255.255", "all");
	goes(input4(48, "10.2.2.255", M_BCAST), "10.2.2.255", "a subnet");
	goes(input4(48, "10.2.2.1", M_MCAST), "10.2.2.1", "a link's group");
	goes(input4(48, "223.255.255.255", 0), "10.1.1.1", "the last unicast");
	goes(input4(48, "240.0.0.1", 0), "10.1.1.1", "class E");
	goes(input6(48, "ff02::5", 0), "ff02::5", "a group");
	goes(input6(48, "2001:db8::9", M_MCAST), "2001:db8::9", "a link's group");
	goes(input6(48, "fe80::9", 0), "2001:db8::1", "a link's address");
	expect(IP "stats", "ipv4 48 * 10.1.1.1 2 56\n");
	expect(IP6 "stats", "ipv6 48 * 2001:db8::1 1 48\n");
	kernel_kldunload(1);
}

/* What has the VIP already is neither changed nor counted; a VIP that stays
 * keeps its counters, another begins at 0.
 */
static void test_counts(void)
{
	kernel_kldload();
	set(IP "7", "10.1.1.1");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.1", "a packet");
	goes(input4(7, "10.1.1.1", 0), "10.1.1.1", "to its VIP");
	expect(IP "stats", "ipv4 7 * 10.1.1.1 1 28\n");
	set(IP "7", "10.1.1.2@10.2.2.9 10.1.1.1");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.1", "another packet");
	expect(IP "stats", "ipv4 7 * 10.1.1.1 2 56\n"
			     "ipv4 7 10.2.2.9 10.1.1.2 0 0\n");
	set(IP "1", "10.1.1.1");
	set(IP "7", "10.1.1.1@10.2.2.1");
	expect(IP "stats", "ipv4 1 * 10.1.1.1 0 0\n"
			     "ipv4 7 10.2.2.1 10.1.1.1 0 0\n");
	set(IP "1", "");
	set(IP "7", "");
	expect(IP "stats", "");
	kernel_kldunload(1);
}

static void hooks(enum pfil_types type, const char *expected, const char *when)
{
	if (strcmp(kernel_hooks(type), expected) != 0)
		kernel_fail("%s: the hooks are \"%s\", expected \"%s\"", when,
			    kernel_hooks(type), expected);
}

/* Without entries packets do not pay; a write to enabled is first again. */
static void test_hooks_only_where_it_has_work(void)
{
	unsigned int called;

	kernel_kldload();
	hooks(PFIL_TYPE_IP4, "", "at first");
	set(IP "7", "10.1.1.1");
	set(IP "8", "10.1.1.1");
	hooks(PFIL_TYPE_IP4, "dscp_rewrite", "with entries");
	hooks(PFIL_TYPE_IP6, "", "of the other family");
	kernel_firewall(PFIL_TYPE_IP4);
	hooks(PFIL_TYPE_IP4, "firewall dscp_rewrite", "a firewall comes");
	set(IP "enabled", "1");
	hooks(PFIL_TYPE_IP4, "dscp_rewrite firewall", "enabled again");
	kernel_firewall(PFIL_TYPE_IP4);
	set(IP "enabled", "1");
	hooks(PFIL_TYPE_IP4, "dscp_rewrite firewall firewall", "and again");
	kernel_link_error = 12;
	kernel_firewall(PFIL_TYPE_IP4);
	if (kernel_sysctl_set(IP "enabled", "1") != 12)
		kernel_fail("it is not said that it is not first");
	hooks(PFIL_TYPE_IP4, "firewall dscp_rewrite firewall firewall",
	      "when it cannot be first");
	kernel_link_error = 0;
	set(IP "enabled", "0");
	hooks(PFIL_TYPE_IP4, "firewall firewall firewall", "while it is off");
	set(IP "9", "10.1.1.1");
	goes(input4(9, "10.2.2.1", 0), "10.2.2.1", "while it is off");
	expect(IP "9", "10.1.1.1");
	kernel_link_error = 12;
	if (kernel_sysctl_set(IP "enabled", "1") != 12)
		kernel_fail("it is not said that it stays off");
	expect(IP "enabled", "0");
	kernel_link_error = 0;
	set(IP "enabled", "1");
	called = kernel_hooks_called();
	goes(input4(9, "10.2.2.1", 0), "10.1.1.1", "while it is on");
	if (kernel_hooks_called() != called + 1)
		kernel_fail("a packet meets two hooks");
	set(IP "7", "");
	set(IP "8", "");
	hooks(PFIL_TYPE_IP4, "dscp_rewrite firewall firewall firewall",
	      "with one entry");
	set(IP "9", "0.0.0.0");
	hooks(PFIL_TYPE_IP4, "firewall firewall firewall", "without entries");
	/* no hook, no value */
	kernel_link_error = 12;
	if (kernel_sysctl_set(IP "7", "10.1.1.1") != 12)
		kernel_fail("it is not said that there is no hook");
	expect(IP "7", "0.0.0.0");
	kernel_link_error = 0;
	if (kernel_kldunload(0))
		kernel_fail("a value that was not set holds the module");
}

/* A VNET of a jail has its own values; who has some holds the module. */
static void test_vnets(void)
{
	kernel_kldload();
	kernel_vnet_create(1);
	set(IP "7", "10.1.1.1");
	curvnet = 1;
	expect(IP "7", "0.0.0.0");
	goes(input4(7, "10.2.2.1", 0), "10.2.2.1", "the jail's packet");
	set(IP "7", "10.1.1.7");
	set(IP6 "7", "2001:db8::7");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.7", "the jail's packet");
	kernel_said[0] = '\0';
	kernel_sysctl_set(IP "8", "224.0.0.1");
	if (!strstr(kernel_said, "dscp_rewrite: jail 1: net.inet.ip.dscp_rewrite.8: the VIP may not be"))
		kernel_fail("the jail's log: %s", kernel_said);
	kernel_sysctl_set(IP "8", "224.0.0.1");
	kernel_said[0] = '\0';
	kernel_sysctl_set(IP "8", "224.0.0.1");
	if (kernel_said[0])
		kernel_fail("a jail fills the log: %s", kernel_said);
	curvnet = 0;
	expect(IP "7", "10.1.1.1");
	goes(input4(7, "10.2.2.1", 0), "10.1.1.1", "the host's packet");
	set(IP "7", "");
	if (kernel_kldunload(0) != EBUSY)
		kernel_fail("goes, and a jail has entries");
	kernel_vnet_destroy(1);
	if (kernel_kldunload(0))
		kernel_fail("stays, and nobody has entries");
}

/* Without mercy it goes, too, and takes all along. */
static void test_forced_unloading(void)
{
	kernel_kldload();
	kernel_vnet_create(2);
	set(IP "7", "10.1.1.1 10.1.1.2@10.2.2.2");
	curvnet = 2;
	set(IP6 "7", "2001:db8::1");
	set(IP "63", "10.1.1.1");
	curvnet = 0;
	if (kernel_kldunload(0) != EBUSY)
		kernel_fail("goes with entries");
	expect(IP "7", "10.1.1.1 10.1.1.2@10.2.2.2");
	if (kernel_kldunload(1))
		kernel_fail("stays");
}

void test_values(void)
{
	static void (*const tests[])(void) = {
		test_reads_back,
		test_refuses,
		test_most_that_fits,
		test_for_one_address,
		test_leaves_groups_alone,
		test_counts,
		test_hooks_only_where_it_has_work,
		test_vnets,
		test_forced_unloading,
	};
	unsigned int i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		tests[i]();
		kernel_expect_nothing_left();
	}
}
