// SPDX-License-Identifier: BSD-3-Clause
// What the kernel tells of interfaces, routes, sockets and switches.
#include <netinet/in.h> // before the kernel's headers, which then leave out the same
#include <netinet/tcp.h>

#include <linux/ethtool.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <sstream>

#include "common/descriptor.hpp"
#include "dsrctl/doctor/gather.hpp"
#include "dsrctl/netlink_socket.hpp"

namespace dsr::doctor {

namespace {

template <typename Header>
const Header *header_of(const nlmsghdr *message)
{
	return static_cast<const Header *>(mnl_nlmsg_get_payload(message));
}

// The interfaces that a route leaves by.
std::set<unsigned int> outputs(const nlmsghdr *message)
{
	std::set<unsigned int> indices;

	each_attribute(message, sizeof(rtmsg), [&](const nlattr *attribute) {
		if (mnl_attr_get_type(attribute) == RTA_OIF)
			indices.insert(mnl_attr_get_u32(attribute));
		if (mnl_attr_get_type(attribute) != RTA_MULTIPATH)
			return;
		auto *hop = static_cast<const rtnexthop *>(mnl_attr_get_payload(attribute));
		int left = mnl_attr_get_payload_len(attribute);
		while (left >= static_cast<int>(sizeof(*hop)) && hop->rtnh_len >= sizeof(*hop) &&
		       hop->rtnh_len <= left) {
			indices.insert(hop->rtnh_ifindex);
			left -= RTNH_ALIGN(hop->rtnh_len);
			hop = RTNH_NEXT(hop);
		}
	});
	return indices;
}

// The interfaces of the default routes.
std::set<unsigned int> default_routes(std::uint8_t family)
{
	std::set<unsigned int> indices;
	alignas(nlmsghdr) char buffer[256];
	rtmsg *request;
	nlmsghdr *message = put_dump(buffer, RTM_GETROUTE, request);

	request->rtm_family = family;
	const int failed = NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		const auto *route = header_of<rtmsg>(one);

		if (one->nlmsg_type == RTM_NEWROUTE && !route->rtm_dst_len &&
		    route->rtm_type == RTN_UNICAST)
			indices.merge(outputs(one));
	});
	if (failed)
		fail("reading the routes", errno);
	return indices;
}

bool ethtool_get(const Descriptor &socket, const std::string &name, std::uint32_t command)
{
	ethtool_value value{command, 0};
	ifreq request{};

	std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
	request.ifr_data = reinterpret_cast<char *>(&value);
	return !ioctl(socket.get(), SIOCETHTOOL, &request) && value.data;
}

void read_offloads(Link &link)
{
	const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	if (!socket)
		return;
	link.gro = ethtool_get(socket, link.name, ETHTOOL_GGRO);
	link.tso = ethtool_get(socket, link.name, ETHTOOL_GTSO);
	link.tx_checksum = ethtool_get(socket, link.name, ETHTOOL_GTXCSUM);
}

std::string link_name(const nlmsghdr *message)
{
	std::string name;

	each_attribute(message, sizeof(ifinfomsg), [&](const nlattr *attribute) {
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME)
			name = mnl_attr_get_str(attribute);
	});
	return name;
}

Listener listener_of(const nlmsghdr *message, int family, bool udp)
{
	const auto *socket = header_of<inet_diag_msg>(message);
	Listener listener;
	bool only6 = false;

	each_attribute(message, sizeof(*socket), [&](const nlattr *attribute) {
		if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY)
			only6 = mnl_attr_get_u8(attribute);
	});
	listener.ip.family = family == AF_INET ? Family::ip4 : Family::ip6;
	std::memcpy(listener.ip.bytes.data(), socket->id.idiag_src, listener.ip.size());
	listener.udp = udp;
	listener.port = ntohs(socket->id.idiag_sport);
	listener.both = family == AF_INET6 && !only6;
	return listener;
}

