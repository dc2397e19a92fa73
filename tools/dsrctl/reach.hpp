// SPDX-License-Identifier: BSD-3-Clause
// Where the packets of a DSCP end up on this host: over xtables, nf_tables and
// dscp_rewrite, in the order of hooks and priorities.
#pragma once

#include "common/walk_host.hpp"
#include "dsrctl/rules.hpp"

namespace dsr {

// By what, and to what, packets arrive from elsewhere.
struct Arrivals {
	struct Interface {
		std::string name;
		std::uint32_t index = 0;
	};

	std::vector<Interface> interfaces;
	std::vector<Ip> addresses;
};

struct Reach {
	enum class Answer : std::uint8_t { none, some, all };

	Answer answer = Answer::none;	// of the packets that reach the VIP
	bool dropped = false;		// none gets through
	bool complete = true;		// every rule on the way is understood
	std::vector<nf::Change> right;	// what leads there
	std::vector<nf::Change> others; // what leads elsewhere
};

Reach reach(const nf::Ruleset &rules, const Arrivals &arrivals, const Item &item);

// Everything that gives packets of a DSCP a destination, wherever they come from
// and whatever else is in them.
struct Leads {
	nf::Change change;
	Family family = Family::ip4;
	std::vector<Item> items;
	bool certain = true; // all packets of these DSCPs
};

std::vector<Leads> leads(const nf::Ruleset &rules);

// In one line: the rule as iptables-save prints it, or where it is.
std::string where(const nf::Change &change);

// A table that does what the sysctls of dscp_rewrite among these do.
nf::Table rewrite_table(Family family, const std::vector<Rule> &rules);

} // namespace dsr
