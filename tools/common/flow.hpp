// SPDX-License-Identifier: BSD-3-Clause
// A packet of which only some bits are known.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "common/ip.hpp"

namespace dsr::nf {

// The bits of a packet that somebody knows: the others may be anything.
struct Flow {
	Family family = Family::ip4;
	std::array<std::uint8_t, 40> network{}, network_known{};
	std::array<std::uint8_t, 4> ports{}, ports_known{};
	std::optional<std::string> in; // the interface
	std::uint32_t in_index = 0;    // 0: nobody knows
	std::optional<std::uint8_t> protocol;

	Flow(Family family, std::uint8_t dscp);
	void set_source(const Ip &ip);
	void set_destination(const Ip &ip);
	void set_protocol(std::uint8_t number);
	void set_source_port(std::uint16_t port);
	void set_destination_port(std::uint16_t port);
	// None when not all of it is known.
	std::optional<Ip> destination() const;
	std::optional<std::uint16_t> destination_port() const;
	std::optional<std::uint8_t> dscp() const;

	bool operator==(const Flow &) const = default;
};

} // namespace dsr::nf
