// SPDX-License-Identifier: BSD-3-Clause
// Rules of DADDR in the words of iptables: which of iptables-save's are ours, and
// what iptables-restore is given.
#pragma once

#include <string_view>

#include "dsrctl/rules.hpp"

namespace dsr {

// The rules of ours in it, and those of others that do the same: in PREROUTING
// of raw and mangle, with the DSCP as their only match. All others are none of
// our business.
// Throws Error for what is no ruleset.
std::vector<Rule> parse_save(std::string_view text, Store store, Family family);

// The items of the map after --dscp-map; none when it is not one.
std::vector<Item> parse_map(const std::string &word, Family family);

// What iptables-restore does at once, or not at all.
struct Transaction {
	Store store;
	Family family;
	Table table;
};

// The input of iptables-restore --noflush for those of the steps that are in
// the transaction; empty when there is none.
std::string restore_input(const std::vector<RuleStep> &steps,
			  const Transaction &transaction);

} // namespace dsr
