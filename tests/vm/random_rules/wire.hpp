// SPDX-License-Identifier: BSD-3-Clause
// Packets that arrive by two interfaces, and what becomes of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/descriptor.hpp"
#include "common/ip.hpp"

namespace random_rules {

using dsr::Family;
using dsr::Ip;

inline constexpr const char *INTERFACES[] = {"rules0", "rules1"};

struct Packet {
	Family family = Family::ip4;
	unsigned int in = 0; // of INTERFACES
	Ip from, to;
	std::uint8_t dscp = 0, protocol = 17;
	std::uint16_t id = 0;	// the source port, too
	std::uint16_t port = 0; // the destination's

	std::string text() const;
};

// What is left of it where programs get it.
struct Arrival {
	Ip to;
	std::uint8_t dscp = 0;
	std::uint16_t port = 0;

	auto operator<=>(const Arrival &) const = default;
	std::string text() const;
};

class Wire {
public:
	// Makes the interfaces, and every address of @networks the host's own.
	// Of this network namespace, which has nothing else. Throws Error.
	explicit Wire(const std::vector<std::string> &networks);

	// What comes of it, or none when it is lost; the kernel does all it does
	// before this returns. Throws Error.
	std::optional<Arrival> send(const Packet &packet);
	std::uint32_t index(unsigned int in) const { return indexes_[in]; }

private:
	dsr::Descriptor in_[2];
	std::uint32_t indexes_[2];
	dsr::Descriptor out_[2][2]; // by family, of UDP and of TCP
};

} // namespace random_rules
