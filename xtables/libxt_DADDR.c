// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iptables and ip6tables plugin of the DADDR target.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <xtables.h>

#include "daddr_address.h"
#include "xt_DADDR.h"

enum {
	O_SET_DADDR = 0,
};

static void daddr_tg_help(void)
{
	printf(
"DADDR target options:\n"
"  --set-daddr address    Set the destination address of the packet to address\n"
"                         (numeric; no name is looked up)\n");
}

static const struct xt_option_entry daddr_tg_opts[] = {
	{.name = "set-daddr", .id = O_SET_DADDR, .type = XTTYPE_STRING,
	 .flags = XTOPT_MAND},
	XTOPT_TABLEEND,
};

/*
 * XTTYPE_HOST would ask the DNS for whatever is not an address: a rule that
 * loads only while the DNS answers, and then with whatever it says.
 */
static void daddr_parse_address(const char *arg, int family,
				union nf_inet_addr *addr)
{
	int ipv6 = family == AF_INET6;
	int other = ipv6 ? AF_INET : AF_INET6;
	union nf_inet_addr unused;
	const char *refused;

	if (inet_pton(other, arg, &unused) == 1)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-daddr: found the %s address \"%s\", expected an %s one: %s sets those",
			ipv6 ? "IPv4" : "IPv6", arg, ipv6 ? "IPv6" : "IPv4",
			ipv6 ? "iptables" : "ip6tables");
	if (inet_pton(family, arg, addr) != 1)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-daddr: found \"%s\", expected a numeric %s address such as %s",
			arg, ipv6 ? "IPv6" : "IPv4",
			ipv6 ? "2001:db8::46" : "10.128.8.46");
	refused = ipv6 ? daddr_refuse6(addr) : daddr_refuse4(addr);
	if (refused)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-daddr: \"%s\" is %s, expected the address of a host",
			arg, refused);
}

static void daddr_parse(struct xt_option_call *cb, int family)
{
	struct xt_daddr_info *info = cb->data;

	xtables_option_parse(cb);
	if (cb->entry->id == O_SET_DADDR)
		daddr_parse_address(cb->arg, family, &info->daddr);
}

static void daddr_tg4_parse(struct xt_option_call *cb)
{
	daddr_parse(cb, AF_INET);
}

static void daddr_tg6_parse(struct xt_option_call *cb)
{
	daddr_parse(cb, AF_INET6);
}

static const char *daddr_tg4_address(const struct xt_entry_target *target)
{
	const struct xt_daddr_info *info = (const void *)target->data;

	return xtables_ipaddr_to_numeric(&info->daddr.in);
}

static const char *daddr_tg6_address(const struct xt_entry_target *target)
{
	const struct xt_daddr_info *info = (const void *)target->data;

	return xtables_ip6addr_to_numeric(&info->daddr.in6);
}

/* Numeric with and without -n: a VIP's name would hide which VIP it is. */
static void daddr_tg4_print(const void *ip,
			    const struct xt_entry_target *target, int numeric)
{
	printf(" DADDR set %s", daddr_tg4_address(target));
}

static void daddr_tg6_print(const void *ip,
			    const struct xt_entry_target *target, int numeric)
{
	printf(" DADDR set %s", daddr_tg6_address(target));
}

static void daddr_tg4_save(const void *ip,
			   const struct xt_entry_target *target)
{
	printf(" --set-daddr %s", daddr_tg4_address(target));
}

static void daddr_tg6_save(const void *ip,
			   const struct xt_entry_target *target)
{
	printf(" --set-daddr %s", daddr_tg6_address(target));
}

static int daddr_tg4_xlate(struct xt_xlate *xl,
			   const struct xt_xlate_tg_params *params)
{
	xt_xlate_add(xl, "ip daddr set %s", daddr_tg4_address(params->target));
	return 1;
}

static int daddr_tg6_xlate(struct xt_xlate *xl,
			   const struct xt_xlate_tg_params *params)
{
	xt_xlate_add(xl, "ip6 daddr set %s", daddr_tg6_address(params->target));
	return 1;
}

static struct xtables_target daddr_tg_reg[] = {
	{
		.version = XTABLES_VERSION,
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV4,
		.size = XT_ALIGN(sizeof(struct xt_daddr_info)),
		.userspacesize = XT_ALIGN(sizeof(struct xt_daddr_info)),
		.help = daddr_tg_help,
		.print = daddr_tg4_print,
		.save = daddr_tg4_save,
		.x6_parse = daddr_tg4_parse,
		.x6_options = daddr_tg_opts,
		.xlate = daddr_tg4_xlate,
	},
	{
		.version = XTABLES_VERSION,
		.name = "DADDR",
		.revision = 0,
		.family = NFPROTO_IPV6,
		.size = XT_ALIGN(sizeof(struct xt_daddr_info)),
		.userspacesize = XT_ALIGN(sizeof(struct xt_daddr_info)),
		.help = daddr_tg_help,
		.print = daddr_tg6_print,
		.save = daddr_tg6_save,
		.x6_parse = daddr_tg6_parse,
		.x6_options = daddr_tg_opts,
		.xlate = daddr_tg6_xlate,
	},
};

/* Not _init: iptables 1.8.9 and later hide that from their extensions. */
static void __attribute__((constructor)) daddr_tg_register(void)
{
	xtables_register_targets(daddr_tg_reg,
				 sizeof(daddr_tg_reg) / sizeof(*daddr_tg_reg));
}
