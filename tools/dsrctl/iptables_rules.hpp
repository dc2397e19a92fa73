// SPDX-License-Identifier: BSD-3-Clause
// Rules of DADDR in the words of iptables: which of iptables-save's are ours, and
// what iptables-restore is given.
#pragma once

#include "common/saved_rules.hpp"
#include "dsrctl/rules.hpp"

namespace dsr {

// The rules of ours in it, and those of others that do the same: in PREROUTING
// of raw and mangle, with the DSCP as their only match. All others are none of
// our business.
std::vector<Rule> parse_save(const std::vector<SavedRule> &saved, Store store, Family family);

// The items of the map after --dscp-map; none when it is not one.
std::vector<Item> parse_map(const std::string &word, Family family);

// What iptables-restore does at once, or not at all.
struct Transaction {
	Store store;
	Family family;
	Table table;
};

enum class Removals : std::uint8_t { included, left_out };

// The input of iptables-restore --noflush for those of the steps that are in
// the transaction; empty when there is none.
std::string restore_input(const std::vector<RuleStep> &steps, const Transaction &transaction,
			  Removals removals = Removals::included);

// The rules that the steps remove or replace in the transaction.
std::vector<std::string> removed_texts(const std::vector<RuleStep> &steps,
				       const Transaction &transaction);

} // namespace dsr
