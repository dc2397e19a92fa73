// SPDX-License-Identifier: BSD-3-Clause
// What a packet is, as far as it tells of L3DSR: its ends, its DSCP, its
// connection, and whether its checksum is right.
#pragma once

#include <optional>
#include <span>

#include "common/checksum.hpp"

namespace dsr {

// There on any host, for its own sake.
constexpr std::uint16_t SSH_PORT = 22;

enum class Sum : std::uint8_t {
	good,
	unknown, // none, or not all of what it covers is here
	offload, // the seed that hardware makes a checksum from
	bad
};

struct Decoded {
	Ip from, to;
	std::uint8_t dscp = 0;
	std::uint64_t bytes = 0; // as the IP header says, or fewer
	std::uint8_t protocol = 0;
	std::uint32_t transport = 0; // where its header begins; 0: not here
	// A ping has its identifier in both; other protocols 0.
	std::uint16_t source = 0, destination = 0;
	bool has_ends = false; // source and destination are known
	bool syn = false;      // the first packet of a TCP connection
	bool resets = false;   // the last of one that is refused
	bool echo_request = false;
	Sum sum = Sum::unknown; // IPv4 header included

	bool ping() const { return protocol == 1 || protocol == 58; }
	// It asks for something, rather than answers or goes on: it opens a
	// connection of TCP, is a ping, or a datagram to no ephemeral port.
	bool opens() const;
};

// @header: of TCP, of which 14 bytes are captured
inline void take_flags(const std::uint8_t *header, Decoded &decoded)
{
	constexpr std::uint8_t SYN = 0x02, RST = 0x04, ACK = 0x10;

	decoded.syn = (header[13] & (SYN | ACK)) == SYN;
	decoded.resets = header[13] & RST;
}

// Of a packet.plain whose checksum is not bad.
inline Decoded decode_plain(const Packet &packet, Checksum checksum)
{
	Decoded decoded{source_of(packet),
			destination_of(packet),
			static_cast<std::uint8_t>(dscp_of(packet)),
			packet.length,
			packet.plain,
			header_size(packet.family)};
	const std::uint8_t *header = packet.data + decoded.transport;

	decoded.source = load16(header);
	decoded.destination = load16(header + 2);
	decoded.has_ends = true;
	if (packet.plain == DADDR_PROTO_TCP)
		take_flags(header, decoded);
	decoded.sum = checksum == Checksum::good ? Sum::good : Sum::unknown;
	return decoded;
}

Decoded decode_any(const Packet &packet, Checksum checksum);

// @packet: as receive() has left it. @checksum: what Coverage says of it.
inline Decoded decode(const Packet &packet, Checksum checksum)
{
	// nearly all packets
	if (packet.plain && checksum != Checksum::bad)
		return decode_plain(packet, checksum);
	return decode_any(packet, checksum);
}

// Of any packet. None when it is none that a host would look at any further.
std::optional<Decoded> decode(Packet packet);

// Of the beginning of a packet, which an ICMP error quotes: as long as its header
// says. The checksum of that header may be one of another hop's.
std::optional<Decoded> decode_quoted(std::span<std::uint8_t> bytes, Family family);

// "tcp/80", "ping"
std::string service_text(std::uint8_t protocol, std::uint16_t port);

} // namespace dsr
