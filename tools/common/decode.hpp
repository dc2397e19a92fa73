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

// A port that clients do not send from.
constexpr bool is_service(std::uint16_t port)
{
	constexpr std::uint16_t EPHEMERAL = 32768; // from here on

	return port < EPHEMERAL;
}

// Of a TCP header, of which 14 bytes are captured.
inline bool is_syn(const std::uint8_t *header)
{
	constexpr std::uint8_t SYN = 0x02, ACK = 0x10;

	return (header[13] & (SYN | ACK)) == SYN;
}

inline bool is_reset(const std::uint8_t *header)
{
	constexpr std::uint8_t RST = 0x04;

	return header[13] & RST;
}

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

// @packet: as receive() has left it. @checksum: what Coverage says of it.
Decoded decode(const Packet &packet, Checksum checksum);

// Of any packet. None when it is none that a host would look at any further.
std::optional<Decoded> decode(Packet packet);

// Of the beginning of a packet, which an ICMP error quotes: as long as its header
// says. The checksum of that header may be one of another hop's.
std::optional<Decoded> decode_quoted(std::span<std::uint8_t> bytes, Family family);

// "tcp/80", "ping"
std::string service_text(std::uint8_t protocol, std::uint16_t port);

} // namespace dsr
