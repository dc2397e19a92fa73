// SPDX-License-Identifier: BSD-3-Clause
// What a captured packet says about a probe. Nothing here touches the system.
#pragma once

#include <optional>

#include "common/packet.hpp"

namespace dsr::probe {

// What connects a packet with the probe that it answers.
struct Key {
	Ip us;
	bool tcp = false;
	// ports; or the identifier and sequence number of an echo
	std::uint16_t local = 0, remote = 0;

	auto operator<=>(const Key &) const = default;
};

// What a probe writes into its echo. Identifier and sequence number are not
// enough: every process of the host draws them from the same few, and hears the
// replies to all of them.
struct Echo {
	std::uint16_t id = 0, sequence = 0;
	std::uint64_t nonce = 0; // the payload begins with it
};

struct Heard {
	enum class Kind : std::uint8_t { syn_ack, reset, data, echo_reply, error };

	Kind kind = Kind::data;
	Key key;
	Ip from;
	std::uint8_t dscp = 0;
	// of an echo; errors may quote less of it
	std::optional<std::uint64_t> nonce;
	std::string error; // "port unreachable"
};

// None: a packet that answers no probe.
std::optional<Heard> hear(const Packet &captured);

// Is it about this echo, and not another's that had the same key?
bool is_about(const Heard &heard, const Echo &echo);

} // namespace dsr::probe
