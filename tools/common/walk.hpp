// SPDX-License-Identifier: BSD-3-Clause
// Where a packet ends up that goes through a host's rules.
#pragma once

#include <string_view>

#include "common/flow.hpp"
#include "common/registers.hpp"
#include "common/ruleset.hpp"

namespace dsr::nf {

// A rule that gave a packet a destination.
struct Change {
	const Table *table = nullptr;
	const std::string *chain = nullptr;
	const Base *base = nullptr; // of the chain that led there
	const Rule *rule = nullptr;
	std::optional<Ip> to; // none: nobody knows which

	bool operator==(const Change &other) const { return rule == other.rule && to == other.to; }
};

// A base chain, and where it stands.
struct Place {
	const Table *table;
	const std::string *name;
	const Base *base;
};

// In the order that packets meet them in; which of those with the same priority was
// registered last, and comes first, nobody here knows.
std::vector<Place> places(const Ruleset &rules, Family family);

// What one rule may do to a packet.
struct May {
	Truth truth = Truth::no;	 // does it do anything?
	bool changes = false;		 // may it give a destination,
	std::optional<Ip> to;		 // and which? Of several, the first.
	std::vector<std::uint8_t> dscps; // that packets may have then, as far as known
	bool one = false;		 // there is nothing else that it may do
	Verdict verdict;		 // of one: where it leads to
};

May may_do(const Table &table, const Rule &rule, const Flow &flow);

// Does a match of xtables hold?
Truth holds(const Match &match, const Flow &flow);
bool matches(const InInterface &wanted, std::string_view interface);

// What may become of a packet.
struct Fate {
	Flow flow;
	std::vector<Change> changes; // in their order
	const Rule *dropped_by = nullptr;
	bool dropped = false;

	bool operator==(const Fate &) const = default;
};

struct Fates {
	std::vector<Fate> all; // which of them, nobody knows
	bool complete = true;  // there are no others
};

// The packet is for the host, whatever its destination becomes: it goes through
// INPUT, too.
Fates walk(const Ruleset &rules, const Flow &flow);

} // namespace dsr::nf
