// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/netlink.hpp"

#include <netinet/in.h> // before the kernel's headers, which then leave out the same

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "common/files.hpp"
#include "dsrctl/netlink_socket.hpp"

namespace dsr {

namespace {

// linux/netfilter_ipv4/ip_tables.h and its IPv6 sister do not compile as C++.
constexpr int IPT_REVISION_TARGET = 67, IP6T_REVISION_TARGET = 69;

std::string interface_name(unsigned int index, std::map<unsigned int, std::string> &known)
{
	std::string &name = known[index];
	char buffer[IF_NAMESIZE];

	if (name.empty() && if_indextoname(index, buffer))
		name = buffer;
	return name;
}

// An address's bytes, in one of the attributes; IFA_LOCAL is the host's own
// where it differs from the peer's.
bool take_address(const nlmsghdr *message, Address &address)
{
	const auto *header = static_cast<const ifaddrmsg *>(mnl_nlmsg_get_payload(message));
	const nlattr *local = nullptr;

	if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
		return false;
	address.ip.family = header->ifa_family == AF_INET ? Family::ip4 : Family::ip6;
	address.prefix = header->ifa_prefixlen;
	address.source = address.ip.family == Family::ip4 ? header->ifa_scope != RT_SCOPE_HOST :
							    !(header->ifa_flags & IFA_F_DEPRECATED);
	each_attribute(message, sizeof(*header), [&](const nlattr *attribute) {
		switch (mnl_attr_get_type(attribute)) {
		case IFA_LOCAL:
			local = attribute;
			break;
		case IFA_ADDRESS:
			local = local ? local : attribute;
			break;
		case IFA_LABEL:
			address.label = mnl_attr_get_str(attribute);
			break;
		}
	});
	if (!local || mnl_attr_get_payload_len(local) != address.ip.size())
		return false;
	std::memcpy(address.ip.bytes.data(), mnl_attr_get_payload(local), address.ip.size());
	return true;
}

nlmsghdr *put_address(char *buffer, const AddressStep &step, unsigned int sequence)
{
	const Address &address = step.address;
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = step.add ? RTM_NEWADDR : RTM_DELADDR;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (step.add)
		message->nlmsg_flags |= NLM_F_CREATE | NLM_F_EXCL;
	message->nlmsg_seq = sequence;
	auto *header = static_cast<ifaddrmsg *>(
		mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
	header->ifa_family = address.ip.family == Family::ip4 ? AF_INET : AF_INET6;
	header->ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
	// IPv4 takes no source of so narrow a scope for what is outside.
	header->ifa_scope = address.source ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST;
	// of one that is not there, the kernel says so itself
	header->ifa_index = if_nametoindex(address.dev.c_str());
	if (!header->ifa_index && errno != ENODEV)
		fail(address.dev, errno);
	// Every server of the service has this address: nobody asks for
	// duplicates.
	if (address.ip.family == Family::ip6)
		header->ifa_flags = IFA_F_NODAD;
	mnl_attr_put(message, IFA_LOCAL, address.ip.size(), address.ip.bytes.data());
	mnl_attr_put(message, IFA_ADDRESS, address.ip.size(), address.ip.bytes.data());
	if (!address.label.empty())
		mnl_attr_put_strz(message, IFA_LABEL, address.label.c_str());
	// IPv6: deprecated from the beginning (RFC 6724, rule 3), for ever valid
	if (address.ip.family == Family::ip6 && !address.source) {
		ifa_cacheinfo lifetime{};

		lifetime.ifa_valid = UINT32_MAX;
		mnl_attr_put(message, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	}
	return message;
}

// What the change wanted is so already.
bool harmless(const AddressStep &step, int error)
{
	return step.add ? error == EEXIST : error == EADDRNOTAVAIL || error == ENODEV;
}

std::string describe(const AddressStep &step)
{
	return std::string(step.add ? "adding " : "removing ") + text(step.address.ip) +
	       (step.add ? " to " : " from ") + step.address.dev;
}

// Sends the steps as one, and reads an answer to each.
void change_some(NetlinkSocket &socket, std::span<const AddressStep> steps,
		 std::vector<AddressStep> &done)
{
	const auto count = static_cast<std::uint32_t>(steps.size());
	std::vector<char> messages;
	std::vector<bool> answered(count);
	std::string failed;

	for (std::uint32_t i = 0; i < count; i++) {
		alignas(nlmsghdr) char buffer[256];
		nlmsghdr *message = put_address(buffer, steps[i], i + 1);

		messages.insert(messages.end(), buffer, buffer + message->nlmsg_len);
		messages.resize(NLMSG_ALIGN(messages.size()));
	}
	socket.send(messages.data(), messages.size());
	while (std::find(answered.begin(), answered.end(), false) != answered.end()) {
		const char *data;
		int left = static_cast<int>(socket.receive_raw(data));

		if (left < 0) {
			const int error = errno;

			for (std::uint32_t i = 0; i < count; i++)
				if (!answered[i])
					done.push_back(steps[i]);
			fail("netlink", error);
		}
		for (auto *message = reinterpret_cast<const nlmsghdr *>(data);
		     mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq > count ||
			    !message->nlmsg_seq)
				continue;
			const AddressStep &step = steps[message->nlmsg_seq - 1];
			int error = -static_cast<const nlmsgerr *>(mnl_nlmsg_get_payload(message))
					     ->error;

			answered[message->nlmsg_seq - 1] = true;
			if (!error)
				done.push_back(step);
			else if (!harmless(step, error) && failed.empty())
				failed = describe(step) + ": " + std::strerror(error);
		}
	}
	if (!failed.empty())
		throw Error(failed);
}

nlmsghdr *put_netfilter(char *buffer, std::uint16_t type, std::uint16_t flags, std::uint8_t family)
{
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	auto *header = static_cast<nfgenmsg *>(
		mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | flags;
	message->nlmsg_seq = 1;
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return message;
}

Target target_of_error(int error)
{
	switch (error) {
	case 0:
		return Target::revision1;
	case EPROTONOSUPPORT:
		return Target::revision0;
	case ENOENT:
		return Target::absent;
	default:
		return Target::unknown;
	}
}

// As iptables-nft asks.
Target probe_nft(std::uint8_t family)
{
	alignas(nlmsghdr) char buffer[256];
	nlmsghdr *message = put_netfilter(buffer, NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET,
					  0, family);
	bool answered = false;
	int result;

	mnl_attr_put_strz(message, NFTA_COMPAT_NAME, "DADDR");
	mnl_attr_put_u32(message, NFTA_COMPAT_REV, htonl(1));
	mnl_attr_put_u32(message, NFTA_COMPAT_TYPE, htonl(1)); // a target
	NetlinkSocket socket(NETLINK_NETFILTER);
	socket.send(message, message->nlmsg_len);
	do
		result = socket.receive(1, [&](const nlmsghdr *) { answered = true; });
	while (result > 0 && !answered);
	if (answered)
		return Target::revision1;
	return target_of_error(result < 0 ? errno : EOPNOTSUPP);
}

// As iptables-legacy asks.
Target probe_legacy(Family family)
{
	bool ip4 = family == Family::ip4;
	const Descriptor socket(
		::socket(ip4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
	xt_get_revision revision{};
	socklen_t size = sizeof(revision);

	if (!socket)
		return Target::unknown;
	std::string_view("DADDR").copy(revision.name, sizeof(revision.name));
	revision.revision = 1;
	int failed = getsockopt(socket.get(), ip4 ? IPPROTO_IP : IPPROTO_IPV6,
				ip4 ? IPT_REVISION_TARGET : IP6T_REVISION_TARGET, &revision, &size);
	return target_of_error(failed ? errno : 0);
}

} // namespace

std::vector<Address> read_addresses()
{
	std::map<unsigned int, std::string> interfaces;
	std::vector<Address> addresses;
	alignas(nlmsghdr) char buffer[256];
	ifaddrmsg *all;
	nlmsghdr *message = put_dump(buffer, RTM_GETADDR, all);
	int failed = NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		Address address;

		if (one->nlmsg_type != RTM_NEWADDR || !take_address(one, address))
			return;
		address.dev = interface_name(
			static_cast<const ifaddrmsg *>(mnl_nlmsg_get_payload(one))->ifa_index,
			interfaces);
		addresses.push_back(std::move(address));
	});
	if (failed)
		throw Error(std::string("reading the addresses: ") + std::strerror(errno));
	return addresses;
}

std::vector<Network> read_local_networks()
{
	std::vector<Network> networks;
	alignas(nlmsghdr) char buffer[256];
	rtmsg *all;
	nlmsghdr *message = put_dump(buffer, RTM_GETROUTE, all);
	int failed = NetlinkSocket(NETLINK_ROUTE).dump(message, [&](const nlmsghdr *one) {
		const auto *route = static_cast<const rtmsg *>(mnl_nlmsg_get_payload(one));
		Network network;

		if (one->nlmsg_type != RTM_NEWROUTE || route->rtm_type != RTN_LOCAL ||
		    (route->rtm_family != AF_INET && route->rtm_family != AF_INET6))
			return;
		network.ip.family = route->rtm_family == AF_INET ? Family::ip4 : Family::ip6;
		network.prefix = route->rtm_dst_len;
		each_attribute(one, sizeof(*route), [&](const nlattr *attribute) {
			if (mnl_attr_get_type(attribute) == RTA_DST &&
			    mnl_attr_get_payload_len(attribute) == network.ip.size())
				std::memcpy(network.ip.bytes.data(),
					    mnl_attr_get_payload(attribute), network.ip.size());
		});
		// the rest are those of addresses
		if (network.prefix < network.ip.prefix() && network.prefix && !refuse(network.ip))
			networks.push_back(network);
	});
	if (failed)
		throw Error(std::string("reading the routes: ") + std::strerror(errno));
	return networks;
}

Arrivals read_arrivals(const std::vector<Address> &addresses)
{
	const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex *)> all(
		if_nameindex(), if_freenameindex);
	Arrivals arrivals;

	for (auto *one = all.get(); one && one->if_index; one++)
		if (std::string(one->if_name) != "lo")
			arrivals.interfaces.push_back({one->if_name, one->if_index});
	for (const Address &address : addresses)
		if (address.dev != "lo")
			arrivals.addresses.push_back(address.ip);
	return arrivals;
}

void change_addresses(const std::vector<AddressStep> &steps, std::vector<AddressStep> &done)
{
	constexpr std::size_t AT_ONCE = 64;
	std::string failed;

	for (std::size_t at = 0; at < steps.size(); at += AT_ONCE) {
		try {
			// of its own: no answer of before is mistaken for ours
			NetlinkSocket socket(NETLINK_ROUTE);

			change_some(
				socket,
				std::span(steps).subspan(at, std::min(AT_ONCE, steps.size() - at)),
				done);
		} catch (const Error &error) {
			if (steps[at].add)
				throw;
			if (failed.empty())
				failed = error.what();
		}
	}
	if (!failed.empty())
		throw Error(failed);
}

bool is_local(const Ip &ip)
{
	alignas(nlmsghdr) char buffer[256];
	nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	unsigned char type = RTN_UNSPEC;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = 1;
	auto *header = static_cast<rtmsg *>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
	header->rtm_family = ip.family == Family::ip4 ? AF_INET : AF_INET6;
	header->rtm_dst_len = static_cast<unsigned char>(ip.prefix());
	mnl_attr_put(message, RTA_DST, ip.size(), ip.bytes.data());
	NetlinkSocket socket(NETLINK_ROUTE);
	socket.send(message, message->nlmsg_len);
	// an error: there is no route at all
	socket.receive(1, [&](const nlmsghdr *one) {
		if (one->nlmsg_type == RTM_NEWROUTE)
			type = static_cast<const rtmsg *>(mnl_nlmsg_get_payload(one))->rtm_type;
	});
	return type == RTN_LOCAL;
}

bool is_up(const std::string &dev)
{
	const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	ifreq request{};

	dev.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
	return socket && !ioctl(socket.get(), SIOCGIFFLAGS, &request) && request.ifr_flags & IFF_UP;
}

bool has_ip6(const std::string &dev)
{
	const std::string path = "/proc/sys/net/ipv6/conf/" + dev + "/disable_ipv6";
	const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string text;

	// nor is it there on a kernel without IPv6
	if (!file && errno == ENOENT)
		return false;
	if (!file)
		fail(path, errno);
	if (int error = read_all(file, text))
		fail(path, error);
	return text.starts_with('0');
}

Target probe_target(Family family)
{
	Target target = probe_nft(family == Family::ip4 ? NFPROTO_IPV4 : NFPROTO_IPV6);

	return target == Target::unknown ? probe_legacy(family) : target;
}

} // namespace dsr
