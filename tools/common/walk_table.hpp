// SPDX-License-Identifier: BSD-3-Clause
// What the rules of one table do to a packet of which not everything is known.
#pragma once

#include <string_view>

#include "common/flow.hpp"
#include "common/registers.hpp"
#include "common/ruleset.hpp"

namespace dsr::nf {

// Does a match of xtables hold?
Truth holds(const Match &match, const Flow &flow);
bool matches(const InInterface &wanted, std::string_view interface);

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

// A rule that gave a packet a destination.
struct Change {
	const Table *table = nullptr;
	const std::string *chain = nullptr;
	const Base *base = nullptr; // of the chain that led there
	const Rule *rule = nullptr;
	std::optional<Ip> to; // none: nobody knows which

	bool operator==(const Change &other) const { return rule == other.rule && to == other.to; }
};

// What may become of a packet.
struct Fate {
	Flow flow;
	std::vector<Change> changes; // in their order
	const Rule *dropped_by = nullptr;
	bool dropped = false;

	bool operator==(const Fate &) const = default;
};

// Where packets may leave a chain: by its end, or by a verdict.
struct Ends {
	std::vector<Fate> through, accepted, dropped;
};

// From the beginning of a base chain. @complete becomes false when there may be
// other ends.
Ends walk_chain(const Table &table, const std::string &chain, const Base &base, Fate fate,
		bool &complete);

} // namespace dsr::nf
