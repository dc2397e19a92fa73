// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iptables and ip6tables plugin of the DADDR target.
 *
 * libxtables takes the newest revision that both the kernel and this know.
 * Everything is printed from the layout of revision 1: rules of revision 0,
 * which an older plugin may have left in the kernel, are brought into it.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <xtables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "daddr_address.h"
#include "daddr_dscp.h"
#include "xt_DADDR.h"

enum {
	O_SET_DADDR = 0,
	O_SET_DPORT,
	O_DSCP_MAP,
	F_SET_DADDR = 1 << O_SET_DADDR,
	F_SET_DPORT = 1 << O_SET_DPORT,
	F_DSCP_MAP = 1 << O_DSCP_MAP,
};

/*
 * What is saved is restored: iptables-restore takes arguments of up to 1023
 * bytes, in which so many entries of the longest IPv6 addresses fit.
 */
#define DADDR_ENTRIES_PER_OPTION 16

static void daddr_tg_help(void)
{
	printf(
"DADDR target options, one of:\n"
"  --set-daddr address    Set the destination address of the packet to address\n"
"                         (numeric; no name is looked up)\n"
"    [--set-dport port]   ... and its destination port to port; for -p tcp, udp,\n"
"                         udplite and dccp\n"
"  --dscp-map dscp=address[,dscp=address]...\n"
"                         Set it to the address of the packet's DSCP, if that has\n"
"                         one (1-63, 0x hex or a class such as EF); may be given\n"
"                         several times. Counters are in /proc/net/xt_DADDR\n");
}

static const struct xt_option_entry daddr_tg_opts[] = {
	{.name = "set-daddr", .id = O_SET_DADDR, .type = XTTYPE_STRING,
	 .excl = F_DSCP_MAP},
	{.name = "set-dport", .id = O_SET_DPORT, .type = XTTYPE_STRING,
	 .excl = F_DSCP_MAP, .also = F_SET_DADDR},
	{.name = "dscp-map", .id = O_DSCP_MAP, .type = XTTYPE_STRING,
	 .flags = XTOPT_MULTI},
	XTOPT_TABLEEND,
};

/* The same names: what revision 0 cannot do is refused with the reason. */
static const struct xt_option_entry daddr_tg_opts_v0[] = {
	{.name = "set-daddr", .id = O_SET_DADDR, .type = XTTYPE_STRING,
	 .flags = XTOPT_MAND},
	{.name = "set-dport", .id = O_SET_DPORT, .type = XTTYPE_STRING},
	{.name = "dscp-map", .id = O_DSCP_MAP, .type = XTTYPE_STRING,
	 .flags = XTOPT_MULTI},
	XTOPT_TABLEEND,
};

/* What is known of the rule only when all of it has been read. */
struct daddr_udata {
	const void *entry;	/* struct ipt_entry or ip6t_entry */
	const char *dport;
};

/*
 * XTTYPE_HOST would ask the DNS for whatever is not an address: a rule that
 * loads only while the DNS answers, and then with whatever it says.
 *
 * @where: what the messages begin with
 */
static void daddr_parse_address(const char *where, const char *arg, int family,
				union nf_inet_addr *addr)
{
	int ipv6 = family == AF_INET6;
	int other = ipv6 ? AF_INET : AF_INET6;
	union nf_inet_addr unused;
	const char *refused;

	if (inet_pton(other, arg, &unused) == 1)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: found the %s address \"%s\", expected an %s one: %s sets those",
			where, ipv6 ? "IPv4" : "IPv6", arg,
			ipv6 ? "IPv6" : "IPv4",
			ipv6 ? "iptables" : "ip6tables");
	if (inet_pton(family, arg, addr) != 1)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: found \"%s\", expected a numeric %s address such as %s",
			where, arg, ipv6 ? "IPv6" : "IPv4",
			ipv6 ? "2001:db8::46" : "10.128.8.46");
	refused = ipv6 ? daddr_refuse6(addr) : daddr_refuse4(addr);
	if (refused)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: \"%s\" is %s, expected the address of a host",
			where, arg, refused);
}

static const char *daddr_numeric(const union nf_inet_addr *addr, int family)
{
	return family == AF_INET6 ? xtables_ip6addr_to_numeric(&addr->in6) :
		xtables_ipaddr_to_numeric(&addr->in);
}

/* One entry of a map, DSCP=ADDRESS, which this takes apart. */
static void daddr_parse_entry(char *entry, int family,
			      struct xt_daddr_info_v1 *info)
{
	char *equals = strchr(entry, '=');
	union nf_inet_addr *addr;
	unsigned int dscp;
	char where[128];

