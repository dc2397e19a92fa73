// SPDX-License-Identifier: BSD-3-Clause
// What the kernel checks before a packet reaches PREROUTING, and the reasons
// for which a packet gets no further than that, or than its rules.
#pragma once

#include <algorithm>

#include "common/packet.hpp"
#include "common/sum.hpp"

namespace dsr {

enum class Drop : std::uint8_t {
	none,
	version, // not what the link layer said
	short_header,
	header_length, // IPv4: IHL below 5
	header_checksum,
	short_total,	  // IPv4: the length excludes the header
	long_total,	  // more than was on the wire
	multicast_source, // IPv6
	reserved_scope,	  // IPv6: a multicast destination of scope 0
	hop_by_hop,	  // IPv6: malformed, or of an option unknown here
	short_transport,  // by the target
	match,		  // by a match that has to look and cannot
	rule,		  // by a rule that says so
	count
};

const char *drop_key(Drop drop);  // for programs
const char *drop_text(Drop drop); // for people

struct Received {
	Drop drop = Drop::none;
	bool cut = false;	// the capture ends within the header
	bool offloaded = false; // IPv4 header checksum left to hardware
};

// Check a packet as ip_rcv() or ip6_rcv() do, and trim it to what its header
// says. Checks that depend on the host (is the address mine, is this the
// loopback device) are left out.
Received receive(Packet &packet);

// The same in fewer steps, of a plain packet, as nearly all are: TCP or UDP, without
// options or extension headers, no fragment, with nothing wrong that receive() would
// find, its transport header captured, and the length in that of UDP right. Returns the
// protocol; or 0, and the packet is as it was.
template <Family FAMILY>
inline std::uint8_t receive_plain(Packet &packet)
{
	constexpr std::uint32_t HEADER = header_size(FAMILY), TCP_HEADER = 20, UDP_HEADER = 8;
	const std::uint8_t *ip = packet.data;
	std::uint32_t length;
	std::uint8_t protocol;

	if (packet.captured < HEADER + UDP_HEADER)
		return 0;
	if constexpr (FAMILY == Family::ip4) {
		constexpr std::uint8_t NO_OPTIONS = 0x45;
		constexpr std::uint16_t FRAGMENT = 0x3fff;

		if (ip[0] != NO_OPTIONS || fold(sum_words<HEADER / 4>(ip)) != 0xffff ||
		    (load16(ip + 6) & FRAGMENT))
			return 0;
		length = load16(ip + 2);
		protocol = ip[9];
	} else {
		constexpr std::uint8_t MULTICAST = 0xff;

		if (ip[0] >> 4 != 6 || ip[8] == MULTICAST || ip[24] == MULTICAST)
			return 0;
		length = load16(ip + 4) + HEADER;
		protocol = ip[6];
	}
	const std::uint32_t captured = std::min(packet.captured, length);
	if (length > packet.length)
		return 0;
	if (protocol == DADDR_PROTO_TCP) {
		if (captured < HEADER + TCP_HEADER)
			return 0;
	} else if (protocol != DADDR_PROTO_UDP || captured < HEADER + UDP_HEADER ||
		   load16(ip + HEADER + 4) != length - HEADER) {
		return 0;
	}
	packet.length = length;
	packet.captured = captured;
	return protocol;
}

} // namespace dsr
