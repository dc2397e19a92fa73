// SPDX-License-Identifier: BSD-3-Clause
// Whether a rule matches a packet, as x_tables decides it.
#pragma once

#include "replay/rules.hpp"

namespace dsr::replay {

enum class Matched : std::uint8_t {
	no,
	yes,
	drop, // the packet ends before what decides: not even dropped by a rule
	cut   // the capture does
};

// @interface: that the packet came in by; if nobody knows, empty, and every -i
// is taken to match.
Matched matches(const Rule &rule, const Packet &packet, std::string_view interface = {});

} // namespace dsr::replay