	if (!equals)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --dscp-map: found \"%s\", expected DSCP=ADDRESS such as 7=%s",
			entry, family == AF_INET6 ? "2001:db8::46" : "10.128.8.46");
	snprintf(where, sizeof(where), "--dscp-map: \"%s\"", entry);
	*equals = '\0';
	if (!daddr_dscp_parse(entry, &dscp))
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: found the DSCP \"%s\", expected 1 to 63, 0x1 to 0x3f, or a class such as EF",
			where, entry);
	if (!dscp)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: DSCP 0 is unmarked traffic, expected 1 to 63",
			where);
	addr = &info->daddr[dscp];
	if (info->mapped >> dscp & 1)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: %s: DSCP %u is mapped already, to %s",
			where, dscp, daddr_numeric(addr, family));
	daddr_parse_address(where, equals + 1, family, addr);
	info->mapped |= UINT64_C(1) << dscp;
}

static void daddr_parse_map(const char *arg, int family,
			    struct xt_daddr_info_v1 *info)
{
	size_t length = strlen(arg) + 1;
	char *copy = xtables_malloc(length);
	char *rest = memcpy(copy, arg, length);
	char *entry;

	while ((entry = strsep(&rest, ",")))
		daddr_parse_entry(entry, family, info);
	free(copy);
}

static void daddr_parse(struct xt_option_call *cb, int family)
{
	struct xt_daddr_info_v1 *info = cb->data;
	struct daddr_udata *udata = cb->udata;

	xtables_option_parse(cb);
	switch (cb->entry->id) {
	case O_SET_DADDR:
		daddr_parse_address("--set-daddr", cb->arg, family,
				    &info->daddr[0]);
		break;
	case O_SET_DPORT:
		/* "-p" may come later; daddr_tg_fcheck() looks again */
		udata->entry = cb->xt_entry;
		udata->dport = cb->arg;
		break;
	case O_DSCP_MAP:
		daddr_parse_map(cb->arg, family, info);
		break;
	}
}

static void daddr_tg4_parse(struct xt_option_call *cb)
{
	daddr_parse(cb, AF_INET);
}

static void daddr_tg6_parse(struct xt_option_call *cb)
{
	daddr_parse(cb, AF_INET6);
}

static void daddr_parse_v0(struct xt_option_call *cb, int family)
{
	struct xt_daddr_info *info = cb->data;

	xtables_option_parse(cb);
	if (cb->entry->id != O_SET_DADDR)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --%s: needs revision 1 of xt_DADDR, the kernel module: it is not there, or an older one that knows only --set-daddr",
			cb->entry->name);
	daddr_parse_address("--set-daddr", cb->arg, family, &info->daddr);
}

static void daddr_tg4_parse_v0(struct xt_option_call *cb)
{
	daddr_parse_v0(cb, AF_INET);
}

static void daddr_tg6_parse_v0(struct xt_option_call *cb)
{
	daddr_parse_v0(cb, AF_INET6);
}

/*
 * The protocol of a rule, or 0 when it is for several.
 *
 * @ip: struct ipt_ip or ip6t_ip6, with which struct ipt_entry and ip6t_entry
 * begin
 */
static unsigned int daddr_rule_protocol(const void *ip, int family)
{
	const struct ip6t_ip6 *ipv6 = ip;
	const struct ipt_ip *ipv4 = ip;

	if (family == AF_INET6)
		return ipv6->invflags & XT_INV_PROTO ? 0 : ipv6->proto;
	return ipv4->invflags & XT_INV_PROTO ? 0 : ipv4->proto;
}

/* The name of a protocol that has ports where the target looks for them. */
static const char *daddr_port_protocol(unsigned int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP: return "tcp";
	case IPPROTO_UDP: return "udp";
	case IPPROTO_UDPLITE: return "udplite";
	case IPPROTO_DCCP: return "dccp";
	}
	return NULL;
}

static __be16 daddr_parse_port(const char *arg, unsigned int protocol)
{
	const char *name = daddr_port_protocol(protocol);
	unsigned int port;
	int service;

	if (!protocol)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-dport: the rule must have -p tcp, udp, udplite or dccp");
	if (!name)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-dport: protocol %u has no ports: use -p tcp, udp, udplite or dccp",
			protocol);
	if (xtables_strtoui(arg, NULL, &port, 1, UINT16_MAX))
		return htons(port);
	service = xtables_service_to_port(arg, name);
	if (service <= 0)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-dport: found \"%s\", expected a port from 1 to 65535 or a service of %s",
			arg, name);
	return htons(service);
}

static void daddr_fcheck(struct xt_fcheck_call *cb, int family)
{
	const struct daddr_udata *udata = cb->udata;
	struct xt_daddr_info_v1 *info = cb->data;

	if (!cb->xflags)
		xtables_error(PARAMETER_PROBLEM,
			"DADDR: --set-daddr or --dscp-map is missing");
	/* the table of the options refuses a port without an address */
	if ((cb->xflags & (F_SET_DADDR | F_SET_DPORT)) ==
	    (F_SET_DADDR | F_SET_DPORT))
		info->dport = daddr_parse_port(udata->dport,
			daddr_rule_protocol(udata->entry, family));
}

