// SPDX-License-Identifier: BSD-3-Clause
// Frames and the packets in them, as all that read captures hand them on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/ip.hpp"
#include "daddr_rewrite.h"

namespace dsr {

// What captured a frame, as far as the capture says.
struct Interface {
	int link_type = 0;	   // a DLT_ value of libpcap
	std::uint32_t snaplen = 0; // 0: none
	std::uint8_t fcs = 0;	   // bytes of frame check sequence after
				   // each frame
	bool swapped = false;	   // on a host of the other byte order
	std::string name;	   // may be empty

	auto operator<=>(const Interface &) const = default;
};

// One record of a capture. The bytes may be changed until the next is read.
struct Frame {
	std::uint8_t *data = nullptr;
	std::uint32_t captured = 0; // bytes at data
	std::uint32_t length = 0;   // on the wire; at least captured
	std::uint8_t fcs = 0;	    // of this frame: the last of length
	const Interface *interface = nullptr;
};

// The IP packet in a frame. The lengths shrink to what the IP header says,
// which may be less than the frame holds (Ethernet pads short frames).
struct Packet {
	std::uint8_t *data = nullptr; // the first byte of the IP header
	std::uint32_t captured = 0;   // bytes at data; at most length
	std::uint32_t length = 0;     // on the wire
	Family family = Family::ip4;

	// Is this in the packet? Is it in the capture?
	bool holds(std::uint64_t end) const { return end <= length; }
	bool captures(std::uint64_t end) const { return end <= captured; }
};

// Of an IP header without options.
constexpr std::uint32_t header_size(Family family)
{
	return family == Family::ip4 ? DADDR_IP4_HEADER : DADDR_IP6_HEADER;
}

inline std::uint16_t load16(const std::uint8_t *from)
{
	return static_cast<std::uint16_t>(from[0] << 8 | from[1]);
}

inline std::uint32_t load32(const std::uint8_t *from)
{
	return static_cast<std::uint32_t>(load16(from)) << 16 | load16(from + 2);
}

// The DSCP of a packet whose first two bytes are captured.
inline unsigned int dscp_of(const Packet &packet)
{
	return packet.family == Family::ip4 ? daddr_dscp4(packet.data) : daddr_dscp6(packet.data);
}

// Of the addresses in the IP header.
constexpr std::uint32_t source_offset(Family family)
{
	return family == Family::ip4 ? 12 : 8;
}

constexpr std::uint32_t destination_offset(Family family)
{
	return family == Family::ip4 ? DADDR_IP4_DADDR : DADDR_IP6_DADDR;
}

inline Ip address_at(const Packet &packet, std::uint32_t offset)
{
	Ip address;

	address.family = packet.family;
	if (packet.family == Family::ip4)
		std::memcpy(address.bytes.data(), packet.data + offset, 4);
	else
		std::memcpy(address.bytes.data(), packet.data + offset, 16);
	return address;
}

inline Ip source_of(const Packet &packet)
{
	return address_at(packet, source_offset(packet.family));
}

inline Ip destination_of(const Packet &packet)
{
	return address_at(packet, destination_offset(packet.family));
}

} // namespace dsr
