// SPDX-License-Identifier: BSD-3-Clause
// The DADDR rules of rulesets as iptables-save and ip6tables-save print them.
#pragma once

#include <string_view>

#include "replay/port.hpp"

namespace dsr::replay {

// -s and -d
struct Network {
	std::array<std::uint8_t, 16> address{}, mask{};
	bool given = false, inverted = false;
};

struct Ports {
	std::uint16_t first = 0, last = 0xffff;
	bool given = false, inverted = false;
};

// -i
struct InInterface {
	std::string name; // one that ends with + is the beginning of many
	bool given = false, inverted = false;
};

// -m, in the order they are evaluated in
struct Match {
	enum class Kind : std::uint8_t { dscp, ports, tos, multiport };

	Kind kind = Kind::dscp;
	std::uint8_t dscp = 0;
	bool dscp_given = false, dscp_inverted = false;
	std::uint8_t protocol = 0; // of the ports
	Ports source, destination;
	std::uint8_t tos = 0, tos_mask = 0xff;
	std::vector<Ports> any_of;			    // of multiport: of the source's or the
	bool source_side = false, destination_side = false; // other's
	bool inverted = false;				    // of tos and multiport
};

// In the order that a packet meets them in.
enum class Table : std::uint8_t { raw, mangle, mangle_input };

struct Rule {
	Table table = Table::raw;
	InInterface in;
	Network source, destination;
	std::uint8_t protocol = 0; // 0: any
	bool protocol_inverted = false;
	std::vector<Match> matches;
	Action action;
	std::string where; // "FILE:LINE"
	std::string text;  // as it was read

	Family family() const { return action.daddr.family; }
	// Could it match packets of this DSCP, and has it a destination then?
	bool accepts_dscp(unsigned int dscp) const;
	// False when it does nothing at all to them, whatever else is in them;
	// @knows_protocol: a rule before it had to find the IPv6 transport.
	bool concerns_dscp(unsigned int dscp, bool knows_protocol) const;
	// Does it match whatever else is in packets of a DSCP that it accepts?
	bool is_certain() const;
	// Does it have to find the transport of each IPv6 packet?
	bool finds_protocol() const
	{
		return protocol && !in.given && !source.given && !destination.given;
	}
};

class Ruleset {
public:
	// In the order of tables, and otherwise what was added first.
	void add(Rule rule);

	const std::vector<Rule> &of(Family family) const
	{
		return rules_[static_cast<std::size_t>(family)];
	}
	bool empty() const { return rules_[0].empty() && rules_[1].empty(); }
	// Is there a rule in INPUT of mangle?
	bool asks_input() const;

	unsigned int others = 0; // in PREROUTING of raw and mangle, but
				 // not of the target DADDR
private:
	std::vector<Rule> rules_[2];
};

// Add the rules in a file's text. Throws Error, "NAME:LINE: found …, expected
// …"; the ruleset is then of no use.
void parse_rules(std::string_view text, const std::string &name, Ruleset &ruleset);

// Fill in a DADDR rule from its words, those after the name of the chain.
// Throws Error: "found …, expected …".
void parse_options(const std::vector<std::string> &words, Rule &rule);

} // namespace dsr::replay