static void daddr_tg4_fcheck(struct xt_fcheck_call *cb)
{
	daddr_fcheck(cb, AF_INET);
}

static void daddr_tg6_fcheck(struct xt_fcheck_call *cb)
{
	daddr_fcheck(cb, AF_INET6);
}

/*
 * The rule of a target in the layout of revision 1, or NULL when it is of a
 * revision to come. iptables-nft hands rules of any revision to the functions
 * of the newest, and 1.8.11 does not say which: the size does.
 */
static const struct xt_daddr_info_v1 *
daddr_info(const struct xt_entry_target *target,
	   struct xt_daddr_info_v1 *buffer)
{
	const struct xt_daddr_info *v0 = (const void *)target->data;

	switch (target->u.target_size - XT_ALIGN(sizeof(*target))) {
	case XT_ALIGN(sizeof(*v0)):
		memset(buffer, 0, sizeof(*buffer));
		buffer->daddr[0] = v0->daddr;
		return buffer;
	case XT_ALIGN(sizeof(*buffer)):
		return (const void *)target->data;
	}
	return NULL;
}

static void daddr_print_map(const struct xt_daddr_info_v1 *info, int family,
			    const char *option, unsigned int per_option)
{
	unsigned int count = 0, dscp;

	for (dscp = 1; dscp < XT_DADDR_DSCPS; dscp++) {
		if (!(info->mapped >> dscp & 1))
			continue;
		if (count++ % per_option)
			printf(",");
		else
			printf(" %s ", option);
		printf("%u=%s", dscp,
		       daddr_numeric(&info->daddr[dscp], family));
	}
}

/* Numeric with and without -n: a VIP's name would hide which VIP it is. */
static void daddr_print(const struct xt_entry_target *target, int family)
{
	struct xt_daddr_info_v1 buffer;
	const struct xt_daddr_info_v1 *info = daddr_info(target, &buffer);

	printf(" DADDR");
	if (!info) {
		printf(" [unsupported revision]");
	} else if (info->mapped) {
		daddr_print_map(info, family, "map", XT_DADDR_DSCPS);
	} else {
		printf(" set %s", daddr_numeric(&info->daddr[0], family));
		if (info->dport)
			printf(" dport %u", ntohs(info->dport));
	}
}

static void daddr_save(const struct xt_entry_target *target, int family)
{
	struct xt_daddr_info_v1 buffer;
	const struct xt_daddr_info_v1 *info = daddr_info(target, &buffer);

	if (!info) {
		printf(" [unsupported revision]");
	} else if (info->mapped) {
		daddr_print_map(info, family, "--dscp-map",
				DADDR_ENTRIES_PER_OPTION);
	} else {
		printf(" --set-daddr %s",
		       daddr_numeric(&info->daddr[0], family));
		if (info->dport)
			printf(" --set-dport %u", ntohs(info->dport));
	}
}

static void daddr_tg4_print(const void *ip,
			    const struct xt_entry_target *target, int numeric)
{
	daddr_print(target, AF_INET);
}

static void daddr_tg6_print(const void *ip,
			    const struct xt_entry_target *target, int numeric)
{
	daddr_print(target, AF_INET6);
}

static void daddr_tg4_save(const void *ip,
			   const struct xt_entry_target *target)
{
	daddr_save(target, AF_INET);
}

static void daddr_tg6_save(const void *ip,
			   const struct xt_entry_target *target)
{
	daddr_save(target, AF_INET6);
}

/* Translations came with iptables 1.6.1; RHEL 7 has 1.4.21. */
#if XTABLES_VERSION_CODE >= 12
#define DADDR_XLATE(function) .xlate = (function),

/*
 * A packet whose DSCP is not in the map does not match, and stays as it is.
 *
 * The key is the byte, or for IPv6 the first two, that the DSCP is in, with
 * all values of the bits around it: nft masks them off for "ip dscp map" only
 * up to 1.0.6, for named maps only from 1.0.8 on, and 1.1.3 loads a rule that
 * matches nothing. This is the same for every version, and when listed.
 *
 * libxtables cuts off what is longer than 1023 bytes in one call; and from
 * 1.8.8 on, it puts a space before what begins with a letter, digit or brace.
 */
