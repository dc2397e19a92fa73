// SPDX-License-Identifier: BSD-3-Clause
// What the kernel checks before a packet reaches PREROUTING, and the reasons
// for which a packet gets no further than that, or than its rules.
#pragma once

#include "common/packet.hpp"

namespace dsr {

enum class Drop : std::uint8_t {
	none,
	version,		// not what the link layer said
	short_header,
	header_length,		// IPv4: IHL below 5
	header_checksum,
	short_total,		// IPv4: the length excludes the header
	long_total,		// more than was on the wire
	multicast_source,	// IPv6
	reserved_scope,		// IPv6: a multicast destination of scope 0
	hop_by_hop,		// IPv6: malformed, or of an option unknown here
	short_transport,	// by the target
	match,			// by a match that has to look and cannot
	count
};

const char *drop_key(Drop drop);	// for programs
const char *drop_text(Drop drop);	// for people

struct Received {
	Drop drop = Drop::none;
	bool cut = false;		// the capture ends within the header
	bool offloaded = false;		// IPv4 header checksum left to hardware
};

// Check a packet as ip_rcv() or ip6_rcv() do, and trim it to what its header
// says. Checks that depend on the host (is the address mine, is this the
// loopback device) are left out.
Received receive(Packet &packet);

} // namespace dsr
