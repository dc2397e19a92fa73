// SPDX-License-Identifier: BSD-3-Clause
// Brings the host where an action wants it, and remembers that.
#pragma once

#include <set>
#include <string>

#include "dsrctl/intent.hpp"
#include "dsrctl/situation.hpp"

namespace dsr {

// What differs from what is wanted. Nothing is chosen for it, loaded or said.
Plan what_differs(const Intent &intent, const Situation &situation);

// The tables of nftables that are dormant and hold all rules that will lead to a VIP
// when the plan is carried out: "ip raw"
std::set<std::string> dormant_tables(const Intent &intent, const Situation &situation,
				     const Plan &plan);

// What was changed in all.
struct Changes {
	std::size_t added = 0, removed = 0, rules = 0;
};

// @processes: how many other programs that took
std::string changes_json(const Changes &changes, unsigned int processes);

// The way from what is wanted to addresses and rules, step by step. What is
// remembered changes as the host does, and as little with --show. Throws HalfDone,
// or another Error: then nothing has changed.
// True: VIPs have moved to new rules, and the old ones go by another call.
bool bring_about(const Intent &intent, Situation &situation, Changes &changes);

} // namespace dsr