static void daddr_xlate_map(struct xt_xlate *xl,
			    const struct xt_daddr_info_v1 *info, int family)
{
	unsigned int dscp, shift = family == AF_INET6 ? 6 : 2;
	unsigned int base = family == AF_INET6 ? 0x6000 : 0;
	const char *separator = " ";

	if (family == AF_INET6)
		xt_xlate_add(xl, "ip6 daddr set @nh,0,16 map {");
	else
		xt_xlate_add(xl, "ip daddr set @nh,8,8 map {");
	for (dscp = 1; dscp < XT_DADDR_DSCPS; dscp++) {
		if (!(info->mapped >> dscp & 1))
			continue;
		xt_xlate_add(xl, "%s0x%x-0x%x : %s", separator,
			     base + (dscp << shift),
			     base + (dscp << shift) + (1 << shift) - 1,
			     daddr_numeric(&info->daddr[dscp], family));
		separator = ", ";
	}
	xt_xlate_add(xl, " }");
}

/*
 * nftables keeps a UDP checksum of 0 when it sets an address, but not when it
 * sets a port: there, the 0 has to be put back.
 */
static int daddr_xlate_dport(struct xt_xlate *xl, const char *ip,
			     const char *daddr, unsigned int dport,
			     unsigned int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		xt_xlate_add(xl, "%s daddr set %s tcp dport set %u", ip, daddr,
			     dport);
		return 1;
	case IPPROTO_UDP:
		xt_xlate_add(xl, "%s daddr set %s jump { udp checksum 0 udp dport set %u udp checksum set 0 return; udp dport set %u; }",
			     ip, daddr, dport, dport);
		return 1;
	}
	return 0;
}

/*
 * nftables updates no DCCP checksum, and the one of UDP-Lite for an address
 * but not for a port: such rules are not translated, rather than into rules
 * that break every packet.
 */
static int daddr_xlate(struct xt_xlate *xl,
		       const struct xt_xlate_tg_params *params, int family)
{
	unsigned int protocol = daddr_rule_protocol(params->ip, family);
	const char *ip = family == AF_INET6 ? "ip6" : "ip";
	struct xt_daddr_info_v1 buffer;
	const struct xt_daddr_info_v1 *info =
		daddr_info(params->target, &buffer);
	const char *daddr;

	if (!info || protocol == IPPROTO_DCCP)
		return 0;
	if (info->mapped) {
		daddr_xlate_map(xl, info, family);
		return 1;
	}
	daddr = daddr_numeric(&info->daddr[0], family);
	if (info->dport)
		return daddr_xlate_dport(xl, ip, daddr, ntohs(info->dport),
					 protocol);
	xt_xlate_add(xl, "%s daddr set %s", ip, daddr);
	return 1;
}

static int daddr_tg4_xlate(struct xt_xlate *xl,
			   const struct xt_xlate_tg_params *params)
{
	return daddr_xlate(xl, params, AF_INET);
}

static int daddr_tg6_xlate(struct xt_xlate *xl,
			   const struct xt_xlate_tg_params *params)
{
	return daddr_xlate(xl, params, AF_INET6);
}
#else
#define DADDR_XLATE(function)
#endif

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
		.x6_parse = daddr_tg4_parse_v0,
		.x6_options = daddr_tg_opts_v0,
		DADDR_XLATE(daddr_tg4_xlate)
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
		.x6_parse = daddr_tg6_parse_v0,
		.x6_options = daddr_tg_opts_v0,
		DADDR_XLATE(daddr_tg6_xlate)
	},
	{
		.version = XTABLES_VERSION,
		.name = "DADDR",
		.revision = 1,
		.family = NFPROTO_IPV4,
		.size = XT_ALIGN(sizeof(struct xt_daddr_info_v1)),
		.userspacesize = offsetof(struct xt_daddr_info_v1, map),
		.help = daddr_tg_help,
		.print = daddr_tg4_print,
		.save = daddr_tg4_save,
		.x6_parse = daddr_tg4_parse,
		.x6_fcheck = daddr_tg4_fcheck,
		.x6_options = daddr_tg_opts,
		DADDR_XLATE(daddr_tg4_xlate)
		.udata_size = sizeof(struct daddr_udata),
	},
	{
		.version = XTABLES_VERSION,
		.name = "DADDR",
		.revision = 1,
		.family = NFPROTO_IPV6,
		.size = XT_ALIGN(sizeof(struct xt_daddr_info_v1)),
		.userspacesize = offsetof(struct xt_daddr_info_v1, map),
		.help = daddr_tg_help,
		.print = daddr_tg6_print,
		.save = daddr_tg6_save,
		.x6_parse = daddr_tg6_parse,
		.x6_fcheck = daddr_tg6_fcheck,
		.x6_options = daddr_tg_opts,
		DADDR_XLATE(daddr_tg6_xlate)
		.udata_size = sizeof(struct daddr_udata),
	},
};

/* Not _init: iptables 1.8.9 and later hide that from their extensions. */
static void __attribute__((constructor)) daddr_tg_register(void)
{
	xtables_register_targets(daddr_tg_reg,
				 sizeof(daddr_tg_reg) / sizeof(*daddr_tg_reg));
}
