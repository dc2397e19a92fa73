// SPDX-License-Identifier: BSD-3-Clause
// The datapath without the module: rules of nftables that set the destination,
// in a table of their own.
#pragma once

#include "dsrctl/rules.hpp"

namespace dsr::nft {

inline constexpr char TABLE[] = "dsrctl";

// The rules in what "nft -j list table inet dsrctl" prints.
std::vector<Rule> parse(const std::string &json);

// Those that there are: not active where the table is dormant.
std::vector<Rule> read();

// What that means, and what ends it.
std::string dormant_text();

// The input of nft -f for the steps of this store; empty when there is none.
// @last: nothing is left in the table, so it goes too.
std::string input(const std::vector<RuleStep> &steps, bool last);

// In one transaction. Throws Error; nothing has changed then.
void apply(const std::vector<RuleStep> &steps, bool last);

bool available();

} // namespace dsr::nft
