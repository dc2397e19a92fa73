// SPDX-License-Identifier: BSD-3-Clause
// Where a packet ends up that goes through all tables of a host.
#pragma once

#include "common/walk_table.hpp"

namespace dsr::nf {

// A base chain, and where it stands.
struct Place {
	const Table *table;
	const std::string *name;
	const Base *base;
};

// In the order that packets meet them in; to those of dormant tables, none comes. Which
// of those with the same priority was registered last, and comes first, nobody here
// knows.
std::vector<Place> places(const Ruleset &rules, Family family);

struct Fates {
	std::vector<Fate> all; // which of them, nobody knows
	bool complete = true;  // there are no others
};

// The packet is for the host, whatever its destination becomes: it goes through
// INPUT, too.
Fates walk(const Ruleset &rules, const Flow &flow);

} // namespace dsr::nf
