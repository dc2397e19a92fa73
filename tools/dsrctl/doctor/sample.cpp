// SPDX-License-Identifier: BSD-3-Clause
// Looking at what arrives. A packet socket for a protocol sees each packet before
// any rule does, and not what is sent; it is gone when we are, whatever ends us.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>

#include "common/descriptor.hpp"
#include "dsrctl/doctor/gather.hpp"

namespace dsr::doctor {

namespace {

class PacketSocket {
public:
	explicit PacketSocket(std::uint16_t protocol)
		: socket_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				 htons(protocol)),
			  "a packet socket")
	{
	}

	int file() const { return socket_.get(); }

	// The beginning of the next packet that came to this host from
	// outside; false when there is none now.
	bool receive(std::span<std::uint8_t> buffer, unsigned int loopback, Packet &packet) const
	{
		for (;;) {
			sockaddr_ll from{};
			socklen_t length = sizeof(from);
			ssize_t count = recvfrom(socket_.get(), buffer.data(), buffer.size(),
						 MSG_TRUNC, reinterpret_cast<sockaddr *>(&from),
						 &length);

			if (count <= 0)
				return false;
			if (from.sll_pkttype != PACKET_HOST ||
			    from.sll_ifindex == static_cast<int>(loopback))
				continue;
			packet.data = buffer.data();
			packet.length = static_cast<std::uint32_t>(count);
			packet.captured = static_cast<std::uint32_t>(
				std::min<std::size_t>(packet.length, buffer.size()));
			packet.family = ntohs(from.sll_protocol) == ETH_P_IP ? Family::ip4 :
									       Family::ip6;
			return true;
		}
	}

private:
	Descriptor socket_;
};

} // namespace

Sample take_sample(double seconds, Diagnosis diagnosis)
{
	using Clock = std::chrono::steady_clock;
	PacketSocket sockets[] = {PacketSocket(ETH_P_IP), PacketSocket(ETH_P_IPV6)};
	const unsigned int loopback = if_nametoindex("lo");
	const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
						std::chrono::duration<double>(seconds));
	std::array<pollfd, 2> ends{
		{{sockets[0].file(), POLLIN, 0}, {sockets[1].file(), POLLIN, 0}}};

	for (auto now = Clock::now(); now < end; now = Clock::now()) {
		auto left = std::chrono::ceil<std::chrono::milliseconds>(end - now);

		if (poll(ends.data(), ends.size(), static_cast<int>(left.count())) < 0 &&
		    errno != EINTR)
			throw Error(std::string("poll: ") + std::strerror(errno));
		for (const PacketSocket &socket : sockets) {
			// the headers, and most of what opens a connection
			std::uint8_t data[256];
			Packet packet;

			while (socket.receive(data, loopback, packet) && Clock::now() < end)
				diagnosis.see(packet);
		}
	}
	return {seconds, std::move(diagnosis)};
}

} // namespace dsr::doctor
