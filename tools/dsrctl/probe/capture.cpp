// SPDX-License-Identifier: BSD-3-Clause
#include "dsrctl/probe/capture.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/pcap_handle.hpp"

namespace dsr::probe {

namespace {

// Enough of a packet: the headers, and those that an ICMP error quotes.
constexpr int SNAP = 512;

// In the words of pcap-filter(7).
std::string filter_text(Family family, const std::set<Ip> &us, const Check &check)
{
	std::string text = family == Family::ip4 ? "(icmp" : "(icmp6";

	if (check.kind != Check::Kind::icmp)
		text += " or tcp src port " + std::to_string(check.port);
	text += ") and (";
	for (const Ip &ip : us)
		text += (ip == *us.begin() ? "dst host " : " or dst host ") + dsr::text(ip);
	return text + ")";
}

// The same language as tcpdump's, for packets that begin with the IP header.
void attach_filter(int socket, const std::string &text)
{
	Pcap pcap(pcap_open_dead(DLT_RAW, SNAP));
	bpf_program program;

	if (!pcap || pcap_compile(pcap.get(), &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN))
		throw Error("the filter " + quote(text) + ": " +
			    (pcap ? pcap_geterr(pcap.get()) : "no memory"));
	// libpcap's name for the kernel's struct: the layout is the same.
	static_assert(sizeof(bpf_insn) == sizeof(sock_filter));
	sock_fprog filter{static_cast<unsigned short>(program.bf_len),
			  reinterpret_cast<sock_filter *>(program.bf_insns)};
	int failed = setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	int error = errno;
	pcap_freecode(&program);
	if (failed)
		fail("the filter of a capture", error);
}

} // namespace

Capture::Capture(Family family, const std::set<Ip> &us, const Check &check)
	// deaf until it is bound: nothing comes past the filter
	: socket_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		  "a packet socket (probe needs CAP_NET_RAW, as root has it)")
{
	constexpr int BUFFER = 1 << 20;
	sockaddr_ll where{};

	attach_filter(socket_.get(), filter_text(family, us, check));
	setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &BUFFER, sizeof(BUFFER));
	where.sll_family = AF_PACKET;
	where.sll_protocol = htons(family == Family::ip4 ? ETH_P_IP : ETH_P_IPV6);
	if (bind(socket_.get(), reinterpret_cast<sockaddr *>(&where), sizeof(where)))
		fail("a packet socket", errno);
}

void Capture::read(const Handler &handler) const
{
	for (;;) {
		std::uint8_t data[SNAP];
		sockaddr_ll from{};
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(socket_.get(), data, sizeof(data), MSG_TRUNC,
					reinterpret_cast<sockaddr *>(&from), &length);

		// An interface that goes down is an error to report once, and
		// none of ours.
		if (size < 0 && errno == ENETDOWN)
			continue;
		if (size < 0)
			return;
		Packet packet;
		packet.data = data;
		packet.length = static_cast<std::uint32_t>(size);
		packet.captured = std::min<std::uint32_t>(packet.length, SNAP);
		packet.family = ntohs(from.sll_protocol) == ETH_P_IP ? Family::ip4 : Family::ip6;
		if (auto heard = hear(packet))
			handler(*heard, from.sll_ifindex);
	}
}

} // namespace dsr::probe
