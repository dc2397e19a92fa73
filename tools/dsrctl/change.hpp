// SPDX-License-Identifier: BSD-3-Clause
// Brings the host where an action wants it, and remembers that.
#pragma once

#include "dsrctl/intent.hpp"
#include "dsrctl/situation.hpp"

namespace dsr {

// What was changed in all.
struct Changes {
	std::size_t added = 0, removed = 0, rules = 0;
};

// The way from what is wanted to addresses and rules, step by step. What is
// remembered changes as the host does, and as little with --show. Throws Error:
// nothing has changed.
void bring_about(const Intent &intent, Situation &situation, Changes &changes);

// Does a backend that was asked for take over all VIPs?
bool takes_over(const Options &options);

} // namespace dsr
