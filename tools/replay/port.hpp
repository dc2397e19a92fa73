// SPDX-License-Identifier: BSD-3-Clause
// The userspace port of the target: the second host of daddr_rewrite.h. What
// daddr_target.c does to an skb, this does to the bytes of a capture.
#pragma once

#include "packet.hpp"

namespace replay {

// What a rule's target does.
struct Action {
	Address daddr;
};

enum class Outcome : std::uint8_t {
	unchanged,	// it has the new address already
	rewritten,
	rewritten_cut,	// the address is; the capture may end before the
			// transport checksum, which is then not updated
	dropped		// too short to hold its transport checksum
};

// @zero_header_checksum: the IPv4 header checksum is not filled in, and is to
// stay so. @action is of the packet's family; the packet passed receive() with
// its IP header captured.
Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum,
	      Trace *trace);

} // namespace replay
