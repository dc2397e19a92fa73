// SPDX-License-Identifier: BSD-3-Clause
// Where a packet ends up that goes through a host's rules.
#pragma once

#include "common/ruleset.hpp"

namespace dsr::nf {

// The bits of a packet that somebody knows: the others may be anything.
struct Flow {
	Family family = Family::ip4;
	std::array<std::uint8_t, 40> network{}, network_known{};
	std::array<std::uint8_t, 4> ports{}, ports_known{};
	std::optional<std::string> in;		// the interface
	std::uint32_t in_index = 0;		// 0: nobody knows
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

// A rule that gave a packet a destination.
struct Change {
	const Table *table = nullptr;
	const std::string *chain = nullptr;
	const Base *base = nullptr;	// of the chain that led there
	const Rule *rule = nullptr;
	std::optional<Ip> to;		// none: nobody knows which

	bool operator==(const Change &other) const
	{
		return rule == other.rule && to == other.to;
	}
};

// What may become of a packet.
struct Fate {
	Flow flow;
	std::vector<Change> changes;	// in their order
	const Rule *dropped_by = nullptr;
	bool dropped = false;

	bool operator==(const Fate &) const = default;
};

struct Fates {
	std::vector<Fate> all;		// which of them, nobody knows
	bool complete = true;		// there are no others
};

// The packet is for the host, whatever its destination becomes: it goes through
// INPUT, too.
Fates walk(const Ruleset &rules, const Flow &flow);

} // namespace dsr::nf
