// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/xt_words.hpp"

#include <netinet/in.h> // before the kernel's headers, which then leave out the same

#include <linux/netfilter/xt_DSCP.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <map>

#include "common/dscp.hpp"
#include "common/saved_rules.hpp"
#include "dsrctl/rules.hpp"
#include "xt_DADDR.h"

namespace dsr {

namespace {

using Words = std::vector<std::string>;

// None when it is too short for that; @least: what must be there.
template <typename Info>
std::optional<Info> info_of(const XtInfo &xt, std::size_t least = sizeof(Info))
{
	Info info{};

	if (xt.data.size() < least)
		return std::nullopt;
	std::memcpy(&info, xt.data.data(), std::min(sizeof(info), xt.data.size()));
	return info;
}

void put(Words &words, bool inverted, const std::string &option, const std::string &value)
{
	if (inverted)
		words.emplace_back("!");
	words.push_back(option);
	words.push_back(value);
}

Words dscp_words(const XtInfo &match, Family)
{
	const auto info = info_of<xt_dscp_info>(match);
	Words words{"-m", "dscp"};

	if (!info || match.revision)
		return {};
	put(words, info->invert, "--dscp", hex(info->dscp));
	return words;
}

Words tos_words(const XtInfo &match, Family)
{
	const auto info = info_of<xt_tos_match_info>(match);
	Words words{"-m", "tos"};

	if (!info || match.revision != 1)
		return {};
	put(words, info->invert, "--tos", hex(info->tos_value) + "/" + hex(info->tos_mask));
	return words;
}

Words comment_words(const XtInfo &match, Family)
{
	const std::size_t size = std::min<std::size_t>(match.data.size(), XT_MAX_COMMENT_LEN);
	const auto *text = reinterpret_cast<const char *>(match.data.data());

	return {"-m", "comment", "--comment",
		std::string(text, std::find(text, text + size, '\0'))};
}

std::string range_text(unsigned int first, unsigned int last)
{
	if (first == last)
		return std::to_string(first);
	return std::to_string(first) + ":" + std::to_string(last);
}

Words multiport_words(const XtInfo &match, Family)
{
	static const char *const OPTIONS[] = {"--sports", "--dports", "--ports"};
	const auto info = info_of<xt_multiport_v1>(match);
	Words words{"-m", "multiport"};
	std::string list;

	if (!info || match.revision != 1 || info->flags > XT_MULTIPORT_EITHER ||
	    info->count > XT_MULTI_PORTS)
		return {};
	for (unsigned int i = 0; i < info->count; i++) {
		const unsigned int first = info->ports[i];
		unsigned int last = first;

		if (info->pflags[i] && i + 1U < info->count)
			last = info->ports[++i];
		list += (list.empty() ? "" : ",") + range_text(first, last);
	}
	put(words, info->invert, OPTIONS[info->flags], list);
	return words;
}

void put_ports(Words &words, const std::uint16_t (&source)[2],
	       const std::uint16_t (&destination)[2], bool source_inverted,
	       bool destination_inverted)
{
	auto any = [](const std::uint16_t(&range)[2]) { return !range[0] && range[1] == 0xffff; };

	if (!any(source) || source_inverted)
		put(words, source_inverted, "--sport", range_text(source[0], source[1]));
	if (!any(destination) || destination_inverted)
		put(words, destination_inverted, "--dport",
		    range_text(destination[0], destination[1]));
}

Words tcp_words(const XtInfo &match, Family)
{
	const auto info = info_of<xt_tcp>(match);
	Words words{"-m", "tcp"};

	if (!info || match.revision)
		return {};
	put_ports(words, info->spts, info->dpts, info->invflags & XT_TCP_INV_SRCPT,
		  info->invflags & XT_TCP_INV_DSTPT);
	if (info->flg_mask)
		put(words, info->invflags & XT_TCP_INV_FLAGS, "--tcp-flags",
		    hex(info->flg_mask) + "/" + hex(info->flg_cmp));
	if (info->option)
		put(words, info->invflags & XT_TCP_INV_OPTION, "--tcp-option",
		    std::to_string(info->option));
	return words;
}

Words udp_words(const XtInfo &match, Family)
{
	const auto info = info_of<xt_udp>(match);
	Words words{"-m", match.name};

	if (!info || match.revision)
		return {};
	put_ports(words, info->spts, info->dpts, info->invflags & XT_UDP_INV_SRCPT,
		  info->invflags & XT_UDP_INV_DSTPT);
	return words;
}

Words dccp_words(const XtInfo &match, Family)
{
	constexpr unsigned int REST = XT_DCCP_TYPE | XT_DCCP_OPTION;
	static constexpr std::uint16_t ANY[2] = {0, 0xffff};
	const auto info = info_of<xt_dccp_info>(match);
	Words words{"-m", "dccp"};

	if (!info || match.revision || info->flags & REST)
		return {};
	put_ports(words, info->flags & XT_DCCP_SRC_PORTS ? info->spts : ANY,
		  info->flags & XT_DCCP_DEST_PORTS ? info->dpts : ANY,
		  info->invflags & XT_DCCP_SRC_PORTS, info->invflags & XT_DCCP_DEST_PORTS);
	return words;
}

std::string states_text(unsigned int mask)
{
	// XT_CONNTRACK_STATE_BIT(), as the kernel numbers them
	static const std::pair<unsigned int, const char *> STATES[] = {
		{XT_CONNTRACK_STATE_INVALID, "INVALID"},
		{XT_CONNTRACK_STATE_BIT(IP_CT_NEW), "NEW"},
		{XT_CONNTRACK_STATE_BIT(IP_CT_RELATED), "RELATED"},
		{XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED), "ESTABLISHED"},
		{XT_CONNTRACK_STATE_UNTRACKED, "UNTRACKED"},
		{XT_CONNTRACK_STATE_SNAT, "SNAT"},
		{XT_CONNTRACK_STATE_DNAT, "DNAT"}};
	std::string list;

