// SPDX-License-Identifier: BSD-3-Clause
// Counting what arrives. A packet socket for a protocol sees each packet before
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
#include <set>

#include "common/descriptor.hpp"
#include "dsrctl/doctor/gather.hpp"

namespace dsr::doctor {

namespace {

constexpr std::uint8_t ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ICMP6 = 58,
		       SCTP = 132, UDPLITE = 136;

// So that a host that is being scanned does not fill the memory.
constexpr std::size_t ENOUGH = 65536;

class PacketSocket {
public:
	explicit PacketSocket(int protocol)
		: socket_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC |
				 SOCK_NONBLOCK, htons(protocol)),
			  "a packet socket")
	{
	}

	int file() const { return socket_.get(); }

	// The beginning of the next packet that came to this host from
	// outside; 0 when there is none now.
	std::size_t receive(unsigned char *data, std::size_t size,
			    unsigned int loopback) const
	{
		for (;;) {
			sockaddr_ll from{};
			socklen_t length = sizeof(from);
			ssize_t count = recvfrom(
				socket_.get(), data, size, 0,
				reinterpret_cast<sockaddr *>(&from), &length);

			if (count <= 0)
				return 0;
			if (from.sll_pkttype == PACKET_HOST &&
			    from.sll_ifindex != static_cast<int>(loopback))
				return count;
		}
	}

private:
	Descriptor socket_;
};

std::uint16_t load16(const unsigned char *data)
{
	return data[0] << 8 | data[1];
}

// Of the transport header that is right behind this. Routing protocols and the
// errors of ICMP have a DSCP of their own, and open nothing.
void parse_transport(const unsigned char *data, std::size_t size,
		     Arrival &arrival)
{
	constexpr unsigned int SYN = 0x02, ACK = 0x10;
	constexpr unsigned int ECHO = 8, ECHO6 = 128;
	constexpr std::uint16_t EPHEMERAL = 32768;	// from here on

	if (size < 4)
		return;
	switch (arrival.protocol) {
	case TCP:
		arrival.port = load16(data + 2);
		arrival.opens = size >= 14 && (data[13] & (SYN | ACK)) == SYN;
		break;
	case UDP:
	case UDPLITE:
	case DCCP:
	case SCTP:
		arrival.port = load16(data + 2);
		arrival.opens = arrival.port < EPHEMERAL;
		break;
	case ICMP:
		arrival.opens = data[0] == ECHO;
		break;
	case ICMP6:
		arrival.opens = data[0] == ECHO6;
		break;
	}
}

} // namespace

std::optional<Arrival> parse_arrival(const unsigned char *data,
				     std::size_t size)
{
	Arrival arrival;

	if (size >= 20 && data[0] >> 4 == 4) {
		std::size_t header = (data[0] & 0x0fU) * 4;

		arrival.to.family = Family::ip4;
		std::memcpy(arrival.to.bytes.data(), data + 16, 4);
		arrival.dscp = data[1] >> 2;
		arrival.protocol = data[9];
		// A later fragment has no transport header.
		if (!(load16(data + 6) & 0x1fff) && header >= 20 &&
		    header < size)
			parse_transport(data + header, size - header, arrival);
		return arrival;
	}
	if (size >= 40 && data[0] >> 4 == 6) {
		arrival.to.family = Family::ip6;
		std::memcpy(arrival.to.bytes.data(), data + 24, 16);
		arrival.dscp = (load16(data) >> 6) & 0x3f;
		arrival.protocol = data[6];
		parse_transport(data + 40, size - 40, arrival);
		return arrival;
	}
	return std::nullopt;
}

Sample take_sample(double seconds, const std::vector<Address> &own)
{
	using Clock = std::chrono::steady_clock;
	PacketSocket sockets[] = {PacketSocket(ETH_P_IP),
				  PacketSocket(ETH_P_IPV6)};
	const unsigned int loopback = if_nametoindex("lo");
	const auto end = Clock::now() +
			 std::chrono::duration_cast<Clock::duration>(
				 std::chrono::duration<double>(seconds));
	std::set<Ip> addresses;
	Sample sample{seconds, {}};
	std::array<pollfd, 2> ends{{{sockets[0].file(), POLLIN, 0},
				    {sockets[1].file(), POLLIN, 0}}};

	for (const Address &address : own)
		addresses.insert(address.ip);
	for (auto now = Clock::now(); now < end; now = Clock::now()) {
		auto left =
			std::chrono::ceil<std::chrono::milliseconds>(end - now);

		if (poll(ends.data(), ends.size(), left.count()) < 0 &&
		    errno != EINTR)
			throw Error(std::string("poll: ") +
				    std::strerror(errno));
		for (const PacketSocket &socket : sockets) {
			unsigned char data[128];
			std::size_t size;

			while ((size = socket.receive(data, sizeof(data),
						      loopback)) &&
			       Clock::now() < end) {
				auto arrival = parse_arrival(data, size);

				if (arrival && addresses.contains(arrival->to) &&
				    sample.packets.size() < ENOUGH)
					sample.packets[*arrival]++;
			}
		}
	}
	return sample;
}

} // namespace dsr::doctor