bool add_listeners(std::vector<Listener> &listeners, std::uint8_t family, bool udp)
{
	alignas(nlmsghdr) char buffer[256];
	inet_diag_req_v2 *request;
	nlmsghdr *message = put_dump(buffer, SOCK_DIAG_BY_FAMILY, request);

	request->sdiag_family = family;
	request->sdiag_protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
	// A socket of UDP that is not connected is in the state close.
	request->idiag_states = 1U << (udp ? TCP_CLOSE : TCP_LISTEN);
	return !NetlinkSocket(NETLINK_SOCK_DIAG).dump(message, [&](const nlmsghdr *one) {
		Listener listener = listener_of(one, family, udp);

		if (one->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    std::find(listeners.begin(), listeners.end(), listener) == listeners.end())
			listeners.push_back(listener);
	});
}

} // namespace

std::vector<Link> gather_links()
{
	const std::set<unsigned int> defaults4 = default_routes(AF_INET),
				     defaults6 = default_routes(AF_INET6);
	std::vector<Link> links;
	alignas(nlmsghdr) char buffer[256];
	ifinfomsg *request;
	nlmsghdr *message = put_dump(buffer, RTM_GETLINK, request);

	int failed = NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		const auto *info = header_of<ifinfomsg>(one);
		Link link;

		if (one->nlmsg_type != RTM_NEWLINK)
			return;
		link.name = link_name(one);
		link.index = static_cast<std::uint32_t>(info->ifi_index);
		link.up = info->ifi_flags & IFF_UP;
		link.arp = !(info->ifi_flags & IFF_NOARP);
		link.loopback = info->ifi_flags & IFF_LOOPBACK;
		link.default4 = defaults4.contains(info->ifi_index);
		link.default6 = defaults6.contains(info->ifi_index);
		read_offloads(link);
		links.push_back(std::move(link));
	});
	if (failed)
		throw Error(std::string("reading the interfaces: ") + std::strerror(errno));
	return links;
}

std::optional<std::vector<Listener>> gather_listeners()
{
	std::vector<Listener> listeners;

	for (std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}})
		for (bool udp : {false, true})
			if (!add_listeners(listeners, family, udp))
				return std::nullopt;
	return listeners;
}

unsigned long netstat_counter(const std::string &text, const std::string &name)
{
	std::istringstream lines(text);
	std::string names, values;

	// A line of names, and below it one of values.
	while (std::getline(lines, names) && std::getline(lines, values)) {
		std::istringstream name_words(names), value_words(values);
		std::string one, value;

		while (name_words >> one && value_words >> value)
			if (one == name)
				return std::strtoul(value.c_str(), nullptr, 10);
	}
	return 0;
}

void gather_switches(const Root &root, Facts &facts)
{
	const std::string conf = "/proc/sys/net/ipv4/conf/";
	auto effective = [&](const Link &link, const std::string &name) {
		return static_cast<int>(std::max(root.number(conf + "all/" + name),
						 root.number(conf + link.name + "/" + name)));
	};

	for (Link &link : facts.links) {
		link.rp_filter = effective(link, "rp_filter");
		link.arp_ignore = effective(link, "arp_ignore");
		link.arp_announce = effective(link, "arp_announce");
	}
	facts.dropped_by_rp_filter = netstat_counter(root.read("/proc/net/netstat"),
						     "IPReversePathFilter");
	facts.tcp_reflect_tos = root.number("/proc/sys/net/ipv4/tcp_reflect_tos");
	if (root.exists("/proc/sys/net/ipv4/tcp_mtu_probing"))
		facts.tcp_mtu_probing = static_cast<int>(
			root.number("/proc/sys/net/ipv4/tcp_mtu_probing"));
	facts.tracked = root.number("/proc/sys/net/netfilter/nf_conntrack_count");
	facts.forwards[index(Family::ip4)] = root.number("/proc/sys/net/ipv4/ip_forward");
	facts.forwards[index(Family::ip6)] = root.number("/proc/sys/net/ipv6/conf/all/forwarding");
}

} // namespace dsr::doctor
