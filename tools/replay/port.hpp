// SPDX-License-Identifier: BSD-3-Clause
// The userspace port of the target: a host of include/daddr_rewrite.h. What
// the module does to an skb, this does to the bytes of a capture.
#pragma once

#include <string>
#include <vector>

#include "common/packet.hpp"
#include "common/ruleset.hpp"

namespace dsr::replay {

// What was decided about one packet and why, for --explain. Everything takes
// a pointer to it, which is usually null.
using Trace = std::vector<std::string>;

// What a rule's target does: set one destination, or that of the packet's DSCP.
using Action = nf::Rewrite;

enum class Outcome : std::uint8_t {
	unmapped,      // the map has no entry for it
	unchanged,     // it has the new destination already
	unchanged_cut, // the address; the capture ends before the port
	rewritten,
	rewritten_cut, // as far as it is captured: the capture ends before
	// the transport checksum, or may do so
	dropped // too short to hold its transport checksum
};

// @zero_header_checksum: the IPv4 header checksum is not filled in, and is to
// stay so. @action is of the packet's family; the packet passed receive() with
// its IP header captured.
Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum, Trace *trace);
Outcome apply(const Action &action, Packet &packet, bool zero_header_checksum);

// In fewer steps, to a packet that receive_plain() took, of that protocol: the compiler
// is told what the core will ask. Returns whether anything changed.
template <Family FAMILY, std::uint8_t PROTOCOL>
[[gnu::always_inline]] inline bool apply_plain(const Ip &to, std::uint8_t *ip)
{
	const auto read = [](void *from, unsigned int offset, unsigned int) -> const void * {
		return static_cast<const std::uint8_t *>(from) + offset;
	};
	daddr_change change{};

	if constexpr (FAMILY == Family::ip4) {
		if (ip[0] != 0x45 || ip[6] & 0x3f || ip[7] || ip[9] != PROTOCOL)
			__builtin_unreachable();
		if (daddr_decide4(read, ip, to.bytes.data(), 0, &change) != DADDR_CHANGE)
			return false;
		daddr_apply4(ip, to.bytes.data(), &change, 0);
	} else {
		if (ip[6] != PROTOCOL)
			__builtin_unreachable();
		if (daddr_decide6(read, ip, to.bytes.data(), 0, &change) != DADDR_CHANGE)
			return false;
		daddr_apply6(ip, to.bytes.data(), &change, 0);
	}
	return true;
}

} // namespace dsr::replay