	for (const auto &[bit, name] : STATES)
		if (mask & bit)
			list += (list.empty() ? "" : ",") + std::string(name);
	return list;
}

Words conntrack_words(const XtInfo &match, Family)
{
	// revision 2 is the beginning of 3
	const auto info = info_of<xt_conntrack_mtinfo3>(
		match, offsetof(xt_conntrack_mtinfo3, origsrc_port_high));
	Words words{"-m", "conntrack"};

	if (!info || match.revision < 2 || match.revision > 3)
		return {};
	if (info->match_flags != XT_CONNTRACK_STATE)
		return {};
	put(words, info->invert_flags & XT_CONNTRACK_STATE, "--ctstate",
	    states_text(info->state_mask));
	return words;
}

Words state_words(const XtInfo &match, Family)
{
	const auto info = info_of<xt_state_info>(match);

	if (!info || match.revision)
		return {};
	return {"-m", "state", "--state", states_text(info->statemask)};
}

Ip ip_of(const nf_inet_addr &address, Family family)
{
	Ip ip;

	ip.family = family;
	std::memcpy(ip.bytes.data(), &address, ip.size());
	return ip;
}

Words daddr0_words(const XtInfo &target, Family family)
{
	const auto info = info_of<xt_daddr_info>(target);

	if (!info)
		return {};
	return {"-j", "DADDR", "--set-daddr", text(ip_of(info->daddr, family))};
}

Words daddr_words(const XtInfo &target, Family family)
{
	const auto info = info_of<xt_daddr_info_v1>(target);
	std::vector<Item> items;

	if (!target.revision)
		return daddr0_words(target, family);
	if (!info || target.revision != 1)
		return {};
	for (std::uint8_t dscp = 0; dscp < XT_DADDR_DSCPS; dscp++)
		if (info->mapped >> dscp & 1)
			items.push_back({dscp, ip_of(info->daddr[dscp], family)});
	if (!items.empty())
		return saved_words(rule_text(true, items)).value_or(Words());
	Words words{"-j", "DADDR", "--set-daddr", text(ip_of(info->daddr[0], family))};
	if (info->dport)
		put(words, false, "--set-dport", std::to_string(ntohs(info->dport)));
	return words;
}

Words set_dscp_words(const XtInfo &target, Family)
{
	const auto info = info_of<xt_DSCP_info>(target);

	if (!info || target.revision)
		return {};
	return {"-j", "DSCP", "--set-dscp", hex(info->dscp)};
}

Words set_tos_words(const XtInfo &target, Family)
{
	const auto info = info_of<xt_tos_target_info>(target);

	if (!info || target.revision != 1)
		return {};
	return {"-j", "TOS", "--set-tos", hex(info->tos_value) + "/" + hex(info->tos_mask)};
}

Words notrack_words(const XtInfo &target, Family)
{
	constexpr std::uint16_t NOTRACK = 1; // XT_CT_NOTRACK
	const auto flags = info_of<std::uint16_t>(target);

	if (!flags || !(*flags & NOTRACK))
		return {"-j", "CT"};
	return {"-j", "CT", "--notrack"};
}

// Of these, that they are there is all that matters.
Words name_only(const XtInfo &target, Family)
{
	return {"-j", target.name};
}

using Function = Words (*)(const XtInfo &, Family);
using Functions = std::map<std::string, Function>;

Words find(const Functions &functions, const XtInfo &xt, Family family)
{
	const auto found = functions.find(xt.name);

	return found == functions.end() ? Words() : found->second(xt, family);
}

} // namespace

Words match_words(const XtInfo &match, Family family)
{
	static const Functions MATCHES = {{"dscp", dscp_words},
					  {"tos", tos_words},
					  {"comment", comment_words},
					  {"multiport", multiport_words},
					  {"tcp", tcp_words},
					  {"dccp", dccp_words},
					  {"udp", udp_words},
					  {"udplite", udp_words},
					  {"conntrack", conntrack_words},
					  {"state", state_words}};

	return find(MATCHES, match, family);
}

Words target_words(const XtInfo &target, Family family)
{
	static const Functions TARGETS = {
		{"DADDR", daddr_words}, {"DSCP", set_dscp_words}, {"TOS", set_tos_words},
		{"CT", notrack_words},	{"NOTRACK", name_only},	  {"MASQUERADE", name_only},
		{"REJECT", name_only},	{"DNAT", name_only},	  {"REDIRECT", name_only},
		{"NETMAP", name_only},	{"SNAT", name_only},	  {"LOG", name_only},
		{"NFLOG", name_only},	{"MARK", name_only},	  {"CONNMARK", name_only},
		{"TCPMSS", name_only},	{"TRACE", name_only}};

	return find(TARGETS, target, family);
}

} // namespace dsr
