// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/guard/events.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "common/files.hpp"
#include "dsrctl/nftables.hpp"

namespace dsr {

namespace {

// Routes of all tables change thousands of times a second where a routing protocol
// sets them: only what goes from the table local wakes anybody. A host's order
// of bytes is in the message, the network's is what the filter reads.
void only_local_routes(NetlinkSocket &socket)
{
	constexpr unsigned int TABLE = NLMSG_HDRLEN + offsetof(rtmsg, rtm_table);
	sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TABLE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_LOCAL, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	sock_fprog program{static_cast<unsigned short>(std::size(code)), code};

	if (setsockopt(socket.fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		fail("a filter of netlink", errno);
}

std::optional<Ip> address(const nlmsghdr *message, unsigned int header, unsigned char family,
			  std::uint16_t type)
{
	std::optional<Ip> found;

	if (family != AF_INET && family != AF_INET6)
		return found;
	each_attribute(message, header, [&](const nlattr *attribute) {
		Ip ip;

		ip.family = family == AF_INET ? Family::ip4 : Family::ip6;
		if (mnl_attr_get_type(attribute) != type ||
		    mnl_attr_get_payload_len(attribute) != ip.size())
			return;
		std::memcpy(ip.bytes.data(), mnl_attr_get_payload(attribute), ip.size());
		found = ip;
	});
	return found;
}

std::optional<Event> address_event(const nlmsghdr *message, const Interfaces &interfaces)
{
	const auto *header = static_cast<const ifaddrmsg *>(mnl_nlmsg_get_payload(message));

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    !interfaces.indices.contains(header->ifa_index))
		return std::nullopt;
	auto ip = address(message, sizeof(*header), header->ifa_family, IFA_LOCAL);
	if (!ip) // of IPv6
		ip = address(message, sizeof(*header), header->ifa_family, IFA_ADDRESS);
	if (message->nlmsg_type == RTM_NEWADDR)
		return Event{Event::Kind::address_there, ip, ""};
	return Event{Event::Kind::address_gone, ip, process_text(message->nlmsg_pid)};
}

std::optional<Event> link_event(const nlmsghdr *message, const Interfaces &interfaces)
{
	const auto *header = static_cast<const ifinfomsg *>(mnl_nlmsg_get_payload(message));
	bool concerns = false;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header))
		return std::nullopt;
	concerns = interfaces.indices.contains(static_cast<unsigned int>(header->ifi_index));
	each_attribute(message, sizeof(*header), [&](const nlattr *attribute) {
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
		    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
			concerns |= interfaces.names.contains(mnl_attr_get_str(attribute));
	});
	return concerns ? std::optional(Event{}) : std::nullopt;
}

std::optional<Event> route_event(const nlmsghdr *message)
{
	const auto *header = static_cast<const rtmsg *>(mnl_nlmsg_get_payload(message));

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    header->rtm_table != RT_TABLE_LOCAL || header->rtm_type != RTN_LOCAL)
		return std::nullopt;
	return Event{Event::Kind::route_gone,
		     address(message, sizeof(*header), header->rtm_family, RTA_DST),
		     process_text(message->nlmsg_pid)};
}

// Those that ours can be in.
bool is_ours(const std::string &table, unsigned char family)
{
	if (family == NFPROTO_INET)
		return table == nft::TABLE;
	return table == name(Table::raw) || table == name(Table::mangle);
}

} // namespace

std::string process_text(std::uint32_t port)
{
	if (!port)
		return "";
	std::string name = read_file_if_any("/proc/" + std::to_string(port) + "/comm");
	if (name.ends_with('\n'))
		name.pop_back();
	return "process " + std::to_string(port) + (name.empty() ? "" : " (" + name + ")");
}

std::optional<Event> parse_event(const nlmsghdr *message, const Interfaces &interfaces)
{
	switch (message->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address_event(message, interfaces);
	case RTM_DELROUTE:
		return route_event(message);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_event(message, interfaces);
	default:
		return std::nullopt;
	}
}

std::optional<Event> RuleEvents::take(const nlmsghdr *message)
{
	const auto *header = static_cast<const nfgenmsg *>(mnl_nlmsg_get_payload(message));
	Event event{Event::Kind::rules_changed, std::nullopt, ""};
	std::string name;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*header) ||
	    message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return std::nullopt;
	switch (message->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE: // which may be a dormant one
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
		// the first attribute of each is the name of the table
		each_attribute(message, sizeof(*header), [&](const nlattr *one) {
			if (mnl_attr_get_type(one) == NFTA_TABLE_NAME &&
			    mnl_attr_validate(one, MNL_TYPE_NUL_STRING) >= 0)
				name = mnl_attr_get_str(one);
		});
		changed_ = changed_ || is_ours(name, header->nfgen_family);
		return std::nullopt;
	case NFT_MSG_NEWGEN:
		if (!std::exchange(changed_, false))
			return std::nullopt;
		break;
	default:
		return std::nullopt;
	}
	std::uint32_t process = message->nlmsg_pid;
	each_attribute(message, sizeof(*header), [&](const nlattr *one) {
		if (mnl_attr_get_type(one) == NFTA_GEN_PROC_PID &&
		    mnl_attr_validate(one, MNL_TYPE_U32) >= 0)
			process = ntohl(mnl_attr_get_u32(one));
		if (mnl_attr_get_type(one) == NFTA_GEN_PROC_NAME &&
		    mnl_attr_validate(one, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(one);
	});
	event.who = process_text(process);
	// it may be gone by now, but the kernel has its name
	if (!event.who.ends_with(')') && !name.empty() && !event.who.empty())
		event.who += " (" + name + ")";
	return event;
}

Events::Events() : route_(NETLINK_ROUTE)
{
	only_local_routes(route_);
	route_.subscribe({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
			  RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE});
}

void Events::listen_to_rules(bool listen)
{
	if (!listen)
		rules_.reset();
	if (!listen || rules_)
		return;
	rules_ = std::make_unique<NetlinkSocket>(NETLINK_NETFILTER);
	rules_->subscribe({NFNLGRP_NFTABLES});
	rule_events_ = {};
}

void Events::watch(const std::set<std::string> &names)
{
	interfaces_ = {names, {}};
	for (const std::string &name : names)
		if (unsigned int index = if_nametoindex(name.c_str()))
			interfaces_.indices.insert(index);
}

void Events::read_some(NetlinkSocket &socket, std::vector<Event> &events, bool rules)
{
	for (;;) {
		const char *data;
		int left = static_cast<int>(socket.receive_raw(data));

		// and when it was more than a buffer holds
		if (left < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			events.push_back({Event::Kind::lost, std::nullopt, ""});
			continue;
		}
		if (left < 0 && errno == EINTR)
			continue;
		if (left < 0 && errno == EAGAIN)
			return;
		if (left < 0)
			fail("what the kernel says of changes", errno);
		for (auto *message = reinterpret_cast<const nlmsghdr *>(data);
		     mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			auto event = rules ? rule_events_.take(message) :
					     parse_event(message, interfaces_);

			if (event)
				events.push_back(std::move(*event));
		}
	}
}

std::vector<Event> Events::read()
{
	std::vector<Event> events;

	read_some(route_, events, false);
	if (rules_)
		read_some(*rules_, events, true);
	return events;
}

} // namespace dsr
