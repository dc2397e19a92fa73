// SPDX-License-Identifier: BSD-3-Clause
// What a packet is behind its IP headers, as far as it tells a connection.
#pragma once

#include "common/packet.hpp"

namespace dsr::watch {

enum class Sum : std::uint8_t {
	good,
	unknown,	// none, or not all of what it covers is here
	offload,	// the seed that hardware makes a checksum from
	bad
};

struct Transport {
	std::uint8_t protocol = 0;
	// A ping has its identifier in both; other protocols 0.
	std::uint16_t source = 0, destination = 0;
	bool has_ends = false;		// source and destination are known
	bool opens = false;		// the first packet of a TCP connection
	bool resets = false;		// the last of one that is refused
	bool echo_request = false;
	Sum sum = Sum::unknown;		// IPv4 header included
};

// The packet is trimmed to what its IP header says. False when it is none that
// a host would look at any further.
bool find_transport(Packet &packet, Transport &transport);

} // namespace dsr::watch
