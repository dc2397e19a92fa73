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
Received receive_any(Packet &packet);

// Sets packet.plain. @protocol: of what follows the IP header.
inline void find_plain(Packet &packet, std::uint8_t protocol)
{
	const std::uint32_t rest = packet.captured - header_size(packet.family);

	if ((protocol == DADDR_PROTO_TCP && rest >= 20) ||
	    (protocol == DADDR_PROTO_UDP && rest >= 8))
		packet.plain = protocol;
}

inline Received receive(Packet &packet)
{
	constexpr std::uint32_t HEADER = 20;
	constexpr std::uint8_t PLAIN = 0x45; // IPv4 without options
	const std::uint8_t *ip = packet.data;

	// nearly all packets, of which nothing is wrong
	if (packet.family == Family::ip4 && packet.captured >= HEADER && ip[0] == PLAIN &&
	    fold(sum_words<5>(ip)) == 0xffff) {
		const std::uint32_t total = load16(ip + 2);

		if (total >= HEADER && total <= packet.length) {
			packet.length = total;
			packet.captured = std::min(packet.captured, total);
			if (!(load16(ip + 6) & 0x3fff))
				find_plain(packet, ip[9]);
			return {};
		}
	}
	return receive_any(packet);
}

} // namespace dsr
